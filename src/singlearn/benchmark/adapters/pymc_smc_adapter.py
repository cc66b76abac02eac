"""Sequential Monte Carlo of PyMC, four independent runs, on the unit cube."""

from __future__ import annotations

import logging
import math
from typing import Any

import numpy as np

from singlearn.benchmark.outcome import Counted, Outcome
from singlearn.benchmark.problem import Problem

RUNS = 4


def sample(problem: Problem, budget: int, seed: int) -> Outcome:
    """``sample_smc`` with ``budget`` / 4 particles in each of four runs.

    Args:
        problem: to be sampled.
        budget: particles of all runs.
        seed: of the runs.

    Returns:
        The mean evidence; the error is the spread of the runs, for PyMC claims none.
    """
    import pymc
    import pytensor.tensor as pt
    from pytensor.graph.basic import Apply
    from pytensor.graph.op import Op

    likelihood = Counted(problem)

    class LogLikelihood(Op):  # type: ignore[misc]
        def make_node(self, u: Any) -> Any:
            return Apply(self, [pt.as_tensor_variable(u)], [pt.dscalar()])

        def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
            outputs[0][0] = np.asarray(likelihood.on_cube(inputs[0]))

    logging.getLogger("pymc").setLevel(logging.ERROR)
    with pymc.Model():
        u = pymc.Uniform("u", 0.0, 1.0, shape=problem.dimension)
        pymc.Potential("log_likelihood", LogLikelihood()(u))
        # One after the other: the evidence of several chains of unequal length is stored in one
        # ragged array.
        traces = [
            pymc.sample_smc(
                max(budget // RUNS, 16),
                chains=1,
                cores=1,
                random_seed=RUNS * seed + run,
                progressbar=False,
                compute_convergence_checks=False,
            )
            for run in range(RUNS)
        ]
    evidence = [_last(trace.sample_stats["log_marginal_likelihood"].values) for trace in traces]
    cubes = np.concatenate([trace.posterior["u"].values for trace in traces])
    return Outcome(
        float(np.mean(evidence)),
        float(np.std(evidence, ddof=1) / math.sqrt(RUNS)),
        problem.from_unit_cube(cubes),
        "replicates",
        likelihood_evaluations=likelihood.evaluations,
    )


def _last(values: object) -> float:
    """A run keeps one number for each rung, the last of which is log Z; those before are none."""
    found: list[float] = []

    def walk(item: object) -> None:
        if isinstance(item, (list, tuple, np.ndarray)):
            for part in item:
                walk(part)
        else:
            found.append(float(item))  # type: ignore[arg-type]

    walk(np.asarray(values, dtype=object))
    return next(value for value in reversed(found) if math.isfinite(value))
