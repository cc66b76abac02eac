"""Deep linear networks of any depth."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

from singlearn.exact.catalogue.refusals import in_whole_numbers, require_at_least, require_rank
from singlearn.exact.coefficient import ExactCoefficient


@in_whole_numbers
def deep_linear(widths: Sequence[int], rank: int) -> ExactCoefficient:
    r"""(λ, m) of :math:`y = W_L ⋯ W_1 x + ε` when the true map has rank r.

    Subtract the rank from every width, :math:`Δ_s = h_s - r`, and let :math:`S` be the one set of ℓ
    + 1 layers, ℓ ≥ 1, with

    .. math:: \max_S Δ < \min_{S^c} Δ, \qquad ∑_S Δ ≥ ℓ \max_S Δ, \qquad ∑_S Δ < ℓ \min_{S^c} Δ

    (conditions on the empty complement hold). With :math:`σ = ∑_S Δ` and :math:`a = σ - (⌈σ/ℓ⌉ - 1)
    ℓ`,

    .. math:: λ = \frac{r (h_{in} + h_{out} - r)}{2} + \frac{a(ℓ - a)}{4ℓ} - \frac{(ℓ - 1) σ^2}{4ℓ}
                  + \frac12 ∑_{\{s, t\} ⊆ S} Δ_s Δ_t, \qquad m = a(ℓ - a) + 1.

    Source: Aoyagi 2024 [aoyagi2024deep]_; for two matrices this is :func:`reduced_rank`. λ agrees
    with what the exponents of singular values of products of Gaussian matrices give (Yang &
    Belfiore 2007 [yang2007diversity]_).

    Args:
        widths: of all layers, inputs first and outputs last, each ≥ 1; at least two.
        rank: r of the true map, 0 ≤ r ≤ the narrowest width.

    Returns:
        λ and m as exact numbers, with the conditions of the theorem and its source.

    Raises:
        ValueError: an argument is outside these ranges.

    >>> print(deep_linear([4, 3, 2, 3, 4], rank=1))
    λ = 9/2, m = 2 (proved: Aoyagi 2024)
    """
    widths = list(widths)
    if len(widths) < 2:
        raise ValueError(
            f"widths: got {widths}; it should name at least the inputs and the outputs"
        )
    for index, width in enumerate(widths):
        require_at_least(f"widths[{index}]", width, 1)
    require_rank(rank, widths)
    gaps = _binding_gaps([width - rank for width in widths])
    ell, total = len(gaps) - 1, sum(gaps)
    a = total - (-(-total // ell) - 1) * ell
    value = (
        Fraction(rank * (widths[0] + widths[-1] - rank), 2)
        + Fraction(a * (ell - a), 4 * ell)
        - Fraction((ell - 1) * total**2, 4 * ell)
        + Fraction(sum(first * second for first, second in combinations(gaps, 2)), 2)
    )
    return ExactCoefficient(
        value=value,
        multiplicity=a * (ell - a) + 1,
        source="Aoyagi 2024",
        conditions="inputs with covariance of full rank; known noise; prior positive and bounded "
        "near the truth",
    )


def _binding_gaps(gaps: list[int]) -> list[int]:
    """The Δ of the set S: the narrowest layers, as many as constrain each other."""
    ordered = sorted(gaps)
    for ell in range(1, len(ordered)):
        inside, outside = ordered[: ell + 1], ordered[ell + 1 :]
        wide_enough = sum(inside) >= ell * inside[-1]
        if wide_enough and (
            not outside or (inside[-1] < outside[0] and sum(inside) < ell * outside[0])
        ):
            return inside
    raise AssertionError(f"no set S for {gaps}; Aoyagi 2024 proves that there is one")
