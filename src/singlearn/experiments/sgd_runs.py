"""Many runs of stochastic gradient descent at once: a batch of small networks as arrays with a leading axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

Weights = dict[str, Float[np.ndarray, "runs ..."]]
Gradient = Callable[[Weights, Any], Weights]
"""Of the mean loss of a minibatch, run by run."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: the rate is constant for the first half and falls linearly to 0 in the second, so that runs come to rest."""

    rate: float
    steps: int
    batch: int

    def rate_at(self, step: int) -> float:
        """The rate of a step."""
        return self.rate * min(1.0, 2 * (1 - step / self.steps))


def descend(
    start: Mapping[str, np.ndarray], data: tuple[np.ndarray, ...], gradient: Gradient, schedule: Schedule, rng: np.random.Generator
) -> Weights:
    """Where the runs end. Each has its own start, its own data and its own minibatches, drawn with replacement.

    Args:
        start: weights with an axis of runs.
        data: parts with axes (runs, samples).
        gradient: of a minibatch.
        schedule: rates and steps.
        rng: of the minibatches.

    Returns:
        Weights at the end.
    """
    weights = {name: part.copy() for name, part in start.items()}
    runs, samples = data[0].shape[:2]
    rows = np.arange(runs)[:, None]
    for step in range(schedule.steps):
        index = rng.integers(0, samples, (runs, schedule.batch))
        slopes = gradient(weights, tuple(part[rows, index] for part in data))
        rate = schedule.rate_at(step)
        for name, slope in slopes.items():
            weights[name] -= rate * slope
    return weights


def two_layer_gradient(weights: Weights, batch: tuple[np.ndarray, np.ndarray]) -> Weights:
    """Of half the mean squared error of ``c + Σ q ReLU(w x + b)``, one input."""
    x, y = batch  # (runs, batch)
    before = x[:, :, None] * weights["w"][:, None, :, 0] + weights["b"][:, None, :]
    hidden = np.maximum(before, 0.0)
    error = ((hidden @ weights["q"][:, :, None])[:, :, 0] + weights["c"][:, None] - y) / x.shape[1]
    back = error[:, :, None] * weights["q"][:, None, :] * (before > 0)
    return {
        "w": (back * x[:, :, None]).sum(1)[:, :, None],
        "b": back.sum(1),
        "q": (error[:, None, :] @ hidden)[:, 0],
        "c": error.sum(1),
    }


def autoencoder_gradient(weights: Weights, batch: tuple[np.ndarray]) -> Weights:
    """Of half the mean of ``|ReLU(Wᵀ W x + b) - x|²``."""
    (x,) = batch  # (runs, batch, features)
    w = weights["w"]  # (runs, hidden, features)
    inside = x @ np.swapaxes(w, 1, 2)
    before = inside @ w + weights["b"][:, None, :]
    error = (np.maximum(before, 0.0) - x) * (before > 0) / x.shape[1]
    slope = np.swapaxes(inside, 1, 2) @ error + np.swapaxes(error @ np.swapaxes(w, 1, 2), 1, 2) @ x
    return {"w": slope, "b": error.sum(1)}
