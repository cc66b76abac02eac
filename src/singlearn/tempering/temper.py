"""``temper``: run a triple from its prior to β_max."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from singlearn.phases.restriction import (
    Restrict,
    Restriction,
    draw_inside,
    drawing_from_prior,
    restricted,
)
from singlearn.running.arguments import real_number, whole_number
from singlearn.running.progress import Progress
from singlearn.tempering.anneal import anneal
from singlearn.tempering.arguments import check_precision, population_arguments
from singlearn.tempering.beyond import look_beyond
from singlearn.tempering.checkpoint import CheckpointFolder
from singlearn.tempering.made_of import MadeOf
from singlearn.tempering.markov_moves import prior_draws
from singlearn.tempering.modes import CHOICES, names, with_modes
from singlearn.tempering.path import Path
from singlearn.tempering.posterior import draw_posterior
from singlearn.tempering.prior_cautions import SETTING, intake_cautions, refuse_negative_divergence
from singlearn.tempering.resolution import resolved_inverse_temperature
from singlearn.tempering.run import Run
from singlearn.tempering.settings import Settings
from singlearn.tempering.traces import trace_in
from singlearn.triple import Triple


def temper(
    triple: Triple,
    beta_max: float | int = 1.0,
    particles: int = 1024,
    replicates: int = 4,
    seed: int = 0,
    target_ess: float = 0.6,
    thin: int = 1,
    precision: str = "float64",
    checkpoint: str | os.PathLike[str] | None = None,
    progress: Progress = None,
    restrict: Restrict | None = None,
    modes: str | None = "auto",
) -> Run:
    r"""Temper a triple from its prior, β = 0, to ``beta_max`` by adaptive sequential Monte Carlo.

    Each rung reweights from :math:`β_k` to the :math:`β_{k+1}` at which the effective sample size
    falls to ``target_ess`` of the particles, resamples, and moves every particle by Hamiltonian
    Monte Carlo (step size, metric and length adapted to the rung), or where that stalls by Langevin
    steps in the metric of the local curvature, until the rank correlation of the energies with
    those before the moves is below 0.2. All replicates share the ladder and the adaptation, and
    are otherwise independent.

    Args:
        triple: model, truth and prior.
        beta_max: > 0, in 1/nats; 1 is the posterior. For population triples anything, 1e20 as well.
        particles: of each replicate.
        replicates: independent sets of particles; standard errors are their spread.
        seed: same seed, same numbers (on one machine).
        target_ess: share of particles in (0, 1); higher means more rungs.
        thin: keep every ``thin``-th particle of each rung; energies are always all kept.
        precision: ``"float64"`` or ``"float32"``; no global setting of JAX is touched.
        checkpoint: a folder; every rung is written there before the next begins, and a run begun
            there is resumed. It belongs to what the run was made of: settings, data, prior,
            likelihood and phase are compared, functions by their values at probe points.
        progress: ``True`` or ``False``, or a function ``progress(share, words)``; default: a bar
            where standard error is a terminal or a notebook, else a line per minute.
        restrict: one phase only: a predicate of the parameter, or ``(labeller, phase)``. The run
            starts from prior draws inside the phase, the share of draws that fall inside is its
            prior mass, and the free energy counts it: :math:`F_k(β) = -\log ∫_k e^{-βnL_n} φ\,dw`.
        modes: what to do about modes of the posterior that have mass but no particles, which are
            looked for after the run, for a few hundredths of its cost: ``"auto"`` tempers each from
            inside and adds its evidence, ``"warn"`` names it, ``None`` does not look. See "Modes
            that no particle has found" in the guide.

    Returns:
        The ladder of temperatures with its particles, from which free energies, λ̂, criteria and
        phases are read.

    Raises:
        TypeError: ``triple`` is not a triple.
        ValueError: an argument out of range, or a checkpoint of another run, or with a damaged file
            in it.
        FolderInUseError: another run is at work in the checkpoint.
        OSError: the checkpoint cannot be written to: no folder, no permission, or a full disk.
        NoFiniteEnergyError: every particle of a population has infinite energy.
        PhaseTooSmallError: too little of the prior lies in the phase; ``temper_from`` starts from a
            known parameter instead.

    >>> import math
    >>> import numpyro.distributions as dist
    >>> triple = Triple.population(lambda w: 0.5 * w**2, dist.Normal(0.0, 1.0), n=1)
    >>> run = temper(triple, beta_max=99.0, particles=512, seed=1)
    >>> bool(abs(run.free_energy(99.0).value - 0.5 * math.log(100)) < 0.1)
    True
    """
    if not isinstance(triple, Triple):
        raise TypeError(
            f"triple: got {type(triple).__name__}; it should be a Triple, as Triple.from_numpyro "
            f"makes one of a model"
        )
    beta_max = real_number("beta_max", beta_max, above=0, meaning="a positive inverse temperature")
    particles, replicates, seed, target_ess = population_arguments(
        particles, replicates, seed, target_ess
    )
    thin = whole_number("thin", thin, at_most=particles, why=f"there are {particles} particles")
    check_precision(triple, precision)
    if modes not in CHOICES:
        raise ValueError(f"modes: got {modes!r}; it should be one of {names()}")
    brought = triple
    key = jax.random.fold_in(jax.random.key(seed), 0)
    start: Callable[[], Float[np.ndarray, "*shape d"]] = partial(
        prior_draws, triple, key, particles * replicates
    )
    restriction_settings: dict[str, Any] = {}
    made_of = MadeOf(triple, None)
    if restrict is not None:
        # Traced in the precision of the run: JAX keeps the NumPy constants of a labeller in the one
        # it first met them in.
        with jax.enable_x64(precision == "float64"):
            trace_in(precision == "float64")
            restriction = Restriction.of(restrict, triple.coordinates)
            masses = draw_inside(
                drawing_from_prior(triple.coordinates, restriction),
                restriction.description,
                key,
                particles,
                replicates,
            )
        made_of = MadeOf(triple, restriction)
        triple = restricted(triple, restriction)
        start = partial(np.asarray, masses.population)
        restriction_settings = {
            "restricted_to": restriction.description,
            "prior_free_energies": [float(f) for f in masses.free_energies],
            "prior_floor": masses.floor,
        }
    path = Path.of(triple)
    settings = Settings.of(path, beta_max, particles, replicates, seed, target_ess, thin, precision)
    if restrict is None:
        refuse_negative_divergence(triple, particles, replicates, seed, precision)
    with (
        nullcontext()
        if checkpoint is None
        else CheckpointFolder(checkpoint, settings, made_of) as disk
    ):
        rungs = anneal(path, settings, disk, progress, start)
    resolved = resolved_inverse_temperature(triple, rungs, seed)
    resolution: dict[str, Any] = {} if resolved is None else {"resolved_beta": resolved}
    if triple.is_population and restrict is None and precision == "float64":
        resolution |= look_beyond(triple, rungs, seed).to_settings()
    cautions = {SETTING: intake_cautions(brought, rungs, asdict(settings), restrict is None)}
    whole = with_modes(triple, settings, rungs, restriction_settings | resolution, modes, progress)
    proven = triple.known is not None and triple.known.status == "proved"
    return Run(
        rungs=whole.rungs,
        settings={
            **asdict(settings),
            **restriction_settings,
            **resolution,
            **triple.sites.as_setting(),
            **cautions,
            **whole.settings,
        },
        posterior=draw_posterior(triple, whole.rungs, whole.view, seed),
        stored_optimum=None,
        truth_energy=triple.truth_energy,
        view=whole.view,
        known_multiplicity=triple.known.multiplicity
        if proven and triple.known is not None
        else None,
        triple=triple,
        made_of=made_of,
    )
