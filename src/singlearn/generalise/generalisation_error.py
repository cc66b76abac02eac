"""G(n): how far a predictive density is from the truth, measured on held-out data; and its stand-in
where the truth is unknown.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, PyTree

from singlearn.results.caution import Caution, Reason
from singlearn.results.document import of_each
from singlearn.results.number import WithError
from singlearn.results.result import Answer
from singlearn.triple import Triple
from singlearn.triple.predictive import Predictor


@dataclass(frozen=True)
class PredictiveDivergence(WithError, Answer):
    """:math:`G` in nats with the error the test set leaves, and how many test points had predicted
    density zero.

    ``value`` is infinite, and ``standard_error`` not a number, where ``impossible`` > 0: one such
    point is enough.
    """

    value: float
    standard_error: float
    impossible: int
    test_points: int

    def __str__(self) -> str:
        if self.impossible:
            return (
                f"∞ ({self.impossible} of {self.test_points} test points have predicted density 0)"
            )
        return f"{self.value:.4g} ± {self.standard_error:.1g}"

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """One, where a test point had predicted density zero."""
        if not self.impossible:
            return ()
        sentence = (
            f"{self.impossible} of {self.test_points} test points have predicted density 0, so "
            "that G is infinite"
        )
        return (Caution(Reason.DIVERGED, sentence),)

    def to_dict(self) -> dict[str, Any]:
        """For machines, in nats; an infinite value is none."""
        return {
            "value": self.value if math.isfinite(self.value) else None,
            "standard_error": self.standard_error if math.isfinite(self.standard_error) else None,
            "impossible": self.impossible,
            "test_points": self.test_points,
            "cautions": of_each(self.cautions),
        }


def error(
    predictor: Predictor | Callable[[PyTree], Float[np.ndarray, " n"]],
    truth: Callable[[PyTree], Float[np.ndarray, " n"]] | Float[np.ndarray, " n"],
    test: PyTree,
) -> PredictiveDivergence:
    r"""The generalisation error :math:`G = KL(q \| \hat p) ≈ \frac1{n'} \sum_i
    \log\frac{q(y'_i|x'_i)}{\hat p(y'_i|x'_i)}`.

    It is (A.10) of Wei et al. [wei2022deep]_.

    Its standard error is that of the mean over the n' test points: it does not count what another
    data set would give.

    Args:
        predictor: log p̂ of data, of shape (n',), in nats.
        truth: log q of data, or its values on ``test``: ``test_triple.truth_log_likelihood()``.
        test: data the predictor has not seen.

    Returns:
        G in nats, its standard error over test points, and how many of them have predicted density
        zero.

    Raises:
        ValueError: shapes that differ, a truth that gives a test point density zero, or a predictor
            whose log density is NaN or +∞.

    >>> truth = lambda y: -0.5 * y**2 - 0.5 * math.log(2 * math.pi)
    >>> shifted = lambda y: -0.5 * (y - 0.1) ** 2 - 0.5 * math.log(2 * math.pi)
    >>> y = np.random.default_rng(0).normal(size=100_000)
    >>> G = error(shifted, truth, y)
    >>> bool(abs(G.value - 0.005) < 4 * G.standard_error)  # 0.1²/2
    True
    """
    log_q = np.asarray(truth(test) if callable(truth) else truth, dtype=float)
    log_p = np.asarray(predictor(test), dtype=float)
    if log_q.shape != log_p.shape or log_q.ndim != 1 or not len(log_q):
        raise ValueError(
            f"truth: its log densities have shape {log_q.shape}, the predictor's {log_p.shape}; "
            f"both should be (n',), n' ≥ 1"
        )
    if not np.isfinite(log_q).all():
        raise ValueError(
            f"truth: {int((~np.isfinite(log_q)).sum())} test points have no finite log density; "
            f"the truth drew them"
        )
    undefined = int((np.isnan(log_p) | (log_p == math.inf)).sum())
    if undefined:
        raise ValueError(
            f"predictor: its log density is not a number below +∞ at {undefined} of {len(log_p)} "
            f"test points"
        )
    impossible = int((~np.isfinite(log_p)).sum())
    if impossible:
        return PredictiveDivergence(math.inf, math.nan, impossible, len(log_q))
    difference = log_q - log_p
    spread = (
        float(difference.std(ddof=1) / math.sqrt(len(difference)))
        if len(difference) > 1
        else math.nan
    )
    return PredictiveDivergence(float(difference.mean()), spread, 0, len(difference))


def cross_validated_loss(
    triple: Triple,
    fit: Callable[[Triple], Predictor],
    folds: int = 10,
    seed: int = 0,
) -> PredictiveDivergence:
    r"""The mean of :math:`-\log\hat p(y_i|x_i)` with observation i left out of the fit, in nats per
    observation, where no truth is known.

    It estimates :math:`G + S`, S the entropy of the truth, for a sample of n(1 - 1/folds).

    Args:
        triple: with data.
        fit: the predictor of a triple that holds a part of the data.
        folds: number of parts the sample is cut into at random, from 2 to n.
        seed: of the cut.

    Returns:
        The mean loss in nats per observation, its standard error, and how many observations have
        predicted density zero.

    Raises:
        ValueError: ``folds`` out of range, or a triple without data arrays (a population triple, or
            one from a NumPyro model).

    >>> import numpyro.distributions as dist
    >>> y = np.random.default_rng(0).normal(size=40)
    >>> triple = Triple(lambda w, y: dist.Normal(w, 1.0).log_prob(y), dist.Normal(0.0, 10.0), y)
    >>> from singlearn.triple.predictive import predictive
    >>> loss = cross_validated_loss(
    ...     triple, lambda part: predictive(part, part.data.mean()[None]), folds=40
    ... )
    >>> left_out = (40 * y.mean() - y) / 39  # the mean of the others
    >>> bool(
    ...     abs(loss.value - 0.5 * np.mean((y - left_out) ** 2) - 0.5 * math.log(2 * math.pi))
    ...     < 1e-6
    ... )
    True
    """
    leaves = jax.tree.leaves(triple.data)
    if triple.is_population or not leaves:
        raise ValueError(f"triple: {triple.name} holds no data arrays that could be cut into parts")
    n = int(triple.n)
    if not 2 <= folds <= n:
        raise ValueError(f"folds: got {folds}; it should be from 2 to n = {n}")
    parts = np.array_split(np.random.default_rng(seed).permutation(n), folds)
    log_p = np.empty(n)
    for left_out in parts:
        kept = np.setdiff1d(np.arange(n), left_out)
        predictor = fit(
            triple.with_data(jax.tree.map(lambda leaf, kept=kept: leaf[kept], triple.data))
        )
        log_p[left_out] = predictor(jax.tree.map(lambda leaf, own=left_out: leaf[own], triple.data))
    return error(lambda _: log_p, np.zeros(n), triple.data)
