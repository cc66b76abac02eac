"""λ at every point of the fibre of reduced rank regression: all strata, and the one a point
belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from singlearn.exact.catalogue.reduced_rank import reduced_rank, reduced_rank_local
from singlearn.exact.coefficient import ExactCoefficient
from singlearn.results.result import Answer
from singlearn.running.arguments import real_number


@dataclass(frozen=True)
class FibreStratum(Answer):
    """The true parameters (A, B) with rank A = a and rank B = b.

    Attributes:
        first_rank: a.
        second_rank: b.
        dimension: of the stratum, a manifold.
        coefficient: λ and m at each of its points.
    """

    first_rank: int
    second_rank: int
    dimension: int
    coefficient: ExactCoefficient

    def __str__(self) -> str:
        return (
            f"rank A = {self.first_rank}, rank B = {self.second_rank}: dimension {self.dimension}, "
            f"λ = {self.coefficient.value}, m = {self.coefficient.multiplicity}"
        )


def reduced_rank_strata(inputs: int, outputs: int, hidden: int, rank: int) -> list[FibreStratum]:
    r"""All strata of the fibre :math:`\{(A, B) : BA = C\}` with rank C = r, the smallest λ first.

    For given ranks a and b the fibre is a manifold of dimension

    .. math:: aH + (a-r)(M-a) + r(H-a) + (b-r)(N + H - a - b)

    (rows of A: a space of dimension a that contains that of C; columns of B on the image of A are
    given, elsewhere they
    are free but for the rank). λ is constant on it: :func:`reduced_rank_local`. The smallest is
    that of the model,
    :func:`reduced_rank`.

    Args:
        inputs: M, columns of A.
        outputs: N, rows of B.
        hidden: H, rows of A and columns of B.
        rank: r of the true map.

    Returns:
        One entry for each pair of ranks that occurs.

    Raises:
        ValueError: an argument is out of range.

    >>> for stratum in reduced_rank_strata(1, 1, 1, rank=0):       # the cross ab = 0
    ...     print(stratum)
    rank A = 0, rank B = 0: dimension 0, λ = 1/2, m = 2
    rank A = 0, rank B = 1: dimension 1, λ = 1/2, m = 1
    rank A = 1, rank B = 0: dimension 1, λ = 1/2, m = 1
    """
    reduced_rank(inputs, outputs, hidden, rank)  # refuses what is out of range
    M, N, H, r = int(inputs), int(outputs), int(hidden), int(rank)
    found = []
    for a in range(r, min(M, H) + 1):
        for b in range(r, min(N, H) + 1):
            if a + b - r > H:
                continue
            dimension = a * H + (a - r) * (M - a) + r * (H - a) + (b - r) * (N + H - a - b)
            found.append(FibreStratum(a, b, dimension, reduced_rank_local(M, N, H, r, a, b)))
    return sorted(
        found,
        key=lambda s: (
            s.coefficient.value,
            -(s.coefficient.multiplicity or 0),
            s.first_rank,
            s.second_rank,
        ),
    )


def reduced_rank_near(A: Any, B: Any, tolerance: float | int) -> ExactCoefficient:
    r"""λ and m at the point of the fibre next to a parameter of floats: ranks by singular values.

    A matrix has the rank of those singular values that are above ``tolerance``. Where one lies
    within a factor of
    ten of it the rank is refused rather than guessed; exact matrices go to
    :func:`singlearn.exact.catalogue.reduced_rank_at`.

    Args:
        A: H × M.
        B: N × H.
        tolerance: > 0, in units of the entries.

    Returns:
        The coefficient; its conditions name the ranks.

    Raises:
        ValueError: matrices that cannot be multiplied, entries that are not finite, a rank that is
            not clear, or ranks
            that no two matrices have.

    >>> noise = 1e-9
    >>> A, B = [[1.0, noise], [0.0, noise]], [[noise, 0.0], [0.0, 1.0]]
    >>> print(reduced_rank_near(A, B, tolerance=1e-5).value)
    3/2
    """
    level = real_number("tolerance", tolerance, above=0, meaning="a positive number")
    first, second = _matrix("A", A), _matrix("B", B)
    if second.shape[1] != first.shape[0]:
        raise ValueError(
            f"B: got {second.shape[1]} columns; A has {first.shape[0]} rows, and BA needs as many"
        )
    ranks = [
        _rank(name, m, level) for name, m in (("BA", second @ first), ("A", first), ("B", second))
    ]
    return reduced_rank_local(first.shape[1], second.shape[0], first.shape[0], *ranks)


def _matrix(name: str, value: Sequence[Any] | np.ndarray) -> np.ndarray:
    matrix = np.asarray(value, float)
    if matrix.ndim != 2 or not matrix.size or not np.isfinite(matrix).all():
        raise ValueError(
            f"{name}: got shape {matrix.shape}; it should be a matrix of finite numbers"
        )
    return matrix


def _rank(name: str, matrix: np.ndarray, tolerance: float) -> int:
    values = np.linalg.svd(matrix, compute_uv=False)
    unclear = values[(values > tolerance / 10) & (values < 10 * tolerance)]
    if len(unclear):
        raise ValueError(
            f"tolerance: got {tolerance:g}; {name} has the singular value {unclear[0]:.3g}, too "
            "close to it for a rank to be read"
        )
    return int((values > tolerance).sum())
