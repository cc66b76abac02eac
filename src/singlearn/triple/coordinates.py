"""A prior in flat, unconstrained coordinates: what a sampler needs to know of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Key, PyTree

from singlearn.results.prompt import Shown
from singlearn.triple.charts import chart_of
from singlearn.triple.intake.distributions import check_distribution, in_double_precision


@runtime_checkable
class Prior(Protocol):
    """Any object that draws parameters and knows their log density; its support is taken to be all
    of R^d.
    """

    def sample(self, key: Key[Array, ""]) -> PyTree:
        """One draw, a pytree."""
        ...

    def log_prob(self, w: PyTree) -> Float[Array, ""]:
        """The log density of a pytree, in nats."""
        ...


@dataclass(frozen=True)
class Coordinates(Shown):
    r"""The prior :math:`φ` seen from flat coordinates :math:`u ∈ R^d`, with :math:`w = w(u)` the
    parameter.

    ``log_prob(u)`` is :math:`\log φ(w(u)) + \log|\det ∂w/∂u|`, a proper density in ``u``, so that
    hard constraints (a positive scale, weights that sum to one) never meet the sampler.
    ``unconstrain`` is the inverse of ``constrain``.
    """

    dimension: int
    sample: Callable[[Key[Array, ""]], Float[Array, " d"]]
    log_prob: Callable[[Float[Array, " d"]], Float[Array, ""]]
    constrain: Callable[[Float[Array, " d"]], PyTree]
    unconstrain: Callable[[PyTree], Float[Array, " d"]]
    # The least and largest u that the parameter still tells apart; None: everywhere.
    resolved: tuple[Float[np.ndarray, " d"], Float[np.ndarray, " d"]] | None = field(
        default=None, compare=False
    )
    # How many of the coordinates each leaf of the parameter has, in the order of ``names``.
    sizes: tuple[int, ...] | None = field(default=None, compare=False)
    # The density that ``coordinates_of`` made of a prior; another one, as of a phase, is not made
    # again from the prior.
    made: Callable[[Float[Array, " d"]], Float[Array, ""]] | None = field(
        default=None, compare=False
    )

    @property
    def is_all_of_a_prior(self) -> bool:
        """Whether the prior says everything about them."""
        return self.log_prob is self.made

    def shapes(self) -> PyTree:
        """The parameter pytree with every array replaced by its shape and dtype."""
        return jax.eval_shape(
            self.constrain, jax.ShapeDtypeStruct((self.dimension,), jnp.result_type(float))
        )

    def names(self) -> list[str]:
        """Names of the leaves of the parameter pytree, in flattening order: ``layer.weight``, or
        ``w`` for a bare array.

        Returns:
            One name per leaf.
        """
        leaves = jax.tree_util.tree_leaves_with_path(self.shapes())
        return [jax.tree_util.keystr(path, simple=True, separator=".") or "w" for path, _ in leaves]


def coordinates_of(prior: Any) -> Coordinates:
    """Flat coordinates for a pytree of NumPyro distributions, or for an object with ``sample(key)``
    and ``log_prob(w)``.

    Raises:
        TypeError: the prior is neither.
        ValueError: a distribution is improper or discrete, or ``log_prob`` is not finite at the
            prior's own draws.
    """
    leaves = jax.tree_util.tree_leaves(prior, is_leaf=_is_distribution)
    found = None
    if leaves and all(_is_distribution(leaf) for leaf in leaves):
        found = _from_distributions(prior)
    elif isinstance(prior, Prior):
        found = _from_object(prior)
    if found is not None:
        return replace(found, made=found.log_prob)
    raise TypeError(
        f"prior: got {type(prior).__name__}; it should be a pytree whose leaves are all NumPyro "
        f"distributions, "
        "or an object with sample(key) and log_prob(w)"
    )


def splitter(shapes: PyTree) -> tuple[int, Callable[[Float[Array, " d"]], PyTree]]:
    """The number of entries of a pytree of shapes, and the function that cuts a flat vector into
    that pytree.

    Unlike the inverse of ``ravel_pytree`` it keeps the vector's dtype, so that it serves both
    precisions.
    """
    leaves, structure = jax.tree_util.tree_flatten(shapes)
    ends = np.cumsum([leaf.size for leaf in leaves]).tolist()

    def split(u: Float[Array, " d"]) -> PyTree:
        parts = [
            u[end - leaf.size : end].reshape(leaf.shape)
            for end, leaf in zip(ends, leaves, strict=True)
        ]
        return jax.tree.unflatten(structure, parts)

    return ends[-1] if ends else 0, split


def _is_distribution(leaf: Any) -> bool:
    return isinstance(leaf, dist.Distribution)


def _from_distributions(prior: PyTree) -> Coordinates:
    with_paths, structure = jax.tree_util.tree_flatten_with_path(prior, is_leaf=_is_distribution)
    charts = []
    for path, distribution in with_paths:
        name = jax.tree_util.keystr(path, simple=True, separator=".") or "w"
        check_distribution(name, distribution)
        charts.append(chart_of(in_double_precision(name, distribution)))

    def draw(key: Key[Array, ""]) -> list[Array]:
        keys = jax.random.split(key, len(charts))
        return [chart.sample(k) for chart, k in zip(charts, keys, strict=True)]

    shapes = jax.eval_shape(draw, jax.random.key(0))
    dimension, split = splitter(shapes)
    if dimension == 0:
        raise ValueError(
            "prior: it has no parameters (all its leaves are empty); there is nothing to learn"
        )

    def log_prob(u: Float[Array, " d"]) -> Float[Array, ""]:
        total = jnp.zeros((), u.dtype)
        for part, chart in zip(split(u), charts, strict=True):
            total = total + chart.log_prob(part)
        return total

    def constrain(u: Float[Array, " d"]) -> PyTree:
        return jax.tree.unflatten(
            structure, [chart.constrain(part) for chart, part in zip(charts, split(u), strict=True)]
        )

    def unconstrain(w: PyTree) -> Float[Array, " d"]:
        leaves = jax.tree.leaves(w)
        return ravel_pytree(
            [chart.unconstrain(leaf) for chart, leaf in zip(charts, leaves, strict=True)]
        )[0]

    edges = [
        np.repeat(np.array([chart.resolved]), leaf.size, axis=0)
        for chart, leaf in zip(charts, shapes, strict=True)
    ]
    resolved = np.concatenate(edges).T
    return Coordinates(
        dimension=dimension,
        sample=lambda key: ravel_pytree(draw(key))[0],
        log_prob=log_prob,
        constrain=constrain,
        unconstrain=unconstrain,
        resolved=(resolved[0], resolved[1]) if np.isfinite(resolved).any() else None,
        sizes=tuple(leaf.size for leaf in shapes),
    )


def _from_object(prior: Prior) -> Coordinates:
    shapes = _shapes_of_draws(prior)
    dimension, constrain = splitter(shapes)
    _check_density(prior, shapes)
    coordinates = Coordinates(
        dimension=dimension,
        sample=lambda key: ravel_pytree(prior.sample(key))[0],
        log_prob=lambda u: jnp.asarray(prior.log_prob(constrain(u)), u.dtype).reshape(()),
        constrain=constrain,
        unconstrain=lambda w: ravel_pytree(jax.tree.map(lambda leaf: jnp.asarray(leaf, float), w))[
            0
        ],
    )
    draws = jax.vmap(coordinates.sample)(jax.random.split(jax.random.key(0), 16))
    densities = jax.vmap(coordinates.log_prob)(draws)
    if not bool(jnp.isfinite(densities).all()):
        raise ValueError(
            "prior: log_prob is not finite at 16 of its own draws (improper prior, or sample and "
            "log_prob disagree): "
            f"got {densities}"
        )
    return coordinates


def _shapes_of_draws(prior: Prior) -> PyTree:
    """The pytree of shapes that ``sample`` draws.

    Raises:
        TypeError: JAX cannot follow it.
        ValueError: it draws what is not a real number.
    """
    try:
        shapes = jax.eval_shape(prior.sample, jax.random.key(0))
    except Exception as error:
        raise TypeError(
            f"prior: sample(key) of {type(prior).__name__} fails with a JAX random key "
            f"({type(error).__name__}: {error!s:.200}); it should "
            "be a JAX function of a key that returns a parameter"
        ) from error
    for path, leaf in jax.tree_util.tree_leaves_with_path(shapes):
        name = jax.tree_util.keystr(path, simple=True, separator=".") or "w"
        dtype = getattr(leaf, "dtype", None)
        if dtype is None or not jnp.issubdtype(dtype, jnp.floating):
            raise ValueError(
                f"prior: sample draws {dtype or type(leaf).__name__} for {name!r}; parameters "
                f"should be real numbers"
            )
    if not jax.tree.leaves(shapes):
        raise ValueError("prior: sample draws no parameters; there is nothing to learn")
    return shapes


def _check_density(prior: Prior, shapes: PyTree) -> None:
    """Raise ``TypeError`` where JAX cannot follow ``log_prob``, ``ValueError`` where it is not one
    real number.
    """
    try:
        found = jax.eval_shape(prior.log_prob, shapes)
    except Exception as error:
        raise TypeError(
            f"prior: log_prob(w) of {type(prior).__name__} fails at a parameter that sample draws "
            f"({type(error).__name__}: {error!s:.200})"
        ) from error
    size = getattr(found, "size", None)
    if size != 1 or not jnp.issubdtype(found.dtype, jnp.floating):
        described = f"shape {found.shape}, {found.dtype}" if hasattr(found, "shape") else f"{found}"
        raise ValueError(
            f"prior: log_prob returned {described}; it should be one real number, the sum over all "
            f"components"
        )
