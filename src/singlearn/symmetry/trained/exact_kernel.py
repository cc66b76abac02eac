"""The nearest vectors that satisfy linear relations exactly, in rational arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import flint
import numpy as np

from singlearn.numbers.rational import Matrix, Vector, dot


def satisfying(
    relations: Sequence[Vector], vectors: Matrix, weights: Sequence[float]
) -> Matrix | None:
    r"""Vectors :math:`z'` near the given ones with :math:`\sum_g c_g z'_g = 0` for every relation.

    The least change in the weighted norm is found in floats, from exact residuals; then the vectors
    of pivots of the relations are solved for exactly. Relations that depend on each other are
    welcome.

    Args:
        relations: coefficients, one per vector.
        vectors: z, rows of N numbers.
        weights: how much each is allowed to move; the change is :math:`W C^T (C W C^T)^{-1} C z`.

    Returns:
        The vectors, or ``None`` if a relation leaves nothing but zero for one of them that is not
        zero.

    >>> z = satisfying(
    ...     [(Fraction(1), Fraction(1))], ((Fraction(1),), (Fraction(-9, 8),)), [1.0, 1.0]
    ... )
    >>> [str(row[0]) for row in z]
    ['17/16', '-17/16']
    """
    residuals = [
        [dot(row, [v[i] for v in vectors]) for i in range(len(vectors[0]))] for row in relations
    ]
    moved = [list(row) for row in vectors]
    if any(any(row) for row in residuals):
        c = np.array([[float(v) for v in row] for row in relations])
        w = np.array(weights)
        scale = np.maximum(np.abs(c * np.sqrt(w)).max(axis=1), 1e-300)
        gram = (c / scale[:, None] * w) @ (c / scale[:, None]).T
        size = max((abs(v) for row in residuals for v in row), default=Fraction(1))
        right = np.array([[float(v / size) for v in row] for row in residuals]) / scale[:, None]
        change = (w[:, None] * (c / scale[:, None]).T) @ np.linalg.lstsq(gram, right, rcond=1e-12)[
            0
        ]
        moved = [
            [v - Fraction(float(d)) * size for v, d in zip(row, own, strict=True)]
            for row, own in zip(moved, change, strict=True)
        ]
    # Pivots: large vectors are solved for, so that the small share of what rounding left does not
    # matter to them.
    order = sorted(range(len(vectors)), key=lambda g: -weights[g])
    table = flint.fmpq_mat([[_flint(row[g]) for g in order] for row in relations])
    reduced, rank = table.rref()
    for r in range(rank):
        row = [reduced[r, j] for j in range(len(order))]
        pivot = next(j for j, v in enumerate(row) if v != 0)
        coefficients = {
            order[j]: Fraction(int(v.p), int(v.q))
            for j, v in enumerate(row)
            if j != pivot and v != 0
        }
        moved[order[pivot]] = [
            -sum((k * moved[g][i] for g, k in coefficients.items()), Fraction(0))
            for i in range(len(vectors[0]))
        ]
    if any(any(old) and not any(new) for old, new in zip(vectors, moved, strict=True)):
        return None
    return tuple(tuple(row) for row in moved)


def _flint(value: Fraction) -> flint.fmpq:
    return flint.fmpq(value.numerator, value.denominator)
