r"""The connected components of a fibre for any number of outputs, on R^N or on a bounded domain.

Let p kinks have totals :math:`A_k ∈ R^M`, let e = width - p nodes be left, and let

.. math:: \sum_{k \notin T} s_k A_k n_k^T/2 + \sum_{k \in T} v_k n_k^T + V = G

be the balance of the slope: kinks in T carry nodes of both orientations, the others those of
orientation :math:`s_k`; V is what else carries slope. On R^N that are linear pairs, two opposite
nodes off the kinks for every rank of V; on a bounded domain one node that is always active does for
every rank (a *carrier* takes c = 2 or 1 nodes).

A *cell* (T, s) holds the parameters with these kinks shared and these orientations. With the
residual :math:`R_s = G - \sum_{k \notin T} s_k A_k n_k^T/2` it needs

.. math:: \mathrm{cost}(T, s) = |T| + c\,r, \qquad
          r = \mathrm{rank}(R_s \bmod \mathrm{span}\{n_k : k \in T\}),

nodes, the least rank that the :math:`v_k` can leave. The :math:`v` for which V has at most a given
rank are star-shaped about one that leaves the least, and the ways to write V as a sum of r rank-one
slopes are one orbit of GL(r). So, up to the numbering of the nodes:

- a cell is connected, and it is not empty exactly if cost ≤ e;
- (T, s) and (T ∪ {k}, s without :math:`s_k`) touch exactly if one of them has cost ≤ e - 1: a node
  that contributes nothing sits down on the other side of kink k, or a carrier whose slope is
  parallel to :math:`n_k` lies down on it; nothing else leads out of a cell.

Hence the components are those of a finite graph. *Numbering*: where some cell of a component has
cost ≤ e - 1, a node can contribute nothing, take the place of any other, and all numberings are
connected. Else the component is a single cell without a free node, and every node keeps its place;
GL(r) has two components, so there are m! components for r = 0, for pairs :math:`2\,m!/(2^r r!)`
(two numberings are connected if they differ by an even signed permutation of the pairs), and
:math:`2\,m!/r!` for always active nodes (both signs of the determinant occur for each numbering).

*Dimension* of a cell, t = rank of the normals of T: every kink node has a scale, V the :math:`r^2 +
r t` of its factors, v the :math:`M(|T| - t)` that dependent normals leave free, a pair two more
(two scales and an offset, less one that GL(r) counts), an always active node one (its offset). A
node that contributes nothing has N + 1 + M on a domain, where it can be dead, and 1 + max(N, M) on
R^N.

For one output on R^N this agrees with :mod:`singlearn.symmetry.fibre.components`, which does not
list the cells.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import combinations, product

from singlearn.numbers.linear_algebra import rank
from singlearn.numbers.rational import Matrix, Vector, dot
from singlearn.symmetry.domain import Domain
from singlearn.symmetry.fibre.balance import Pattern, annihilator, signs_with
from singlearn.symmetry.fibre.components import Component, ComponentKind
from singlearn.symmetry.two_layer.kink_form import Hyperplane, KinkForm, boundary
from singlearn.symmetry.two_layer.network import TwoLayerReLU
from singlearn.symmetry.two_layer.step import idleness

MOST_CELLS = 2**14
"""Cells whose rank is computed one by one."""

LARGEST_SEARCH = 2**26
"""Sums of half the kinks: a few seconds."""


@dataclass(frozen=True)
class FibreCell:
    """Parameters with the same kinks shared and the same orientation of the others.

    Attributes:
        pattern: +1, -1, or 0 for a kink with nodes of both orientations.
        rank: r, how many carriers of slope it needs at least.
        cost: how many nodes it needs beyond one per kink.
    """

    pattern: Pattern
    rank: int
    cost: int


@dataclass(frozen=True)
class CellClassification:
    """All components for one function and one width.

    Attributes:
        form: the kink form of the function.
        width: number of hidden nodes.
        on_domain: whether the form is that on a bounded domain.
    """

    form: KinkForm
    width: int
    on_domain: bool

    @property
    def planes(self) -> tuple[Hyperplane, ...]:
        """The p kinks."""
        return tuple(self.form.kinks)

    @property
    def excess(self) -> int:
        """e, the nodes beyond one per kink."""
        return self.width - len(self.form.kinks)

    @property
    def carrier(self) -> int:
        """How many nodes carry a slope of rank one."""
        return 1 if self.on_domain else 2

    @cached_property
    def components(self) -> tuple[Component, ...]:
        """Free components first, then those with carriers, then rigid ones.

        Raises:
            ValueError: too many kinks to list the cells.
        """
        return tuple(component for component, _ in self._found)

    @cached_property
    def cells(self) -> dict[Pattern, FibreCell]:
        """The cells that are not empty, by pattern."""
        if self.excess < 0:
            return {}
        self._refuse_large_search()
        p = len(self.planes)
        found: dict[Pattern, FibreCell] = {}
        for size in range(min(self.excess, p) + 1):
            for both in combinations(range(p), size):
                for cell in self._cells_of(both):
                    found[cell.pattern] = cell
        return found

    def cells_of(self, index: int) -> tuple[FibreCell, ...]:
        """The cells that make up a component."""
        return self._found[index][1]

    def index_of(self, pattern: Pattern) -> int:
        """Which of ``components`` holds the parameters with this pattern."""
        return self._index[pattern]

    def residual(self, pattern: Pattern) -> Matrix:
        """R, M rows of N numbers."""
        rows = [list(row) for row in self.form.slope]
        for sign, (plane, totals) in zip(pattern, self.form.kinks.items(), strict=True):
            if sign:
                for row, total in zip(rows, totals, strict=True):
                    for i, n in enumerate(plane.normal):
                        if n and total:
                            row[i] -= sign * total * n / 2
        return tuple(tuple(row) for row in rows)

    def _cells_of(self, both: Sequence[int]) -> Iterator[FibreCell]:
        """Those with exactly these kinks shared."""
        single = [k for k in range(len(self.planes)) if k not in both]
        functionals = annihilator([self.planes[k].normal for k in both], len(self.form.linear[0]))
        most = (self.excess - len(both)) // self.carrier

        def pattern_of(signs: Pattern) -> Pattern:
            full = [0] * len(self.planes)
            for k, sign in zip(single, signs, strict=True):
                full[k] = sign
            return tuple(full)

        if most == 0 or not functionals:
            columns = [_flat(self._half(k), functionals) for k in single]
            for signs in signs_with(columns, _flat(self.form.slope, functionals)):
                yield FibreCell(pattern_of(signs), 0, len(both))
            return
        halves = [_columns(self._half(k), functionals) for k in single]
        slope = _columns(self.form.slope, functionals)
        for signs in product((1, -1), repeat=len(single)):
            rest = [list(row) for row in slope]
            for sign, half in zip(signs, halves, strict=True):
                for row, entries in zip(rest, half, strict=True):
                    for i, entry in enumerate(entries):
                        if entry:
                            row[i] -= sign * entry
            r = rank(rest)
            if r <= most:
                yield FibreCell(pattern_of(signs), r, len(both) + self.carrier * r)

    def _half(self, k: int) -> Matrix:
        """``A_k n_k^T / 2``."""
        plane = self.planes[k]
        return tuple(tuple(total * n / 2 for n in plane.normal) for total in self.form.kinks[plane])

    @cached_property
    def _found(self) -> tuple[tuple[Component, tuple[FibreCell, ...]], ...]:
        """Components and their cells."""
        leader = {pattern: pattern for pattern in self.cells}

        def head(pattern: Pattern) -> Pattern:
            while leader[pattern] != pattern:
                leader[pattern] = leader[leader[pattern]]
                pattern = leader[pattern]
            return pattern

        for pattern, cell in self.cells.items():
            for k, sign in enumerate(pattern):
                if sign:
                    shared = (*pattern[:k], 0, *pattern[k + 1 :])
                    other = self.cells.get(shared)
                    if other is not None and min(cell.cost, other.cost) < self.excess:
                        leader[head(pattern)] = head(shared)
        members: dict[Pattern, list[FibreCell]] = {}
        for pattern, cell in self.cells.items():
            members.setdefault(head(pattern), []).append(cell)
        order = {
            ComponentKind.FREE: 0,
            ComponentKind.LINEAR_PAIR: 1,
            ComponentKind.ALWAYS_ACTIVE: 1,
            ComponentKind.RIGID: 2,
        }
        found = [(self._component(cells), tuple(cells)) for cells in members.values()]
        return tuple(sorted(found, key=lambda item: order[item[0].kind]))

    def _component(self, cells: list[FibreCell]) -> Component:
        dimension = max(self._dimension(cell) for cell in cells)
        free = self.excess - min(cell.cost for cell in cells)
        if free:
            whole = sorted(
                (cell for cell in cells if 0 not in cell.pattern),
                key=lambda cell: cell.pattern,
                reverse=True,
            )
            every = len(whole) == 2 ** len(self.planes) and self.excess >= 3
            shown = tuple(cell.pattern for cell in (whole or cells) if not every or not cell.cost)
            return Component(ComponentKind.FREE, shown, every, 1, dimension, free)
        (cell,) = cells
        numberings, r = math.factorial(self.width), cell.rank
        if not r:
            return Component(ComponentKind.RIGID, (cell.pattern,), False, numberings, dimension, 0)
        if self.on_domain:
            return Component(
                ComponentKind.ALWAYS_ACTIVE,
                (cell.pattern,),
                False,
                2 * numberings // math.factorial(r),
                dimension,
                0,
                r,
            )
        return Component(
            ComponentKind.LINEAR_PAIR,
            (cell.pattern,),
            False,
            2 * numberings // (2**r * math.factorial(r)),
            dimension,
            0,
            r,
        )

    def _dimension(self, cell: FibreCell) -> int:
        outputs, inputs = len(self.form.constant), len(self.form.linear[0])
        both = [self.planes[k].normal for k, sign in enumerate(cell.pattern) if not sign]
        independent = rank([[Fraction(n) for n in normal] for normal in both])
        idle = self.excess - cell.cost
        free = inputs + 1 + outputs if self.on_domain else 1 + max(inputs, outputs)
        carried = cell.rank if self.on_domain else 2 * cell.rank
        return (
            len(self.planes)
            + len(both)
            + cell.rank**2
            + cell.rank * independent
            + outputs * (len(both) - independent)
            + carried
            + idle * free
        )

    @cached_property
    def _index(self) -> dict[Pattern, int]:
        return {cell.pattern: i for i, (_, cells) in enumerate(self._found) for cell in cells}

    def _refuse_large_search(self) -> None:
        p, e = len(self.planes), self.excess
        listed = summed = 0
        for size in range(min(e, p) + 1):
            if (e - size) // self.carrier and size < len(self.form.linear[0]):
                listed += math.comb(p, size) * 2 ** (p - size)
            else:
                summed += math.comb(p, size) * 2 ** ((p - size + 1) // 2)
        if listed > MOST_CELLS or summed > LARGEST_SEARCH:
            raise ValueError(
                f"net: its function has {p} kinks; the components of width {self.width} would need "
                f"about {listed if listed > MOST_CELLS else summed:.2g} sign "
                f"patterns, and at most {MOST_CELLS if listed > MOST_CELLS else LARGEST_SEARCH} "
                f"are searched"
            )


def pattern_of(net: TwoLayerReLU, form: KinkForm, domain: Domain | None) -> Pattern:
    """Orientation of the kinks in a network, 0 where nodes of both orientations have amounts that
    do not cancel.
    """
    sides: dict[tuple[Hyperplane, int], list[Fraction]] = {}
    for node in net.nodes:
        if any(node.q) and any(node.w) and idleness(node, domain) is None:
            plane, factor = boundary(node)
            own = sides.setdefault((plane, 1 if factor > 0 else -1), [Fraction(0)] * net.outputs)
            for j, q in enumerate(node.q):
                own[j] += q * abs(factor)
    result = []
    for plane in form.kinks:
        signs = [sign for sign in (1, -1) if any(sides.get((plane, sign), ()))]
        result.append(signs[0] if len(signs) == 1 else 0)
    return tuple(result)


def _columns(matrix: Matrix, functionals: Sequence[Vector]) -> Matrix:
    """A matrix in the coordinates that the functionals read."""
    return tuple(tuple(dot(functional, row) for functional in functionals) for row in matrix)


def _flat(matrix: Matrix, functionals: Sequence[Vector]) -> Vector:
    return tuple(entry for row in _columns(matrix, functionals) for entry in row)
