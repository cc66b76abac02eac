"""Reading a NumPyro model: latent sites become coordinates, observed sites the pointwise log likelihood."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Key, PyTree
from numpyro import handlers
from numpyro.infer.util import compute_log_probs, constrain_fn, potential_energy, unconstrain_fn

from singlearn.triple.coordinates import Coordinates, refuse_improper_or_discrete, splitter


def read_model(
    model: Callable, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Coordinates, Callable[[PyTree, PyTree], Float[Array, " n"]]]:
    """Coordinates and pointwise log likelihood of a NumPyro model called with ``args`` and ``kwargs``; see ``Triple.from_numpyro``."""
    with handlers.block():
        sites = handlers.trace(handlers.seed(model, jax.random.key(0))).get_trace(*args, **kwargs)
    _refuse(sites)
    observed = [name for name, site in sites.items() if _is_observed(site)]
    latent = [name for name, site in sites.items() if site["type"] == "sample" and not site["is_observed"]]

    # By name: NumPyro adds the log determinants of its transforms as observed sites too, and those belong to the prior.
    prior_model = handlers.block(model, hide=observed)

    def draw(key: Key[Array, ""]) -> dict[str, Array]:
        trace = handlers.trace(handlers.seed(prior_model, key)).get_trace(*args, **kwargs)
        return unconstrain_fn(prior_model, args, kwargs, {name: trace[name]["value"] for name in latent})

    dimension, split = splitter(jax.eval_shape(draw, jax.random.key(0)))

    def constrain(u: Float[Array, " d"]) -> dict[str, Array]:
        values = constrain_fn(prior_model, args, kwargs, split(u))
        return {name: values[name] for name in latent}

    def log_likelihood(w: PyTree, data: PyTree) -> Float[Array, " n"]:
        log_probs, _ = compute_log_probs(handlers.seed(model, jax.random.key(0)), args, kwargs, w, sum_log_prob=False)
        return jnp.concatenate([jnp.ravel(log_probs[name]) for name in observed])

    coordinates = Coordinates(
        dimension=dimension,
        sample=lambda key: ravel_pytree(draw(key))[0],
        log_prob=lambda u: -potential_energy(prior_model, args, kwargs, split(u)),
        constrain=constrain,
        unconstrain=lambda w: ravel_pytree(unconstrain_fn(prior_model, args, kwargs, w))[0],
    )
    return coordinates, log_likelihood


def _is_observed(site: dict[str, Any]) -> bool:
    return site["type"] == "sample" and site["is_observed"]


def _refuse(sites: dict[str, dict[str, Any]]) -> None:
    for name, site in sites.items():
        if site["type"] == "plate":
            size, subsample_size = site["args"]
            if subsample_size is not None and subsample_size != size:
                raise ValueError(f"plate {name!r} is subsampled ({subsample_size} of {size}): pass the whole data set, the energy is n L_n")
        if site["type"] != "sample":
            continue
        if isinstance(site["fn"], dist.Unit):
            raise ValueError(f"site {name!r} is a factor statement, neither prior nor observation: write it as a distribution")
        if not site["is_observed"]:
            refuse_improper_or_discrete(name, site["fn"])
    kinds = [site["is_observed"] for site in sites.values() if site["type"] == "sample"]
    if True not in kinds:
        raise ValueError("model: it has no observed site; give one sample statement obs=data")
    if False not in kinds:
        raise ValueError("model: it has no latent site; there is nothing to learn")
