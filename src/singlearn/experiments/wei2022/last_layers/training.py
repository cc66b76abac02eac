"""Gradient descent as the paper trained: mean squared norm, momentum 0.9, weight decay, a fixed
number of epochs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Key

from singlearn.experiments.wei2022.last_layers.cell import LastLayersNetwork, outputs

LEARNING_RATE = 1e-3
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-4
BATCH = 32


def train(
    start: LastLayersNetwork,
    x: Float[np.ndarray, "sets 3 n"],
    y: Float[np.ndarray, "sets 3 n"],
    relu: bool,
    batch: int | None,
    epochs: int,
    seed: int,
) -> LastLayersNetwork:
    r"""Minimise :math:`\frac1n \sum_i |y_i - f(x_i)|^2 + \frac μ2 |w|^2`, μ = 5e-4, for every data
    set at once, in single precision.

    Args:
        start: one network a data set.
        x: inputs, samples as columns.
        y: outputs.
        relu: which h.
        batch: observations a step, the last step of an epoch taking what is left; ``None`` is all.
        epochs: passes over the data.
        seed: of the order, which is the same for all data sets: their observations are
            exchangeable.
    """
    run = _compiled(relu, None if batch is None else min(batch, x.shape[2]), epochs)
    found: LastLayersNetwork = jax.tree.map(
        np.asarray, run(start, jnp.asarray(x), jnp.asarray(y), jax.random.key(seed))
    )
    return found


@lru_cache(maxsize=32)
def _compiled(relu: bool, batch: int | None, epochs: int) -> Callable[..., Any]:
    optimiser = optax.chain(
        optax.add_decayed_weights(WEIGHT_DECAY), optax.sgd(LEARNING_RATE, momentum=MOMENTUM)
    )

    def loss(w: LastLayersNetwork, x: Array, y: Array, weights: Array) -> Array:
        # A sum over data sets: each network's gradient is that of its own mean.
        return jnp.sum(weights * (y - outputs(w, x, relu)) ** 2)

    def step(carry: tuple[Any, ...], x: Array, y: Array, weights: Array) -> tuple[Any, ...]:
        w, state = carry
        updates, state = optimiser.update(jax.grad(loss)(w, x, y, weights), state, w)
        return optax.apply_updates(w, updates), state

    def full(
        start: LastLayersNetwork, x: Array, y: Array, key: Key[Array, ""]
    ) -> LastLayersNetwork:
        weights = jnp.full(x.shape[2], 1 / x.shape[2], x.dtype)
        end: LastLayersNetwork = jax.lax.fori_loop(
            0, epochs, lambda _, carry: step(carry, x, y, weights), (start, optimiser.init(start))
        )[0]
        return end

    def minibatches(
        start: LastLayersNetwork, x: Array, y: Array, key: Key[Array, ""]
    ) -> LastLayersNetwork:
        assert batch is not None
        n = x.shape[2]
        count = -(-n // batch)
        by_sample = jnp.moveaxis(x, 2, 0), jnp.moveaxis(y, 2, 0)
        # The last batch is filled up with observations of weight zero.
        weights = (jnp.arange(count * batch) < n).astype(x.dtype).reshape(count, batch)
        weights = weights / weights.sum(axis=1, keepdims=True)

        def epoch(carry: tuple[Any, ...], own: Key[Array, ""]) -> tuple[tuple[Any, ...], None]:
            order = jnp.concatenate(
                [jax.random.permutation(own, n), jnp.zeros(count * batch - n, int)]
            ).reshape(count, batch)

            def on_batch(
                carry: tuple[Any, ...], of_batch: tuple[Array, Array]
            ) -> tuple[tuple[Any, ...], None]:
                chosen, weight = of_batch
                part = [jnp.moveaxis(leaf[chosen], 0, 2) for leaf in by_sample]
                return step(carry, part[0], part[1], weight), None

            return jax.lax.scan(on_batch, carry, (order, weights))[0], None

        end: LastLayersNetwork = jax.lax.scan(
            epoch, (start, optimiser.init(start)), jax.random.split(key, epochs)
        )[0][0]
        return end

    return jax.jit(full if batch is None else minibatches)
