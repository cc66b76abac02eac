"""Whether particles know a mode in another guise: as the copy that a symmetry makes of it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from singlearn.tempering.landscape import landscape_of
from singlearn.tempering.mode_mass import Mode
from singlearn.tempering.posterior import (
    LARGEST_LOG_LIKELIHOOD,
    compiled_constrain,
    compiled_pointwise,
)
from singlearn.triple import Triple

# The share of a mode that may look otherwise than is taken for like it.
LEFT_OUT = 0.1
# Relative rounding of a minimum that descents end in.
SLACK = 1e-6


class Likeness:
    r"""What a mode looks like to everything that does not depend on names: relabelled nodes, signs,
    rotations.

    With data, by its function: :math:`\sum_i (\ell_i(u) - \ell_i(c))^2`, how far the log
    likelihoods of the observations are from those at the centre, and the energy. A symmetry of the
    likelihood changes neither, whatever it is, known or not. Without, or where the numbers would be
    too many, by the sizes of the parameters within each site, in order, and the energy, which
    permutations and signs leave alone. A point is like the mode where all of these lie where nine
    tenths of the mode's own draws, by weight, have them.

    The sampler finds copies with the same chance and counts each by itself, so that a copy which it
    has not met takes nothing from the sum: what it would have held is held by those it has met.

    Args:
        triple: that was tempered, in the current precision of JAX.
        mode: with its draws.
        beta: at which it was measured, in 1/nats.
        rows: points that are worked on at once.
    """

    def __init__(self, triple: Triple, mode: Mode, beta: float, rows: int) -> None:
        self.triple, self.beta, self.rows = triple, beta, rows
        self.by_function = (
            not triple.is_population and rows * int(triple.n) <= LARGEST_LOG_LIKELIHOOD
        )
        self.centre = self._looks(mode.ellipsoid.centre[None])[0]
        weights = np.exp(mode.log_weights - mode.log_weights.max())
        heaviest = np.argsort(-weights)[:rows]
        own, weights = self._numbers(mode.draws[heaviest]), weights[heaviest]
        outside = LEFT_OUT / (2 * own.shape[1])
        low, high = np.array(
            [_quantiles(column, weights, [outside, 1 - outside]) for column in own.T]
        ).T
        # The minimum, which descents end in, looks like its mode although few draws come near it.
        middle = self._numbers(mode.ellipsoid.centre[None])[0]
        slack = np.maximum(SLACK * np.abs(middle), SLACK * (high - low))
        self.low, self.high = np.minimum(low, middle) - slack, np.maximum(high, middle) + slack
        if self.by_function:
            self.low = np.full(
                2, -np.inf
            )  # nothing is nearer to the centre than it is itself, nor much lower where it is near

    def holds(self, points: Float[np.ndarray, "*batch d"]) -> Bool[np.ndarray, "*batch"]:
        """Which points are like the mode."""
        found = self._numbers(points.reshape(-1, points.shape[-1]))
        value: Bool[np.ndarray, "*batch"] = np.all(
            (found >= self.low) & (found <= self.high), axis=1
        ).reshape(points.shape[:-1])
        return value

    def _numbers(
        self, points: Float[np.ndarray, "points d"]
    ) -> Float[np.ndarray, "points numbers"]:
        looks = self._looks(points)
        if not self.by_function:
            return looks
        with np.errstate(invalid="ignore"):
            distance = np.sqrt(np.sum((looks - self.centre) ** 2, axis=1))
        return np.stack(
            [np.nan_to_num(distance, nan=np.inf), -self.beta * looks.sum(axis=1)], axis=1
        )

    def _looks(self, points: Float[np.ndarray, "points d"]) -> Float[np.ndarray, "points looks"]:
        parts = [points[first : first + self.rows] for first in range(0, len(points), self.rows)]
        return np.concatenate([self._looks_of_some(part) for part in parts])

    def _looks_of_some(
        self, points: Float[np.ndarray, "points d"]
    ) -> Float[np.ndarray, "points looks"]:
        # Always as many rows as the posterior has draws: what is compiled here is used there again.
        filled = np.concatenate([points, np.repeat(points[:1], self.rows - len(points), axis=0)])
        flat = jnp.asarray(filled, jnp.result_type(float))
        name = flat.dtype.name
        if self.by_function:
            data = jax.tree.map(jnp.asarray, self.triple.data)
            return np.asarray(compiled_pointwise(self.triple, name)(flat, data), float)[
                : len(points)
            ]
        leaves = jax.tree.leaves(compiled_constrain(self.triple, name)(flat))
        sizes = [
            np.sort(np.abs(np.asarray(leaf, float)).reshape(self.rows, -1), axis=1)
            for leaf in leaves
        ]
        energies = self.beta * landscape_of(self.triple).look(points, self.beta)[2]
        return np.concatenate([*(own[: len(points)] for own in sizes), energies[:, None]], axis=1)


def _quantiles(
    values: Float[np.ndarray, " draws"], weights: Float[np.ndarray, " draws"], levels: list[float]
) -> Float[np.ndarray, " levels"]:
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order])
    places = np.searchsorted(cumulative, np.array(levels) * cumulative[-1])
    found: Float[np.ndarray, " levels"] = values[order][np.minimum(places, len(values) - 1)]
    return found
