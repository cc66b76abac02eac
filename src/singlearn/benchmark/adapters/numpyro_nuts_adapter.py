"""NUTS of NumPyro: draws at β = 1, no evidence."""

from __future__ import annotations

import numpy as np

from singlearn.benchmark.outcome import Outcome
from singlearn.benchmark.problem import Problem
from singlearn.results.caution import Caution, Reason

CHAINS = 4
LARGEST_R_HAT = 1.05


def sample(problem: Problem, budget: int, seed: int) -> Outcome:
    """Four chains of ``budget`` / 4 draws after as many of warm-up, with R̂ as its caution.

    Args:
        problem: to be sampled.
        budget: draws of all chains.
        seed: of the run.

    Returns:
        Draws; a caution where R̂ of a moment or a divergence says that they may be wrong.
    """
    import jax
    from numpyro.diagnostics import split_gelman_rubin
    from numpyro.infer import MCMC, NUTS

    with jax.enable_x64(True):
        kernel = NUTS(problem.numpyro_model())
        draws = max(budget // CHAINS, 8)
        mcmc = MCMC(
            kernel,
            num_warmup=draws,
            num_samples=draws,
            num_chains=CHAINS,
            chain_method="sequential",
            progress_bar=False,
        )
        mcmc.run(jax.random.key(seed), extra_fields=("num_steps", "diverging"))
        samples = {
            name: np.asarray(value) for name, value in mcmc.get_samples(group_by_chain=True).items()
        }
        extra = mcmc.get_extra_fields()
    cautions = []
    r_hat = max(float(np.nanmax(split_gelman_rubin(value))) for value in samples.values())
    if r_hat > LARGEST_R_HAT:
        cautions.append(Caution(Reason.POOR_MIXING, f"R̂ is {r_hat:.2f}"))
    diverged = int(np.asarray(extra["diverging"]).sum())
    if diverged:
        cautions.append(Caution(Reason.DIVERGED, f"{diverged} transitions diverged"))
    steps = int(np.asarray(extra["num_steps"]).sum())
    return Outcome(
        draws=samples,
        draws_are="chains",
        # Those of the warm-up are not kept: about as many.
        gradient_evaluations=2 * steps,
        cautions=tuple(cautions),
    )
