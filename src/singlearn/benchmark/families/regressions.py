"""Regressions, counts, and two densities that are hard to sample: a needle and a funnel."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln as jax_gammaln
from scipy.special import gammaln

from singlearn.benchmark.families.family import Arrays, LikelihoodFamily, Parameters


def _linear_jax(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    residual = (data["y"] - data["x"] @ w["w"]) / constants["noise"]
    return -0.5 * residual**2 - jnp.log(constants["noise"]) - 0.5 * jnp.log(2 * jnp.pi)


def _linear_numpy(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    x, y, noise = np.asarray(data["x"]), np.asarray(data["y"]), constants["noise"]
    residual = (y - w["w"] @ x.T) / noise
    return np.asarray(
        -0.5 * np.sum(residual**2, axis=1) - len(y) * (np.log(noise) + 0.5 * np.log(2 * np.pi))
    )


LINEAR_REGRESSION = LikelihoodFamily(
    "linear_regression",
    "y ~ N(x·w, σ²), σ known",
    False,
    _linear_jax,
    _linear_numpy,
    lambda constants: "    log_likelihood += normal_lpdf(to_vector(y) | x * to_vector(w), noise);",
)


def _logistic_jax(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    return -jax.nn.softplus(-data["y"] * (data["x"] @ w["w"]))


def _logistic_numpy(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    margins = np.asarray(data["y"]) * (w["w"] @ np.asarray(data["x"]).T)
    return np.asarray(-np.logaddexp(0.0, -margins).sum(axis=1))


LOGISTIC_REGRESSION = LikelihoodFamily(
    "logistic_regression",
    "p(y | x) = 1 / (1 + exp(-y x·w)), y = ±1",
    False,
    _logistic_jax,
    _logistic_numpy,
    lambda constants: (
        "    log_likelihood -= sum(log1p_exp(-(to_vector(y) .* (x * to_vector(w)))));"
    ),
)


def _binomial_jax(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    k, trials = data["successes"], data["trials"]
    tiny = jnp.finfo(jnp.result_type(float)).tiny
    p = w["p"]
    constant = jax_gammaln(trials + 1.0) - jax_gammaln(k + 1.0) - jax_gammaln(trials - k + 1.0)
    return (
        constant
        + k * jnp.log(jnp.maximum(p, tiny))
        + (trials - k) * jnp.log(jnp.maximum(1 - p, tiny))
    )


def _binomial_numpy(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    k, trials = np.asarray(data["successes"], float), np.asarray(data["trials"], float)
    constant = (gammaln(trials + 1) - gammaln(k + 1) - gammaln(trials - k + 1)).sum()
    return np.asarray(constant + k.sum() * np.log(w["p"]) + (trials - k).sum() * np.log1p(-w["p"]))


BINOMIAL = LikelihoodFamily(
    "binomial",
    "k ~ Binomial(trials, p)",
    False,
    _binomial_jax,
    _binomial_numpy,
    lambda constants: "    log_likelihood += binomial_lpmf(successes | trials, p);",
)


def _poisson_jax(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    y, rate = data["y"], jnp.maximum(w["rate"], jnp.finfo(jnp.result_type(float)).tiny)
    return y * jnp.log(rate) - rate - jax_gammaln(y + 1.0)


def _poisson_numpy(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    y = np.asarray(data["y"], float)
    return np.asarray(y.sum() * np.log(w["rate"]) - len(y) * w["rate"] - gammaln(y + 1.0).sum())


POISSON = LikelihoodFamily(
    "poisson",
    "y ~ Poisson(r)",
    False,
    _poisson_jax,
    _poisson_numpy,
    lambda constants: "    log_likelihood += poisson_lpmf(y | rate);",
)


def _needle_jax(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    x, dimension, sharp = w["x"], w["x"].shape[0], constants["width"]
    wide = -0.5 * jnp.sum(x**2) - 0.5 * dimension * jnp.log(2 * jnp.pi)
    thin = (
        -0.5 * jnp.sum((x - constants["centre"]) ** 2) / sharp**2
        - dimension * jnp.log(sharp)
        - 0.5 * dimension * jnp.log(2 * jnp.pi)
    )
    share = constants["share"]
    whole = jnp.logaddexp(jnp.log1p(-share) + wide, jnp.log(share) + thin)
    return data["part"] * whole


def _needle_numpy(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    x, sharp, share = w["x"], constants["width"], constants["share"]
    constant = 0.5 * x.shape[1] * np.log(2 * np.pi)
    wide = -0.5 * np.sum(x**2, axis=1) - constant
    thin = -0.5 * np.sum((x - constants["centre"]) ** 2, axis=1) / sharp**2
    thin -= x.shape[1] * np.log(sharp) + constant
    return np.asarray(np.logaddexp(np.log(1 - share) + wide, np.log(share) + thin))


def _needle_stan(constants: Arrays) -> str:
    return (
        "    log_likelihood += log_mix(share, normal_lpdf(x | centre, width),\n"
        "                              normal_lpdf(x | 0, 1));"
    )


NEEDLE = LikelihoodFamily(
    "needle",
    "likelihood (1 - s) N(x; 0, I) + s N(x; c, τ² I): a wide hill and a needle beside it",
    False,
    _needle_jax,
    _needle_numpy,
    _needle_stan,
)


def _funnel_jax(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    v, x = w["v"], w["x"]
    return data["part"] * (-0.5 * jnp.sum(x**2) * jnp.exp(-v) - 0.5 * x.shape[0] * v)


def _funnel_numpy(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    v, x = w["v"], w["x"]
    return np.asarray(-0.5 * np.sum(x**2, axis=1) * np.exp(-v) - 0.5 * x.shape[1] * v)


FUNNEL = LikelihoodFamily(
    "funnel",
    "log likelihood -½ Σ x_i² exp(-v) - ½ k v: the neck of a funnel at small v",
    False,
    _funnel_jax,
    _funnel_numpy,
    lambda constants: (
        "    log_likelihood += -0.5 * dot_self(x) * exp(-v) - 0.5 * num_elements(x) * v;"
    ),
)
