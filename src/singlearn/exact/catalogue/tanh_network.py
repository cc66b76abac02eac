"""Two-layer tanh networks, and the singularities of Vandermonde type that they have."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt

from singlearn.exact.catalogue.refusals import in_whole_numbers, require_at_least
from singlearn.exact.coefficient import ExactCoefficient


@in_whole_numbers
def tanh_zero_truth(hidden: int) -> ExactCoefficient:
    r"""(λ, m) of :math:`f(x) = ∑_{j=1}^H a_j \tanh(b_j x)`, one input and one output, when the true
    function is zero.

    .. math:: λ = \frac{h^2 + h + H}{4h + 2}, \quad h = ⌊\sqrt H⌋; \qquad
              m = 2 \text{ if } H = h^2, \text{ else } 1.

    λ grows like √H/2 while the number of parameters grows like 2H.
    Source: Aoyagi & Watanabe 2005 [aoyagi2005layered]_; Watanabe 2009, §7.2
    [watanabe2009algebraic]_.

    Args:
        hidden: H ≥ 1.

    Returns:
        λ and m as exact numbers.

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
        conditions="known noise; inputs on a bounded interval around 0; prior positive and bounded "
        "near 0; no biases",
    )


PHASES = ("any", "merged", "zero_outgoing", "zero_incoming", "zero_both")


def tanh_one_true_node(phase: str = "any") -> ExactCoefficient:
    r"""(λ, m) of :math:`f(x) = a_1 \tanh(b_1 x) + a_2 \tanh(b_2 x)` when the truth is one such
    node.

    The truth :math:`a \tanh(b x)`, ab ≠ 0, leaves one node too many, and λ depends on what it does:

    =================  =====================================================  ==============
    phase              the second node                                        (λ, m)
    =================  =====================================================  ==============
    ``merged``         :math:`b_1 = ±b_2`, the two share the true one's work  (5/4, 1)
    ``zero_outgoing``  a = 0, b neither 0 nor ± the true one's                (3/2, 1)
    ``zero_incoming``  b = 0, a ≠ 0                                           (3/2, 1)
    ``zero_both``      a = b = 0                                              (3/2, 2)
    ``any``            the smallest: merged                                   (5/4, 1)
    =================  =====================================================  ==============

    Two numbers of the true node are always pinned, λ = 1. Merged nodes are seen only through their
    second moment about the mean, :math:`a_2 (b_2 - b_1)^2`, whose square has λ = 1/4; an idle one
    through :math:`a_2 b_2`, or through :math:`a_2` or :math:`b_2` alone, 1/2.

    Args:
        phase: one of the names in the table.

    Returns:
        The local λ and m as exact numbers, by the row of the table that ``phase`` names.

    Raises:
        ValueError: an unknown phase.

    >>> print(tanh_one_true_node())
    λ = 5/4, m = 1 (proved: singlearn, by the moments of merged nodes)
    """
    if phase not in PHASES:
        raise ValueError(f"phase: got {phase!r}; it should be one of {', '.join(PHASES)}")
    merged = phase in ("any", "merged")
    return ExactCoefficient(
        value=Fraction(5, 4) if merged else Fraction(3, 2),
        multiplicity=2 if phase == "zero_both" else 1,
        source="singlearn, by the moments of merged nodes",
        conditions="one input, one output, no biases; known noise; inputs on a bounded interval "
        "around 0; prior positive "
        "and bounded" + ("" if phase == "any" else f"; local to phase {phase!r}"),
    )


@in_whole_numbers
def vandermonde(terms: int, step: int) -> ExactCoefficient:
    r"""(λ, m) at the origin of :math:`K = ∑_{n ≥ 0} \Big(∑_{j=1}^H a_j b_j^{1 + Qn}\Big)^2`, the
    :math:`a_j` of either sign.

    .. math:: λ = \frac{2H + Q h (h + 1)}{4 (1 + Q h)}, \quad
              h = \max\{i : 2i + Q i (i - 1) ≤ 2H\}; \qquad
              m = 2 \text{ if equality holds for } h, \text{ else } 1.

    Q = 2 is the tanh network of :func:`tanh_zero_truth`. Beware of mixtures: their weights are
    positive, which forbids the cancellations that make λ small here. H = 4, Q = 1 gives 7/6, where
    a Gaussian mixture of four components whose truth is one has 5/4
    (:func:`gaussian_location_mixture`). Source: Aoyagi 2010 [aoyagi2010vandermonde]_.

    Args:
        terms: H ≥ 1.
        step: Q ≥ 1, between the powers of b.

    Returns:
        λ and m at the origin as exact numbers.

    Raises:
        ValueError: an argument is outside these ranges.

    >>> print(vandermonde(terms=4, step=1))
    λ = 7/6, m = 1 (proved: Aoyagi 2010)
    """
    require_at_least("terms", terms, 1)
    require_at_least("step", step, 1)
    h = 1
    while 2 * (h + 1) + step * (h + 1) * h <= 2 * terms:
        h += 1
    return ExactCoefficient(
        value=Fraction(2 * terms + step * h * (h + 1), 4 * (1 + step * h)),
        multiplicity=2 if 2 * h + step * h * (h - 1) == 2 * terms else 1,
        source="Aoyagi 2010",
        conditions="coefficients of either sign (not the weights of a mixture); prior positive and "
        "bounded near 0",
    )
