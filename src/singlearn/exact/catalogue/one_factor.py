"""Factor analysis with one factor."""

from __future__ import annotations

from fractions import Fraction

from singlearn.exact.catalogue.refusals import in_whole_numbers, require_at_least
from singlearn.exact.coefficient import ExactCoefficient


@in_whole_numbers
def one_factor(variables: int, nonzero_loadings: int) -> ExactCoefficient:
    r"""(λ, m) of :math:`x ~ N(0, \mathrm{diag}(ψ) + ℓℓ^T)`, p variables, by how many true loadings
    are not zero.

    ==================  ==========================================================
    nonzero loadings    (λ, m)
    ==================  ==========================================================
    three or more       (p, 1): regular near each of the two signs, d = 2p
    two                 ((2p - 1)/2, 1): only their product is seen
    one or none         (3p/4, 1) for p ≥ 3, (3/2, 2) for p = 2: a diagonal truth
    ==================  ==========================================================

    The p variances are always seen, p/2. What is left is :math:`∑_{i<j} (ℓ_iℓ_j - σ_{ij})^2`: for σ
    = 0 a form of degree 4
    that vanishes on the axes only, p/4. Source: Drton et al. 2025
    [drton2025singular]_.

    Args:
        variables: p ≥ 2.
        nonzero_loadings: 0 … p.

    Returns:
        λ and m as exact numbers, by the row of the table that the number of loadings names.

    Raises:
        ValueError: an argument is outside these ranges.

    >>> [str(one_factor(4, k).value) for k in (4, 2, 0)]
    ['4', '7/2', '3']
    """
    require_at_least("variables", variables, 2)
    require_at_least("nonzero_loadings", nonzero_loadings, 0)
    if nonzero_loadings > variables:
        raise ValueError(
            f"nonzero_loadings: got {nonzero_loadings} of {variables} variables; it should be at "
            "most that many"
        )
    multiplicity = 1
    if nonzero_loadings >= 3:
        value = Fraction(variables)
    elif nonzero_loadings == 2:
        value = Fraction(2 * variables - 1, 2)
    else:
        value = Fraction(3 * variables, 4)
        multiplicity = 2 if variables == 2 else 1
    return ExactCoefficient(
        value=value,
        multiplicity=multiplicity,
        source="Drton et al. 2025",
        conditions="mean known; true ψ positive; prior positive and bounded near the truth",
    )
