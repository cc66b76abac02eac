"""Importance nested sampling of nautilus, with its defaults."""

from __future__ import annotations

import math

import numpy as np

from singlearn.benchmark.outcome import CountedLikelihood, Outcome
from singlearn.benchmark.problem import Problem


def sample(problem: Problem, budget: int, seed: int) -> Outcome:
    """``Sampler`` with ``budget`` live points; the error of log Z is one over the root of the
    effective sample size, as its documentation says.

    Args:
        problem: to be sampled.
        budget: live points.
        seed: of the run.

    Returns:
        The evidence and draws.
    """
    from nautilus import Sampler

    likelihood = CountedLikelihood(problem)
    sampler = Sampler(
        lambda u: u,
        lambda u: likelihood.on_cubes(u[None] if u.ndim == 1 else u),
        n_dim=problem.dimension,
        n_live=budget,
        vectorized=True,
        seed=seed,
        pass_dict=False,
    )
    sampler.run(verbose=False, discard_exploration=True)
    points, log_weights, _ = sampler.posterior()
    weights = np.exp(log_weights - log_weights.max())
    effective = weights.sum() ** 2 / (weights**2).sum()
    chosen = np.random.default_rng(seed).choice(
        len(weights), size=max(int(effective), 1), p=weights / weights.sum()
    )
    draws = {name: value[None] for name, value in problem.from_unit_cube(points[chosen]).items()}
    return Outcome(
        float(sampler.log_z),
        1 / math.sqrt(float(sampler.n_eff)),
        draws,
        "independent",
        likelihood_evaluations=likelihood.evaluations,
    )
