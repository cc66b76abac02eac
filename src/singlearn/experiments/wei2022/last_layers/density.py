"""log p̂ of test points: a Gaussian in closed form, or a mixture of draws."""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from singlearn.experiments.wei2022.last_layers.cell import INPUTS

# Test points that are worked on together, so that what belongs to them stays in the cache.
TOGETHER = 100
NORMALISATION = 0.5 * INPUTS * math.log(2 * math.pi)
# Below half the smallest positive number of single precision a probability is stored as zero.
SINGLE_PRECISION_ZERO = math.log(2.0**-150)


def log_point(
    mean: Float[np.ndarray, "3 tests"], y: Float[np.ndarray, "3 tests"]
) -> Float[np.ndarray, " tests"]:
    """log N(y; mean, I)."""
    found: Float[np.ndarray, " tests"] = (
        -0.5 * np.sum((y - mean).astype(float) ** 2, axis=0) - NORMALISATION
    )
    return found


def log_last_layer(
    centre: Float[np.ndarray, "3 3"],
    precision: Float[np.ndarray, "3 3"],
    inputs: Float[np.ndarray, "3 tests"],
    y: Float[np.ndarray, "3 tests"],
) -> Float[np.ndarray, " tests"]:
    r"""The average of N(y; Bφ, I) over a Gaussian B whose rows have one precision P: :math:`N(y;
    \bar B φ, (1 + φ^T P^{-1} φ) I)`.
    """
    variance = 1 + np.sum(inputs * np.linalg.solve(precision, inputs.astype(float)), axis=0)
    squares = np.sum((y - centre @ inputs) ** 2, axis=0)
    found: Float[np.ndarray, " tests"] = -0.5 * squares / variance - 0.5 * INPUTS * np.log(
        2 * math.pi * variance
    )
    return found


def log_mixture(
    A: Float[np.ndarray, "draws 3 3"] | None,
    B: Float[np.ndarray, "draws 3 3"],
    z: Float[np.ndarray, "3 tests"],
    y: Float[np.ndarray, "3 tests"],
    relu: bool,
) -> Float[np.ndarray, " tests"]:
    """The logarithm of the average over draws of N(y; B h, I), h = ReLU(A z) or A z, or z where A
    is ``None``.
    """
    if A is not None and not relu:
        A, B = None, B @ A
    single = [None if leaf is None else jnp.asarray(leaf, jnp.float32) for leaf in (A, B, z, y)]
    return np.asarray(_log_mixture(*single), dtype=float)


@jax.jit
def _log_mixture(
    A: Float[Array, "draws 3 3"] | None,
    B: Float[Array, "draws 3 3"],
    z: Float[Array, "3 tests"],
    y: Float[Array, "3 tests"],
) -> Float[Array, " tests"]:
    def log_sum(own: Array, observed: Array) -> Array:
        if A is None:
            mean = (B.reshape(-1, INPUTS) @ own).reshape(len(B), INPUTS, -1)
        else:
            h = jax.nn.relu((A.reshape(-1, INPUTS) @ own).reshape(len(B), INPUTS, -1))
            mean = sum((B[:, :, j, None] * h[:, None, j, :] for j in range(INPUTS)), jnp.zeros(()))
        return jax.nn.logsumexp(-0.5 * jnp.sum((observed - mean) ** 2, axis=1), axis=0)

    return log_average_of_chunks(log_sum, len(B), z, y)


def log_average_of_chunks(
    log_sum: Callable[[Array, Array], Array],
    draws: int,
    z: Float[Array, "3 tests"],
    y: Float[Array, "3 tests"],
) -> Float[Array, " tests"]:
    """``log_sum`` of the draws' densities, less the :math:`(2π)^{-3/2}` of each, a hundred test
    points at a time; then their average.
    """
    tests = z.shape[1]
    together = min(TOGETHER, tests)
    filled = -(-tests // together) * together
    parts = [
        jnp.moveaxis(
            jnp.pad(leaf, ((0, 0), (0, filled - tests))).reshape(INPUTS, -1, together), 1, 0
        )
        for leaf in (z, y)
    ]
    found: Array = jax.lax.map(lambda part: log_sum(*part), (parts[0], parts[1])).reshape(-1)[
        :tests
    ]
    return found - math.log(draws) - NORMALISATION
