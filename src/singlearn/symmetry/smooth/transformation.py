"""How one smooth network becomes another that computes the same function, in steps that can be
checked.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

from singlearn.numbers.rational import Vector
from singlearn.results.prompt import LONG_LIST, shortened
from singlearn.results.result import Answer
from singlearn.symmetry.smooth.expansion import SmoothExpansion
from singlearn.symmetry.smooth.form import Unit, unit_of
from singlearn.symmetry.smooth.network import TwoLayerSmooth
from singlearn.symmetry.smooth.step import (
    Add,
    Remove,
    SmoothMerge,
    SmoothPermute,
    SmoothSplit,
    SmoothStep,
    Turn,
)
from singlearn.symmetry.two_layer.kink_form import short
from singlearn.symmetry.two_layer.network import Node


@dataclass(frozen=True)
class SmoothTransformation(Answer):
    """Steps from ``source`` to ``target``, every one of which leaves the function unchanged.

    Attributes:
        source: where the steps start.
        target: where they end.
        steps: in order; node numbers are those of the moment.
    """

    source: TwoLayerSmooth
    target: TwoLayerSmooth
    steps: tuple[SmoothStep, ...]

    def apply(self, net: TwoLayerSmooth) -> TwoLayerSmooth:
        """The network after all steps.

        Raises:
            ValueError: a step is not valid there, or a line that no node carries is left.
        """
        last = self._expansions(net)[-1]
        if any(any(row) for row in last.linear):
            raise ValueError(
                "net: the turned nodes' weights do not annihilate; a line is left that no node "
                "carries"
            )
        return net.replaced(last.nodes, last.constant)

    def verify(self) -> bool:
        """Whether every step is valid and leaves the form unchanged, and the last ends at
        ``target``; exact, constants included.
        """
        try:
            expansions = self._expansions(self.source)
        except (ValueError, IndexError):
            return False
        last = expansions[-1]
        return (
            len({expansion.form() for expansion in expansions}) == 1
            and not any(any(row) for row in last.linear)
            and last.nodes == self.target.nodes
            and last.constant == self.target.c
        )

    @cached_property
    def turned_weights(self) -> tuple[Vector, ...]:
        """For SiLU and GELU ``q w`` (M·N numbers) of every node that turns round; they add up to
        zero.
        """
        if not self.source.activation.is_even:
            return ()
        terms, expansion = [], SmoothExpansion.of(self.source)
        for step in self.steps:
            if isinstance(step, Turn):
                node = expansion.nodes[step.index]
                terms.append(tuple(q * w for q in node.q for w in node.w))
            expansion = step.apply(expansion)
        return tuple(terms)

    @property
    def annihilation(self) -> str:
        """The identity that lets nodes of SiLU or GELU turn round, in words; empty where none
        does.
        """
        if not self.turned_weights:
            return ""
        return (
            " + ".join(
                "(" + ", ".join(short(v) for v in term) + ")" for term in self.turned_weights
            )
            + " = 0"
        )

    def __str__(self) -> str:
        lines = [f"{i}. {step}" for i, step in enumerate(self.steps, 1)] or [
            "nothing to do: the parameters are equal"
        ]
        lines = [shortened("\n".join(lines), LONG_LIST, "steps has all")]
        if self.annihilation:
            lines.append(f"the weights that turn round annihilate: {self.annihilation}")
        return "\n".join(lines)

    def _expansions(self, net: TwoLayerSmooth) -> list[SmoothExpansion]:
        expansions = [SmoothExpansion.of(net)]
        for step in self.steps:
            expansions.append(step.apply(expansions[-1]))
        return expansions


class _Path:
    """Steps as they are found; nodes keep their names while their positions shift."""

    def __init__(self, source: TwoLayerSmooth) -> None:
        self.expansion = SmoothExpansion.of(source)
        self.steps: list[SmoothStep] = []
        self.names = list(range(source.width))

    def position(self, name: int) -> int:
        return self.names.index(name)

    def node(self, name: int) -> Node:
        return self.expansion.nodes[self.position(name)]

    def take(self, step: SmoothStep) -> None:
        self.expansion = step.apply(self.expansion)
        self.steps.append(step)

    def forget(self, name: int) -> None:
        self.names.remove(name)

    def fresh(self) -> int:
        self.names.append(max(self.names, default=-1) + 1)
        return self.names[-1]


def find_transformation(source: TwoLayerSmooth, target: TwoLayerSmooth) -> SmoothTransformation:
    """Steps between two networks of one activation whose forms are known to be equal.

    Nodes that are constant leave; the nodes of each unit turn to where the target's first node of
    it points and merge; then they split into the target's, and the target's constant nodes join.
    """
    path = _Path(source)
    wanted: dict[Unit, list[int]] = defaultdict(list)
    for i, node in enumerate(target.nodes):
        if any(node.w) and any(node.q):
            wanted[unit_of(node)[0]].append(i)
    place = _kept(source, target)
    directions = {unit: unit_of(target.nodes[own[0]])[1] for unit, own in wanted.items()}
    gathered = _gather(path, source, directions, set(place.values()))
    for unit, members in wanted.items():
        name = gathered.pop(unit, None)
        first = target.nodes[members[0]]
        if name is None:
            path.take(Add(Node(first.w, first.b, (first.q[0] * 0,) * target.outputs)))
            name = path.fresh()
        place[members[0]] = name
        for i in members[1:]:
            node = target.nodes[i]
            same = (node.w, node.b) == (first.w, first.b)
            odd = not (same or target.activation.is_even)
            path.take(
                SmoothSplit(path.position(name), tuple(-q for q in node.q) if odd else node.q)
            )
            place[i] = path.fresh()
            if not same:
                path.take(Turn(path.position(place[i])))
    for i, node in enumerate(target.nodes):
        if i not in place:
            path.take(Add(node))
            place[i] = path.fresh()
    order = tuple(path.position(place[i]) for i in range(target.width))
    if order != tuple(range(len(order))):
        path.take(SmoothPermute(order))
    return SmoothTransformation(source, target, tuple(path.steps))


def _kept(source: TwoLayerSmooth, target: TwoLayerSmooth) -> dict[int, int]:
    """Constant nodes that both have, by their number in the target: nothing needs to be done to
    them.
    """
    place: dict[int, int] = {}
    for i, node in enumerate(target.nodes):
        if not any(node.w) or not any(node.q):
            equal = (j for j, own in enumerate(source.nodes) if own == node)
            free = next((j for j in equal if j not in place.values()), None)
            if free is not None:
                place[i] = free
    return place


def _gather(
    path: _Path, source: TwoLayerSmooth, directions: dict[Unit, int], kept: set[int]
) -> dict[Unit, int]:
    """Remove what is constant, turn and merge the rest: one name for every unit that does not
    cancel.
    """
    units: dict[Unit, int] = {}
    for name, node in enumerate(source.nodes):
        if name in kept:
            continue
        if not any(node.w) or not any(node.q):
            path.take(Remove(path.position(name)))
            path.forget(name)
            continue
        unit, sign = unit_of(node)
        if sign != directions.setdefault(unit, sign):
            path.take(Turn(path.position(name)))
        if unit in units:
            path.take(SmoothMerge(path.position(units[unit]), path.position(name)))
            path.forget(name)
        else:
            units[unit] = name
    for unit, name in list(units.items()):
        if not any(path.node(name).q):
            path.take(Remove(path.position(name)))
            path.forget(name)
            del units[unit]
    return units
