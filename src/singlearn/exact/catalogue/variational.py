"""The coefficient of log n in the free energy of mean-field variational Bayes, beside the
Bayesian λ.
"""

from __future__ import annotations

from fractions import Fraction

from singlearn.exact.catalogue.refusals import (
    in_whole_numbers,
    require_at_least,
    require_components,
    require_rank,
)
from singlearn.exact.coefficient import ExactCoefficient
from singlearn.running.arguments import real_number


@in_whole_numbers
def variational_reduced_rank(inputs: int, outputs: int, hidden: int, rank: int) -> ExactCoefficient:
    r"""λ_VB of reduced rank regression, the posterior approximated by q(A) q(B).

    .. math:: λ_{VB} = \frac{r (M + N) + (H - r) \min(M, N)}{2}

    A used component pins its M + N weights to :math:`n^{-1/2}`, since q(A) q(B) cannot follow the
    orbit that leaves BA
    unchanged. An unused one needs :math:`σ_a^2 σ_b^2 ∼ 1/n`, and pays least where the smaller side
    shrinks. λ_VB is
    the coefficient of log n in a bound of the free energy, so that it is at least λ
    (Nakajima & Watanabe 2007 [nakajima2007variational]_).

    Args:
        inputs: M ≥ 1.
        outputs: N ≥ 1.
        hidden: H ≥ 1.
        rank: r of the true map.

    Returns:
        λ_VB as an exact number, with m = 1.

    Raises:
        ValueError: an argument is out of range.

    >>> from singlearn.exact.catalogue.reduced_rank import reduced_rank
    >>> print(variational_reduced_rank(2, 2, 2, 0).value, reduced_rank(2, 2, 2, 0).value)
    2 3/2
    """
    for argument, value in (("inputs", inputs), ("outputs", outputs), ("hidden", hidden)):
        require_at_least(argument, value, 1)
    require_rank(rank, [inputs, outputs, hidden])
    return ExactCoefficient(
        value=Fraction(rank * (inputs + outputs) + (hidden - rank) * min(inputs, outputs), 2),
        multiplicity=1,
        source="Nakajima & Watanabe 2007",
        conditions="a bound of F by variational Bayes; Gaussian priors, known noise",
    )


def variational_mixture(
    components: int, true_components: int, dimension: int, concentration: float | int = 1
) -> ExactCoefficient:
    r"""λ_VB of a mixture of Gaussians of known covariance, weights Dirichlet(α), q(weights, means)
    q(labels).

    .. math:: λ_{VB} = (H - H_0) \min\Big(α, \frac{D + 1}{2}\Big) + \frac{H_0 (D + 1) - 1}{2}

    An unused component is emptied, which costs α, or copies a used one, which costs its D + 1
    parameters in full
    (Watanabe & Watanabe 2006 [watanabe2006stochastic]_). The Bayesian λ
    (:func:`singlearn.exact.catalogue.gaussian_location_mixture`) has min(α/2, D/4) in that place.

    Args:
        components: H ≥ 1.
        true_components: H₀ ≤ H.
        dimension: D ≥ 1.
        concentration: α > 0.

    Returns:
        λ_VB as an exact number, with m = 1.

    Raises:
        ValueError: an argument is out of range.

    >>> print(variational_mixture(3, true_components=1, dimension=1, concentration=1).value)
    5/2
    """
    require_components("components", components, true_components)
    require_at_least("dimension", dimension, 1)
    alpha = Fraction(str(real_number("concentration", concentration, above=0, meaning="positive")))
    H, H0, D = int(components), int(true_components), int(dimension)
    return ExactCoefficient(
        value=(H - H0) * min(alpha, Fraction(D + 1, 2)) + Fraction(H0 * (D + 1) - 1, 2),
        multiplicity=1,
        source="Watanabe & Watanabe 2006",
        conditions="a bound of F by variational Bayes; conjugate priors, known covariance",
    )
