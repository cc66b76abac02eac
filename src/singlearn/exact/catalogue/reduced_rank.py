"""Reduced rank regression: a linear map through a bottleneck."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from singlearn.exact.catalogue.refusals import in_whole_numbers, require_at_least, require_rank
from singlearn.exact.coefficient import ExactCoefficient
from singlearn.numbers.linear_algebra import rank as matrix_rank


@in_whole_numbers
def reduced_rank(inputs: int, outputs: int, hidden: int, rank: int) -> ExactCoefficient:
    r"""(λ, m) of :math:`y = BAx + ε` with :math:`A ∈ R^{H×M}, B ∈ R^{N×H}`, when the true map has
    rank r.

    With M inputs, N outputs, H hidden units, :math:`K(w) ≍ \|BA - B_0A_0\|^2` and, by cases,

    - if :math:`N+r ≤ M+H`, :math:`M+r ≤ N+H` and :math:`H+r ≤ M+N`:
      :math:`λ = \frac18 [-(H+r)^2 - M^2 - N^2 + 2(H+r)(M+N) + 2MN]` and m = 1 when M+H+N+r is even;
      the bracket plus one, and m = 2, when it is odd;
    - if :math:`M+H < N+r`: :math:`λ = (HM - Hr + Nr)/2`, m = 1;
    - if :math:`N+H < M+r`: :math:`λ = (HN - Hr + Mr)/2`, m = 1;
    - if :math:`M+N < H+r`: :math:`λ = MN/2`, m = 1.

    Source: Aoyagi & Watanabe 2005 [aoyagi2005reduced]_.

    Args:
        inputs: M ≥ 1.
        outputs: N ≥ 1.
        hidden: H ≥ 1.
        rank: r of the true map, 0 ≤ r ≤ min(M, N, H).

    Returns:
        λ and m as exact numbers, by the case that the four numbers are in.

    Raises:
        ValueError: an argument is outside these ranges.

    >>> print(reduced_rank(inputs=2, outputs=2, hidden=2, rank=1))
    λ = 2, m = 2 (proved: Aoyagi & Watanabe 2005)
    """
    for argument, value in (("inputs", inputs), ("outputs", outputs), ("hidden", hidden)):
        require_at_least(argument, value, 1)
    require_rank(rank, [inputs, outputs, hidden])
    eighths, multiplicity = _eighths(inputs, outputs, hidden, rank)
    return ExactCoefficient(
        value=Fraction(eighths, 8),
        multiplicity=multiplicity,
        source="Aoyagi & Watanabe 2005",
        conditions="inputs with covariance of full rank; known noise; prior positive and bounded "
        "near the truth",
    )


@in_whole_numbers
def reduced_rank_local(
    inputs: int, outputs: int, hidden: int, rank: int, first_rank: int, second_rank: int
) -> ExactCoefficient:
    r"""Local (λ, m) of :math:`y = BAx + ε` at a true parameter (A, B), by the ranks a of A, b of B
    and r of BA.

    .. math:: λ = \frac{a N + b M - a b}{2} + λ_0(M - a,\; N - b,\; H - a - b + r),

    where :math:`λ_0(M', N', H')` and m are those of :func:`reduced_rank` with true rank 0, or 0 and
    1 when one of the three numbers is 0. Proof: near (A, B) the rows of A that span its row space
    and the columns of B that span its image can be used as coordinates; :math:`aN + bM - ab` of the
    entries of :math:`BA - B_0A_0` are then coordinates themselves, and the others are, up to an
    invertible factor, the entries of a product of an (N-b) × (H-a-b+r) and an (H-a-b+r) × (M-a)
    matrix, both zero at the point. For the product of two matrices the origin has the smallest λ of
    all zeros, since K is homogeneous, so Aoyagi & Watanabe's value for true rank 0
    [aoyagi2005reduced]_ is the local one there. The smallest λ of all true parameters, at a = b =
    r, is that of :func:`reduced_rank`.

    Args:
        inputs: M ≥ 1, columns of A.
        outputs: N ≥ 1, rows of B.
        hidden: H ≥ 1, rows of A and columns of B.
        rank: r of the product BA.
        first_rank: a of A, r ≤ a ≤ min(M, H).
        second_rank: b of B, r ≤ b ≤ min(N, H), and a + b - r ≤ H.

    Returns:
        The local λ and m as exact numbers, at a parameter of these ranks.

    Raises:
        ValueError: an argument is outside these ranges; no two matrices have such ranks.

    >>> print(
    ...     reduced_rank_local(
    ...         inputs=2, outputs=2, hidden=2, rank=0, first_rank=0, second_rank=0
    ...     ).value
    ... )
    3/2
    >>> print(
    ...     reduced_rank_local(
    ...         inputs=2, outputs=2, hidden=2, rank=0, first_rank=0, second_rank=2
    ...     ).value
    ... )
    2
    """
    for argument, value in (("inputs", inputs), ("outputs", outputs), ("hidden", hidden)):
        require_at_least(argument, value, 1)
    require_rank(rank, [inputs, outputs, hidden])
    for argument, value, widest in (
        ("first_rank", first_rank, inputs),
        ("second_rank", second_rank, outputs),
    ):
        require_at_least(argument, value, rank)
        if value > min(widest, hidden):
            raise ValueError(
                f"{argument}: got {value}; a matrix with sides {widest} and {hidden} has no such "
                f"rank"
            )
    if first_rank + second_rank - rank > hidden:
        raise ValueError(
            f"rank: got {rank}; a product of matrices of ranks {first_rank} and {second_rank} "
            f"through {hidden} hidden "
            f"units has at least rank {first_rank + second_rank - hidden}"
        )
    smooth = first_rank * outputs + second_rank * inputs - first_rank * second_rank
    rest = (inputs - first_rank, outputs - second_rank, hidden - first_rank - second_rank + rank)
    eighths, multiplicity = _eighths(*rest, 0) if min(rest) > 0 else (0, 1)
    return ExactCoefficient(
        value=Fraction(smooth, 2) + Fraction(eighths, 8),
        multiplicity=multiplicity,
        source="singlearn, from Aoyagi & Watanabe 2005 at rank 0",
        conditions="inputs with covariance of full rank; known noise; prior positive and bounded "
        "near the parameter",
    )


def reduced_rank_at(
    A: Sequence[Sequence[Fraction | int]], B: Sequence[Sequence[Fraction | int]]
) -> ExactCoefficient:
    r"""Local (λ, m) of :math:`y = BAx + ε` at the true parameter (A, B): :func:`reduced_rank_local`
    at its ranks.

    Args:
        A: H rows of M rational numbers. Floats are refused: the rank of a rounded matrix is not
            that of the matrix.
        B: N rows of H rational numbers.

    Returns:
        The local λ and m as exact numbers, at the ranks that were found.

    Raises:
        TypeError: an entry is not rational.
        ValueError: rows of different lengths, or matrices that cannot be multiplied.

    >>> print(
    ...     reduced_rank_at(A=[[1, 0], [0, 0]], B=[[0, 0], [0, 1]]).value
    ... )  # ranks 1 and 1, product 0
    3/2
    """
    first, second = _rational("A", A), _rational("B", B)
    if len(second[0]) != len(first):
        raise ValueError(
            f"B: got {len(second[0])} columns; A has {len(first)} rows, and BA needs as many"
        )
    columns = list(zip(*first, strict=True))
    product = [
        [sum((b * a for b, a in zip(row, column, strict=True)), Fraction(0)) for column in columns]
        for row in second
    ]
    return reduced_rank_local(
        len(columns),
        len(second),
        len(first),
        matrix_rank(product),
        matrix_rank(first),
        matrix_rank(second),
    )


def _rational(argument: str, matrix: Sequence[Sequence[Fraction | int]]) -> list[list[Fraction]]:
    rows = [list(row) for row in matrix]
    if not rows or not rows[0] or any(len(row) != len(rows[0]) for row in rows):
        raise ValueError(
            f"{argument}: got rows of lengths {[len(row) for row in rows]}; they should be equal "
            f"and not 0"
        )
    for entry in (entry for row in rows for entry in row):
        if not isinstance(entry, (int, Fraction)):
            raise TypeError(
                f"{argument}: got the entry {entry!r}; it should be a whole number or a Fraction"
            )
    return [[Fraction(entry) for entry in row] for row in rows]


def _eighths(M: int, N: int, H: int, r: int) -> tuple[int, int]:
    """8λ and m; one letter a dimension, as in the paper."""
    if N + r > M + H:
        return 4 * (H * M - H * r + N * r), 1
    if M + r > N + H:
        return 4 * (H * N - H * r + M * r), 1
    if H + r > M + N:
        return 4 * M * N, 1
    odd = (M + H + N + r) % 2
    return -((H + r) ** 2) - M**2 - N**2 + 2 * (H + r) * (M + N) + 2 * M * N + odd, 1 + odd
