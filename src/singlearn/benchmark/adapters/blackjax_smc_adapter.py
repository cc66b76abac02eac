"""Adaptive tempered SMC of BlackJAX with Hamiltonian moves, four independent runs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from singlearn.benchmark.adapters.unconstrained import unconstrained
from singlearn.benchmark.outcome import Outcome
from singlearn.benchmark.problem import Problem

RUNS, TARGET_ESS, MOVES, LEAPFROGS, STEP = 4, 0.6, 5, 10, 0.3
MOST_RUNGS = 1000


def sample(problem: Problem, budget: int, seed: int) -> Outcome:
    """``budget`` particles in four runs; five moves of ten leapfrog steps on each rung, in the
    metric of the particles, of step 0.3 in their standard deviations.

    Args:
        problem: to be sampled.
        budget: particles of all runs.
        seed: of the runs.

    Returns:
        The mean evidence; the error is the spread of the runs, for BlackJAX claims none.

    Raises:
        RuntimeError: a ladder that does not reach β = 1.
    """
    import blackjax
    import jax
    import jax.numpy as jnp
    from blackjax.smc import extend_params, resampling
    from blackjax.smc.tuning.from_particles import particles_stds

    particles = max(budget // RUNS, 16)
    with jax.enable_x64(True):
        target = unconstrained(problem)

        def tuned(key: Any, state: Any, info: Any) -> Any:
            scale = particles_stds(state.particles)
            return extend_params({"inverse_mass_matrix": jnp.maximum(scale, 1e-12) ** 2})

        initial = extend_params({"inverse_mass_matrix": jnp.ones(target.dimension)})
        kernel = blackjax.hmc.build_kernel()

        def move(key: Any, state: Any, logdensity: Any, inverse_mass_matrix: Any) -> Any:
            return kernel(key, state, logdensity, STEP, inverse_mass_matrix, LEAPFROGS)

        smc = blackjax.inner_kernel_tuning(
            smc_algorithm=blackjax.adaptive_tempered_smc,
            logprior_fn=target.log_prior,
            loglikelihood_fn=target.log_likelihood,
            mcmc_step_fn=move,
            mcmc_init_fn=blackjax.hmc.init,
            resampling_fn=resampling.systematic,
            mcmc_parameter_update_fn=tuned,
            initial_parameter_value=initial,
            target_ess=TARGET_ESS,
            num_mcmc_steps=MOVES,
        )
        step = jax.jit(smc.step)
        evidence, draws, rungs = [], [], 0
        for run in range(RUNS):
            key = jax.random.fold_in(jax.random.key(seed), run)
            start, key = jax.random.split(key)
            state = smc.init(target.draw(start, particles))
            total, count = 0.0, 0
            while float(state.sampler_state.tempering_param) < 1.0:
                key, own = jax.random.split(key)
                state, info = step(own, state)
                total, count = total + float(info.log_likelihood_increment), count + 1
                if count > MOST_RUNGS or not math.isfinite(total):
                    raise RuntimeError(f"after {count} rungs log Z is {total}")
            evidence.append(total)
            rungs += count
            draws.append(jax.vmap(target.constrain)(state.sampler_state.particles))
        merged = {name: np.stack([np.asarray(part[name]) for part in draws]) for name in draws[0]}
    return Outcome(
        float(np.mean(evidence)),
        float(np.std(evidence, ddof=1) / math.sqrt(RUNS)),
        merged,
        "replicates",
        likelihood_evaluations=rungs * particles,
        gradient_evaluations=rungs * particles * MOVES * LEAPFROGS,
    )
