"""NumPyro's NUTS at each of the five β, as the paper did with Pyro's, against one tempered run."""

from __future__ import annotations

import time
from collections.abc import Sequence

import cell
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.diagnostics import effective_sample_size, split_gelman_rubin
from numpyro.infer import MCMC, NUTS
from report import Rival, compare

import singlearn as sl

# Draws between two looks at the clock.
BLOCK = 50


def main(arguments: Sequence[str]) -> None:
    """Options, both pieces of work, the table."""
    chosen = cell.parser("numpyro", __doc__, warmup=200, draws=20_000).parse_args(arguments)
    model, first, second = cell.cold_and_warm(chosen)
    with jax.enable_x64(True):
        rival = nuts(model, chosen.minutes * 60, chosen.warmup, chosen.draws, chosen.chains)
    compare("Table 2, s_3, slope to our s.e.", first.slope, first.seconds, second.seconds, rival)


def nuts(model: sl.Triple, seconds: float, warmup: int, draws: int, chains: int) -> Rival:
    """NUTS at every β: warm-up, then blocks of draws until the time share of that β is spent or all
    draws are there.
    """
    x, y = (jnp.asarray(part) for part in model.data)
    network = sl.models.two_layer_network

    def tempered(beta: jax.Array) -> None:
        normal = dist.Normal(0.0, cell.PRIOR_SCALE)
        w = {
            "w": numpyro.sample("w", normal.expand([5, 2])),
            "b": numpyro.sample("b", normal.expand([5])),
            "q": numpyro.sample("q", normal.expand([5])),
            "c": numpyro.sample("c", normal),
        }
        energy = -dist.Normal(network(w, x), 1.0).log_prob(y).sum()
        numpyro.deterministic("energy", energy)
        numpyro.factor("tempered", -beta * energy)

    # One sampler for all chains and β, which are arguments of its program: it compiles once, as we
    # do.
    sampler = MCMC(
        NUTS(tempered),
        num_warmup=warmup,
        num_samples=BLOCK,
        progress_bar=False,
        jit_model_args=True,
    )
    means, errors, rhats, sizes, counts = [], [], [], [], []
    fixed = sampling = 0.0
    for index, beta in enumerate(cell.BETAS):
        chain_energies, spent_fixed, spent_sampling = [], 0.0, 0.0
        for chain in range(chains):
            share = seconds / len(cell.BETAS) / chains
            energies, warm, drawn = _chain(
                sampler, float(beta), share, draws, seed=100 * index + chain
            )
            chain_energies.append(energies)
            spent_fixed += warm
            spent_sampling += drawn
        shortest = min(len(e) for e in chain_energies)
        together = np.stack([e[:shortest] for e in chain_energies])
        size = float(effective_sample_size(together))
        rhat = float(split_gelman_rubin(together))
        means.append(float(together.mean()))
        errors.append(float(together.std(ddof=1) / np.sqrt(size)))
        rhats.append(rhat)
        sizes.append(size)
        counts.append(together.size)
        fixed += spent_fixed
        sampling += spent_sampling
        excess = ", ".join(f"{e.mean() - model.truth_energy:.1f}" for e in chain_energies)
        print(
            f"  NUTS β = {beta:.3f}: {together.size} draws in {spent_sampling:.0f} s after "
            f"{spent_fixed:.0f} s, "
            f"E - n L_n(w_0) by chain {excess}, ESS {size:.0f}, R-hat {rhat:.2f}",
            flush=True,
        )
    return Rival(
        "NumPyro NUTS",
        cell.line(means, errors),
        fixed,
        sampling,
        max(rhats),
        min(sizes),
        min(counts),
    )


def _chain(
    sampler: MCMC, beta: float, seconds: float, draws: int, seed: int
) -> tuple[np.ndarray, float, float]:
    """Energies of one chain, seconds of warm-up (of the first chain compilation too), seconds of
    drawing.
    """
    started = time.monotonic()
    inverse_temperature = jnp.asarray(beta)
    sampler.warmup(jax.random.key(seed), inverse_temperature)
    fixed = time.monotonic() - started
    energies: list[np.ndarray] = []
    while sum(map(len, energies)) < draws and (
        time.monotonic() - started < seconds or len(energies) < 3
    ):
        sampler.run(sampler.post_warmup_state.rng_key, inverse_temperature)
        energies.append(np.asarray(sampler.get_samples()["energy"]))
        sampler.post_warmup_state = sampler.last_state
    return np.concatenate(energies), fixed, time.monotonic() - started - fixed
