"""The landscape of a triple as descents see it: energies and prior densities of a whole batch, with
gradients or without.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from singlearn.triple import Model, Triple

BATCH = 64
# Numbers that are worked on at once; larger samples are taken in pieces of fewer points.
LARGEST_WORK = 2**15
# A search evaluates a hundred batches or so: what a faster program would save is less than what it
# costs to compile.
QUICKLY_COMPILED = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


@dataclass(frozen=True, eq=False)
class Landscape:
    r"""What a search may ask of a triple, all of it from one compiled program.

    Attributes:
        triple: whose landscape it is.
        slope: ``BATCH`` points and weights a, b to :math:`a\,nL_n - b \log φ`, its gradient, the
            energy :math:`nL_n` and :math:`-\log φ`; a weight of 0 leaves its term out.
    """

    triple: Triple
    slope: Callable[
        [Float[np.ndarray, "batch d"], float, float],
        tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    ]

    def look(
        self, points: Float[np.ndarray, "points d"], beta: float
    ) -> tuple[
        Float[np.ndarray, " points"], Float[np.ndarray, "points d"], Float[np.ndarray, " points"]
    ]:
        """β n L_n - log φ of any number of points, its gradients, and the energies, in nats;
        infinite where they are not numbers.
        """
        found = [self.slope(part, beta, 1.0) for part in batches(points)]
        cost, gradient, energy, surprise = (
            np.concatenate(parts)[: len(points)] for parts in zip(*found, strict=True)
        )
        finite = np.isfinite(energy) & np.isfinite(surprise)
        return np.where(finite, cost, np.inf), gradient, np.where(np.isnan(energy), np.inf, energy)

    def costs(
        self, points: Float[np.ndarray, "points d"], beta: float
    ) -> Float[np.ndarray, " points"]:
        """β n L_n - log φ of any number of points, in nats."""
        return self.look(points, beta)[0]


def batches(points: Float[np.ndarray, "points d"]) -> list[Float[np.ndarray, "batch d"]]:
    """Points in batches of ``BATCH``; the last is filled up with the first point."""
    short = -len(points) % BATCH
    filled = np.concatenate([points, np.repeat(points[:1], short, axis=0)]) if short else points
    return list(filled.reshape(-1, BATCH, points.shape[1]))


def landscape_of(triple: Triple) -> Landscape:
    """The landscape of ``triple`` in the current precision of JAX."""
    wide = jnp.zeros(()).dtype == jnp.float64
    compiled = _compile(triple.as_model(), wide)
    data = jax.tree.map(jnp.asarray, triple.energy_data)
    number = np.float64 if wide else np.float32

    def slope(
        points: Float[np.ndarray, "batch d"], energy: float, prior: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        found = compiled(points.astype(number), np.array([energy, prior], number), data)
        return tuple(np.asarray(part, dtype=float) for part in found)  # type: ignore[return-value]

    return Landscape(triple, slope)


def in_pieces(function: Callable[..., PyTree], numbers: int) -> Callable[..., PyTree]:
    """``function`` of a point and of what is shared, over a batch; in pieces where a point takes
    that many numbers.
    """
    pieces = max(1, min(BATCH, LARGEST_WORK // max(numbers, 1)))

    def over(points: PyTree, *shared: PyTree) -> PyTree:
        if pieces == BATCH:
            return jax.vmap(lambda own: function(own, *shared))(points)
        return jax.lax.map(lambda own: function(own, *shared), points, batch_size=pieces)

    return over


def numbers_of(triple: Triple) -> int:
    """How many numbers one evaluation of the energy works on, roughly: one per observation."""
    return triple.energy_rows


@lru_cache(maxsize=16)
def _compile(model: Model, wide: bool) -> Callable[..., tuple[Array, Array, Array, Array]]:
    """The weighted objective with its gradient and its two terms, shared by all triples of a model
    in one precision.
    """
    triple = model.triple

    def objective(
        u: Float[Array, " d"], weights: Float[Array, "2"], data: PyTree
    ) -> tuple[Array, tuple[Array, Array]]:
        energy, surprise = triple.energy(u, data), -triple.coordinates.log_prob(u)
        return jnp.sum(jnp.where(weights != 0, weights * jnp.stack([energy, surprise]), 0.0)), (
            energy,
            surprise,
        )

    def slope(
        u: Float[Array, " d"], weights: Float[Array, "2"], data: PyTree
    ) -> tuple[Array, Array, Array, Array]:
        (value, (energy, surprise)), gradient = jax.value_and_grad(objective, has_aux=True)(
            u, weights, data
        )
        return value, gradient, energy, surprise

    return jax.jit(in_pieces(slope, numbers_of(triple)), compiler_options=QUICKLY_COMPILED)
