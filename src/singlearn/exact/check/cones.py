"""Normal cones of a Newton polyhedron, one vertex after the other."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from itertools import combinations
from math import gcd
from typing import Any

Ray = tuple[int, ...]


def matrix_rank(rows: Sequence[Sequence[Any]]) -> int:
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
    """Extreme rays of the weights w ≥ 0 for which ``point`` is lowest: orthant, cut by one half-space after the other."""
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
                fresh.append(_primitive([abs(k) * a + abs(h) * b for a, b in zip(one, two, strict=True)]))
        walls.append(half)
        rays = list(dict.fromkeys(fresh))
    return frozenset(rays)


def compact_cones(points: Sequence[Ray]) -> dict[frozenset[Ray], int]:
    """Cones of all compact faces, by their rays, with their dimensions."""
    size = len(points[0])
    minimal = [p for p in set(points) if not any(q != p and all(a <= b for a, b in zip(q, p, strict=True)) for q in set(points))]
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


def covers(parts: Sequence[tuple[Ray, ...]], cone: frozenset[Ray], dimension: int) -> bool:
    """Whether simplicial cones are all the cones, inside the interior of ``cone``, of a subdivision of it."""
    if len(set(parts)) != len(parts) or not parts:
        return False
    facets = _facet_normals(cone, dimension)
    if any(_dot(n, ray) < 0 for part in parts for ray in part for n in facets):
        return False
    if any(matrix_rank([*cone, *part]) != dimension or matrix_rank(part) != len(part) for part in parts):
        return False

    def inside(part: Sequence[Ray]) -> bool:
        return all(any(_dot(n, ray) for ray in part) for n in facets)

    full = [frozenset(part) for part in parts if len(part) == dimension]
    needed = {frozenset(face) for part in full for k in range(1, dimension + 1) for face in combinations(part, k) if inside(face)}
    if not full or needed != {frozenset(part) for part in parts}:
        return False
    for part in full:
        for ray in part:
            wall = part - {ray}
            if wall and not inside(list(wall)):
                continue
            if not wall:
                continue
            # Across an interior wall there is exactly one other cone, on the other side.
            others = [other for other in full if wall < other and other != part]
            if len(others) != 1:
                return False
            (opposite,) = others[0] - wall
            if not _opposite(sorted(wall), ray, opposite):
                return False
    # One generic point lies in exactly one of the cones.
    generic = tuple(sum((97**i % 1009 + 1) * ray[j] for i, ray in enumerate(sorted(cone))) for j in range(len(next(iter(cone)))))
    return sum(_strictly_inside(generic, sorted(part)) for part in full) == 1


def _opposite(wall: Sequence[Ray], one: Ray, two: Ray) -> bool:
    """one and two on different sides of the span of the wall: two = -a·one + (wall), a > 0."""
    solution = _coordinates(two, [*wall, one])
    return solution is not None and solution[-1] < 0


def _strictly_inside(point: Ray, rays: Sequence[Ray]) -> bool:
    solution = _coordinates(point, rays)
    return solution is not None and all(v > 0 for v in solution)


def _coordinates(point: Ray, rays: Sequence[Ray]) -> list[Fraction] | None:
    rows = [[*(Fraction(ray[i]) for ray in rays), Fraction(point[i])] for i in range(len(point))]
    count = len(rays)
    for column in range(count):
        pivot = next((r for r in range(column, len(rows)) if rows[r][column]), None)
        if pivot is None:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        lead = rows[column][column]
        rows[column] = [v / lead for v in rows[column]]
        for r in range(len(rows)):
            if r != column and rows[r][column]:
                factor = rows[r][column]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[column], strict=True)]
    if any(row[count] for row in rows[count:]):
        return None
    return [row[count] for row in rows[:count]]


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
        form = _form(chosen, other, rays)
        values = [_dot(form, ray) for ray in rays]
        if all(v >= 0 for v in values) and form not in normals:
            normals.append(form)
        elif all(v <= 0 for v in values) and tuple(-v for v in form) not in normals:
            normals.append(tuple(-v for v in form))
    return normals


def _form(wall: Sequence[Ray], other: Ray, rays: Sequence[Ray]) -> tuple[Fraction, ...]:
    """The linear form, a combination of the rays, that is 0 on the wall and 1 on the other ray."""
    basis = [*wall, other]
    gram = [[Fraction(_dot(a, b)) for b in basis] for a in basis]
    rows = [[*row, Fraction(int(i == len(wall)))] for i, row in enumerate(gram)]
    size = len(rows)
    for column in range(size):
        pivot = next(r for r in range(column, size) if rows[r][column])
        rows[column], rows[pivot] = rows[pivot], rows[column]
        lead = rows[column][column]
        rows[column] = [v / lead for v in rows[column]]
        for r in range(size):
            if r != column and rows[r][column]:
                factor = rows[r][column]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[column], strict=True)]
    weights = [row[size] for row in rows]
    return tuple(sum((w * b[j] for w, b in zip(weights, basis, strict=True)), Fraction(0)) for j in range(len(other)))


def _dot(one: Sequence[Any], other: Sequence[int]) -> Any:
    return sum(a * b for a, b in zip(one, other, strict=True))


def _primitive(vector: Sequence[int]) -> Ray:
    divisor = reduce(gcd, vector)
    return tuple(v // divisor for v in vector)
