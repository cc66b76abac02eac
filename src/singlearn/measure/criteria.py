"""Information criteria from posterior draws: WAIC, PSIS-LOO; and BIC from an optimum."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from arviz_stats.base import array_stats
from jaxtyping import Float
from scipy.special import logsumexp

from singlearn.measure.estimate import Estimate


@dataclass(frozen=True)
class Waic:
    r"""WAIC in nats, for the whole sample (n times Watanabe's :math:`W_n`): training loss plus functional variance.

    ``functional_variance`` is :math:`V = Σ_i \mathrm{Var}_w[\log p(y_i|x_i,w)]`, ``singular_fluctuation`` :math:`ν = V/2` (at β = 1).
    """

    waic: Estimate
    functional_variance: Estimate
    singular_fluctuation: Estimate


def waic(log_likelihood: Float[np.ndarray, "replicates draws n"]) -> Waic:
    r"""WAIC :math:`= -Σ_i \log E_w[p(y_i|x_i,w)] + Σ_i \mathrm{Var}_w[\log p(y_i|x_i,w)]` (Watanabe 2018 [watanabe2018mathematical]_).

    Args:
        log_likelihood: pointwise, of posterior draws at β = 1.

    Raises:
        ValueError: fewer than two draws a replicate.

    >>> rng = np.random.default_rng(0)
    >>> y, w = rng.normal(size=50), rng.normal(size=(2, 4000)) / np.sqrt(50)
    >>> pointwise = -0.5 * (y - (w + y.mean())[..., None]) ** 2 - 0.5 * np.log(2 * np.pi)
    >>> bool(abs(waic(pointwise).singular_fluctuation.value - 0.5 * y.var()) < 0.05)   # ν → d/2 = 1/2 for a regular model
    True
    """
    replicates, draws, _ = log_likelihood.shape
    if draws < 2:
        raise ValueError(f"log_likelihood: got {draws} draw a replicate; the functional variance needs at least two")
    variance = log_likelihood.var(axis=1, ddof=1).sum(axis=1)
    predictive = logsumexp(log_likelihood, axis=1, keepdims=True) - math.log(draws)
    training = -predictive[:, 0].sum(axis=1)
    # Influence of each draw: what as many independent draws would leave of an error, the floor of the one seen between replicates.
    on_variance = np.square(log_likelihood - log_likelihood.mean(axis=1, keepdims=True)).sum(axis=2)
    on_training = -np.expm1(log_likelihood - predictive).sum(axis=2)
    floor_variance, floor_waic = (
        float(np.sqrt(influence.var(axis=1).mean() / (draws * replicates))) for influence in (on_variance, on_variance + on_training)
    )
    return Waic(
        Estimate.from_replicates(list(training + variance), floor_waic),
        Estimate.from_replicates(list(variance), floor_variance),
        Estimate.from_replicates(list(variance / 2), floor_variance / 2),
    )


@dataclass(frozen=True)
class Loo:
    """PSIS-LOO loss of the whole sample in nats (minus the expected log predictive density), and how far to trust it."""

    loss: Estimate
    worst_pareto_k: float
    share_unreliable: float


def loo(log_likelihood: Float[np.ndarray, "replicates draws n"], threshold: float = 0.7) -> Loo:
    """Leave-one-out loss by Pareto-smoothed importance sampling, through ArviZ.

    Observations with a Pareto k̂ above ``threshold`` count as unreliable.
    """
    losses, worst = [], []
    for own in log_likelihood:
        draws_last = np.moveaxis(own, 0, -1)
        log_weights, pareto_k = array_stats.psislw(draws_last, axis=-1)
        losses.append(-float(logsumexp(log_weights + draws_last, axis=-1).sum()))
        worst.append(pareto_k)
    pareto = np.max(worst, axis=0)
    return Loo(Estimate.from_replicates(losses), float(pareto.max()), float((pareto > threshold).mean()))


def bic(best_energy: float, dimension: int, n: float | int) -> float:
    """BIC = n L_n(ŵ) + (d/2) log n, in nats: what a regular model would say.

    >>> round(bic(10.0, 2, math.e), 6)
    11.0
    """
    return best_energy + 0.5 * dimension * math.log(n)
