"""Nested slice sampling of BlackJAX, releases that have it."""

from __future__ import annotations

import numpy as np

from singlearn.benchmark.adapters.unconstrained import unconstrained
from singlearn.benchmark.outcome import Outcome
from singlearn.benchmark.problem import Problem

LEFT = -3.0  # log of the share of the evidence that the live points hold at the end
SHRINKAGES = 100


def sample(problem: Problem, budget: int, seed: int) -> Outcome:
    """``budget`` live points, a tenth of them replaced at a time, three slices for each parameter.

    Args:
        problem: to be sampled.
        budget: live points.
        seed: of the run.

    Returns:
        The evidence; its error is the spread over simulated shrinkages of the volume.
    """
    import blackjax
    import jax
    import jax.numpy as jnp
    from blackjax.ns.utils import finalise, log_weights

    with jax.enable_x64(True):
        target = unconstrained(problem)
        steps = 3 * target.dimension
        algorithm = blackjax.nss(
            logprior_fn=target.log_prior,
            loglikelihood_fn=target.log_likelihood,
            num_delete=max(budget // 10, 1),
            num_inner_steps=steps,
        )
        key, start = jax.random.split(jax.random.key(seed))
        state = jax.jit(algorithm.init)(target.draw(start, budget))
        step = jax.jit(algorithm.step)
        dead = []
        while float(state.integrator.logZ_live - state.integrator.logZ) > LEFT:
            key, own = jax.random.split(key)
            state, info = step(own, state)
            dead.append(info)
        whole = finalise(state, dead)
        key, own = jax.random.split(key)
        logs = log_weights(own, whole, shape=SHRINKAGES)
        evidence = np.asarray(jax.scipy.special.logsumexp(logs, axis=0))
        weights = np.asarray(jnp.exp(logs.mean(axis=1) - logs.mean(axis=1).max()))
        chosen = np.random.default_rng(seed).choice(
            len(weights), size=budget, p=weights / weights.sum()
        )
        positions = whole.particles.position[chosen]
        draws = {
            name: np.asarray(value)[None]
            for name, value in jax.vmap(target.constrain)(positions).items()
        }
    return Outcome(
        float(evidence.mean()),
        float(evidence.std()),
        draws,
        "independent",
        # Stepping out and shrinking: about six of them for each slice, which nobody counted.
        likelihood_evaluations=None,
    )
