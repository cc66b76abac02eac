"""Posterior draws by NUTS: another sampler than ``temper``, to compare with and for posteriors with
one phase.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import blackjax
import jax
import jax.numpy as jnp
import numpy as np
from blackjax.diagnostics import effective_sample_size, potential_scale_reduction
from jaxtyping import Array, Float, Key, PyTree

from singlearn.generalise.descent import minus_log_posterior
from singlearn.results.caution import Caution, Reason, said
from singlearn.results.document import of_each
from singlearn.results.result import Answer
from singlearn.running.arguments import random_seed, whole_number
from singlearn.triple import Model, Triple
from singlearn.triple.predictive import Predictor, predictive

# Chains are in doubt above this R̂, of the coordinates or of the energy.
LARGEST_R_HAT = 1.05


@dataclass(frozen=True, eq=False)
class NutsChains(Answer):
    """NUTS draws of the posterior at β = 1 and how far to trust them.

    Attributes:
        draws: constrained, every leaf with a leading axis of chains times draws.
        energies: n L_n of every draw, in nats.
        r_hat: of the energy, which is one number whatever symmetries the model has, and does not
            see which copy a chain is in.
        effective_draws: of the energy.
        divergences: draws whose trajectory diverged.
        triple: model and data.
    """

    draws: PyTree
    energies: Float[np.ndarray, "chains draws"]
    r_hat: float
    effective_draws: float
    divergences: int
    triple: Triple

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """What is wrong with the chains."""
        found = []
        if not self.r_hat <= LARGEST_R_HAT:
            sentence = (
                f"R̂ of the energy is {self.r_hat:.3f}: the chains disagree; run longer, or temper"
            )
            found.append(Caution(Reason.POOR_MIXING, sentence))
        if self.divergences:
            sentence = f"{self.divergences} of {self.energies.size} draws diverged"
            found.append(Caution(Reason.DIVERGED, sentence))
        return tuple(found)

    def summary(self) -> str:
        """All of it, for people."""
        chains, draws = self.energies.shape
        head = (
            f"{self.triple.name}: NUTS, {chains} × {draws} draws, R̂ of the energy "
            f"{self.r_hat:.3f}, {self.effective_draws:.0f} effective"
        )
        return "\n".join([head, *said(self.cautions)])

    def to_dict(self) -> dict[str, Any]:
        """How far to trust the draws, for machines; not the draws."""
        return {
            "name": self.triple.name,
            "chains": self.energies.shape[0],
            "draws": self.energies.shape[1],
            "r_hat": self.r_hat,
            "effective_draws": self.effective_draws,
            "divergences": self.divergences,
            "cautions": of_each(self.cautions),
        }

    def predictor(self) -> Predictor:
        """The Bayes predictive density of the draws."""
        return predictive(self.triple, self.draws)


def nuts(
    triple: Triple, draws: int = 1000, warmup: int = 1000, chains: int = 4, seed: int = 0
) -> NutsChains:
    """Draw from the posterior by NUTS, chains started at prior draws, step size and metric adapted
    in the warm-up.

    Args:
        triple: with data.
        draws: of each chain, after the warm-up.
        warmup: steps that adapt and are thrown away.
        chains: run together; with one, R̂ compares the halves of the chain.
        seed: of starts and moves.

    Returns:
        Draws of all chains, with R̂, the effective number of draws, and how many trajectories
        diverged.

    Raises:
        ValueError: fewer than 4 draws, 20 steps of warm-up or 1 chain, or a population triple.
    """
    draws = whole_number("draws", draws, at_least=4)
    warmup = whole_number("warmup", warmup, at_least=20)
    chains = whole_number("chains", chains)
    seed = random_seed(seed)
    if triple.is_population:
        raise ValueError(
            f"triple: {triple.name} is a population triple; NUTS here draws from a posterior given "
            f"data"
        )
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(seed), chains)
        data = jax.tree.map(jnp.asarray, triple.data)
        points, energies, diverged = (
            np.asarray(part) for part in _compiled(triple.as_model(), draws, warmup)(keys, data)
        )
        constrained = jax.vmap(triple.coordinates.constrain)(
            jnp.asarray(points.reshape(-1, triple.dimension))
        )
        halves = energies[:, : draws // 2 * 2].reshape(2, -1) if chains == 1 else energies
        r_hat = float(potential_scale_reduction(halves))
        return NutsChains(
            jax.tree.map(np.asarray, constrained),
            energies,
            r_hat,
            float(effective_sample_size(halves)),
            int(diverged.sum()),
            triple,
        )


@lru_cache(maxsize=16)
def _compiled(model: Model, draws: int, warmup: int) -> Callable[..., Any]:
    triple = model.triple
    objective = minus_log_posterior(model)

    def one(key: Key[Array, ""], data: PyTree) -> tuple[Array, Array, Array]:
        def log_density(u: Float[Array, " d"]) -> Float[Array, ""]:
            return -objective(u, data)

        start, adapt, run = jax.random.split(key, 3)
        adaptation = blackjax.window_adaptation(
            blackjax.nuts, log_density, adaptation_info_fn=lambda *_: None
        )
        (state, parameters), _ = adaptation.run(
            adapt, triple.coordinates.sample(start), num_steps=warmup
        )
        kernel = blackjax.nuts(log_density, **parameters)

        def step(state: blackjax.mcmc.hmc.HMCState, own: Key[Array, ""]) -> tuple[Any, ...]:
            state, info = kernel.step(own, state)
            return state, (state.position, info.is_divergent)

        drawn: tuple[Array, Array] = jax.lax.scan(step, state, jax.random.split(run, draws))[1]
        return drawn[0], jax.lax.map(lambda u: triple.energy(u, data), drawn[0]), drawn[1]

    return jax.jit(jax.vmap(one, in_axes=(0, None)))
