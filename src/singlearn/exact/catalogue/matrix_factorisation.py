"""Non-negative matrix factorisation and latent Dirichlet allocation."""

from __future__ import annotations

from fractions import Fraction

from singlearn.exact.catalogue.reduced_rank import reduced_rank
from singlearn.exact.catalogue.refusals import in_whole_numbers, require_at_least, require_rank
from singlearn.exact.coefficient import ExactCoefficient


@in_whole_numbers
def nonnegative_factorisation_zero_truth(rows: int, columns: int, hidden: int) -> ExactCoefficient:
    r"""(λ, m) of :math:`K = \|XY\|^2` for non-negative X (M × H) and Y (H × N): the true matrix is
    zero.

    .. math:: λ = \frac{H \min(M, N)}{2}, \qquad m = H + 1 \text{ if } M = N, \text{ else } 1.

    Nothing cancels between non-negative terms, so :math:`K ≍ ∑_k |x_k|^2 |y_k|^2`, separate
    variables for each hidden unit. Source of λ: Hayashi & Watanabe 2017 [hayashi2017nmf]_; m
    follows from the separation.

    Args:
        rows: M ≥ 1.
        columns: N ≥ 1.
        hidden: H ≥ 1.

    Returns:
        λ and m as exact numbers, with the conditions of the theorem and its source.

    Raises:
        ValueError: an argument is outside these ranges.

    >>> print(nonnegative_factorisation_zero_truth(rows=3, columns=3, hidden=2))
    λ = 3, m = 3 (proved: Hayashi & Watanabe 2017)
    """
    for argument, value in (("rows", rows), ("columns", columns), ("hidden", hidden)):
        require_at_least(argument, value, 1)
    return ExactCoefficient(
        value=Fraction(hidden * min(rows, columns), 2),
        multiplicity=hidden + 1 if rows == columns else 1,
        source="Hayashi & Watanabe 2017",
        conditions="true matrix 0; non-negative factors; prior positive and bounded near 0",
    )


@in_whole_numbers
def nonnegative_factorisation(rows: int, columns: int, hidden: int, rank: int) -> ExactCoefficient:
    r"""(λ, m) of :math:`K = \|XY - X_0Y_0\|^2` for non-negative factors, the true ones strictly
    positive.

    The same as of :func:`reduced_rank` with M = ``rows``, N = ``columns``, H = ``hidden``:
    splitting a true factor in two gives true parameters of the smallest λ in the interior of the
    quadrant, where its walls are not felt. The true matrix has rank r and is a product of strictly
    positive matrices through r units; for other truths only bounds are known (Hayashi & Watanabe
    2017 [hayashi2017nmf]_).

    Args:
        rows: M ≥ 1.
        columns: N ≥ 1.
        hidden: H ≥ r.
        rank: r ≥ 1 of the true matrix, equal to its non-negative rank.

    Returns:
        λ and m as exact numbers, with the conditions under which the walls are not felt.

    Raises:
        ValueError: an argument is outside these ranges; for rank 0 see
            :func:`nonnegative_factorisation_zero_truth`.

    >>> print(nonnegative_factorisation(rows=4, columns=5, hidden=3, rank=2).value)
    8
    """
    for argument, value in (("rows", rows), ("columns", columns), ("hidden", hidden)):
        require_at_least(argument, value, 1)
    require_at_least("rank", rank, 1)
    require_rank(rank, [rows, columns, hidden])
    free = reduced_rank(rows, columns, hidden, rank)
    return ExactCoefficient(
        value=free.value,
        multiplicity=free.multiplicity,
        source="singlearn, from Aoyagi & Watanabe 2005",
        conditions="true matrix of rank r, a product of strictly positive matrices through r "
        "units; non-negative factors; "
        "prior positive and bounded near the truth",
    )


@in_whole_numbers
def latent_dirichlet_allocation(
    vocabulary: int, documents: int, topics: int, true_topics: int
) -> ExactCoefficient:
    r"""(λ, m) of latent Dirichlet allocation, or of stochastic matrix factorisation.

    .. math:: λ = \frac{M - 1}{2} + λ_{rr}(M - 1,\; N - 1,\; H - 1,\; r - 1), \qquad m = m_{rr},

    with :func:`reduced_rank` for M words, N documents, H topics and a truth with r topics; when one
    of the first three numbers is 0 the second term is 0. Source: Hayashi 2021 [hayashi2021lda]_.

    Args:
        vocabulary: M ≥ 2 words.
        documents: N ≥ 1.
        topics: H ≥ r.
        true_topics: r ≥ 1, the rank of the true M × N matrix of word probabilities.

    Returns:
        λ and m as exact numbers, with the conditions of the theorem and its source.

    Raises:
        ValueError: an argument is outside these ranges.

    >>> print(latent_dirichlet_allocation(vocabulary=10, documents=20, topics=5, true_topics=2))
    λ = 30, m = 1 (proved: Hayashi 2021)
    """
    require_at_least("vocabulary", vocabulary, 2)
    require_at_least("documents", documents, 1)
    require_at_least("topics", topics, 1)
    require_at_least("true_topics", true_topics, 1)
    if true_topics > min(vocabulary, documents, topics):
        raise ValueError(
            f"true_topics: got {true_topics}; the rank of the true matrix is at most "
            f"{min(vocabulary, documents, topics)}"
        )
    value: Fraction | float = Fraction(vocabulary - 1, 2)
    multiplicity: int | None = 1
    if min(documents, topics) > 1:
        rest = reduced_rank(vocabulary - 1, documents - 1, topics - 1, true_topics - 1)
        value, multiplicity = value + rest.number(), rest.multiplicity
    return ExactCoefficient(
        value=value,
        multiplicity=multiplicity,
        source="Hayashi 2021",
        conditions="true matrix of rank r with r topics, all probabilities of its factors "
        "positive; every document seen; "
        "prior positive and bounded near the truth",
    )
