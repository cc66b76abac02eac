"""Exact linear algebra over the rationals, for matrices of a few dozen rows."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction


def echelon(rows: Sequence[Sequence[Fraction]]) -> tuple[list[list[Fraction]], list[int]]:
    """Reduced row echelon form without its zero rows, and the columns of the pivots.

    Returns:
        The rows, and the column of the pivot of each.

    >>> rows, pivots = echelon([[Fraction(0), Fraction(2)], [Fraction(0), Fraction(4)]])
    >>> rows == [[0, 1]], pivots
    (True, [1])
    """
    work = [list(row) for row in rows]
    pivots: list[int] = []
    columns = len(work[0]) if work else 0
    height = 0
    for column in range(columns):
        pivot = next((i for i in range(height, len(work)) if work[i][column]), None)
        if pivot is None:
            continue
        work[height], work[pivot] = work[pivot], work[height]
        lead = work[height][column]
        work[height] = [v / lead for v in work[height]]
        for i, row in enumerate(work):
            if i != height and row[column]:
                factor = row[column]
                work[i] = [a - factor * b for a, b in zip(row, work[height], strict=True)]
        pivots.append(column)
        height += 1
        if height == len(work):
            break
    return work[:height], pivots


def rank(rows: Sequence[Sequence[Fraction]]) -> int:
    """Rank over the rationals."""
    return len(echelon(rows)[1])


def rank_of_integers(rows: Sequence[Sequence[int]]) -> int:
    """Rank of a matrix of whole numbers, by elimination without fractions: several times as fast.

    Returns:
        The rank.

    >>> rank_of_integers([(1, 2), (2, 4), (0, 1)])
    2
    """
    matrix = [list(row) for row in rows]
    found = 0
    for column in range(len(matrix[0]) if matrix else 0):
        pivot = next((r for r in range(found, len(matrix)) if matrix[r][column]), None)
        if pivot is None:
            continue
        matrix[found], matrix[pivot] = matrix[pivot], matrix[found]
        lead = matrix[found]
        for r in range(found + 1, len(matrix)):
            factor = matrix[r][column]
            if factor:
                matrix[r] = [
                    lead[column] * a - factor * b for a, b in zip(matrix[r], lead, strict=True)
                ]
        found += 1
    return found


def solve(rows: Sequence[Sequence[Fraction]], right: Sequence[Fraction]) -> list[Fraction]:
    """The solution of a square, invertible system.

    Returns:
        The solution, entry by entry.

    Raises:
        ValueError: the matrix is singular.
    """
    reduced, pivots = echelon([[*row, value] for row, value in zip(rows, right, strict=True)])
    if pivots != list(range(len(rows))):
        raise ValueError("rows: the matrix is singular")
    return [row[-1] for row in reduced]


def coordinates(
    target: Sequence[Fraction], basis: Sequence[Sequence[Fraction]]
) -> list[Fraction] | None:
    """Coefficients of ``target`` in independent ``basis`` vectors, or ``None`` where it is outside
    their span.

    Returns:
        One coefficient per basis vector, or ``None``.
    """
    if not basis:
        return None if any(target) else []
    columns = [[*entries, value] for *entries, value in zip(*basis, target, strict=True)]
    reduced, pivots = echelon(columns)
    if len(basis) in pivots:
        return None
    if len(pivots) < len(basis):
        raise ValueError("basis: the vectors are linearly dependent")
    return [row[-1] for row in reduced]


def independent_rows(rows: Sequence[Sequence[Fraction]], size: int) -> list[int] | None:
    """Indices of the first ``size`` rows that are independent, taken greedily in order, or ``None``
    if there are fewer.

    Returns:
        Indices in order, or ``None``.
    """
    chosen: list[int] = []
    reduced: list[list[Fraction]] = []
    leads: list[int] = []
    for index, row in enumerate(rows):
        rest = list(row)
        for known, lead in zip(reduced, leads, strict=True):
            if rest[lead]:
                factor = rest[lead]
                rest = [a - factor * b for a, b in zip(rest, known, strict=True)]
        lead = next((j for j, v in enumerate(rest) if v), -1)
        if lead < 0:
            continue
        reduced.append([v / rest[lead] for v in rest])
        leads.append(lead)
        chosen.append(index)
        if len(chosen) == size:
            return chosen
    return None


def factorise(rows: Sequence[Sequence[Fraction]]) -> list[tuple[list[Fraction], list[Fraction]]]:
    r"""A matrix as the least number of rank-one terms: :math:`R = \sum_j v_j n_j^T`, n_j the
    non-zero rows of its echelon form.

    Returns:
        Pairs :math:`(v_j, n_j)`; as many as the rank.
    """
    reduced, pivots = echelon(rows)
    return [
        ([row[pivot] for row in rows], normal)
        for normal, pivot in zip(reduced, pivots, strict=True)
    ]
