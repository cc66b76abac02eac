"""Which rows and columns of parameters move with which coordinates, and the laws that follow."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from jaxtyping import Int

from singlearn.flow.law import Gram, GramLaw, SumLaw, gram_law, sum_law
from singlearn.flow.laws_shifts import Shifts
from singlearn.flow.laws_spaces import Spaces, SymmetricGenerators

Ids = Int[np.ndarray, "..."]
GENERAL_LINEAR = "GL({width}) between two linear layers, its symmetric part"
OF_A_HEAD = "GL({width}) of a head, its symmetric part"
OF_A_SPACE = "GL({width}) of what several layers read and write, its symmetric part"
SCALING = "scaling of a node, (a, 1/a)"
POWER = "scaling of a node, (a, a^-{degree})"
OF_A_VECTOR = "a common scale of {width} coordinates"
SEVERAL = "scaling, with several rates"


@dataclass(frozen=True)
class Axis:
    """Coordinates along an axis of a parameter, or along several axes of a view of it.

    Attributes:
        parameter: its name.
        axes: of the view.
        view: the shape it is seen in; its own if None.
    """

    parameter: str
    axes: tuple[int, ...]
    view: tuple[int, ...] | None = None


@dataclass
class Uses:
    """How a network uses its parameters.

    Attributes:
        shapes: of the parameters that move.
        spaces: what binds coordinates.
        shifts: who sees shifts of them.
    """

    shapes: Mapping[str, tuple[int, ...]]
    spaces: Spaces = field(default_factory=Spaces)
    shifts: Shifts = field(default_factory=Shifts)
    axes: dict[Axis, Ids] = field(default_factory=dict)
    writers: dict[str, list[tuple[int, Ids, Ids]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    other_uses: set[str] = field(default_factory=set)
    readers: dict[str, set[tuple[int, bool]]] = field(default_factory=lambda: defaultdict(set))

    def axis(self, parameter: str, axes: Sequence[int], view: tuple[int, ...] | None = None) -> Ids:
        """The coordinates of an axis, made when it is first asked for."""
        key = Axis(parameter, tuple(axes), view)
        if key not in self.axes:
            shape = self.shapes[parameter] if view is None else view
            self.axes[key] = self.spaces.new(math.prod(shape[a] for a in key.axes))
        return self.axes[key]

    def read(self, parameter: str, axis: int | None, centred: bool) -> None:
        """A layer reads vectors with a parameter.

        Args:
            parameter: its name.
            axis: the axis that reads.
            centred: whether every vector sums to zero.
        """
        self.readers[parameter].add((0 if axis is None else axis, centred and axis is not None))

    def gram_laws(
        self, norms_are_exact: bool = False, still: Sequence[SumLaw] = ()
    ) -> list[GramLaw]:
        """Quadratic laws, one for each generator of a family that moves a parameter.

        Args:
            norms_are_exact: leave out the ε of norms.
            still: entries that never move, which need not be part of any law.
        """
        at_rest = {(law.parameter, law.axis): law.nodes for law in still if law.entries}
        owner: dict[int, tuple[Axis, int]] = {}
        for axis, ids in self.axes.items():
            key = (axis.parameter, axis.axes[0])
            rest = set(at_rest[key] or range(len(ids))) if key in at_rest else set()
            owner |= {c: (axis, k) for k, c in enumerate(ids.tolist()) if k not in rest}
        order = {axis: k for k, axis in enumerate(self.axes)}
        scales: dict[
            tuple[tuple[Axis, Fraction, int], ...], list[dict[tuple[Axis, Fraction], list[int]]]
        ] = {}
        laws: list[GramLaw] = []
        for generator in self.spaces.generators(norms_are_exact):
            if generator.full:
                laws += _mixing_law(generator, owner, order, self.shapes)
                continue
            places: dict[tuple[Axis, Fraction], list[int]] = defaultdict(list)
            for c, rate in generator.members[0]:
                if c in owner:
                    places[owner[c][0], rate].append(owner[c][1])
            if places:
                signature = tuple(
                    sorted(
                        ((a, r, len(p)) for (a, r), p in places.items()),
                        key=lambda x: (order[x[0]], x[1]),
                    )
                )
                scales.setdefault(signature, []).append(places)
        for signature, found in scales.items():
            laws.append(_scaling_law(signature, found, self.shapes))
        laws = [law for law in laws if law.terms]
        return sorted(
            laws,
            key=lambda law: min(
                (order[Axis(t.parameter, t.axes, t.view)], _first(t)) for t in law.terms
            ),
        )

    def shift_laws(self) -> list[SumLaw]:
        """Linear laws: entries that never move, and sums of rows."""
        unseen = self.shifts.unseen(self.spaces.size)
        laws: list[SumLaw] = []
        for name, uses in self.writers.items():
            if name in self.other_uses or len({axis for axis, _, _ in uses}) > 1:
                continue
            axis = uses[0][0]
            laws += self._sums(name, axis, uses, unseen)
        for name, ways in self.readers.items():
            if name not in self.other_uses and len(ways) == 1 and next(iter(ways))[1]:
                text = "vectors that are read sum to zero"
                laws.append(sum_law(name, next(iter(ways))[0], None, text))
        return laws

    def _sums(
        self, name: str, axis: int, uses: list[tuple[int, Ids, Ids]], unseen: object
    ) -> list[SumLaw]:
        from singlearn.flow.laws_shifts import Unseen

        assert isinstance(unseen, Unseen)
        shape = self.shapes[name]
        laws: list[SumLaw] = []
        if len(shape) == 1 or math.prod(shape) == shape[axis]:
            still = np.ones(shape[axis], dtype=bool)
            touched = np.zeros(shape[axis], dtype=bool)
            for _, places, ids in uses:
                still[places[~unseen.alone[ids]]] = False
                touched[places] = True
            still &= touched
            if still.any():
                nodes = None if still.all() else tuple(np.flatnonzero(still).tolist())
                laws.append(
                    sum_law(
                        name,
                        axis,
                        nodes,
                        "a shift that is the same for all, which no loss sees",
                        entries=True,
                    )
                )
                return laws
        if not all(len(places) == shape[axis] for _, places, _ in uses) or shape[axis] < 2:
            return laws
        # A vector has one entry per coordinate, added alike at all places; rows of a matrix are
        # not.
        steady = len(shape) == 1
        ordered = [ids[np.argsort(places)] for _, places, ids in uses]
        for size in (s for s in range(2, shape[axis] + 1) if shape[axis] % s == 0):
            groups = np.arange(shape[axis]).reshape(-1, size)
            if all(unseen.together(ids[group], steady) for group in groups for ids in ordered):
                text = "a common shift of a vector, which no loss sees"
                every = [None] if len(groups) == 1 else [tuple(g.tolist()) for g in groups]
                laws += [sum_law(name, axis, nodes, text) for nodes in every]
                break
        return laws


def _mixing_law(
    generator: SymmetricGenerators,
    owner: Mapping[int, tuple[Axis, int]],
    order: Mapping[Axis, int],
    shapes: Mapping[str, tuple[int, ...]],
) -> list[GramLaw]:
    """A whole symmetric matrix: every coordinate has as many places as the others, in the same
    order.
    """
    columns = list(zip(*generator.members, strict=True))
    parts: dict[tuple[Axis, Fraction], list[list[int]]] = defaultdict(list)
    for column in columns:
        if column[0][0] in owner:
            parts[owner[column[0][0]][0], column[0][1]].append([owner[c][1] for c, _ in column])
    if not parts:
        return []
    # Coordinates are ordered as the first parameter has them.
    first = min(parts, key=lambda key: (order[key[0]], key[1]))
    turn = np.argsort(parts[first][0])
    terms = []
    common = math.lcm(*(rate.denominator for _, rate in parts))
    flip = -1 if min(parts, key=lambda key: (order[key[0]], parts[key][0][0]))[1] < 0 else 1
    for axis, rate in sorted(parts, key=lambda key: (flip * key[1] < 0, order[key[0]])):
        nodes = np.stack([np.array(column)[turn] for column in parts[axis, rate]], axis=1)
        terms.append(_term(axis, int(flip * rate * common), nodes, shapes))
    width = len(generator.members)
    writers = [t for t in terms if t.coefficient > 0]
    readers = [t for t in terms if t.coefficient < 0]
    text = OF_A_SPACE
    if len(readers) == 1 and len({t.parameter.rpartition(".")[0] for t in writers}) == 1:
        pair = all(t.nodes is None for t in terms) and writers[0].axes != readers[0].axes
        text = GENERAL_LINEAR if pair else OF_A_HEAD
    return [gram_law(terms, "symmetric", text.format(width=width))]


def _scaling_law(
    signature: tuple[tuple[Axis, Fraction, int], ...],
    found: list[dict[tuple[Axis, Fraction], list[int]]],
    shapes: Mapping[str, tuple[int, ...]],
) -> GramLaw:
    """Scales of nodes that have the same form: one number for each of them."""
    common = math.lcm(*(rate.denominator for _, rate, _ in signature))
    divisor = math.gcd(*(int(rate * common) for _, rate, _ in signature))
    # A law starts with what comes first in the network.
    key, rate, _ = min(
        (s for s in signature if s[0] == signature[0][0]), key=lambda s: min(found[0][s[0], s[1]])
    )
    flip = -1 if rate < 0 else 1
    found = sorted(found, key=lambda places: min(places[key, rate]))
    terms = []
    for axis, rate, _ in sorted(signature, key=lambda s: flip * s[1] < 0):
        nodes = np.array([sorted(places[axis, rate]) for places in found])
        terms.append(_term(axis, int(flip * rate * common) // divisor, nodes, shapes))
    terms = _without_both_sides(terms, shapes)
    rates = {abs(t.coefficient) for t in terms}
    if rates <= {1}:
        symmetry = (
            SCALING
            if len(found) > 1 or signature[0][2] == 1
            else OF_A_VECTOR.format(width=signature[0][2])
        )
    elif len(rates) == 2 and 1 in rates:
        symmetry = POWER.format(degree=max(rates))
    else:
        symmetry = SEVERAL
    return gram_law(terms, "diagonal", symmetry)


def _without_both_sides(terms: list[Gram], shapes: Mapping[str, tuple[int, ...]]) -> list[Gram]:
    """Leave out a parameter all of whose entries are added and subtracted."""

    def whole(term: Gram) -> bool:
        shape = shapes[term.parameter]
        count = sum(len(node) if isinstance(node, tuple) else 1 for node in term.nodes or ())
        return (
            term.nodes is not None
            and len(term.nodes) == 1
            and term.view is None
            and count == shape[term.axes[0]]
        )

    every = [(t.parameter, t.coefficient) for t in terms if whole(t)]
    return [t for t in terms if not (whole(t) and (t.parameter, -t.coefficient) in every)]


def _first(term: Gram) -> int:
    if term.nodes is None:
        return 0
    return min(min(node) if isinstance(node, tuple) else node for node in term.nodes)


def _term(
    axis: Axis,
    coefficient: int,
    nodes: Int[np.ndarray, "..."],
    shapes: Mapping[str, tuple[int, ...]],
) -> Gram:
    """A term of a law; all rows in their order need not be named."""
    axes = axis.axes if len(axis.axes) > 1 else axis.axes[0]
    shape = axis.view or shapes[axis.parameter]
    size = math.prod(shape[a] for a in axis.axes)
    if nodes.shape[1] > 1:
        return Gram(axis.parameter, axes, coefficient, tuple(map(tuple, nodes.tolist())), axis.view)
    flat = nodes[:, 0].tolist()
    return Gram(
        axis.parameter,
        axes,
        coefficient,
        None if flat == list(range(size)) else tuple(flat),
        axis.view,
    )
