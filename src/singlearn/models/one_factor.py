"""Factor analysis with one factor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float

from singlearn.exact import catalogue
from singlearn.running.arguments import real_number
from singlearn.triple import Triple
from singlearn.triple.intake import matrix


def one_factor_covariance(w: Mapping[str, Float[Array | np.ndarray, " p"]]) -> Float[Array, "p p"]:
    r""":math:`Σ = \mathrm{diag}(ψ) + ℓℓ^T`.

    Returns:
        Σ, a symmetric positive definite matrix.

    >>> w = {"variances": np.array([1.0, 1.0]), "loadings": np.array([1.0, 2.0])}
    >>> one_factor_covariance(w).tolist()
    [[2.0, 2.0], [2.0, 5.0]]
    """
    loadings = jnp.asarray(w["loadings"])
    return jnp.diag(jnp.asarray(w["variances"])) + jnp.outer(loadings, loadings)


def one_factor(
    x: Any, nonzero_loadings: int | None = None, loading_scale: float | int = 1.0
) -> Triple:
    r"""One hidden factor: :math:`x ~ N(0, \mathrm{diag}(ψ) + ℓℓ^T)`; prior ℓ ~ N(0, ·²), ψ ~
    InverseGamma(2, 1).

    Known where the number of nonzero true loadings is given:
    :func:`singlearn.exact.catalogue.one_factor`.

    Args:
        x: (n, p), centred and of order one.
        nonzero_loadings: of the truth; 0 and 1 are both a diagonal covariance. Sets ``known``.
        loading_scale: standard deviation of the prior of a loading.

    Returns:
        The triple with data ``x``.

    Raises:
        ValueError: data that are not a table, or an argument out of range.

    >>> triple = one_factor(np.zeros((5, 3)), nonzero_loadings=0)
    >>> triple.dimension, str(triple.known.value)
    (6, '9/4')
    """
    table = matrix("x", x)
    p = table.shape[1]
    known = None if nonzero_loadings is None else catalogue.one_factor(p, nonzero_loadings)
    return Triple(
        _log_likelihood,
        _prior(p, loading_scale),
        table,
        name=f"one factor, {p} variables",
        known=known,
    )


def one_factor_population(
    covariance: Any, loading_scale: float | int = 1.0, n: float | int = 1.0
) -> Triple:
    r"""The population triple:
    :math:`K = \frac12[\mathrm{tr}(Σ^{-1}Σ_0) - p + \log\detΣ - \log\detΣ_0]`.

    Known for a diagonal truth.

    Args:
        covariance: Σ₀, positive definite.
        loading_scale: standard deviation of the prior of a loading.
        n: sample size; only nβ matters.

    Returns:
        The triple.

    Raises:
        ValueError: a matrix that is not positive definite.

    >>> triple = one_factor_population(np.eye(3))
    >>> w = {"variances": np.ones(3), "loadings": np.zeros(3)}
    >>> triple.parameter_energy(w), str(triple.known.value)
    (0.0, '9/4')
    """
    truth = np.asarray(covariance, float)
    if truth.ndim != 2 or truth.shape[0] != truth.shape[1] or not np.allclose(truth, truth.T):
        raise ValueError(f"covariance: got shape {truth.shape}; it should be a symmetric matrix")
    if np.linalg.eigvalsh(truth).min() <= 0:
        raise ValueError("covariance: it should be positive definite")
    p = len(truth)
    constant = float(np.linalg.slogdet(truth)[1]) + p

    def kl(w: Mapping[str, Float[Array, " p"]]) -> Float[Array, ""]:
        sigma = one_factor_covariance(w)
        inside = jnp.trace(jnp.linalg.solve(sigma, jnp.asarray(truth, sigma.dtype)))
        found: Float[Array, ""] = 0.5 * (inside + jnp.linalg.slogdet(sigma)[1] - constant)
        return found

    diagonal = bool(np.all(truth == np.diag(np.diag(truth)))) and p > 1
    known = catalogue.one_factor(p, 0) if diagonal else None
    return Triple.population(
        kl, _prior(p, loading_scale), n, name=f"one factor, {p} variables, population", known=known
    )


def _log_likelihood(w: Mapping[str, Any], x: Any) -> Float[Array, " n"]:
    loadings, variances = jnp.asarray(w["loadings"]), jnp.asarray(w["variances"])
    rows = jnp.asarray(x, loadings.dtype)
    # Sherman–Morrison: no matrix of p × p is inverted.
    weighted = loadings / variances
    inner = 1.0 + loadings @ weighted
    squares = jnp.sum(rows**2 / variances, axis=1) - (rows @ weighted) ** 2 / inner
    return -0.5 * (squares + jnp.sum(jnp.log(2 * jnp.pi * variances)) + jnp.log(inner))


def _prior(p: int, loading_scale: float | int) -> dict[str, dist.Distribution]:
    scale = real_number(
        "loading_scale", loading_scale, above=0, meaning="a positive standard deviation"
    )
    return {
        "loadings": dist.Normal(0.0, scale).expand([p]),
        "variances": dist.InverseGamma(2.0, 1.0).expand([p]),
    }
