"""Two-layer tanh networks that learn nothing."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt

from singlearn.exact.catalogue.refusals import require_at_least
from singlearn.exact.coefficient import ExactCoefficient


def tanh_zero_truth(hidden: int) -> ExactCoefficient:
    r"""(λ, m) of :math:`f(x) = ∑_{j=1}^H a_j \tanh(b_j x)`, one input and one output, when the true function is zero.

    .. math:: λ = \frac{h^2 + h + H}{4h + 2}, \quad h = ⌊\sqrt H⌋; \qquad m = 2 \text{ if } H = h^2, \text{ else } 1.

    λ grows like √H/2 while the number of parameters grows like 2H.
    Source: Aoyagi & Watanabe 2005 [aoyagi2005layered]_; Watanabe 2009, §7.2 [watanabe2009algebraic]_.

    Args:
        hidden: H ≥ 1.

    Raises:
        ValueError: ``hidden`` is not a whole number ≥ 1.

    >>> print(tanh_zero_truth(hidden=4))
    λ = 1, m = 2 (proved: Aoyagi & Watanabe 2005 (layered networks))
    """
    require_at_least("hidden", hidden, 1)
    h = isqrt(hidden)
    return ExactCoefficient(
        value=Fraction(h * h + h + hidden, 4 * h + 2),
        multiplicity=2 if h * h == hidden else 1,
        source="Aoyagi & Watanabe 2005 (layered networks)",
        conditions="known noise; inputs on a bounded interval around 0; prior positive and bounded near 0; no biases",
    )
