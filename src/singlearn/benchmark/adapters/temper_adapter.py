"""Our own engine."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from singlearn.benchmark.outcome import ClaimedNumber, Outcome
from singlearn.benchmark.problem import Problem, coordinate
from singlearn.results.caution import Caution, Reason
from singlearn.tempering.run import Run
from singlearn.tempering.temper import temper
from singlearn.triple import Triple

REPLICATES = 4


def sample(problem: Problem, budget: int, seed: int) -> Outcome:
    """``temper`` with ``budget`` particles in four replicates.

    Args:
        problem: to be sampled.
        budget: particles of all replicates.
        seed: of the run.

    Returns:
        F, E and C at every β of the problem, and moments and shares of phases at β = 1, with the
        errors the run claims, and draws.
    """
    particles, triple = max(budget // REPLICATES, 16), problem.triple()
    run = temper(
        triple,
        beta_max=max(problem.inverse_temperatures),
        particles=particles,
        replicates=REPLICATES,
        seed=seed,
        progress=False,
    )
    return outcome_of(problem, run, triple)


def outcome_of(problem: Problem, run: Run, triple: Triple) -> Outcome:
    """What a run says of a problem; see ``sample``."""
    _, replicates, particles = run.rungs.energies.shape
    readings = []
    for beta in problem.inverse_temperatures:
        for quantity, estimate in (
            ("free_energy", run.free_energy(beta)),
            ("energy", run.energy(beta)),
            ("heat_capacity", run.heat_capacity(beta)),
        ):
            readings.append(ClaimedNumber(quantity, beta, estimate.value, estimate.standard_error))
    readings += _moments(problem, run, triple)
    # Said of draws alone: a coordinate that a symmetry spreads is no fault of the energies.
    cautions: tuple[Caution, ...] = run.energy_cautions
    if any(caution.reason is Reason.UNMIXED_COORDINATE for caution in run.cautions):
        cautions = run.cautions
    return Outcome(
        draws=run.posterior.draws,
        draws_are="replicates",
        readings=tuple(readings),
        likelihood_evaluations=run.rungs.energies.size,
        gradient_evaluations=int(run.rungs.gradients.sum()) * particles * replicates,
        cautions=cautions,
    )


def _moments(problem: Problem, run: Run, triple: Triple) -> list[ClaimedNumber]:
    """Means, mean squares and shares of phases at β = 1, of which the problem knows the truth."""
    wanted = [known for known in problem.known if known.quantity in ("mean", "mean_square")]
    shares = [known for known in problem.known if known.quantity == "phase_share"]
    wanted = [known for known in [*wanted, *shares] if known.inverse_temperature == 1.0]
    if not wanted or run.beta_max < 1.0:
        return []
    phases = {phase.name: phase for phase in problem.phases}

    def function(w: Any) -> Any:
        draws = dict(zip(triple.coordinates.names(), jax.tree.leaves(w), strict=True))
        each = {name: value[None, None] for name, value in draws.items()}
        found = []
        for known in wanted:
            if known.quantity == "phase_share":
                phase = phases[known.of]
                inside = phase.holds(coordinate(each, phase.parameter)[0, 0])
                found.append(jnp.asarray(inside, float))
            else:
                value = coordinate(each, known.of)[0, 0]
                found.append(value if known.quantity == "mean" else value**2)
        return jnp.stack(found)

    return [
        ClaimedNumber(known.quantity, 1.0, mean.value, mean.standard_error, known.of)
        for known, mean in zip(wanted, run.expectations(function), strict=True)
    ]
