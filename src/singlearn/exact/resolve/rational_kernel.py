"""The kernel of a rational matrix."""

from __future__ import annotations

from typing import Any

from flint import fmpq


def rational_kernel(matrix: Any) -> list[list[Any]]:
    """A basis of the vectors that a matrix (``fmpq_mat``) sends to 0.

    >>> from flint import fmpq_mat
    >>> rational_kernel(fmpq_mat(1, 3, [1, 2, 0]))
    [[-2, 1, 0], [0, 0, 1]]
    """
    reduced, rank = matrix.rref()
    columns = matrix.ncols()
    pivots = [next(c for c in range(columns) if reduced[r, c] != 0) for r in range(rank)]
    found = []
    for free in (c for c in range(columns) if c not in pivots):
        vector = [fmpq(0)] * columns
        vector[free] = fmpq(1)
        for r, pivot in enumerate(pivots):
            vector[pivot] = -reduced[r, free]
        found.append(vector)
    return found
