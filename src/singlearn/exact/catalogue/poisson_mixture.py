"""Poisson mixtures with more components than the truth."""

from __future__ import annotations

from fractions import Fraction

from singlearn.exact.catalogue.refusals import in_whole_numbers, require_components
from singlearn.exact.coefficient import ExactCoefficient


@in_whole_numbers
def poisson_mixture(components: int, true_components: int) -> ExactCoefficient:
    r"""(λ, m) of :math:`p(x) = ∑_{k=1}^K a_k \mathrm{Poisson}(x; ρ_k)` when the truth has K₀
    components.

    .. math:: λ = \frac{3 K_0 + K - 2}{4}, \qquad m = 1,

    for weights uniform on the simplex: 2K₀ - 1 numbers of the truth are pinned, and every component
    too many merges with a true one at the price 1/4, the same as for Gaussians on a line
    (:func:`gaussian_location_mixture`). Weights are positive; the formula for terms of either sign
    (:func:`vandermonde`) gives smaller, wrong values for mixtures. Source: Sato & Watanabe 2019
    [sato2019poisson]_.

    Args:
        components: K ≥ K₀.
        true_components: K₀ ≥ 1, with distinct positive rates and positive weights.

    Returns:
        λ and m as exact numbers, with the conditions of the theorem and its source.

    Raises:
        ValueError: an argument is outside these ranges.

    >>> print(poisson_mixture(components=5, true_components=2))
    λ = 9/4, m = 1 (proved: Sato & Watanabe 2019)
    """
    require_components("components", components, true_components)
    return ExactCoefficient(
        value=Fraction(3 * true_components + components - 2, 4),
        multiplicity=1,
        source="Sato & Watanabe 2019",
        conditions="weights uniform on the simplex; true rates positive and distinct, true weights "
        "positive; prior of the "
        "rates positive and bounded near the true ones",
    )
