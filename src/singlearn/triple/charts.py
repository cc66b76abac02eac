"""Charts of one prior: unconstrained coordinates in which its draws and its density are exact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float, Key
from numpyro.distributions import biject_to
from scipy.special import betainc, betaln, gammainc, gammaincc, gammaln, log_ndtr

from singlearn.triple.intake.distributions import at_use, constant

# A chart of NumPyro's may have this share of the prior where it is clipped, in double and in single
# precision.
NEGLIGIBLE_SHARE = 1e-9
NEGLIGIBLE_SHARE_SINGLE = 1e-3
DOUBLE, SINGLE = np.finfo(np.float64), np.finfo(np.float32)


@dataclass(frozen=True)
class LeafChart:
    r"""One leaf of a parameter :math:`w = w(u)` seen from unconstrained coordinates u, an array of
    any shape.

    Attributes:
        sample: a draw of u.
        log_prob: the log density of u, in nats.
        constrain, unconstrain: u to w and back.
        resolved: the least and the largest u at which w is not yet the least or largest number
            there is; beyond, the likelihood sees one value.
    """

    sample: Callable[[Key[Array, ""]], Float[Array, "*shape"]]
    log_prob: Callable[[Float[Array, "*shape"]], Float[Array, ""]]
    constrain: Callable[[Float[Array, "*shape"]], Any]
    unconstrain: Callable[[Any], Float[Array, "*shape"]]
    resolved: tuple[float, float] = (-np.inf, np.inf)


def chart_of(distribution: dist.Distribution) -> LeafChart:
    """The chart of a NumPyro distribution.

    NumPyro's own, except where a share of the draws lies where that one is clipped: near 0 and 1 of
    a Beta or Dirichlet of small concentrations, near 0 of a Gamma, beyond the range of floats of a
    wide LogNormal. There draws are made as logarithms.

    Args:
        distribution: the leaf of a prior, in double precision.

    Returns:
        The chart.
    """
    base = distribution
    while isinstance(base, (dist.Independent, dist.ExpandedDistribution)):
        base = base.base_dist
    shape = distribution.batch_shape + distribution.event_shape
    match type(base):
        case dist.Beta if _beta_is_clipped(base.concentration1, base.concentration0):
            return _beta(
                _broadcast(base.concentration1, shape), _broadcast(base.concentration0, shape)
            )
        case dist.Dirichlet if _dirichlet_is_clipped(base.concentration):
            return _dirichlet(_broadcast(base.concentration, shape))
        case dist.Gamma if _gamma_is_clipped(base.concentration, base.rate):
            return _log_gamma(
                _broadcast(base.concentration, shape), _broadcast(base.rate, shape), 1
            )
        case dist.InverseGamma if _gamma_is_clipped(base.concentration, 1 / np.asarray(base.rate)):
            return _log_gamma(
                _broadcast(base.concentration, shape),
                _broadcast(1 / np.asarray(base.rate, float), shape),
                -1,
            )
        case dist.LogNormal if _log_normal_is_clipped(base.loc, base.scale):
            return _log_normal(_broadcast(base.loc, shape), _broadcast(base.scale, shape))
    return _numpyro_chart(distribution)


def _broadcast(parameter: Any, shape: tuple[int, ...]) -> Float[np.ndarray, "*shape"]:
    return np.broadcast_to(np.asarray(parameter, float), shape)


def _numpyro_chart(distribution: dist.Distribution) -> LeafChart:
    def log_prob(u: Float[Array, "*shape"]) -> Float[Array, ""]:
        own = at_use(distribution)
        transform = biject_to(own.support)
        value = transform(u)
        return jnp.sum(own.log_prob(value)) + jnp.sum(transform.log_abs_det_jacobian(u, value))

    def sample(key: Key[Array, ""]) -> Float[Array, "*shape"]:
        own = at_use(distribution)
        found: Float[Array, "*shape"] = biject_to(own.support).inv(own.sample(key))
        return found

    return LeafChart(
        sample,
        log_prob,
        constrain=lambda u: biject_to(at_use(distribution).support)(u),
        unconstrain=lambda w: biject_to(at_use(distribution).support).inv(jnp.asarray(w, float)),
    )


def _beta_is_clipped(first: Any, second: Any) -> bool:
    """Whether w or 1 - w is lost to rounding in more than a negligible share of the draws."""
    a, b = np.asarray(first, float), np.asarray(second, float)
    shares = [
        (np.maximum(betainc(a, b, info.tiny), betainc(b, a, info.eps)), most)
        for info, most in _precisions()
    ]
    return any(bool(np.any(share > most)) for share, most in shares)


def _dirichlet_is_clipped(concentration: Any) -> bool:
    a = np.asarray(concentration, float)
    rest = np.flip(np.cumsum(np.flip(a, -1), -1), -1)[..., 1:]
    return bool(_beta_is_clipped(a[..., :-1], rest))


def _gamma_is_clipped(concentration: Any, rate: Any) -> bool:
    a, r = np.asarray(concentration, float), np.asarray(rate, float)
    with np.errstate(over="ignore"):  # beyond every number there is no mass
        shares = [
            (np.maximum(gammainc(a, r * info.tiny), gammaincc(a, r * info.max)), most)
            for info, most in _precisions()
        ]
    return any(bool(np.any(share > most)) for share, most in shares)


def _log_normal_is_clipped(loc: Any, scale: Any) -> bool:
    m, s = np.asarray(loc, float), np.asarray(scale, float)
    shares = [
        (
            np.exp(
                np.maximum(
                    log_ndtr((np.log(info.tiny) - m) / s), log_ndtr((m - np.log(info.max)) / s)
                )
            ),
            most,
        )
        for info, most in _precisions()
    ]
    return any(bool(np.any(share > most)) for share, most in shares)


def _precisions() -> tuple[tuple[Any, float], tuple[Any, float]]:
    return (DOUBLE, NEGLIGIBLE_SHARE), (SINGLE, NEGLIGIBLE_SHARE_SINGLE)


def _finite_exp(log_w: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """exp within the range of positive floats."""
    info = jnp.finfo(log_w.dtype)
    return jnp.exp(
        jnp.clip(
            log_w, float(np.log(float(info.tiny))), float(np.log(float(info.max))) * (1 - 1e-6)
        )
    )


def _beta(a: Float[np.ndarray, "*shape"], b: Float[np.ndarray, "*shape"]) -> LeafChart:
    r""":math:`u = \log w/(1-w)`, the difference of two log gamma draws; its density is
    :math:`σ(u)^a σ(-u)^b / B(a, b)`.
    """

    def sample(key: Key[Array, ""]) -> Float[Array, "*shape"]:
        first, second = jax.random.split(key)
        return jax.random.loggamma(first, constant(a), a.shape) - jax.random.loggamma(
            second, constant(b), b.shape
        )

    def log_prob(u: Float[Array, "*shape"]) -> Float[Array, ""]:
        return jnp.sum(
            constant(a) * jax.nn.log_sigmoid(u) + constant(b) * jax.nn.log_sigmoid(-u)
        ) - float(np.sum(betaln(a, b)))

    def constrain(u: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        info = jnp.finfo(u.dtype)
        return jnp.clip(jax.nn.sigmoid(u), info.tiny, 1.0 - info.eps)

    def unconstrain(w: Any) -> Float[Array, "*shape"]:
        w = jnp.asarray(w, float)
        return jnp.log(w) - jnp.log1p(-w)

    return LeafChart(
        sample, log_prob, constrain, unconstrain, (np.log(DOUBLE.tiny), -np.log(DOUBLE.eps))
    )


def _dirichlet(a: Float[np.ndarray, "*batch K"]) -> LeafChart:
    r"""Stick breaking, :math:`u_k = \log w_k / (w_{k+1} + … + w_K)`, all of it in logarithms.

    The K - 1 breaks are independent Beta variables of :math:`a_k` and :math:`a_{k+1} + … + a_K`.
    """
    rest = np.flip(np.cumsum(np.flip(a, -1), -1), -1)[..., 1:]
    first = a[..., :-1]
    log_volume = float(np.sum(betaln(first, rest)))

    def sample(key: Key[Array, ""]) -> Float[Array, "*batch breaks"]:
        logs = jax.random.loggamma(key, constant(a), a.shape)
        behind = jnp.flip(jax.lax.cumlogsumexp(jnp.flip(logs, -1), axis=logs.ndim - 1), -1)[..., 1:]
        return logs[..., :-1] - behind

    def log_prob(u: Float[Array, "*batch breaks"]) -> Float[Array, ""]:
        return (
            jnp.sum(
                constant(first) * jax.nn.log_sigmoid(u) + constant(rest) * jax.nn.log_sigmoid(-u)
            )
            - log_volume
        )

    def constrain(u: Float[Array, "*batch breaks"]) -> Float[Array, "*batch K"]:
        left = jnp.cumsum(jax.nn.log_sigmoid(-u), axis=-1)
        none = jnp.zeros_like(left[..., :1])
        log_w = jnp.concatenate([jax.nn.log_sigmoid(u), none], -1) + jnp.concatenate(
            [none, left], -1
        )
        return jnp.maximum(jnp.exp(log_w), jnp.finfo(u.dtype).tiny)

    def unconstrain(w: Any) -> Float[Array, "*batch breaks"]:
        logs = jnp.log(jnp.asarray(w, float))
        behind = jnp.flip(jax.lax.cumlogsumexp(jnp.flip(logs, -1), axis=logs.ndim - 1), -1)[..., 1:]
        return logs[..., :-1] - behind

    return LeafChart(
        sample, log_prob, constrain, unconstrain, (np.log(DOUBLE.tiny), -np.log(DOUBLE.tiny))
    )


def _log_gamma(
    a: Float[np.ndarray, "*shape"], rate: Float[np.ndarray, "*shape"], power: int
) -> LeafChart:
    r""":math:`u = \log w` for :math:`w = g^{±1}`, g of a Gamma distribution.

    With :math:`v = \log rg` the density is :math:`e^{av - e^v}/Γ(a)`.
    """
    log_rate = np.asarray(np.log(rate))
    log_volume = float(np.sum(gammaln(a)))

    def sample(key: Key[Array, ""]) -> Float[Array, "*shape"]:
        return power * (jax.random.loggamma(key, constant(a), a.shape) - constant(log_rate))

    def log_prob(u: Float[Array, "*shape"]) -> Float[Array, ""]:
        v = power * u + constant(log_rate)
        return jnp.sum(constant(a) * v - jnp.exp(v)) - log_volume

    edges = float(np.log(DOUBLE.tiny)), float(np.log(DOUBLE.max))
    return LeafChart(sample, log_prob, _finite_exp, lambda w: jnp.log(jnp.asarray(w, float)), edges)


def _log_normal(loc: Float[np.ndarray, "*shape"], scale: Float[np.ndarray, "*shape"]) -> LeafChart:
    r""":math:`u = \log w`, which is normal."""

    def sample(key: Key[Array, ""]) -> Float[Array, "*shape"]:
        return constant(loc) + constant(scale) * jax.random.normal(key, loc.shape)

    def log_prob(u: Float[Array, "*shape"]) -> Float[Array, ""]:
        return jnp.sum(dist.Normal(constant(loc), constant(scale)).log_prob(u))

    edges = float(np.log(DOUBLE.tiny)), float(np.log(DOUBLE.max))
    return LeafChart(sample, log_prob, _finite_exp, lambda w: jnp.log(jnp.asarray(w, float)), edges)
