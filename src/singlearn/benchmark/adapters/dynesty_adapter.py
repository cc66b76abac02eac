"""Nested sampling of dynesty, with its defaults."""

from __future__ import annotations

import numpy as np

from singlearn.benchmark.outcome import CountedLikelihood, Outcome
from singlearn.benchmark.problem import Problem


def sample(problem: Problem, budget: int, seed: int) -> Outcome:
    """``NestedSampler`` with ``budget`` live points.

    Args:
        problem: to be sampled.
        budget: live points.
        seed: of the run.

    Returns:
        The evidence with the error that dynesty gives, and draws.
    """
    import dynesty

    likelihood, generator = CountedLikelihood(problem), np.random.default_rng(seed)
    sampler = dynesty.NestedSampler(
        likelihood.on_cube,
        lambda u: u,
        problem.dimension,
        nlive=max(budget, 2 * problem.dimension + 2),
        rstate=generator,
    )
    sampler.run_nested(print_progress=False)
    found = sampler.results
    weights = found.importance_weights()
    effective = weights.sum() ** 2 / (weights**2).sum()
    chosen = generator.choice(len(weights), size=max(int(effective), 1), p=weights / weights.sum())
    cubes = found.samples[chosen]
    draws = {name: value[None] for name, value in problem.from_unit_cube(cubes).items()}
    return Outcome(
        float(found.logz[-1]),
        float(found.logzerr[-1]),
        draws,
        "independent",
        likelihood_evaluations=likelihood.evaluations,
    )
