"""Hidden Markov models, in the one case where λ is known exactly."""

from __future__ import annotations

from fractions import Fraction

from singlearn.exact.catalogue.refusals import in_whole_numbers, require_at_least
from singlearn.exact.coefficient import ExactCoefficient


@in_whole_numbers
def hidden_markov_binary(length: int) -> ExactCoefficient:
    r"""(λ, m) of a hidden Markov model with two states and binary emissions whose truth is
    independent coin tosses.

    .. math:: λ = 3/4, \qquad m = 1

    for sequences of length T ≥ 2 that start in the stationary distribution π. With u the mean
    emission, δ the difference of the emission probabilities and μ the second eigenvalue of the
    transition matrix, :math:`K ≍ (u - u_0)^2 + (π_0 π_1 μ δ^2)^2`; the first term has λ = 1/2, the
    second 1/4. For other sizes and truths only upper bounds are published (Yamazaki & Watanabe 2005
    [yamazaki2005hidden]_), and nothing is claimed.

    Args:
        length: T ≥ 2 of the observed sequences. One observation alone is a mixture of two coins,
            and shows u only.

    Returns:
        λ = 3/4 and m = 1, with the conditions under which they hold.

    Raises:
        ValueError: ``length`` is not a whole number ≥ 2.

    >>> print(hidden_markov_binary(length=4).value)
    3/4
    """
    require_at_least("length", length, 2)
    return ExactCoefficient(
        value=Fraction(3, 4),
        multiplicity=1,
        source="singlearn, by an equivalent polynomial",
        conditions="two states, binary emissions, stationary start; truth independent with 0 < p < "
        "1; prior uniform on "
        "transition and emission probabilities",
    )
