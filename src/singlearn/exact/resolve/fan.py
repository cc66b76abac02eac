"""The normal fan of a Newton polyhedron, with whole numbers only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from math import gcd

from singlearn.numbers.linear_algebra import rank_of_integers

Vector = tuple[int, ...]


@dataclass(frozen=True)
class Cone:
    """The weights for which one compact face of the polyhedron is lowest.

    Args:
        rays: primitive generators, in the order of the fan.
        walls: for every ray the constraints (coordinates ≥ 0, points not below the face) that it
            makes equalities, as bits.
        dimension: of the cone; the face has the complementary one.
    """

    rays: tuple[Vector, ...]
    walls: tuple[int, ...]
    dimension: int

    @property
    def interior(self) -> Vector:
        """A weight inside: the sum of the rays."""
        return tuple(map(sum, zip(*self.rays, strict=True)))


@dataclass(frozen=True)
class Fan:
    """Rays of the normal fan of ``conv(points) + orthant`` and the cones whose interior lies in the
    open orthant.
    """

    rays: tuple[Vector, ...]
    cones: tuple[Cone, ...]


def normal_fan(points: Sequence[Vector], check: Callable[[], None] = lambda: None) -> Fan:
    """The fan of the Newton polyhedron of ``points``, by the double description method.

    >>> [cone.rays for cone in normal_fan([(2, 0), (0, 3)]).cones]
    [((0, 1), (3, 2)), ((1, 0), (3, 2)), ((3, 2),)]
    """
    points = _lowest(points)
    size = len(points[0])
    rays = _extreme_rays(points, size, check)
    vectors = tuple(ray for ray, _ in rays)
    walls = {ray: bits for ray, bits in rays}
    # A point is a vertex when the weights that are lowest there fill the space; faces are met by
    # intersecting.
    top = []
    for index in range(len(points)):
        members = frozenset(ray for ray in vectors if walls[ray] >> (size + index) & 1)
        if rank_of_integers(list(members)) == size:
            top.append(members)
    found: set[frozenset[Vector]] = set(top)
    frontier = list(found)
    while frontier:
        fresh = []
        for one in frontier:
            check()
            for other in top:
                common = one & other
                if common and common not in found and all(map(sum, zip(*common, strict=True))):
                    found.add(common)
                    fresh.append(common)
        frontier = fresh
    cones = []
    for members in found:
        ordered = tuple(sorted(members))
        cones.append(
            Cone(ordered, tuple(walls[ray] for ray in ordered), rank_of_integers(list(ordered)))
        )
    cones.sort(key=lambda cone: (-cone.dimension, cone.rays))
    return Fan(tuple(sorted(vectors)), tuple(cones))


def _lowest(points: Sequence[Vector]) -> list[Vector]:
    kept: list[Vector] = []
    for point in sorted(set(points), key=lambda p: (sum(p), p)):
        if not any(all(a <= b for a, b in zip(other, point, strict=True)) for other in kept):
            kept.append(point)
    return kept


def _extreme_rays(
    points: list[Vector], size: int, check: Callable[[], None]
) -> list[tuple[Vector, int]]:
    """Extreme rays of {(w, c): w ≥ 0, w·a ≥ c for all a}, without (0, -1), projected to w."""
    everything = (1 << size) - 1
    first = points[0]
    rays: list[tuple[Vector, int]] = [
        ((*(int(i == j) for j in range(size)), first[i]), (everything & ~(1 << i)) | 1 << size)
        for i in range(size)
    ]
    rays.append(((*(0,) * size, -1), everything))
    for index, point in enumerate(points[1:], start=1):
        check()
        bit = 1 << (size + index)
        value = [
            sum(w * a for w, a in zip(ray, point, strict=False)) - ray[size] for ray, _ in rays
        ]
        kept = [
            (ray, bits | bit if v == 0 else bits)
            for (ray, bits), v in zip(rays, value, strict=True)
            if v >= 0
        ]
        above = [i for i, v in enumerate(value) if v > 0]
        below = [i for i, v in enumerate(value) if v < 0]
        masks = [bits for _, bits in rays]
        for i in above:
            for j in below:
                common = masks[i] & masks[j]
                if common.bit_count() < size - 1:
                    continue
                if any(common & mask == common for n, mask in enumerate(masks) if n not in (i, j)):
                    continue
                ray = tuple(
                    value[i] * b - value[j] * a for a, b in zip(rays[i][0], rays[j][0], strict=True)
                )
                kept.append((_primitive(ray), common | bit))
        rays = kept
    return [(_primitive(ray[:size]), bits) for ray, bits in rays if any(ray[:size])]


def _primitive(vector: Sequence[int]) -> Vector:
    divisor = reduce(gcd, vector)
    return tuple(v // divisor for v in vector) if divisor else tuple(vector)
