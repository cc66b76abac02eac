"""Cones cut into unimodular ones, and unimodular matrices completed: the monomial charts of a toric
blow-up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

from singlearn.exact.resolve.fan import Cone, Vector
from singlearn.numbers.linear_algebra import rank_of_integers


def unimodular_cones(
    cone: Cone, check: Callable[[], None] = lambda: None
) -> list[tuple[Vector, ...]]:
    """Unimodular cones whose open interiors partition the open interior of ``cone``.

    >>> unimodular_cones(Cone(((1, 0), (1, 2)), (0b01, 0b10), 2))
    [((1, 0), (1, 1)), ((1, 1),), ((1, 1), (1, 2))]
    """
    walls = dict(zip(cone.rays, cone.walls, strict=True))
    shared = ~0
    for bits in cone.walls:
        shared &= bits
    simplices = _triangulate(list(cone.rays), walls, shared, cone.dimension)
    smooth: list[tuple[Vector, ...]] = []
    while simplices:
        check()
        simplex = simplices.pop()
        split = _inner_point(simplex)
        if split is None:
            smooth.append(simplex)
            continue
        point, support = split
        bits = ~0
        for ray in support:
            bits &= walls[ray]
        walls[point] = bits
        simplices.extend(tuple(point if ray == old else ray for ray in simplex) for old in support)
    inside: set[tuple[Vector, ...]] = set()
    for simplex in smooth:
        for size in range(1, len(simplex) + 1):
            for face in combinations(sorted(simplex), size):
                bits = ~0
                for ray in face:
                    bits &= walls[ray]
                if bits == shared:
                    inside.add(face)
    return sorted(inside)


def _triangulate(
    rays: list[Vector], walls: dict[Vector, int], shared: int, dimension: int
) -> list[tuple[Vector, ...]]:
    if len(rays) == dimension:
        return [tuple(rays)]
    apex = rays[0]
    result: list[tuple[Vector, ...]] = []
    union = 0
    for ray in rays:
        union |= walls[ray]
    seen = set()
    for wall in range(union.bit_length()):
        if shared >> wall & 1 or walls[apex] >> wall & 1:
            continue
        facet = tuple(ray for ray in rays if walls[ray] >> wall & 1)
        if facet in seen or rank_of_integers(facet) != dimension - 1:
            continue
        seen.add(facet)
        bits = ~0
        for ray in facet:
            bits &= walls[ray]
        result.extend(
            (apex, *part) for part in _triangulate(list(facet), walls, bits, dimension - 1)
        )
    return result


def _inner_point(simplex: tuple[Vector, ...]) -> tuple[Vector, list[Vector]] | None:
    """A lattice point Σ c_i ray_i, 0 ≤ c_i < 1, not all zero, and the rays with c_i > 0; None for a
    unimodular cone.
    """
    index = _index(simplex)
    if index == 1:
        return None
    prime = next(p for p in range(2, index + 1) if index % p == 0)
    weights = _kernel_modulo(simplex, prime)
    total = [
        sum(c * ray[i] for c, ray in zip(weights, simplex, strict=True))
        for i in range(len(simplex[0]))
    ]
    return tuple(v // prime for v in total), [
        ray for c, ray in zip(weights, simplex, strict=True) if c
    ]


def _index(rows: Sequence[Vector]) -> int:
    """Index of the lattice that the rows span in the lattice points of their span."""
    diagonal, _ = _column_echelon(rows)
    product = 1
    for d in diagonal:
        product *= abs(d)
    return product


def _column_echelon(rows: Sequence[Vector]) -> tuple[list[int], list[list[int]]]:
    """Integer column operations that make the rows lower triangular: the diagonal, and the
    unimodular matrix of operations.
    """
    matrix = [list(row) for row in rows]
    size = len(matrix[0])
    operations = [[int(i == j) for j in range(size)] for i in range(size)]
    both = matrix + operations
    diagonal = []
    for r in range(len(matrix)):
        while True:
            live = [c for c in range(r, size) if matrix[r][c]]
            pivot = min(live, key=lambda c: abs(matrix[r][c]))
            rest = [c for c in live if c != pivot]
            if not rest:
                break
            for c in rest:
                quotient = matrix[r][c] // matrix[r][pivot]
                for row in both:
                    row[c] -= quotient * row[pivot]
        for row in both:
            row[r], row[pivot] = row[pivot], row[r]
        diagonal.append(matrix[r][r])
    return diagonal, operations


def _kernel_modulo(rows: Sequence[Vector], prime: int) -> list[int]:
    """Coefficients c, not all 0, with Σ c_i row_i ≡ 0 (mod prime)."""
    count = len(rows)
    matrix = [
        [v % prime for v in row] + [int(i == j) for j in range(count)] for i, row in enumerate(rows)
    ]
    size = len(rows[0])
    done = 0
    for column in range(size):
        pivot = next((r for r in range(done, count) if matrix[r][column]), None)
        if pivot is None:
            continue
        matrix[done], matrix[pivot] = matrix[pivot], matrix[done]
        inverse = pow(matrix[done][column], -1, prime)
        for r in range(done + 1, count):
            factor = matrix[r][column] * inverse % prime
            matrix[r] = [
                (a - factor * b) % prime for a, b in zip(matrix[r], matrix[done], strict=True)
            ]
        done += 1
    return matrix[done][size:]


def completed(rays: Sequence[Vector]) -> list[Vector]:
    """Rows that complete ``rays`` to a unimodular matrix, all entries ≥ 0 (the sum of the rays
    should be positive).

    >>> completed([(3, 2)])
    [(1, 1)]
    """
    size = len(rays[0])
    _, operations = _column_echelon(rays)
    inverse = _inverse(operations)
    sums = [sum(column) for column in zip(*rays, strict=True)]
    rows = []
    for row in inverse[len(rays) :]:
        lift = max((-(v // s) for v, s in zip(row, sums, strict=True) if s), default=0)
        rows.append(tuple(v + lift * s for v, s in zip(row, sums, strict=True)))
    assert len(rows) == size - len(rays)
    return rows


def _inverse(matrix: list[list[int]]) -> list[list[int]]:
    """Of a unimodular matrix, by integer row operations."""
    size = len(matrix)
    work = [list(row) + [int(i == j) for j in range(size)] for i, row in enumerate(matrix)]
    for column in range(size):
        while True:
            live = [r for r in range(column, size) if work[r][column]]
            pivot = min(live, key=lambda r: abs(work[r][column]))
            rest = [r for r in live if r != pivot]
            if not rest:
                break
            for r in rest:
                quotient = work[r][column] // work[pivot][column]
                work[r] = [a - quotient * b for a, b in zip(work[r], work[pivot], strict=True)]
        work[column], work[pivot] = work[pivot], work[column]
        if work[column][column] < 0:
            work[column] = [-v for v in work[column]]
        for r in range(size):
            if r != column and work[r][column]:
                factor = work[r][column]
                work[r] = [a - factor * b for a, b in zip(work[r], work[column], strict=True)]
    return [row[size:] for row in work]
