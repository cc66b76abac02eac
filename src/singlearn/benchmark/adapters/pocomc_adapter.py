"""Preconditioned Monte Carlo of pocoMC, with its defaults."""

from __future__ import annotations

import numpy as np

from singlearn.benchmark.outcome import CountedLikelihood, Outcome
from singlearn.benchmark.problem import Problem


def sample(problem: Problem, budget: int, seed: int) -> Outcome:
    """``budget`` effective particles, half of them active, on the unit cube.

    Args:
        problem: to be sampled.
        budget: effective particles.
        seed: of the run.

    Returns:
        The evidence with the error that pocoMC gives, and draws.
    """
    import pocomc
    import torch
    from scipy.stats import uniform

    likelihood = CountedLikelihood(problem)
    before = np.random.get_state(), torch.get_rng_state()  # noqa: NPY002 - theirs is global
    try:
        sampler = pocomc.Sampler(
            prior=pocomc.Prior([uniform(0.0, 1.0)] * problem.dimension),
            likelihood=likelihood.on_cubes,
            vectorize=True,
            n_effective=budget,
            n_active=max(budget // 2, 2 * problem.dimension),
            random_state=seed,
        )
        sampler.run(n_total=4 * budget, n_evidence=4 * budget, progress=False)
        evidence, error = sampler.evidence()
        cubes, _, _ = sampler.posterior(resample=True)[:3]
    finally:
        np.random.set_state(before[0])  # noqa: NPY002
        torch.set_rng_state(before[1])
    draws = {name: value[None] for name, value in problem.from_unit_cube(cubes).items()}
    return Outcome(
        float(evidence),
        None if error is None else float(error),
        draws,
        "independent",
        likelihood_evaluations=likelihood.evaluations,
    )
