"""Our own engine."""

from __future__ import annotations

from singlearn.benchmark.outcome import ClaimedNumber, Outcome
from singlearn.benchmark.problem import Problem
from singlearn.results.caution import Caution, Reason
from singlearn.tempering.temper import temper

REPLICATES = 4


def sample(problem: Problem, budget: int, seed: int) -> Outcome:
    """``temper`` with ``budget`` particles in four replicates.

    Args:
        problem: to be sampled.
        budget: particles of all replicates.
        seed: of the run.

    Returns:
        F, E and C at every β of the problem, with the errors the run claims, and draws.
    """
    particles = max(budget // REPLICATES, 16)
    run = temper(
        problem.triple(),
        beta_max=max(problem.inverse_temperatures),
        particles=particles,
        replicates=REPLICATES,
        seed=seed,
        progress=False,
    )
    readings = []
    for beta in problem.inverse_temperatures:
        for quantity, estimate in (
            ("free_energy", run.free_energy(beta)),
            ("energy", run.energy(beta)),
            ("heat_capacity", run.heat_capacity(beta)),
        ):
            readings.append(ClaimedNumber(quantity, beta, estimate.value, estimate.standard_error))
    # Said of draws alone: a coordinate that a symmetry spreads is no fault of the energies.
    cautions: tuple[Caution, ...] = run.energy_cautions
    if any(caution.reason is Reason.UNMIXED_COORDINATE for caution in run.cautions):
        cautions = run.cautions
    return Outcome(
        draws=run.posterior.draws,
        draws_are="replicates",
        readings=tuple(readings),
        likelihood_evaluations=run.rungs.energies.size,
        gradient_evaluations=int(run.rungs.gradients.sum()) * particles * REPLICATES,
        cautions=cautions,
    )
