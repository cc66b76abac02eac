"""Posterior draws at β = 1, with what the information criteria need of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from singlearn.measure.ladder_view import LadderView
from singlearn.tempering.rungs import Rungs
from singlearn.triple import Model, Triple

# Pointwise log likelihoods kept, in numbers: 160 MB in double precision.
LARGEST_LOG_LIKELIHOOD = 20_000_000


@dataclass(frozen=True)
class Posterior:
    """Draws of every replicate at one β, by variable name.

    ``draws[name]`` has shape (replicates, draws, …); ``log_likelihood`` (replicates, draws, n), or ``None`` without data or where it
    would be too large to keep.
    """

    inverse_temperature: float
    draws: dict[str, np.ndarray]
    energies: Float[np.ndarray, "replicates draws"]
    log_likelihood: Float[np.ndarray, "replicates draws n"] | None


def draw_posterior(triple: Triple, rungs: Rungs, view: LadderView, seed: int) -> Posterior:
    """Draws at β = 1 if the ladder reaches it, else at its end: the particles themselves where a rung is there, else by weight."""
    beta = min(1.0, float(rungs.inverse_temperature[-1]))
    replicates, kept, dimension = rungs.particles.shape[1:]
    on_rung = np.flatnonzero(rungs.inverse_temperature == beta)
    stride = -(-rungs.energies.shape[2] // kept)
    if on_rung.size == 1:  # more where modes were added, which have ladders of their own
        particles = rungs.particles[on_rung[0]]
        energies = rungs.energies[on_rung[0]][:, ::stride]
    else:
        generator = np.random.default_rng(seed)
        particles = np.empty((replicates, kept, dimension), rungs.particles.dtype)
        energies = np.empty((replicates, kept))
        for r, reweighting in enumerate(view.replicates):
            weights = reweighting.weights(beta)[:, ::stride].reshape(-1)
            chosen = generator.choice(weights.size, size=kept, p=weights / weights.sum())
            particles[r] = rungs.particles[:, r].reshape(-1, dimension)[chosen]
            energies[r] = rungs.energies[:, r, ::stride].reshape(-1)[chosen]
    log_likelihood = None
    # In the precision of the run: see the note on precisions in moves.
    with jax.enable_x64(rungs.particles.dtype == np.float64):
        constrain, pointwise = _compiled(triple.as_model(), particles.dtype.name)
        flat = jnp.asarray(particles.reshape(-1, dimension))
        constrained = constrain(flat)
        if not triple.is_population and energies.size * triple.n <= LARGEST_LOG_LIKELIHOOD:
            data = jax.tree.map(jnp.asarray, triple.data)
            log_likelihood = np.asarray(pointwise(flat, data), dtype=float).reshape(replicates, kept, int(triple.n))
    leaves = [np.asarray(leaf).reshape(replicates, kept, *leaf.shape[1:]) for leaf in jax.tree.leaves(constrained)]
    return Posterior(beta, dict(zip(triple.coordinates.names(), leaves, strict=True)), energies, log_likelihood)


@lru_cache(maxsize=16)
def _compiled(model: Model, precision: str) -> tuple[Callable, Callable]:
    """Constrained parameters and pointwise log likelihoods of flat coordinates, shared by all runs of one model in one precision."""
    triple = model.triple

    def pointwise(us: Float[Array, "draws d"], data: object) -> Float[Array, "draws n"]:
        found: Array = jax.lax.map(lambda u: triple.pointwise(u, data), us, batch_size=256)
        return found

    return jax.jit(jax.vmap(triple.coordinates.constrain)), jax.jit(pointwise)
