"""Minimising one objective for many data sets and many starts at once: L-BFGS, or any Optax
optimiser.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Key, PyTree

from singlearn.running.arguments import whole_number
from singlearn.tempering.descent import descend as lbfgs
from singlearn.triple import Model, Triple

Objective = Callable[[Float[Array, " d"], PyTree], Float[Array, ""]]

# Full-batch L-BFGS stops where a step lowers the objective, in nats, by less than this share of it.
RELATIVE_DECREASE = 1e-12


@dataclass(frozen=True)
class Descent:
    """How an objective is minimised.

    Attributes:
        optimiser: any Optax transformation; ``None`` is full-batch L-BFGS with a line search, which
            stops by itself.
        steps: at most so many evaluations per start for L-BFGS; exactly so many epochs for any
            other optimiser.
        batch_size: observations per step, drawn without replacement within an epoch, the rest of
            n / batch_size dropped; ``None`` is all.
        starts: draws from the prior to start from; the lowest end counts.

    Raises:
        ValueError: fewer than one step, start or observation per batch, or minibatches without an
            optimiser.
    """

    optimiser: optax.GradientTransformation | None = None
    steps: int = 500
    batch_size: int | None = None
    starts: int = 8

    def __post_init__(self) -> None:
        for name in ("steps", "starts", "batch_size"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, whole_number(name, value))
        if self.batch_size is not None and self.optimiser is None:
            raise ValueError(
                "batch_size: L-BFGS needs all observations; give an optimiser for minibatches, "
                "optax.sgd(1e-3) say"
            )


def energy(model: Model) -> Objective:
    """n L_n(u) as a function of flat coordinates and data."""
    return model.triple.energy


def minus_log_posterior(model: Model) -> Objective:
    """n L_n(u) - log φ(u), up to the evidence; the Jacobian of constrained parameters is part of
    φ(u).
    """
    triple = model.triple
    return lambda u, data: triple.energy(u, data) - triple.coordinates.log_prob(u)


@dataclass(frozen=True)
class Ends:
    """Where descents ended: objective, coordinates, largest entry of the gradient; axes are data
    sets and starts.
    """

    objective: Float[np.ndarray, "sets starts"]
    coordinates: Float[np.ndarray, "sets starts d"]
    gradient: Float[np.ndarray, "sets starts"]


def descend(
    triples: list[Triple],
    objective: Callable[[Model], Objective],
    starts: Float[np.ndarray, "starts d"],
    how: Descent,
    seed: int,
) -> Ends:
    """Minimise the objective of every triple from every start, all at once."""
    model = triples[0].as_model()
    with jax.enable_x64(True):
        data = jax.tree.map(
            lambda *leaves: jnp.stack([jnp.asarray(leaf) for leaf in leaves]),
            *[t.data for t in triples],
        )
        if how.optimiser is None:
            return _full_batch(model, objective, how.steps, np.asarray(starts, dtype=float), data)
        n = int(triples[0].n)
        size = n if how.batch_size is None else min(how.batch_size, n)
        keys = jax.random.split(jax.random.key(seed), len(triples))
        found = _epochs(model, objective, how.optimiser, how.steps, n, size)(
            jnp.asarray(starts), data, keys
        )
        return Ends(*(np.asarray(part) for part in found))


def _full_batch(
    model: Model,
    objective: Callable[[Model], Objective],
    steps: int,
    starts: Float[np.ndarray, "starts d"],
    data: PyTree,
) -> Ends:
    """L-BFGS from every start for every data set, all of them in one batch."""
    leaves = jax.tree.leaves(data)
    sets = len(leaves[0]) if leaves else 1
    count, dimension = starts.shape
    slopes = _slopes(model, objective)

    def evaluate(points: Float[np.ndarray, "rows d"]) -> tuple[np.ndarray, np.ndarray]:
        value, gradient = slopes(points.reshape(sets, count, dimension), data)
        return np.asarray(value).reshape(-1), np.asarray(gradient).reshape(-1, dimension)

    found = lbfgs(
        evaluate,
        np.tile(starts, (sets, 1)),
        np.ones(dimension),
        iterations=steps,
        tolerance=RELATIVE_DECREASE,
        flat=0.0,
    )
    value, gradient = evaluate(found.points)
    largest = np.abs(gradient).max(axis=1)
    return Ends(
        value.reshape(sets, count),
        found.points.reshape(sets, count, dimension),
        largest.reshape(sets, count),
    )


@lru_cache(maxsize=16)
def _slopes(model: Model, objective: Callable[[Model], Objective]) -> Callable[..., Any]:
    """Objective and gradient at a block of points, one row of it per data set."""
    slope = jax.value_and_grad(objective(model))
    return jax.jit(jax.vmap(jax.vmap(slope, in_axes=(0, None)), in_axes=(0, 0)))


@lru_cache(maxsize=16)
def _epochs(
    model: Model,
    objective: Callable[[Model], Objective],
    optimiser: optax.GradientTransformation,
    epochs: int,
    n: int,
    size: int,
) -> Callable[..., Any]:
    function = objective(model)
    batches = n // size
    is_energy = objective is energy

    def one(
        start: Float[Array, " d"], data: PyTree, key: Key[Array, ""]
    ) -> tuple[Array, Array, Array]:
        def on_batch(u: Float[Array, " d"], batch: Int[Array, " size"]) -> Float[Array, ""]:
            part = data if size == n else jax.tree.map(lambda leaf: leaf[batch], data)
            likelihood = model.triple.energy(u, part) * (n / size)
            # Divided by n, so that learning rates mean the same at every n.
            return (
                likelihood if is_energy else likelihood - model.triple.coordinates.log_prob(u)
            ) / n

        def epoch(state: tuple[Any, ...], own: Key[Array, ""]) -> tuple[tuple[Any, ...], None]:
            order = (
                jax.random.permutation(own, n)[: batches * size].reshape(batches, size)
                if size < n
                else jnp.arange(n)[None]
            )

            def step(
                state: tuple[Any, ...], batch: Int[Array, " size"]
            ) -> tuple[tuple[Any, ...], None]:
                u, inner = state
                updates, inner = optimiser.update(jax.grad(on_batch)(u, batch), inner, u)
                return (optax.apply_updates(u, updates), inner), None

            return jax.lax.scan(step, state, order)[0], None

        (u, _), _ = jax.lax.scan(
            epoch, (start, optimiser.init(start)), jax.random.split(key, epochs)
        )
        return function(u, data), u, jnp.max(jnp.abs(jax.grad(function)(u, data)))

    return jax.jit(jax.vmap(jax.vmap(one, in_axes=(0, None, None)), in_axes=(None, 0, 0)))
