"""Parallel tempering in the way of emcee: an ensemble at each temperature, by reddemcee."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from singlearn.benchmark.outcome import CountedLikelihood, Outcome
from singlearn.benchmark.problem import Problem

TEMPERATURES, SWEEPS, BURN_IN = 16, 400, 0.5


def sample(problem: Problem, budget: int, seed: int) -> Outcome:
    """Sixteen temperatures, ``budget`` / 16 walkers at each, on the unit cube; log Z by stepping
    stones.

    Args:
        problem: to be sampled.
        budget: walkers at all temperatures.
        seed: of the walkers.

    Returns:
        The evidence with the error that reddemcee gives, and draws of the coldest ensemble.
    """
    import reddemcee

    likelihood, dimension = CountedLikelihood(problem), problem.dimension
    walkers = 2 * max(budget // TEMPERATURES // 2, dimension + 1)
    generator = np.random.default_rng(seed)

    def log_prior(u: Float[np.ndarray, " d"]) -> float:
        return 0.0 if np.all((u > 0) & (u < 1)) else -np.inf

    before = np.random.get_state()  # noqa: NPY002 - theirs is global
    np.random.seed(seed)  # noqa: NPY002
    try:
        sampler = reddemcee.PTSampler(
            walkers,
            dimension,
            likelihood.on_cube,
            log_prior,
            ntemps=TEMPERATURES,
        )
        start = generator.uniform(size=(TEMPERATURES, walkers, dimension))
        sampler.run_mcmc(start, nsweeps=SWEEPS, nsteps=1, progress=False)
        evidence, error = sampler.get_evidence_ss(discard=int(BURN_IN * SWEEPS))[:2]
        chain = np.asarray(sampler.get_chain(discard=int(BURN_IN * SWEEPS))[0])
    finally:
        np.random.set_state(before)  # noqa: NPY002
    cubes = np.swapaxes(chain, 0, 1)
    return Outcome(
        float(evidence),
        float(error),
        problem.from_unit_cube(cubes),
        "chains",
        likelihood_evaluations=likelihood.evaluations,
    )
