"""A prior in flat, unconstrained coordinates: what a sampler needs to know of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Key, PyTree
from numpyro.distributions import biject_to

from singlearn.results.prompt import Shown
from singlearn.triple.densities import why_not_a_prior


@runtime_checkable
class Prior(Protocol):
    """Any object that draws parameters and knows their log density; its support is taken to be all of R^d."""

    def sample(self, key: Key[Array, ""]) -> PyTree: ...

    def log_prob(self, w: PyTree) -> Float[Array, ""]: ...


@dataclass(frozen=True)
class Coordinates(Shown):
    r"""The prior :math:`φ` seen from flat coordinates :math:`u ∈ R^d`, with :math:`w = w(u)` the parameter.

    ``log_prob(u)`` is :math:`\log φ(w(u)) + \log|\det ∂w/∂u|`, a proper density in ``u``, so that hard constraints (a positive scale,
    weights that sum to one) never meet the sampler. ``unconstrain`` is the inverse of ``constrain``.
    """

    dimension: int
    sample: Callable[[Key[Array, ""]], Float[Array, " d"]]
    log_prob: Callable[[Float[Array, " d"]], Float[Array, ""]]
    constrain: Callable[[Float[Array, " d"]], PyTree]
    unconstrain: Callable[[PyTree], Float[Array, " d"]]

    def shapes(self) -> PyTree:
        """The parameter pytree with every array replaced by its shape and dtype."""
        return jax.eval_shape(self.constrain, jax.ShapeDtypeStruct((self.dimension,), jnp.result_type(float)))

    def names(self) -> list[str]:
        """Names of the leaves of the parameter pytree, in flattening order: ``layer.weight``, or ``w`` for a bare array."""
        leaves = jax.tree_util.tree_leaves_with_path(self.shapes())
        return [jax.tree_util.keystr(path, simple=True, separator=".") or "w" for path, _ in leaves]


def coordinates_of(prior: Any) -> Coordinates:
    """Flat coordinates for a pytree of NumPyro distributions, or for an object with ``sample(key)`` and ``log_prob(w)``.

    Raises:
        TypeError: the prior is neither.
        ValueError: a distribution is improper or discrete, or ``log_prob`` is not finite at the prior's own draws.
    """
    leaves = jax.tree_util.tree_leaves(prior, is_leaf=_is_distribution)
    if leaves and all(_is_distribution(leaf) for leaf in leaves):
        return _from_distributions(prior)
    if isinstance(prior, Prior):
        return _from_object(prior)
    raise TypeError(
        f"prior: got {type(prior).__name__}; it should be a pytree whose leaves are all NumPyro distributions, "
        "or an object with sample(key) and log_prob(w)"
    )


def splitter(shapes: PyTree) -> tuple[int, Callable[[Float[Array, " d"]], PyTree]]:
    """The number of entries of a pytree of shapes, and the function that cuts a flat vector into that pytree.

    Unlike the inverse of ``ravel_pytree`` it keeps the vector's dtype, so that it serves both precisions.
    """
    leaves, structure = jax.tree_util.tree_flatten(shapes)
    ends = np.cumsum([leaf.size for leaf in leaves]).tolist()

    def split(u: Float[Array, " d"]) -> PyTree:
        parts = [u[end - leaf.size : end].reshape(leaf.shape) for end, leaf in zip(ends, leaves, strict=True)]
        return jax.tree.unflatten(structure, parts)

    return ends[-1] if ends else 0, split


def _is_distribution(leaf: Any) -> bool:
    return isinstance(leaf, dist.Distribution)


def refuse_improper_or_discrete(name: str, distribution: dist.Distribution) -> None:
    """Raise ``ValueError`` for a distribution that cannot be a prior of a continuous parameter."""
    why = why_not_a_prior(distribution)
    if why is not None:
        raise ValueError(f"prior {name!r} is {why}: free energies need a prior that integrates to one")
    if distribution.support.is_discrete:
        raise ValueError(
            f"prior {name!r} is discrete ({type(distribution).__name__}): parameters must be continuous; sum discrete ones out"
        )


def _from_distributions(prior: PyTree) -> Coordinates:
    with_paths, structure = jax.tree_util.tree_flatten_with_path(prior, is_leaf=_is_distribution)
    distributions = [leaf for _, leaf in with_paths]
    for path, distribution in with_paths:
        refuse_improper_or_discrete(jax.tree_util.keystr(path, simple=True, separator=".") or "w", distribution)
    transforms = [biject_to(d.support) for d in distributions]

    def draw(key: Key[Array, ""]) -> list[Array]:
        keys = jax.random.split(key, len(distributions))
        return [t.inv(d.sample(k)) for t, d, k in zip(transforms, distributions, keys, strict=True)]

    dimension, split = splitter(jax.eval_shape(draw, jax.random.key(0)))

    def log_prob(u: Float[Array, " d"]) -> Float[Array, ""]:
        total = jnp.zeros((), u.dtype)
        for part, transform, distribution in zip(split(u), transforms, distributions, strict=True):
            value = transform(part)
            total = total + jnp.sum(distribution.log_prob(value)) + jnp.sum(transform.log_abs_det_jacobian(part, value))
        return total

    def constrain(u: Float[Array, " d"]) -> PyTree:
        return jax.tree.unflatten(structure, [t(part) for t, part in zip(transforms, split(u), strict=True)])

    def unconstrain(w: PyTree) -> Float[Array, " d"]:
        leaves = jax.tree.leaves(w)
        return ravel_pytree([t.inv(jnp.asarray(leaf, float)) for t, leaf in zip(transforms, leaves, strict=True)])[0]

    return Coordinates(
        dimension=dimension,
        sample=lambda key: ravel_pytree(draw(key))[0],
        log_prob=log_prob,
        constrain=constrain,
        unconstrain=unconstrain,
    )


def _from_object(prior: Prior) -> Coordinates:
    dimension, constrain = splitter(jax.eval_shape(prior.sample, jax.random.key(0)))
    coordinates = Coordinates(
        dimension=dimension,
        sample=lambda key: ravel_pytree(prior.sample(key))[0],
        log_prob=lambda u: jnp.asarray(prior.log_prob(constrain(u)), u.dtype).reshape(()),
        constrain=constrain,
        unconstrain=lambda w: ravel_pytree(jax.tree.map(lambda leaf: jnp.asarray(leaf, float), w))[0],
    )
    draws = jax.vmap(coordinates.sample)(jax.random.split(jax.random.key(0), 16))
    densities = jax.vmap(coordinates.log_prob)(draws)
    if not bool(jnp.isfinite(densities).all()):
        raise ValueError(
            "prior: log_prob is not finite at 16 of its own draws (improper prior, or sample and log_prob disagree): "
            f"got {densities}"
        )
    return coordinates
