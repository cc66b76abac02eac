"""Adaptive tempered sequential Monte Carlo, from the prior at β = 0 to β_max."""

from __future__ import annotations

import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from singlearn.running.progress import Progress
from singlearn.tempering.checkpoint import CheckpointFolder
from singlearn.tempering.coordinate_memory import CoordinateMemory
from singlearn.tempering.decorrelate import Adaptation, decorrelate
from singlearn.tempering.ladder import (
    closely_spaced_from,
    log_weights,
    next_inverse_temperature,
    relative_effective_sample_size,
)
from singlearn.tempering.markov_moves import compile_moves
from singlearn.tempering.path import Path
from singlearn.tempering.progress import LadderProgress
from singlearn.tempering.rungs import Rung, Rungs
from singlearn.tempering.settings import Settings

RUNG_LIMIT = 5000


class NoFiniteEnergyError(RuntimeError):
    """Every particle of a population has infinite energy: the run cannot go on."""


def anneal(
    path: Path,
    settings: Settings,
    disk: CheckpointFolder | None,
    progress: Progress,
    start: Callable[[], Float[np.ndarray, "*shape d"]],
) -> Rungs:
    """Carry replicates of particles along a path, from its base at β = 0 to β_max.

    Args:
        path: base density and energy.
        settings: the arguments of the run, already checked.
        disk: a folder that this run has claimed, in which it is resumed; ``None``: nothing is
            written.
        progress: as for ``temper``.
        start: draws from the base, of shape (replicates, particles, d) or (replicates × particles,
            d); called where the run begins and not where it is resumed.

    Returns:
        The rungs.

    Raises:
        ValueError: no draw is finite.
        NoFiniteEnergyError: every particle of a replicate has infinite energy.
        RuntimeError: the ladder does not get to β_max.
    """
    beta_max, particles, replicates, thin = (
        settings.beta_max,
        settings.particles,
        settings.replicates,
        settings.thin,
    )
    with (
        jax.enable_x64(settings.precision == "float64"),
        LadderProgress(path.name, beta_max, progress) as bar,
    ):
        moves = compile_moves(path, particles * replicates)
        root = jax.random.key(settings.seed)
        rungs: list[Rung] = []
        adaptation = Adaptation()
        shape = (replicates, particles)
        kept = np.arange(0, particles, thin)
        exported = min(1.0, beta_max)
        closely = closely_spaced_from(path.n, path.is_population)
        if disk is not None and (stored := disk.rungs()):
            rungs = [rung for rung, _, _ in stored]
            _, adaptation, population = stored[-1]
            energies = rungs[-1].energies
        else:
            started = time.monotonic()
            population = start().reshape(particles * replicates, -1)
            energies = np.asarray(moves.energies(jnp.asarray(population))).reshape(shape)
            population = population.reshape(*shape, -1)
            rungs.append(
                _prior_rung(
                    population[:, kept], kept, energies, adaptation, time.monotonic() - started
                )
            )
            if not np.isfinite(population).any():
                raise ValueError(
                    f"prior: no draw of the prior of {path.name!r} is finite; a truncation may "
                    f"lie where its distribution has no mass in "
                    "double precision"
                )
            _check_finite(energies, 0.0, particles, path.name)
            if disk is not None:
                disk.begin(population)
                disk.save(0, rungs[0], adaptation, population)
        while (beta := rungs[-1].inverse_temperature) < beta_max:
            started = time.monotonic()
            index = len(rungs)
            if index > RUNG_LIMIT:
                raise RuntimeError(
                    f"beta_max: got {beta_max:.3g}; after {RUNG_LIMIT} rungs the ladder is only at "
                    f"β = {beta:.3g}. Give a smaller beta_max, or a smaller target_ess"
                )
            _check_finite(energies, beta, particles, path.name)
            following = next_inverse_temperature(
                energies, beta, beta_max, settings.target_ess, closely
            )
            if beta < exported < following and not path.is_population:
                following = exported  # draws of the posterior are then the particles of a rung
            logs = log_weights(energies, following - beta)
            highest = logs.max(axis=1)
            weights = np.exp(logs - highest[:, None])
            key_resample, key_move = jax.random.split(jax.random.fold_in(root, index))
            chosen = _resample(key_resample, weights)
            population = np.take_along_axis(population, chosen[:, :, None], axis=1)
            energies = np.take_along_axis(energies, chosen, axis=1)
            ancestor = chosen.astype(np.int32)
            flat_population = population.reshape(particles * replicates, -1)
            memory = None
            if following == exported:
                # The particles of this rung are the draws that readers get, so that all their
                # coordinates count.
                memory = CoordinateMemory.of(
                    flat_population, np.stack([*(rung.ancestor for rung in rungs), ancestor])
                )
            flat, flat_energies, mixing, adaptation = decorrelate(
                moves,
                key_move,
                flat_population,
                energies.reshape(-1),
                following,
                adaptation,
                memory,
            )
            population, energies = flat.reshape(population.shape), flat_energies.reshape(shape)
            rung = Rung(
                inverse_temperature=following,
                particles=population[:, kept],
                kept=kept,
                ancestor=ancestor,
                energies=energies.astype(float),
                log_evidence_step=highest + np.log(weights.mean(axis=1)),
                effective_sample_size=relative_effective_sample_size(logs),
                acceptance=mixing.acceptance,
                moves=mixing.moves,
                gradients=mixing.gradients,
                rank_correlation=mixing.rank_correlation,
                stuck_share=mixing.stuck_share,
                hamiltonian_step=adaptation.hamiltonian_step,
                leapfrog_steps=adaptation.leapfrog_steps,
                seconds=time.monotonic() - started,
            )
            rungs.append(rung)
            if disk is not None:
                disk.save(index, rung, adaptation, population)
            bar.rung(index, rung)
    return Rungs.stack(rungs)


def _check_finite(
    energies: Float[np.ndarray, "replicates particles"], beta: float, particles: int, name: str
) -> None:
    if not np.isfinite(energies).any(axis=1).all():
        raise NoFiniteEnergyError(
            f"every particle of a replicate has infinite energy at β = {beta:.3g}: the log "
            f"likelihood is -inf or NaN "
            f"on all of {particles} draws from the prior of {name!r}; check it at a parameter you "
            f"trust"
        )


def _prior_rung(
    particles: Float[np.ndarray, "replicates kept d"],
    kept: Int[np.ndarray, " kept"],
    energies: Float[np.ndarray, "replicates particles"],
    adaptation: Adaptation,
    seconds: float,
) -> Rung:
    ones = np.ones(len(energies))
    return Rung(
        inverse_temperature=0.0,
        particles=particles,
        kept=kept,
        ancestor=np.tile(np.arange(energies.shape[1], dtype=np.int32), (len(energies), 1)),
        energies=energies.astype(float),
        log_evidence_step=0.0 * ones,
        effective_sample_size=ones,
        acceptance=1.0,
        moves=0,
        gradients=0,
        rank_correlation=0.0,
        stuck_share=0.0,
        hamiltonian_step=adaptation.hamiltonian_step,
        leapfrog_steps=adaptation.leapfrog_steps,
        seconds=seconds,
    )


@jax.jit
def _systematic(
    keys: Key[Array, " replicates"], weights: Float[Array, "replicates particles"]
) -> Int[Array, "replicates particles"]:
    # Late, for it loads all of BlackJAX.
    from blackjax.smc.resampling import systematic

    found: Int[Array, "replicates particles"] = jax.vmap(
        lambda key, w: systematic(key, w, w.shape[0])
    )(keys, weights)
    return found


def _resample(
    key: Key[Array, ""], weights: Float[np.ndarray, "replicates particles"]
) -> Int[np.ndarray, "replicates particles"]:
    """Systematic resampling within each replicate: indices of the survivors."""
    normalised = weights / weights.sum(axis=1, keepdims=True)
    return np.asarray(_systematic(jax.random.split(key, len(weights)), jnp.asarray(normalised)))
