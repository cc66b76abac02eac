"""Naive Bayes with a hidden class: the latent class model with two classes and binary features."""

from __future__ import annotations

from fractions import Fraction

from singlearn.exact.catalogue.refusals import in_whole_numbers, require_at_least
from singlearn.exact.coefficient import ExactCoefficient

TRUTHS = ("generic", "one_link", "independent")


@in_whole_numbers
def naive_bayes(features: int, truth: str, class_bounded: bool = False) -> ExactCoefficient:
    r"""(λ, m) of :math:`p(x) = ∑_{c=1}^2 π_c ∏_{i=1}^n p_i(x_i | c)`, binary features, hidden
    class, by what is true.

    ===============  ================================  ======================================
    truth            which means                       (λ, m)
    ===============  ================================  ======================================
    ``generic``      at least three features depend    ((2n + 1)/2, 1), n ≥ 3
                     on the class
    ``one_link``     exactly two features depend on    ((2n - 1)/2, 1), n ≥ 2
                     each other
    ``independent``  all features are independent      n = 1: (1/2, 1); n = 2: (3/2, 3);
                                                       n ≥ 3: ((n + 1)/2, 1)
    ===============  ================================  ======================================

    With a class probability that the prior keeps away from 0 and 1 the hidden class cannot empty,
    and independence costs more: n = 2: (3/2, 2); n ≥ 3: (3n/4, 1). Sources: Rusakov & Geiger 2005,
    Theorem 4 [rusakov2005naive]_; for bounded class probability Zwiernik 2011 [zwiernik2011tree]_.

    Args:
        features: n ≥ 1.
        truth: one of the names in the table.
        class_bounded: the prior's support keeps :math:`π_c` away from 0 and 1.

    Returns:
        λ and m as exact numbers, by the row of the table that ``truth`` names.

    Raises:
        ValueError: an unknown truth, or fewer features than it needs.

    >>> print(naive_bayes(features=3, truth="independent"))
    λ = 2, m = 1 (proved: Rusakov & Geiger 2005)
    >>> print(naive_bayes(features=3, truth="independent", class_bounded=True))
    λ = 9/4, m = 1 (proved: Zwiernik 2011)
    """
    if truth not in TRUTHS:
        raise ValueError(f"truth: got {truth!r}; it should be one of {', '.join(TRUTHS)}")
    require_at_least("features", features, {"generic": 3, "one_link": 2, "independent": 1}[truth])
    multiplicity = 1
    if truth != "independent":
        value = Fraction(2 * features + (1 if truth == "generic" else -1), 2)
    elif features < 3:
        value = Fraction(2 * features - 1, 2)
        if features == 2:
            multiplicity = 2 if class_bounded else 3
    else:
        value = Fraction(3 * features, 4) if class_bounded else Fraction(features + 1, 2)
    differs = truth == "independent" and class_bounded
    return ExactCoefficient(
        value=value,
        multiplicity=multiplicity,
        source="Zwiernik 2011" if differs else "Rusakov & Geiger 2005",
        conditions="two classes, binary features, every cell of the truth positive; prior positive "
        "and bounded"
        + (
            ", its support away from class probabilities 0 and 1"
            if class_bounded
            else " on all class probabilities"
        ),
    )
