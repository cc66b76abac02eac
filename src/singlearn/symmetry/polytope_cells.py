"""Convex polytopes that are cut by hyperplanes, as exact vertices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from singlearn.numbers.linear_algebra import rank, solve
from singlearn.numbers.rational import Vector, dot
from singlearn.symmetry.domain import Domain


@dataclass(frozen=True)
class Cell:
    """A polytope by its vertices, and for each vertex the inequalities that are tight there."""

    vertices: tuple[Vector, ...]
    tight: tuple[frozenset[int], ...]


def whole(inequalities: Sequence[tuple[Vector, Fraction]], inputs: int) -> Cell:
    """The vertices of the domain: the feasible points among the solutions of N of its equations."""
    found: dict[Vector, frozenset[int]] = {}
    for chosen in combinations(range(len(inequalities)), inputs):
        normals = [inequalities[i][0] for i in chosen]
        if rank(normals) < inputs:
            continue
        point = tuple(solve(normals, [-inequalities[i][1] for i in chosen]))
        heights = [dot(row, point) + offset for row, offset in inequalities]
        if point not in found and all(height >= 0 for height in heights):
            found[point] = frozenset(i for i, height in enumerate(heights) if not height)
    return Cell(tuple(found), tuple(found.values()))


def cut(
    cell: Cell,
    row: Vector,
    offset: Fraction,
    number: int,
    inequalities: Sequence[tuple[Vector, Fraction]],
) -> list[Cell]:
    """The parts of a cell on both sides of a hyperplane; the cell itself if it does not pass
    through the interior.
    """
    heights = [dot(row, vertex) + offset for vertex in cell.vertices]
    if not (min(heights) < 0 < max(heights)):
        tight = tuple(
            known | {number} if not height else known
            for known, height in zip(cell.tight, heights, strict=True)
        )
        return [Cell(cell.vertices, tight)]
    sides: dict[int, dict[Vector, frozenset[int]]] = {1: {}, -1: {}}
    for vertex, known, height in zip(cell.vertices, cell.tight, heights, strict=True):
        for sign, own in sides.items():
            if sign * height >= 0:
                own[vertex] = known | {number} if not height else known
    for (a, high), (b, low) in combinations(enumerate(heights), 2):
        if high * low < 0 and _joined(cell, a, b, inequalities, len(row)):
            share = high / (high - low)
            point = tuple(
                x + share * (y - x) for x, y in zip(cell.vertices[a], cell.vertices[b], strict=True)
            )
            for own in sides.values():
                own[point] = cell.tight[a] & cell.tight[b] | {number}
    return [Cell(tuple(own), tuple(own.values())) for own in sides.values()]


def _joined(
    cell: Cell, a: int, b: int, inequalities: Sequence[tuple[Vector, Fraction]], inputs: int
) -> bool:
    """Whether two vertices are the ends of an edge."""
    common = cell.tight[a] & cell.tight[b]
    if any(common <= known for i, known in enumerate(cell.tight) if i not in (a, b)):
        return False
    return inputs == 1 or rank([inequalities[i][0] for i in common]) == inputs - 1


def halfspaces(domain: Domain) -> list[tuple[Vector, Fraction]]:
    """The domain as ``<row, x> + offset ≥ 0``."""
    rows, right = domain.halfspaces()
    return [(tuple(-v for v in row), a) for row, a in zip(rows, right, strict=True)]


def in_order(vertices: tuple[Vector, ...]) -> tuple[Vector, ...]:
    """On a line from left to right, in the plane the way round; else as they are."""
    if len(vertices[0]) == 1:
        return tuple(sorted(vertices))
    return _round(vertices) if len(vertices[0]) == 2 else vertices


def _round(vertices: tuple[Vector, ...]) -> tuple[Vector, ...]:
    """The corners of a convex polygon in their order, by exact cross products round the lowest
    one.
    """
    first = min(vertices, key=lambda v: (v[1], v[0]))

    def slope(vertex: Vector) -> tuple[int, Fraction]:
        x, y = vertex[0] - first[0], vertex[1] - first[1]
        return (-1, -x) if not y else (0, -x / y)

    return (first, *sorted((vertex for vertex in vertices if vertex != first), key=slope))
