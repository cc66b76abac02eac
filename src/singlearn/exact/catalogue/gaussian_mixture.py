"""Gaussian mixtures with more components than the truth."""

from __future__ import annotations

from fractions import Fraction

from singlearn.exact.catalogue.refusals import (
    in_whole_numbers,
    require_at_least,
    require_components,
)
from singlearn.exact.coefficient import ExactCoefficient


@in_whole_numbers
def gaussian_location_mixture(
    components: int, true_components: int, dimension: int, concentration: Fraction | int | float
) -> ExactCoefficient:
    r"""(λ, m) of :math:`p(x) = ∑_{k=1}^H a_k N(x; μ_k, I_D)` when the truth has H₀ components.

    Weights :math:`a ~ \mathrm{Dirichlet}(α, …, α)`:

    .. math:: λ = \frac{H_0 (D + 1) - 1}{2} + (H - H_0) \min(\tfrac{α}{2}, \tfrac{D}{4}), \qquad
              m = 1 + (H - H_0) [α = \tfrac{D}{2}].

    The first term is the regular part: H₀ means and H₀ - 1 weights. Every component too many either
    empties, at the price of the Dirichlet density :math:`a^{α - 1}` with :math:`K ≍ a^2` (α/2), or
    merges with a true one, which :math:`K` notices only in the second moment, :math:`K ≍ a^2 |δ|^4`
    (D/4); the cheaper way wins, and Rousseau & Mengersen's threshold α = D/2
    [rousseau2011asymptotic]_ is where they tie. Weights are positive: formulas for weights of
    either sign (Vandermonde type singularities) give smaller values, 7/6 instead of 5/4 for H = 4,
    H₀ = 1, D = 1, α = 1. For H = 2, H₀ = 1, D = 1, α = 1 it is the 3/4 of Yamazaki & Watanabe 2003
    [yamazaki2003mixture]_.

    Args:
        components: H ≥ H₀.
        true_components: H₀ ≥ 1, distinct and with positive weights.
        dimension: D ≥ 1, of an observation.
        concentration: α > 0. A float is read as the decimal it prints as, so that 0.1 is 1/10.

    Returns:
        λ and m as exact numbers, with the conditions of the theorem and its source.

    Raises:
        ValueError: an argument is outside these ranges.

    >>> print(
    ...     gaussian_location_mixture(
    ...         components=3, true_components=2, dimension=1, concentration=1
    ...     )
    ... )
    λ = 7/4, m = 1 (proved: singlearn, extending Yamazaki & Watanabe 2003)
    """
    require_components("components", components, true_components)
    require_at_least("dimension", dimension, 1)
    if not 0 < concentration < float("inf"):
        raise ValueError(f"concentration: got {concentration}; it should be positive and finite")
    alpha = (
        Fraction(str(concentration))
        if isinstance(concentration, float)
        else Fraction(concentration)
    )
    excess = components - true_components
    empty, merge = alpha / 2, Fraction(dimension, 4)
    return ExactCoefficient(
        value=Fraction(true_components * (dimension + 1) - 1, 2) + excess * min(empty, merge),
        multiplicity=1 + (excess if empty == merge else 0),
        source="singlearn, extending Yamazaki & Watanabe 2003",
        conditions="known identity covariance; true components distinct, with positive weights; "
        "prior of the means "
        "positive and bounded near the true ones",
    )
