"""Reduced rank regression: a linear map through a bottleneck."""

from __future__ import annotations

from fractions import Fraction

from singlearn.exact.catalogue.refusals import require_at_least, require_rank
from singlearn.exact.coefficient import ExactCoefficient


def reduced_rank(inputs: int, outputs: int, hidden: int, rank: int) -> ExactCoefficient:
    r"""(λ, m) of :math:`y = BAx + ε` with :math:`A ∈ R^{H×M}, B ∈ R^{N×H}`, when the true map has rank r.

    With M inputs, N outputs, H hidden units, :math:`K(w) ≍ \|BA - B_0A_0\|^2` and, by cases,

    - if :math:`N+r ≤ M+H`, :math:`M+r ≤ N+H` and :math:`H+r ≤ M+N`:
      :math:`λ = \frac18 [-(H+r)^2 - M^2 - N^2 + 2(H+r)(M+N) + 2MN]` and m = 1 when M+H+N+r is even; the bracket plus
      one, and m = 2, when it is odd;
    - if :math:`M+H < N+r`: :math:`λ = (HM - Hr + Nr)/2`, m = 1;
    - if :math:`N+H < M+r`: :math:`λ = (HN - Hr + Mr)/2`, m = 1;
    - if :math:`M+N < H+r`: :math:`λ = MN/2`, m = 1.

    Source: Aoyagi & Watanabe 2005 [aoyagi2005reduced]_.

    Args:
        inputs: M ≥ 1.
        outputs: N ≥ 1.
        hidden: H ≥ 1.
        rank: r of the true map, 0 ≤ r ≤ min(M, N, H).

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
        conditions="inputs with covariance of full rank; known noise; prior positive and bounded near the truth",
    )


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
