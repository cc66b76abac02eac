"""The structure of a network at every distance: which relations appear within ε, and what follows
from them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from jaxtyping import Float

from singlearn.numbers.linear_algebra import rank
from singlearn.results.prompt import LONG_LIST, shortened
from singlearn.results.result import Answer
from singlearn.results.table import Column, aligned
from singlearn.symmetry.domain import Domain
from singlearn.symmetry.trained.boundaries import Seen
from singlearn.symmetry.trained.box_units import BoxUnits
from singlearn.symmetry.trained.distance import moved_distance, step_bound
from singlearn.symmetry.trained.fibre_size import fibre_size
from singlearn.symmetry.trained.plan import Circuit, Plan
from singlearn.symmetry.trained.relation import Relation, RelationKind
from singlearn.symmetry.trained.sentences import described, rounded_up
from singlearn.symmetry.trained.single_nodes import always_active, idle
from singlearn.symmetry.trained.vanishing_sums import (
    Rows,
    combinations_of,
    largest_meaningful_gaps,
    vanishing_sums,
)
from singlearn.symmetry.two_layer.kink_form import kink_form
from singlearn.symmetry.two_layer.minimal_width import MOST_KINKS, minimal_width
from singlearn.symmetry.two_layer.network import TwoLayerReLU

EXACT_NODES = 8
LARGEST = Fraction(10) ** 250
ACCIDENTS = 0.05
EVERY_SUBSET = 13
QUADRUPLES = 32
MOST_TRIPLES = 100
PLANTED = 1e-6
NEAR = 0.5
"""Boundaries are joined where that costs at most half of what removing the lighter one would: a
faint node just dies.
"""


@dataclass(frozen=True)
class HierarchyLevel(Answer):
    """The network nearby in which one more relation holds.

    Attributes:
        distance: a certified bound on how far its outputs are from the original's, on the domain.
        net: the network, in exact rationals.
        kinks: boundaries in the domain with a kink.
        minimal_width: hidden nodes that are enough for its function on the domain; ``lower`` is
            proved.
        lower: that fewer are not.
        components: connected components of the parameters of the original width that compute its
            function on R^N, dead nodes left out; ``None`` where they cannot be counted.
        dimension: the largest dimension of one; ``None`` where it is not known.
    """

    distance: float
    net: TwoLayerReLU
    kinks: int
    minimal_width: int
    lower: int
    components: int | None
    dimension: int | None


@dataclass(frozen=True)
class Bar(Answer):
    """A relation and the distances at which it holds.

    Attributes:
        relation: what it says.
        birth: the distance at which it appears.
        death: the distance at which a larger relation takes its place; infinite where none does.
    """

    relation: Relation
    birth: float
    death: float

    def __str__(self) -> str:
        end = "" if math.isinf(self.death) else f", until {self.death:.2g}"
        nodes = ", ".join(map(str, self.relation.nodes))
        return (
            f"from {self.birth:.2g}{end}: {self.relation.kind} "
            f"(node{'s' * (len(self.relation.nodes) > 1)} {nodes})"
        )


@dataclass(frozen=True)
class Hierarchy(Answer):
    """Relations and levels of one hidden layer, by distance.

    Attributes:
        domain: where distances are measured.
        bars: the relations, in the order in which they appear.
        levels: the original network, then one network for every relation that appears.
        layer: which hidden layer of a deep network it is; ``None`` for a two-layer one.
    """

    domain: Domain
    bars: tuple[Bar, ...]
    levels: tuple[HierarchyLevel, ...]
    layer: int | None = None

    def at(self, distance: float) -> HierarchyLevel:
        """The last level within a distance.

        Returns:
            The network of that level with its minimal width, and its distance.

        Raises:
            ValueError: a negative distance.
        """
        if not distance >= 0:
            raise ValueError(f"distance: got {distance}; it should be at least 0")
        return [level for level in self.levels if level.distance <= distance][-1]

    def __str__(self) -> str:
        first = self.levels[0]
        name = "hidden nodes" if self.layer is None else f"hidden nodes in layer {self.layer}"
        lines = [
            f"{first.net.width} {name}, {len(self.bars)} relations {described(self.domain)}",
        ]
        rows: list[tuple[str, ...]] = [("within", "width", "components", "dimension")]
        shown = _distinct(self.levels)
        for level in shown[:24]:
            cells = (
                "?" if v is None else f"{v:.4g}" if v > 10**6 else f"{v}"
                for v in (level.components, level.dimension)
            )
            within = rounded_up(Fraction(level.distance)) if level.distance else "0"
            width = (
                f"{level.minimal_width}"
                if level.lower == level.minimal_width
                else f"≤ {level.minimal_width}"
            )
            rows.append((within, width, *cells))
        columns = zip(*rows, strict=True)
        lines += aligned([Column(head, cells, align="right") for head, *cells in columns])
        if len(shown) > 24:
            lines.append(f"  and {len(shown) - 24} more")
        return "\n".join(lines)

    def _at_a_prompt(self) -> str:
        return str(self)


@dataclass(frozen=True)
class DeepHierarchy(Answer):
    """One hierarchy for every hidden layer; distances are bounds on the change of the network's
    outputs.

    Attributes:
        layers: of every hidden layer, the others left as they are.
        amplification: by how much a change of what a layer gives to the next can grow until the
            outputs.
    """

    layers: tuple[Hierarchy, ...]
    amplification: tuple[float, ...]

    def __str__(self) -> str:
        return shortened("\n".join(map(str, self.layers)), LONG_LIST, "layers has all")


def layer_hierarchy(
    net: TwoLayerReLU,
    domain: Domain,
    *,
    layer: int | None = None,
    factor: float = 1.0,
    with_fibre: bool = True,
) -> Hierarchy:
    """The hierarchy of one hidden layer, distances multiplied by a factor."""
    units = BoxUnits.of(domain)
    if any(abs(q) * units.size(node) > LARGEST for node in net.nodes for q in node.q):
        raise ValueError(
            f"net: a node gives outputs beyond {float(LARGEST):.0e} on the domain; the hierarchy "
            f"ranks costs in float64"
        )
    search = _Search(net, domain, with_fibre=with_fibre)
    bars = tuple(
        Bar(open_bar.relation, _above(open_bar.birth * factor), _above(open_bar.death * factor))
        for open_bar in search.bars
    )
    levels = tuple(
        HierarchyLevel(
            _above(v.distance * factor),
            v.net,
            v.kinks,
            v.minimal_width,
            v.lower,
            v.components,
            v.dimension,
        )
        for v in search.levels
    )
    return Hierarchy(domain, bars, levels, layer)


def _above(value: float) -> float:
    return math.nextafter(value, math.inf) if 0 < value < math.inf else value


@dataclass
class _OpenBar:
    relation: Relation
    birth: float
    death: float = math.inf
    leads: Circuit = frozenset()


@dataclass(order=True)
class _Candidate:
    """A relation that could be imposed next, and about what it costs."""

    cost: float
    kind: RelationKind = field(compare=False)
    leads: tuple[int, ...] = field(compare=False)


class _Search:
    """The greedy way from a network to fewer and fewer kinks."""

    def __init__(self, net: TwoLayerReLU, domain: Domain, *, with_fibre: bool) -> None:
        self.net, self.domain, self.units, self.with_fibre = (
            net,
            domain,
            BoxUnits.of(domain),
            with_fibre,
        )
        active = [i for i, node in enumerate(net.nodes) if not idle(node, domain)]
        self.seen = {i: Seen.of(net.nodes[i], self.units) for i in active}
        bypassed = tuple(
            i for i in range(net.width) if i not in active and always_active(net.nodes[i], domain)
        )
        self.dead = {
            i
            for i in range(net.width)
            if i not in active and i not in bypassed and any(net.nodes[i].w)
        }
        self.plan = Plan(clusters={i: [i] for i in active}, bypassed=bypassed)
        self.levels: list[HierarchyLevel] = []
        self.bars = [
            _OpenBar(Relation(_idle_kind(net, i, domain), (i,), 0.0), 0.0)
            for i in range(net.width)
            if i not in active
        ]
        self.planted: list[Circuit] | None = None
        self.slopes, self.leads, _ = self.plan.imposed(net, self.units, domain, self.seen)
        self.current = net
        self._add_level(Fraction(0))
        distance = Fraction(0)
        refused: set[tuple[RelationKind, tuple[int, ...]]] = set()
        while True:
            found = min(
                (c for c in self._candidates() if (c.kind, c.leads) not in refused), default=None
            )
            if found is None:
                break
            before = len(self.plan.circuits)
            nodes = self._take(found)
            slopes, leads, kept = self.plan.imposed(self.net, self.units, self.domain, self.seen)
            if found.kind is RelationKind.ANNIHILATE and len(kept) == before:
                refused.add((found.kind, found.leads))
                self.plan.circuits = kept
                continue
            self.slopes, self.leads = slopes, leads
            following = self.net.replaced(slopes.nodes).after_snapping(None)
            distance = max(distance, self._certified(distance, following))
            self._close(set(self.plan.circuits) - set(kept), _float_above(distance))
            self.plan.circuits = kept
            self.current = following
            circuit = (
                frozenset(found.leads) if found.kind is RelationKind.ANNIHILATE else frozenset()
            )
            self.bars.append(
                _OpenBar(
                    Relation(found.kind, nodes, found.cost), _float_above(distance), leads=circuit
                )
            )
            self._add_level(distance)

    def _certified(self, before: Fraction, following: TwoLayerReLU) -> Fraction:
        """The distance from the original: exact where that is cheap, else the smaller of two
        bounds.
        """
        moved = [(a, b) for a, b in zip(self.net.nodes, following.nodes, strict=True) if a != b]
        if self.net.inputs <= 2:
            return moved_distance(
                self.net, following, self.domain, exact=len(moved) <= EXACT_NODES
            ).upper
        direct = step_bound(moved, (Fraction(0),) * self.net.outputs, self.domain)
        last = [(a, b) for a, b in zip(self.current.nodes, following.nodes, strict=True) if a != b]
        exact = self.net.inputs == 3 and len(last) <= EXACT_NODES
        if exact:
            return min(direct, before + moved_distance(self.current, following, self.domain).upper)
        return min(
            direct, before + step_bound(last, (Fraction(0),) * self.net.outputs, self.domain)
        )

    def _add_level(self, distance: Fraction) -> None:
        # Nodes that shared a boundary from the start are one kink, though they are joined later.
        form = kink_form(self.current, self.domain)
        kinks = len(form.kinks)
        if kinks > MOST_KINKS:
            one_per_kink = kinks == len(self.slopes.kinked)
            lower, upper = kinks, kinks + rank(self.slopes.rest() if one_per_kink else form.linear)
        else:
            width = minimal_width(self.current, self.domain)
            lower, upper = width.lower, width.upper
        dead = self.dead | {i for i, kind in self.plan.shifted.items() if kind is RelationKind.DEAD}
        components, dimension = fibre_size(self.current, dead) if self.with_fibre else (None, None)
        self.levels.append(
            HierarchyLevel(
                _float_above(distance), self.current, kinks, upper, lower, components, dimension
            )
        )

    def _take(self, found: _Candidate) -> tuple[int, ...]:
        """Put a relation into the plan; returns the nodes it is about."""
        plan, members = self.plan, self.plan.clusters
        if found.kind is RelationKind.BOUNDARY:
            lead, other = found.leads
            members[lead] = members[lead] + members.pop(other)
            both = [circuit for circuit in plan.circuits if lead in circuit and other in circuit]
            plan.circuits = [
                circuit - {other} if circuit in both else circuit for circuit in plan.circuits
            ]
            for bar in self.bars:
                if bar.leads in both:
                    bar.leads = bar.leads - {other}
            return tuple(sorted(members[lead]))
        if found.kind is RelationKind.KINK:
            plan.cancelled.add(found.leads[0])
            return tuple(sorted(members[found.leads[0]]))
        if found.kind is RelationKind.ANNIHILATE:
            plan.circuits = [*plan.circuits, frozenset(found.leads)]
            return tuple(sorted(i for lead in found.leads for i in members[lead]))
        nodes = tuple(members.pop(found.leads[0]))
        for i in nodes:
            if found.kind is RelationKind.SILENT:
                plan.silent.add(i)
            else:
                plan.shifted[i] = found.kind
        return nodes

    def _close(self, ended: set[Circuit], distance: float) -> None:
        for bar in self.bars:
            if bar.leads in ended and math.isinf(bar.death):
                bar.death = distance

    def _candidates(self) -> Iterator[_Candidate]:
        seen = [self._seen(boundary) for boundary in self.slopes.boundaries]
        if not seen:
            return
        vectors = np.array([s[0] for s in seen])
        amounts = np.array([s[1] for s in seen])
        for lead, boundary, (vector, amount, kink) in zip(
            self.leads, self.slopes.boundaries, seen, strict=True
        ):
            height = float(vector[-1])
            if len(boundary.members) == 1:
                high, low = (
                    (1 + height, 1 - height)
                    if boundary.members[0][1] > 0
                    else (1 - height, 1 + height)
                )
                dies = RelationKind.DEAD if high < 1 else RelationKind.SILENT
                yield _Candidate(amount * max(high, 0.0), dies, (lead,))
                yield _Candidate(amount * max(low, 0.0), RelationKind.BYPASSED, (lead,))
            elif lead not in self.plan.cancelled:
                yield _Candidate(kink * (1 + abs(height)), RelationKind.KINK, (lead,))
        yield from _joins(self.leads, vectors, amounts)
        yield from self._circuits()

    def _seen(self, boundary: object) -> tuple[Float[np.ndarray, " coordinates"], float, float]:
        """Coordinates with a slope of one, the sum of amounts in its units, and the kink."""
        own = [z * h for z, h in zip(boundary.normal, self.units.reach, strict=True)]  # type: ignore[attr-defined]
        slope = sum((abs(v) for v in own), Fraction(0))
        nodes = self.slopes.nodes
        amounts = [[q * abs(f) for q in nodes[i].q] for i, f in boundary.members]  # type: ignore[attr-defined]
        total = max(
            sum((abs(row[j]) for row in amounts), Fraction(0)) for j in range(self.net.outputs)
        )
        kink = max(
            abs(sum((row[j] for row in amounts), Fraction(0))) for j in range(self.net.outputs)
        )
        coordinates = np.array([*(float(v / slope) for v in own), float(boundary.height / slope)])  # type: ignore[attr-defined]
        return coordinates, float(total * slope), float(kink * slope)

    def _circuits(self) -> Iterator[_Candidate]:
        rows, sizes, scale = self.slopes.in_floats()
        unit = sizes * float(scale)
        bare = Rows(
            rows.values, rows.sizes, np.zeros_like(rows.target), np.zeros_like(rows.target_sizes)
        )
        count = len(rows.values)
        if count < 2:
            return
        kinked = [self.leads[g] for g in self.slopes.kinked]
        place = {lead: k for k, lead in enumerate(kinked)}
        known = np.zeros((len(self.plan.circuits), count))
        for row, circuit in zip(known, self.plan.circuits, strict=True):
            row[[place[lead] for lead in circuit if lead in place]] = 1.0
        basis = (
            np.linalg.svd(known, full_matrices=False)[2][: np.linalg.matrix_rank(known)]
            if len(known)
            else known
        )
        if self.planted is None:
            found = vanishing_sums(bare, PLANTED, 1e-4) if count > EVERY_SUBSET else None
            self.planted = (
                [frozenset(kinked[k] for k in subset) for subset in found.subsets]
                if found is not None
                else []
            )
        best: list[tuple[float, tuple[int, ...]]] = []
        for size in range(2, count + 1):
            if count > EVERY_SUBSET and (
                size > 4
                or (size == 4 and count > QUADRUPLES)
                or (size == 3 and count > MOST_TRIPLES)
            ):
                break
            table = combinations_of(count, size)
            gaps = bare.gaps(table)
            order = np.argsort(gaps, kind="stable")[:24]
            best += [(float(gaps[n]), tuple(int(k) for k in table[n])) for n in order]
        planted = [
            tuple(sorted(place[lead] for lead in circuit))
            for circuit in self.planted
            if circuit <= place.keys()
        ]
        best += [(float(bare.gaps(np.array([subset]))[0]), subset) for subset in planted]
        largest = largest_meaningful_gaps(bare, ACCIDENTS)
        for _, subset in sorted(one for one in best if one[0] < largest[len(one[1])]):
            row = np.zeros(count)
            row[list(subset)] = 1.0
            left = row - (row @ basis.T) @ basis if len(basis) else row
            if np.abs(left).max() > 1e-9:
                total = np.abs(bare.values[list(subset)].sum(axis=0)).sum(axis=1)
                yield _Candidate(
                    float(np.max(total * unit)),
                    RelationKind.ANNIHILATE,
                    tuple(kinked[k] for k in subset),
                )
                return


def _joins(
    leads: list[int],
    vectors: Float[np.ndarray, "boundaries coordinates"],
    amounts: Float[np.ndarray, " boundaries"],
) -> Iterator[_Candidate]:
    """The cheapest way to bring two near boundaries together: the lighter one moves."""
    count = len(leads)
    if count < 2:
        return
    apart = np.full((count, count), np.inf)
    for sign in (1.0, -1.0):
        distance = np.zeros((count, count))
        for column in vectors.T:
            distance += np.abs(column[:, None] - sign * column[None, :])
        apart = np.minimum(apart, distance)
    removed = amounts * np.maximum(1 - np.abs(vectors[:, -1]), 0.0)
    lighter = np.where(amounts[:, None] <= amounts[None, :], removed[:, None], removed[None, :])
    cost = apart * np.minimum(amounts[:, None], amounts[None, :])
    cost[cost > NEAR * lighter] = np.inf
    cost[np.tril_indices(count)] = np.inf
    i, j = np.unravel_index(int(np.argmin(cost)), cost.shape)
    if not np.isfinite(cost[i, j]):
        return
    lead, other = (i, j) if amounts[i] >= amounts[j] else (j, i)
    yield _Candidate(
        float(cost[i, j]), RelationKind.BOUNDARY, (leads[int(lead)], leads[int(other)])
    )


def _idle_kind(net: TwoLayerReLU, i: int, domain: Domain) -> RelationKind:
    node = net.nodes[i]
    if not any(node.q):
        return RelationKind.SILENT
    if not any(node.w):
        return RelationKind.CONSTANT
    return RelationKind.DEAD if domain.span(node.w, node.b)[1] <= 0 else RelationKind.BYPASSED


def _float_above(value: Fraction) -> float:
    rounded = float(value)
    return rounded if Fraction(rounded) >= value else math.nextafter(rounded, math.inf)


def _distinct(levels: tuple[HierarchyLevel, ...]) -> list[HierarchyLevel]:
    """The levels at which something that is counted changes; of several at one distance the
    last.
    """
    result: list[HierarchyLevel] = []
    for level in levels:
        if result and result[-1].distance == level.distance:
            result[-1] = level
        elif not result or _counts(result[-1]) != _counts(level):
            result.append(level)
    return result


def _counts(level: HierarchyLevel) -> tuple[int, int | None, int | None]:
    return level.minimal_width, level.components, level.dimension
