"""Nodes whose activation boundaries coincide, and kinks that cancel on them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from jaxtyping import Float

from singlearn.numbers.rational import Vector
from singlearn.symmetry.trained.box_units import BoxUnits
from singlearn.symmetry.trained.relation import Relation, RelationKind, in_float
from singlearn.symmetry.trained.tolerance import binary_digits
from singlearn.symmetry.two_layer.kink_form import rounded
from singlearn.symmetry.two_layer.network import Node

ZERO = Fraction(0)
ROUNDING = 16 * 2.0**-53
NEARBY = 0.05
PAIRS_OF_ROUNDING = 1e-3
"""Accidental pairs that are allowed where rounding is meant; whoever gives a tolerance means all
pairs within it.
"""


@dataclass
class Boundary:
    """Nodes on one hyperplane.

    Attributes:
        normal: z, N numbers, of a size near 1 in units of the box.
        height: the affine function of the boundary at the centre of the box.
        members: hidden nodes, each with its factor f: ``w = f z``, negative where it is of the
            other orientation.
    """

    normal: Vector
    height: Fraction
    members: list[tuple[int, Fraction]]

    def amounts(self, nodes: Sequence[Node], sign: int) -> Vector:
        """Total of ``q |f|`` over the members of one orientation, per output."""
        own = [(nodes[i].q, abs(f)) for i, f in self.members if (f > 0) == (sign > 0)]
        return tuple(
            sum((q[j] * size for q, size in own), ZERO)
            for j in range(len(nodes[self.members[0][0]].q))
        )

    def placed(self, units: BoxUnits, factor: Fraction, q: Vector) -> Node:
        """The node on this boundary with ``w = f z``."""
        offset = self.height - sum(
            (z * c for z, c in zip(self.normal, units.centre, strict=True)), ZERO
        )
        return Node(tuple(factor * z for z in self.normal), factor * offset, q)


def snap_boundaries(
    nodes: list[Node],
    active: Sequence[int],
    units: BoxUnits,
    relative_tolerance: Fraction,
    accidents_allowed: float,
) -> tuple[list[Node], list[Boundary], list[Relation]]:
    """Put nodes on one boundary whose preactivations are nearly multiples of each other on the
    domain.

    In one dimension many boundaries come close by chance: a pair is taken to be meant only if fewer
    than ``accidents_allowed`` would be as close, judged by how many are within :data:`NEARBY` of
    each other.

    Args:
        nodes: the hidden nodes.
        active: those that have a boundary.
        units: of the domain.
        relative_tolerance: of the difference, per size of the preactivations.
        accidents_allowed: expected number of pairs.
    """
    result, boundaries, relations = list(nodes), [], []
    for cluster, lead, seen in clusters_of(
        nodes, active, units, relative_tolerance, accidents_allowed
    ):
        boundary, gap = gathered(result, cluster, lead, seen, units)
        boundaries.append(boundary)
        if len(cluster) > 1:
            relations.append(Relation(RelationKind.BOUNDARY, tuple(cluster), in_float(gap)))
    return result, boundaries, relations


def clusters_of(
    nodes: Sequence[Node],
    active: Sequence[int],
    units: BoxUnits,
    relative_tolerance: Fraction,
    accidents_allowed: float,
) -> Iterator[tuple[list[int], int, dict[int, Seen]]]:
    """Nodes that belong on one boundary, which of them it is that of, and all active nodes in units
    of the box.
    """
    seen = {i: Seen.of(nodes[i], units) for i in active}
    for cluster in _clusters(seen, float(relative_tolerance), accidents_allowed):
        yield cluster, min(cluster, key=lambda i: (_length(nodes[i]), -seen[i].weight, i)), seen


def gathered(
    nodes: list[Node], cluster: Sequence[int], lead: int, seen: dict[int, Seen], units: BoxUnits
) -> tuple[Boundary, Fraction]:
    """Move the nodes of a cluster, in place, onto the boundary of one of them; returns it, and the
    largest gap.
    """
    own = seen[lead]
    boundary = Boundary(tuple(w / own.scale for w in nodes[lead].w), own.coordinates[-1], [])
    largest = ZERO
    for i in cluster:
        sign, gap = own.compared(seen[i]) if i != lead else (1, ZERO)
        largest = max(largest, gap)
        boundary.members.append((i, seen[i].factor(own, sign, exact=not gap)))
        if gap:
            nodes[i] = boundary.placed(units, boundary.members[-1][1], nodes[i].q)
    return boundary, largest


def snap_kinks(
    nodes: list[Node], boundaries: Sequence[Boundary], relative_tolerance: Fraction
) -> tuple[list[Node], list[Relation]]:
    """Let kinks cancel that nearly do: the largest amount of a boundary takes what is left of their
    sum.
    """
    result, relations = list(nodes), []
    for boundary in boundaries:
        gaps = cancelled(result, boundary, relative_tolerance)
        if gaps:
            relations.append(
                Relation(
                    RelationKind.KINK,
                    tuple(i for i, _ in boundary.members),
                    in_float(max(gaps.values())),
                    tuple(gaps),
                )
            )
    return result, relations


def cancelled(
    nodes: list[Node], boundary: Boundary, relative_tolerance: Fraction
) -> dict[int, Fraction]:
    """Let the kink of a boundary cancel, in place, in the outputs in which it nearly does; returns
    these with their gaps.
    """
    gaps = {}
    for j in range(len(nodes[boundary.members[0][0]].q)):
        amounts = [(nodes[i].q[j] * abs(f), i, f) for i, f in boundary.members]
        total, size = (
            sum((a for a, _, _ in amounts), ZERO),
            sum((abs(a) for a, _, _ in amounts), ZERO),
        )
        if size and abs(total) <= relative_tolerance * size:
            _, i, f = max(amounts, key=lambda item: abs(item[0]))
            q = list(nodes[i].q)
            q[j] -= total / abs(f)
            nodes[i] = replace(nodes[i], q=tuple(q))
            gaps[j] = abs(total) / size
    return gaps


@dataclass(frozen=True)
class Seen:
    """A node in units of the box, divided by a power of two so that its slope is between 1/2 and
    2.
    """

    coordinates: Vector
    slope: Fraction
    size: Fraction
    scale: Fraction
    weight: float

    @classmethod
    def of(cls, node: Node, units: BoxUnits) -> Seen:
        """A node in units of the box."""
        own = units.coordinates(node)
        slope = sum((abs(v) for v in own[:-1]), ZERO)
        scale = Fraction(2) ** (slope.numerator.bit_length() - slope.denominator.bit_length())
        weight = float(min(max(abs(q) for q in node.q) * scale, Fraction(10) ** 300))
        return cls(
            tuple(v / scale for v in own), slope / scale, units.size(node) / scale, scale, weight
        )

    def compared(self, other: Seen) -> tuple[int, Fraction]:
        """Which orientation the other node has, and how far it is from the same boundary, relative
        to both sizes.
        """
        largest = max(range(len(self.coordinates) - 1), key=lambda k: abs(self.coordinates[k]))
        sign = 1 if self.coordinates[largest] * other.coordinates[largest] >= 0 else -1
        apart = sum(
            (
                abs(a / self.slope - sign * b / other.slope)
                for a, b in zip(self.coordinates, other.coordinates, strict=True)
            ),
            ZERO,
        )
        return sign, apart / (self.size / self.slope + other.size / other.slope)

    def factor(self, lead: Seen, sign: int, *, exact: bool) -> Fraction:
        """f with ``w = f z``, z the normal of the lead."""
        ratio = self.slope / lead.slope
        return sign * self.scale * (ratio if exact else rounded(ratio))


def _length(node: Node) -> int:
    """Binary digits of the boundary: of nearly equal ones the shortest is taken."""
    return sum(
        binary_digits(v) + v.denominator.bit_length() * (v.denominator & (v.denominator - 1) > 0)
        for v in (*node.w, node.b)
    )


def _clusters(
    seen: dict[int, Seen], relative_tolerance: float, accidents_allowed: float
) -> list[list[int]]:
    """Nodes in groups all of whose pairs are within twice the tolerance; closest pairs are joined
    first.
    """
    numbers = list(seen)
    if not numbers:
        return []
    vectors = np.array([[float(v / s.slope) for v in s.coordinates] for s in seen.values()])
    sizes = np.array([float(s.size / s.slope) for s in seen.values()])
    ratios = np.stack([_ratios(vectors, sizes, sign) for sign in (1.0, -1.0)]).min(axis=0)
    group = list(range(len(numbers)))
    meant = largest_meant(
        ratios[np.triu_indices(len(numbers), 1)], vectors.shape[1] - 1, accidents_allowed
    )
    relative_tolerance = min(relative_tolerance, meant)
    window = max(relative_tolerance, ROUNDING)
    near = np.argwhere(np.triu(ratios <= window, 1))
    for i, j in near[np.argsort(ratios[near[:, 0], near[:, 1]], kind="stable")]:
        if group[i] == group[j] or (
            seen[numbers[i]].compared(seen[numbers[j]])[1] > Fraction(relative_tolerance)
        ):
            continue
        first = [k for k, g in enumerate(group) if g == group[i]]
        second = [k for k, g in enumerate(group) if g == group[j]]
        if ratios[np.ix_(first, second)].max() <= 2 * window:
            joined = group[i]
            for k in second:
                group[k] = joined
    members: dict[int, list[int]] = {}
    for k, g in enumerate(group):
        members.setdefault(g, []).append(numbers[k])
    return list(members.values())


def largest_meant(
    ratios: Float[np.ndarray, " pairs"], dimensions: int, accidents_allowed: float
) -> float:
    """How close a pair must be so that fewer than the allowed number would be so by accident."""
    nearby = int(np.sum(ratios <= NEARBY))
    return (
        NEARBY * (accidents_allowed / max(nearby, 1)) ** (1 / dimensions)
        if math.isfinite(accidents_allowed)
        else math.inf
    )


def _ratios(vectors: np.ndarray, sizes: np.ndarray, sign: float) -> np.ndarray:
    """Differences of all pairs relative to their sizes."""
    apart = np.zeros((len(vectors), len(vectors)))
    for column in vectors.T:
        apart += np.abs(column[:, None] - sign * column[None, :])
    result: np.ndarray = apart / (sizes[:, None] + sizes[None, :])
    return result
