"""Posterior draws at β = 1, with what the information criteria need of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from singlearn.measure.ladder_view import LadderView
from singlearn.results.result import Answer
from singlearn.tempering.rungs import Rungs
from singlearn.triple import Model, Triple

# Pointwise log likelihoods kept, in numbers: 160 MB in double precision.
LARGEST_LOG_LIKELIHOOD = 20_000_000
# Tells the random numbers of the order of draws from those of other readers of the same seed.
SHUFFLE = 1


@dataclass(frozen=True)
class Posterior(Answer):
    """Draws of every replicate at one β, by variable name.

    ``draws[name]`` has shape (replicates, draws, …); ``log_likelihood`` (replicates, draws, n), or
    ``None`` without data or where it would be too large to keep, or where ``thin`` left a single
    draw per replicate. Draws are in random order: in the order of their ancestors, neighbours would
    be more alike than others, which readers of chains take for autocorrelation. ``rung`` and
    ``particle`` say which particle a draw is.
    """

    inverse_temperature: float
    draws: dict[str, np.ndarray]
    energies: Float[np.ndarray, "replicates draws"]
    log_likelihood: Float[np.ndarray, "replicates draws n"] | None
    rung: Int[np.ndarray, "replicates draws"]
    particle: Int[np.ndarray, "replicates draws"]


def draw_posterior(triple: Triple, rungs: Rungs, view: LadderView, seed: int) -> Posterior:
    """Draws at β = 1 if the ladder reaches it, else at its end: the particles themselves where a
    rung is there, else by weight.

    Raises:
        ValueError: no rung is at β and no kept particle has weight there.
    """
    beta = min(1.0, float(rungs.inverse_temperature[-1]))
    replicates, kept, dimension = rungs.particles.shape[1:]
    on_rung = np.flatnonzero(rungs.inverse_temperature == beta)
    generator = np.random.default_rng([seed, SHUFFLE])
    rung = np.empty((replicates, kept), dtype=np.int32)
    place = np.empty((replicates, kept), dtype=np.int32)
    for r in range(replicates):
        if on_rung.size == 1:  # more where modes were added, which have ladders of their own
            rung[r], place[r] = on_rung[0], generator.permutation(kept)
        else:
            weights = np.take_along_axis(
                view.replicates[r].weights(beta), rungs.kept, axis=1
            ).reshape(-1)
            if not weights.sum() > 0:
                raise ValueError(
                    f"thin: no kept particle has weight at β = {beta:g}; temper with a smaller thin"
                )
            # Systematic: no particle comes more often than its weight asks for.
            edges = np.cumsum(weights / weights.sum())
            chosen = np.searchsorted(edges, (np.arange(kept) + generator.random()) / kept)
            chosen = generator.permutation(np.minimum(chosen, np.flatnonzero(weights)[-1]))
            rung[r], place[r] = np.divmod(chosen, kept)
    particle = rungs.kept[rung, place].astype(np.int32)
    own = np.arange(replicates)[:, None]
    particles, energies = rungs.particles[rung, own, place], rungs.energies[rung, own, particle]
    log_likelihood = None
    # In the precision of the run: see the note on precisions in moves.
    with jax.enable_x64(rungs.particles.dtype == np.float64):
        constrain, pointwise = _compiled(triple.as_model(), particles.dtype.name)
        flat = jnp.asarray(particles.reshape(-1, dimension))
        constrained = constrain(flat)
        if (
            not triple.is_population
            and kept > 1
            and energies.size * triple.n <= LARGEST_LOG_LIKELIHOOD
        ):
            data = jax.tree.map(jnp.asarray, triple.data)
            log_likelihood = np.asarray(pointwise(flat, data), dtype=float).reshape(
                replicates, kept, int(triple.n)
            )
    leaves = [
        np.asarray(leaf).reshape(replicates, kept, *leaf.shape[1:])
        for leaf in jax.tree.leaves(constrained)
    ]
    draws = dict(zip(triple.coordinates.names(), leaves, strict=True))
    return Posterior(beta, draws, energies, log_likelihood, rung, particle)


def compiled_constrain(triple: Triple, precision: str) -> Callable[..., Any]:
    """Constrained parameters of many flat coordinates, compiled once for a model; call it in that
    precision.
    """
    return _compiled(triple.as_model(), precision)[0]


def compiled_pointwise(triple: Triple, precision: str) -> Callable[..., Any]:
    """Log likelihoods of every observation at many flat coordinates and the data, compiled once for
    a model; see above.
    """
    return _compiled(triple.as_model(), precision)[1]


@lru_cache(maxsize=16)
def _compiled(model: Model, precision: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Constrained parameters and pointwise log likelihoods of flat coordinates, shared by all runs
    of one model in one precision.
    """
    triple = model.triple

    def pointwise(us: Float[Array, "draws d"], data: object) -> Float[Array, "draws n"]:
        found: Array = jax.lax.map(lambda u: triple.pointwise(u, data), us, batch_size=256)
        return found

    return jax.jit(jax.vmap(triple.coordinates.constrain)), jax.jit(pointwise)
