"""Many runs of stochastic gradient descent at once: one compiled loop over networks with a leading
axis of runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

Weights = dict[str, Float[np.ndarray, "runs ..."]]
Loss = Callable[..., Any]
"""Of one network's weights and a minibatch: ``loss(w, *parts)``, a mean."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: the rate is constant for the first half and falls linearly to 0 in the
    second, so that runs come to rest.
    """

    rate: float
    steps: int
    batch: int


def descend(
    start: Weights, data: tuple[np.ndarray, ...], loss: Loss, schedule: Schedule
) -> Weights:
    """Where the runs end. Each has its own start and its own data, whose minibatches come in a
    fixed order.

    Args:
        start: weights with an axis of runs.
        data: parts with axes (runs, samples).
        loss: of one network on one minibatch.
        schedule: rates and steps.

    Returns:
        Weights at the end.

    >>> ended = descend({"w": np.zeros(3)}, (np.ones((3, 4)),), lambda w, y: 0.5 * ((w["w"] - y) ** 2).mean(), Schedule(0.1, 400, 2))
    >>> ended["w"].round(3).tolist()
    [1.0, 1.0, 1.0]
    """  # noqa: E501
    batch = min(schedule.batch, data[0].shape[1])
    blocks = data[0].shape[1] // batch
    gradient = jax.vmap(jax.grad(loss))

    @jax.jit
    def walk(weights: Any, parts: Any) -> Any:
        def step(t: Any, now: Any) -> Any:
            some = [
                jax.lax.dynamic_slice_in_dim(part, (t % blocks) * batch, batch, 1) for part in parts
            ]
            rate = schedule.rate * jnp.minimum(1.0, 2 * (1 - t / schedule.steps))
            return jax.tree.map(lambda w, slope: w - rate * slope, now, gradient(now, *some))

        return jax.lax.fori_loop(0, schedule.steps, step, weights)

    with jax.enable_x64(False):  # float32 is enough for runs that are noisy anyway
        held = {name: jnp.asarray(part, jnp.float32) for name, part in start.items()}
        ended = walk(held, [jnp.asarray(part, jnp.float32) for part in data])
    return {name: np.asarray(part, dtype=float) for name, part in ended.items()}
