"""Information criteria from posterior draws: WAIC, PSIS-LOO; and BIC from an optimum."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import logsumexp

from singlearn.results.caution import Caution, Reason, said
from singlearn.results.document import of_each
from singlearn.results.estimate import Estimate
from singlearn.results.number import WithError
from singlearn.results.result import Answer

LARGEST_VARIANCE = 0.4
"""Of the log likelihood of one observation over the posterior, in nats²; above it WAIC is not
trusted.
"""


@dataclass(frozen=True, eq=False)
class Waic(WithError, Answer):
    r"""WAIC in nats, for the whole sample (n times Watanabe's :math:`W_n`): training loss plus
    functional variance.

    Two errors belong to it. ``standard_error`` is that of the computation: other draws from this
    posterior would move WAIC by so much. ``standard_error_over_data`` is that of the sample: n
    other observations would. ArviZ prints the second one, as SE of ``elpd`` = -WAIC; a deviance is
    2 WAIC.

    Attributes:
        waic: with the error of the computation.
        functional_variance: :math:`V = Σ_i \mathrm{Var}_w[\log p(y_i|x_i,w)]`.
        singular_fluctuation: :math:`ν = V/2` (at β = 1).
        pointwise: what each observation adds to WAIC, in nats.
        pointwise_variance: what each observation adds to V, in nats²; see ``cautions``.
    """

    waic: Estimate
    functional_variance: Estimate
    singular_fluctuation: Estimate
    pointwise: Float[np.ndarray, " n"]
    pointwise_variance: Float[np.ndarray, " n"]

    @property
    def value(self) -> float:  # type: ignore[override]
        """WAIC in nats."""
        return self.waic.value

    @property
    def standard_error(self) -> float:  # type: ignore[override]
        """Of the computation, in nats."""
        return self.waic.standard_error

    @property
    def standard_error_over_data(self) -> float:
        """Of the sample, in nats; see ``standard_error_over_data``."""
        return standard_error_over_data(self.pointwise)

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """What is wrong with this WAIC, by the rule of Vehtari et al. 2017
        [vehtari2017practical]_.
        """
        above = int((self.pointwise_variance > LARGEST_VARIANCE).sum())
        if not above:
            return ()
        sentence = (
            f"the log likelihood of {above} of {len(self.pointwise)} observations varies by more "
            f"than {LARGEST_VARIANCE} nats² over the "
            f"posterior (worst {float(self.pointwise_variance.max()):.2g}): each moves the "
            f"posterior so much that WAIC is no longer close "
            "to the loss of leaving it out; compare with LOO"
        )
        return (Caution(Reason.HEAVY_WEIGHTS, sentence),)

    def summary(self) -> str:
        """All of it, for people."""
        words = (
            f"WAIC = {_in_words(self.waic, self.standard_error_over_data)}, singular fluctuation "
            f"ν = {self.singular_fluctuation}"
        )
        return "\n".join([words, *said(self.cautions)])

    def to_dict(self) -> dict[str, Any]:
        """Value and both errors, in nats, and what is wrong, for machines."""
        return {
            **self.waic.to_dict(),
            "standard_error_over_data": self.standard_error_over_data,
            "cautions": of_each(self.cautions),
        }


def waic(log_likelihood: Float[np.ndarray, "replicates draws n"]) -> Waic:
    r"""WAIC :math:`= -Σ_i \log E_w[p(y_i|x_i,w)] + Σ_i \mathrm{Var}_w[\log p(y_i|x_i,w)]` (Watanabe
    2018 [watanabe2018mathematical]_).

    Args:
        log_likelihood: pointwise, of posterior draws at β = 1.

    Returns:
        WAIC with the functional variance and ν, in nats.

    Raises:
        ValueError: fewer than two draws a replicate.

    >>> rng = np.random.default_rng(0)
    >>> y, w = rng.normal(size=50), rng.normal(size=(2, 4000)) / np.sqrt(50)
    >>> pointwise = -0.5 * (y - (w + y.mean())[..., None]) ** 2 - 0.5 * np.log(2 * np.pi)
    >>> bool(
    ...     abs(waic(pointwise).singular_fluctuation.value - 0.5 * y.var()) < 0.05
    ... )  # ν → d/2 = 1/2 for a regular model
    True
    """
    replicates, draws, _ = log_likelihood.shape
    if draws < 2:
        raise ValueError(
            f"log_likelihood: got {draws} draw per replicate; the functional variance "
            "needs at least two"
        )
    pointwise_variance = log_likelihood.var(axis=1, ddof=1)
    variance = pointwise_variance.sum(axis=1)
    predictive = logsumexp(log_likelihood, axis=1, keepdims=True) - math.log(draws)
    training = -predictive[:, 0].sum(axis=1)
    # Influence of each draw: what as many independent draws would leave of an error, the floor of
    # the one seen between replicates.
    on_variance = np.square(log_likelihood - log_likelihood.mean(axis=1, keepdims=True)).sum(axis=2)
    on_training = -np.expm1(log_likelihood - predictive).sum(axis=2)
    floor_variance, floor_waic = (
        float(np.sqrt(influence.var(axis=1).mean() / (draws * replicates)))
        for influence in (on_variance, on_variance + on_training)
    )
    return Waic(
        Estimate.from_replicates(list(training + variance), floor_waic),
        Estimate.from_replicates(list(variance), floor_variance),
        Estimate.from_replicates(list(variance / 2), floor_variance / 2),
        (pointwise_variance - predictive[:, 0]).mean(axis=0),
        pointwise_variance.mean(axis=0),
    )


@dataclass(frozen=True, eq=False)
class Loo(WithError, Answer):
    """PSIS-LOO loss of the whole sample in nats (minus the expected log predictive density), and
    how far to trust it.

    Two errors belong to it, as to :class:`Waic`. ArviZ's ``elpd`` is -``value`` and its SE
    ``standard_error_over_data``.

    Attributes:
        loss: with the error of the computation.
        pointwise: what each observation adds to the loss, in nats.
        pareto_k: k̂ of each observation; the weights that leave it out have a variance only below
            1/2.
        threshold: k̂ above it are unreliable, min(1 - 1/log₁₀ S, 0.7) for S draws
            [vehtari2024pareto]_.
    """

    loss: Estimate
    pointwise: Float[np.ndarray, " n"]
    pareto_k: Float[np.ndarray, " n"]
    threshold: float

    @property
    def value(self) -> float:  # type: ignore[override]
        """The leave-one-out loss in nats."""
        return self.loss.value

    @property
    def standard_error(self) -> float:  # type: ignore[override]
        """Of the computation, in nats."""
        return self.loss.standard_error

    @property
    def standard_error_over_data(self) -> float:
        """Of the sample, in nats; see ``standard_error_over_data``."""
        return standard_error_over_data(self.pointwise)

    @property
    def worst_pareto_k(self) -> float:
        """The largest k̂ of an observation."""
        return float(self.pareto_k.max())

    @property
    def unreliable(self) -> int:
        """Observations whose k̂ is above the threshold."""
        return int((self.pareto_k > self.threshold).sum())

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """What is wrong with this LOO: observations whose k̂ is above the threshold."""
        if not self.unreliable:
            return ()
        sentence = (
            f"Pareto k̂ is above {self.threshold:.2f} for {self.unreliable} of "
            f"{len(self.pareto_k)} observations (worst "
            f"{self.worst_pareto_k:.2f}): each of them moves the posterior so much that importance "
            "weights cannot leave it out"
        )
        return (Caution(Reason.HEAVY_WEIGHTS, sentence),)

    def summary(self) -> str:
        """All of it, for people."""
        words = (
            f"LOO = {_in_words(self.loss, self.standard_error_over_data)}, worst Pareto k̂ "
            f"{self.worst_pareto_k:.2f}"
        )
        return "\n".join([words, *said(self.cautions)])

    def to_dict(self) -> dict[str, Any]:
        """Value and both errors, in nats, and what Pareto k̂ says, for machines."""
        return {
            **self.loss.to_dict(),
            "standard_error_over_data": self.standard_error_over_data,
            "worst_pareto_k": self.worst_pareto_k,
            "unreliable": self.unreliable,
            "cautions": of_each(self.cautions),
        }


def loo(
    log_likelihood: Float[np.ndarray, "replicates draws n"], threshold: float | None = None
) -> Loo:
    r"""Leave-one-out loss by Pareto-smoothed importance sampling, through ArviZ.

    The weights of all draws are smoothed together; the error of the computation is the spread of
    the replicates under these weights, and no less than that of as many independent draws.

    Args:
        log_likelihood: pointwise, of posterior draws at β = 1.
        threshold: observations with a Pareto k̂ above it count as unreliable; default: min(1 -
            1/log₁₀ S, 0.7) for S draws.

    Returns:
        The loss in nats, with both errors and the k̂ of every observation.

    >>> rng = np.random.default_rng(0)
    >>> y, w = rng.normal(size=50), rng.normal(size=(2, 2000)) / np.sqrt(50)
    >>> found = loo(-0.5 * (y - (w + y.mean())[..., None]) ** 2 - 0.5 * np.log(2 * np.pi))
    >>> exact = (
    ...     0.5 * (y - (y.sum() - y) / 49) ** 2 / (1 + 1 / 49)
    ...     + 0.5 * np.log(2 * np.pi * (1 + 1 / 49))
    ... ).sum()
    >>> bool(abs(found.value - exact) < 0.1), found.unreliable
    (True, 0)
    """
    # Late, for it loads xarray and pandas.
    from arviz_stats.base import array_stats

    replicates, draws, n = log_likelihood.shape
    by_observation = log_likelihood.transpose(2, 0, 1)
    log_weights, pareto_k = array_stats.psislw(by_observation.reshape(n, -1), axis=-1)
    log_weights = log_weights.reshape(n, replicates, draws)
    pointwise = -logsumexp(log_weights + by_observation, axis=(1, 2))
    each = logsumexp(log_weights, axis=2) - logsumexp(log_weights + by_observation, axis=2)
    # Influence of each draw, as for WAIC.
    influence = np.exp(log_weights) - np.exp(
        log_weights + by_observation + pointwise[:, None, None]
    )
    floor = float(np.sqrt(np.square(influence.sum(axis=0)).sum()))
    spread = Estimate.from_replicates(list(each.sum(axis=0)), floor)
    loss = Estimate(float(pointwise.sum()), spread.standard_error, spread.replicates)
    if threshold is None:
        threshold = min(1 - 1 / math.log10(replicates * draws), 0.7)
    return Loo(loss, pointwise, np.asarray(pareto_k), threshold)


def standard_error_over_data(pointwise: Float[np.ndarray, " n"]) -> float:
    r"""What another sample of n observations would change of a sum over observations:
    :math:`\sqrt{n \mathrm{Var}_i[c_i]}`.

    Of a difference between two models, with ``pointwise`` the differences of each observation, it
    is ArviZ's ``dse``: much less than the errors of the two suggest, for both models find the same
    observations hard [vehtari2017practical]_. Of fewer than about 100 observations, or for models
    that predict nearly the same, it is too small [sivula2020uncertainty]_.

    Returns:
        One standard error of the sum, in its unit.

    >>> standard_error_over_data(np.array([1.0, 3.0, 1.0, 3.0]))
    2.0
    """
    return math.sqrt(len(pointwise) * float(np.var(pointwise)))


def _in_words(computed: Estimate, over_data: float) -> str:
    return f"{computed} nats (± is of the computation; over data: standard error {over_data:.2g})"


def bic(best_energy: float, dimension: int, n: float | int) -> float:
    """BIC = n L_n(ŵ) + (d/2) log n, in nats: what a regular model would say.

    Returns:
        BIC, in nats.

    >>> round(bic(10.0, 2, math.e), 6)
    11.0
    """
    return best_energy + 0.5 * dimension * math.log(n)
