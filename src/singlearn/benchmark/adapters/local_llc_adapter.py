"""Our local learning coefficient at the minimum of a population problem."""

from __future__ import annotations

import numpy as np

from singlearn.benchmark.outcome import ClaimedNumber, Outcome
from singlearn.benchmark.problem import Problem
from singlearn.results.caution import Caution, Reason

ROWS = 64


def sample(problem: Problem, budget: int, seed: int) -> Outcome:
    """``local.llc`` at the stored minimum, nβ being n of the problem, with at most ``budget``
    gradients of each of eight chains and γ = 1.

    Args:
        problem: with a minimum; others have no answer.
        budget: gradients of each chain.
        seed: of the chains.

    Returns:
        λ̂ with the error and the verdict of ``llc``.

    Raises:
        ValueError: a problem without a minimum.
    """
    import jax
    import jax.numpy as jnp

    from singlearn.local import llc

    if problem.minimum is None:
        raise ValueError(f"problem: {problem.name} has no minimum whose local λ is known")
    function, constants = problem.model.jax, problem.constants
    with jax.enable_x64(True):
        start = {k: jnp.asarray(v, float) for k, v in problem.minimum["parameter"].items()}
        # Every row carries K itself, so that its mean does.
        found = llc(
            lambda w, x: function(w, {}, constants) * jnp.ones(len(x)),
            lambda output, target: output - target,
            (np.zeros((ROWS, 1)), np.zeros(ROWS)),
            parameters=start,
            nbeta=problem.n,
            gamma=1.0,
            sampler="hmc",
            max_steps=budget,
            seed=seed,
            progress=False,
        )
    cautions = tuple(found.cautions)
    if str(found.status) != "ok" and not cautions:
        cautions = (Caution(Reason.DOUBTFUL_FIT, f"llc says {found.status}"),)
    return Outcome(
        readings=(
            ClaimedNumber("local_learning_coefficient", 1.0, found.value, found.standard_error),
        ),
        cautions=cautions,
    )
