"""The force conjugate to what is swept: how much each particle's energy would change, and how that
is spread within a phase.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from singlearn.phases.shares import ratio_estimate
from singlearn.results.estimate import Estimate
from singlearn.triple import Model, Triple

FEWEST = 10
BATCH = 1024


def forces(
    here: Triple,
    there: Triple,
    betas: tuple[float, float],
    step: float,
    particles: Float[np.ndarray, "replicates particles d"],
) -> Float[np.ndarray, "replicates particles"] | None:
    r""":math:`[β'nL' - \log φ' - (βnL - \log φ)]/Δθ` of every particle, in nats per unit of θ; its
    mean tends to dF/dθ.

    ``None`` where the triples have different parameters.

    Returns:
        One row per replicate, or ``None``.
    """
    if here.dimension != there.dimension:
        return None
    replicates, count, dimension = particles.shape
    with jax.enable_x64(True):
        data = tuple(jax.tree.map(jnp.asarray, triple.data) for triple in (here, there))

        flat = jnp.asarray(particles.reshape(-1, dimension))
        change = _change(here.as_model(), there.as_model(), min(BATCH, len(flat)))
        values = np.asarray(change(flat, jnp.asarray(betas), data)) / step
    return np.asarray(values, dtype=float).reshape(replicates, count)


@lru_cache(maxsize=8)
def _change(here: Model, there: Model, batch: int) -> Callable[..., Float[Array, " particles"]]:
    def one(
        u: Float[Array, " d"], betas: Float[Array, "2"], data: tuple[PyTree, PyTree]
    ) -> Float[Array, ""]:
        first, second = (
            beta * model.triple.energy(u, own) - model.triple.coordinates.log_prob(u)
            for beta, model, own in zip(betas, (here, there), data, strict=True)
        )
        found: Float[Array, ""] = second - first
        return found

    return jax.jit(
        lambda us, betas, data: jax.lax.map(lambda u: one(u, betas, data), us, batch_size=batch)
    )


def within(
    force: Float[np.ndarray, "replicates particles"] | None,
    inside: Bool[np.ndarray, "replicates particles"],
) -> tuple[Estimate, float] | None:
    """Mean of the force within a phase and its standard deviation there; ``None`` if fewer than ten
    particles are inside.

    Returns:
        The mean with its error, and the standard deviation, or ``None``.
    """
    if force is None or inside.sum() < FEWEST or not np.isfinite(force[inside]).all():
        return None
    own = np.where(inside, force, 0.0)
    deviation = float(force[inside].std())
    return ratio_estimate(
        own.mean(axis=1), inside.mean(axis=1), deviation / math.sqrt(int(inside.sum()))
    ), deviation
