"""The tree that the search leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from singlearn.exact.read.ring import Poly
from singlearn.exact.resolve.bound import Bound
from singlearn.exact.resolve.chart import Chart
from singlearn.exact.resolve.fan import Vector
from singlearn.exact.resolve.moves import Move
from singlearn.exact.resolve.newton import Newton, TransversalCrossing


@dataclass(eq=False)
class Child:
    """A chart reached by one move from its parent, and the proof there."""

    move: Move
    node: ProofNode


@dataclass(eq=False)
class Face:
    """What happens along one cone of the fan.

    Args:
        rays: of the cone.
        method: how a common zero was excluded, or ``squares``, ``crossing``, ``steep``,
            ``contact``, ``charts``, ``open``.
        rank: for ``steep``, the order for ``contact``.
        crossings: for ``crossing``.
        children: for ``charts``: one per unimodular cone.
        squares: for ``squares``: constants c > 0 and polynomials g, the face polynomial being Σ
            c·g².
    """

    rays: tuple[Vector, ...]
    method: str
    rank: int = 0
    crossings: tuple[TransversalCrossing, ...] = ()
    children: list[Child] = field(default_factory=list)
    squares: list[tuple[Any, Poly]] = field(default_factory=list)


@dataclass(eq=False)
class ProofNode:
    """A chart, the moves made on it, and why its poles are what they are.

    Args:
        chart: before the moves.
        moves: simplifications.
        kind: ``newton``: read off the polyhedron and its faces; ``sum``: separate variables;
            ``cover``: the zeros lie on the zero sets of the factors of one generator, one child
            each; ``split``: the points where a polynomial in the units vanishes, and the others;
            ``blow_up``: the charts of the blow-up of a coordinate subspace; ``open``: unfinished.
        bound: the result.
        generator: for ``cover``: which one; -1 if the zeros are good off the zero sets of the
            children, as ``faces`` says.
        factors: of the generators, with multiplicities; crossings refer to them.
        reason: for ``open``.
        after: the chart after the moves; ``None`` where there were none.
        newton: its polyhedron, where one was needed; the words of the proof speak of it.
    """

    chart: Chart
    moves: list[Move]
    kind: Literal["newton", "sum", "cover", "split", "blow_up", "open"]
    bound: Bound
    faces: list[Face] = field(default_factory=list)
    children: list[Child] = field(default_factory=list)
    generator: int = 0
    factors: list[tuple[Poly, int]] = field(default_factory=list)
    reason: str = ""
    newton: Newton | None = None
    after: Chart | None = None

    @property
    def simplified(self) -> Chart:
        """The chart after the moves."""
        return self.chart if self.after is None else self.after
