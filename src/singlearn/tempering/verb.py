"""The one verb: temper a triple."""

from __future__ import annotations

import math
import os
from dataclasses import asdict
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from singlearn.tempering.anneal import anneal
from singlearn.tempering.beyond import look_beyond
from singlearn.tempering.posterior import draw_posterior
from singlearn.tempering.resolution import resolved_inverse_temperature
from singlearn.tempering.restriction import Restrict, Restriction, draw_inside, drawing_from_prior, restricted
from singlearn.tempering.run import Run, ladder_view
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
    progress: bool | None = None,
    restrict: Restrict | None = None,
) -> Run:
    r"""Temper a triple from its prior, β = 0, to ``beta_max`` by adaptive sequential Monte Carlo.

    Each rung reweights from :math:`β_k` to the :math:`β_{k+1}` at which the effective sample size falls to ``target_ess`` of the particles,
    resamples, and moves every particle by Hamiltonian Monte Carlo (step size, metric and length adapted to the rung), or where that stalls
    by Langevin steps in the metric of the local curvature, until the rank correlation of the energies with those before the moves is below
    0.2. All replicates share the ladder and the adaptation and nothing else.

    Args:
        triple: model, truth and prior.
        beta_max: > 0, in 1/nats; 1 is the posterior. For population triples anything, 1e20 as well.
        particles: of each replicate.
        replicates: independent populations; standard errors are their spread.
        seed: same seed, same numbers (on one machine).
        target_ess: share of particles in (0, 1); higher means more rungs.
        thin: keep every ``thin``-th particle of each rung; energies are always all kept.
        precision: ``"float64"`` or ``"float32"``; no global setting of JAX is touched.
        checkpoint: a folder; every rung is written there before the next begins, and a run begun there is resumed.
        progress: show a progress bar on standard error; default: if it is a terminal.
        restrict: one phase only: a predicate of the parameter, or ``(labeller, phase)``. The run starts from prior draws inside the phase,
            the share of draws that fall inside is its prior mass, and the free energy counts it:
            :math:`F_k(β) = -\log ∫_k e^{-βnL_n} φ\,dw`.

    Raises:
        ValueError: an argument out of range, or a checkpoint of another run.
        NoFiniteEnergy: every particle of a population has infinite energy.
        PhaseTooSmall: too little of the prior lies in the phase; ``local_run`` starts from a known parameter instead.

    >>> import numpyro.distributions as dist
    >>> triple = Triple.population(lambda w: 0.5 * w**2, dist.Normal(0.0, 1.0), n=1)
    >>> run = temper(triple, beta_max=99.0, particles=512, seed=1)
    >>> bool(abs(run.free_energy(99.0).value - 0.5 * math.log(100)) < 0.1)
    True
    """
    if not (beta_max > 0 and math.isfinite(beta_max)):
        raise ValueError(f"beta_max: got {beta_max}; it should be a positive inverse temperature")
    if particles < 16:
        raise ValueError(f"particles: got {particles}; at least 16 are needed to adapt to")
    if replicates < 1:
        raise ValueError(f"replicates: got {replicates}; it should be at least 1, and 2 or more for a standard error that was seen")
    if not 0 < target_ess < 1:
        raise ValueError(f"target_ess: got {target_ess}; it should be a share between 0 and 1")
    if not 1 <= thin <= particles:
        raise ValueError(f"thin: got {thin}; it should be between 1 and particles = {particles}")
    if precision not in ("float64", "float32"):
        raise ValueError(f"precision: got {precision!r}; it should be 'float64' or 'float32'")
    start: Float[np.ndarray, "replicates particles d"] | None = None
    restriction_settings: dict[str, Any] = {}
    if restrict is not None:
        # Traced in the precision of the run: JAX keeps the NumPy constants of a labeller in the one it first met them in.
        with jax.enable_x64(precision == "float64"):
            trace_in(precision == "float64")
            restriction = Restriction.of(restrict, triple.coordinates)
            key = jax.random.fold_in(jax.random.key(seed), 0)
            masses = draw_inside(drawing_from_prior(triple.coordinates, restriction), restriction.description, key, particles, replicates)
        triple, start = restricted(triple, restriction), masses.population
        restriction_settings = {
            "restricted_to": restriction.description,
            "prior_free_energies": [float(f) for f in masses.free_energies],
            "prior_floor": masses.floor,
        }
    settings = Settings.of(triple, float(beta_max), particles, replicates, seed, target_ess, thin, precision)
    rungs = anneal(triple, settings, checkpoint, progress, start)
    resolved = resolved_inverse_temperature(triple, rungs, seed)
    found: dict[str, Any] = {} if resolved is None else {"resolved_beta": resolved}
    if triple.is_population and restrict is None and precision == "float64":
        found |= look_beyond(triple, rungs, seed).to_settings()
    view = ladder_view(rungs, restriction_settings | found)
    proven = triple.known is not None and triple.known.status == "proved"
    return Run(
        rungs=rungs,
        settings={**asdict(settings), **restriction_settings, **found},
        posterior=draw_posterior(triple, rungs, view, seed),
        stored_optimum=None,
        truth_energy=triple.truth_energy,
        view=view,
        known_multiplicity=triple.known.multiplicity if proven and triple.known is not None else None,
        triple=triple,
    )
