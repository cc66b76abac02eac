"""Normal cones of a Newton polyhedron, one vertex after the other."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fractions import Fraction
from functools import reduce
from itertools import combinations
from math import gcd
from typing import Any

from singlearn.exact.verify.data import require

Ray = tuple[int, ...]


def matrix_rank(rows: Sequence[Sequence[Any]]) -> int:
    """The rank of a matrix of rational numbers."""
    work = [[Fraction(v) for v in row] for row in rows]
    found = 0
    width = len(work[0]) if work else 0
    for column in range(width):
        pivot = next((r for r in range(found, len(work)) if work[r][column]), None)
        if pivot is None:
            continue
        work[found], work[pivot] = work[pivot], work[found]
        for r in range(found + 1, len(work)):
            ratio = work[r][column] / work[found][column]
            if ratio:
                work[r] = [a - ratio * b for a, b in zip(work[r], work[found], strict=True)]
        found += 1
    return found


def determinant(rows: Sequence[Sequence[int]]) -> Fraction:
    """The determinant of a square matrix of whole numbers."""
    work = [[Fraction(v) for v in row] for row in rows]
    result = Fraction(1)
    for column in range(len(work)):
        pivot = next((r for r in range(column, len(work)) if work[r][column]), None)
        if pivot is None:
            return Fraction(0)
        if pivot != column:
            work[column], work[pivot] = work[pivot], work[column]
            result = -result
        result *= work[column][column]
        for r in range(column + 1, len(work)):
            ratio = work[r][column] / work[column][column]
            work[r] = [a - ratio * b for a, b in zip(work[r], work[column], strict=True)]
    return result


def lowest_cone(point: Ray, points: Sequence[Ray]) -> frozenset[Ray]:
    """Extreme rays of the weights w ≥ 0 for which ``point`` is lowest: orthant, cut by one
    half-space after the other.
    """
    size = len(point)
    walls: list[Ray] = [tuple(int(i == j) for j in range(size)) for i in range(size)]
    rays: list[Ray] = list(walls)
    for other in points:
        half = tuple(b - a for a, b in zip(point, other, strict=True))
        if not any(half):
            continue
        heights = [_dot(half, ray) for ray in rays]
        fresh = [ray for ray, h in zip(rays, heights, strict=True) if h >= 0]
        for (one, h), (two, k) in combinations(list(zip(rays, heights, strict=True)), 2):
            if h * k >= 0:
                continue
            shared = [wall for wall in walls if _dot(wall, one) == 0 == _dot(wall, two)]
            if (matrix_rank(shared) if shared else 0) == size - 2:
                fresh.append(
                    _primitive([abs(k) * a + abs(h) * b for a, b in zip(one, two, strict=True)])
                )
        walls.append(half)
        rays = list(dict.fromkeys(fresh))
    return frozenset(rays)


def compact_cones(points: Sequence[Ray]) -> dict[frozenset[Ray], int]:
    """Cones of all compact faces, by their rays, with their dimensions."""
    size = len(points[0])
    minimal = [
        p
        for p in set(points)
        if not any(q != p and all(a <= b for a, b in zip(q, p, strict=True)) for q in set(points))
    ]
    tops = []
    for point in minimal:
        cone = lowest_cone(point, minimal)
        if (matrix_rank(list(cone)) if cone else 0) == size:
            tops.append(cone)
    found = set(tops)
    last = found
    while last:
        last = {a & b for a in last for b in tops} - found
        last = {c for c in last if c and all(sum(column) for column in zip(*c, strict=True))}
        found |= last
    return {cone: (matrix_rank(list(cone)) if cone else 0) for cone in found}


def show_cover(parts: set[frozenset[Ray]], cone: frozenset[Ray], dimension: int) -> None:
    """Every point inside ``cone`` lies in the relative interior of one of the parts, which are
    simplicial cones in it.

    Beyond each wall of one of full dimension, if the wall is not in a facet of the cone, there is
    another one: so that what they cover has no boundary inside the cone. Every face of theirs that
    is not in a facet of the cone is among the parts.

    Raises:
        RefutedError: it is not so.
    """
    facets = _facet_normals(cone, dimension)

    def inside(rays: Collection[Ray]) -> bool:
        return all(any(_dot(n, ray) for ray in rays) for n in facets)

    require(
        all(matrix_rank([*cone, *part]) == dimension for part in parts),
        "a chart reaches out of the span of the face",
    )
    require(
        all(_dot(n, ray) >= 0 for part in parts for ray in part for n in facets),
        "a chart reaches beyond the face",
    )
    full = [part for part in parts if len(part) == dimension]
    require(bool(full), "there are no charts of the face")
    for part in full:
        faces = [
            frozenset(face) for size in range(1, dimension) for face in combinations(part, size)
        ]
        require(
            all(face in parts for face in faces if inside(face)),
            "the points where charts of the face meet are missing",
        )
        for ray in part:
            wall = part - {ray}
            if wall and inside(wall):
                others = [min(other - wall) for other in full if wall < other]
                require(
                    any(_across(sorted(wall), ray, other) for other in others),
                    "beyond a wall there is no chart of the face",
                )


def _across(wall: Sequence[Ray], one: Ray, two: Ray) -> bool:
    """one and two, in the same span as the wall, lie on different sides of it: two = -a·one +
    (wall), a > 0.
    """
    basis = [*wall, one]
    return (
        _cramer([[_dot(a, b) for b in basis] for a in basis], [_dot(ray, two) for ray in basis])[-1]
        < 0
    )


def _cramer(matrix: Sequence[Sequence[int]], right: Sequence[int]) -> list[Fraction]:
    """The solution of a system with a determinant that is not 0, by Cramer's rule."""
    whole = determinant(matrix)
    return [
        determinant([[*row[:i], r, *row[i + 1 :]] for row, r in zip(matrix, right, strict=True)])
        / whole
        for i in range(len(matrix))
    ]


def _facet_normals(cone: frozenset[Ray], dimension: int) -> list[tuple[Fraction, ...]]:
    """For every facet of the cone a linear form that is 0 on it and positive on the other rays."""
    rays = sorted(cone)
    normals: list[tuple[Fraction, ...]] = []
    if dimension == 1:
        return []
    for chosen in combinations(rays, dimension - 1):
        if matrix_rank(chosen) != dimension - 1:
            continue
        other = next((ray for ray in rays if matrix_rank([*chosen, ray]) == dimension), None)
        if other is None:
            continue
        form = _form(chosen, other)
        values = [_dot(form, ray) for ray in rays]
        if all(v >= 0 for v in values) and form not in normals:
            normals.append(form)
        elif all(v <= 0 for v in values) and tuple(-v for v in form) not in normals:
            normals.append(tuple(-v for v in form))
    return normals


def _form(wall: Sequence[Ray], other: Ray) -> tuple[Fraction, ...]:
    """The linear form, a combination of the rays, that is 0 on the wall and 1 on the other ray."""
    basis = [*wall, other]
    weights = _cramer([[_dot(a, b) for b in basis] for a in basis], [*(0 for _ in wall), 1])
    return tuple(
        sum((w * b[j] for w, b in zip(weights, basis, strict=True)), Fraction(0))
        for j in range(len(other))
    )


def _dot(one: Sequence[Any], other: Sequence[int]) -> Any:
    return sum(a * b for a, b in zip(one, other, strict=True))


def _primitive(vector: Sequence[int]) -> Ray:
    divisor = reduce(gcd, vector)
    return tuple(v // divisor for v in vector)
