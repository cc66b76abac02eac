"""Evidence where no draw of the prior gets, against closed forms; and what looking for it costs."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence

import cell
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

import singlearn as sl
from singlearn.data import galaxies
from singlearn.models import MixturePrior, gaussian_mixture
from singlearn.tempering import modes as looking


def spike_and_slab(d: int) -> tuple[sl.Triple, float]:
    """A spike (sd 0.01) with 100 times the mass of the slab (sd 0.1), uniform prior on [-1, 1]^d,
    and its free energy.
    """

    def log_likelihood(w: dict, data: np.ndarray) -> jnp.ndarray:
        spike = jnp.log(100.0) + jnp.sum(dist.Normal(0.3, 0.01).log_prob(w["x"]))
        return jnp.logaddexp(spike, jnp.sum(dist.Normal(0.0, 0.1).log_prob(w["x"]))) + 0 * data

    triple = sl.Triple(
        log_likelihood,
        {"x": dist.Uniform(-1.0, 1.0).expand([d])},
        np.zeros(1),
        name=f"spike and slab, d = {d}",
    )
    return triple, -math.log(101 / 2**d)


def narrow_well(d: int = 10, width: float = 1e-3, seed: int = 0) -> tuple[sl.Triple, float]:
    """A well of sd ``width`` at a draw of the prior N(0, 1)^d beside a broad one, and the free
    energy of both.
    """
    centre = np.random.default_rng(seed).normal(size=d)
    depth = math.log(9.0) + 0.5 * centre @ centre - d * math.log(2 * width)

    def divergence(w: jnp.ndarray) -> jnp.ndarray:
        return depth - jnp.logaddexp(
            -1.5 * jnp.sum(w**2), depth - 0.5 * jnp.sum((w - centre) ** 2) / width**2
        )

    variance = 1 + width**2
    log_narrow = (
        depth
        + d * math.log(width)
        - 0.5 * d * math.log(variance)
        - 0.5 * centre @ centre / variance
    )
    triple = sl.Triple.population(
        divergence, dist.Normal(0.0, 1.0).expand([d]), n=1, name=f"narrow well, d = {d}"
    )
    return triple, depth + float(-np.logaddexp(-d * math.log(2), log_narrow))


def main(arguments: Sequence[str]) -> None:
    """Options, the table of errors, the table of costs, and the picture where it is asked for."""
    parser = argparse.ArgumentParser(prog="run.py modes", description=__doc__)
    parser.add_argument("--particles", type=int, default=1024)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--dimensions", type=int, nargs="*", default=[2, 4, 8, 10])
    parser.add_argument("--no-costs", action="store_true")
    parser.add_argument(
        "--picture",
        help="a file for the parts of the posterior of the spike and slab in 8 dimensions",
    )
    chosen = parser.parse_args(arguments)
    print(
        f"{'work':<24}{'seed':>5}{'exact':>9}  {'without':>14}  "
        f"{'modes=auto':>14}{'off/s.e.':>10}{'off':>8}{'cost':>8}",
        flush=True,
    )
    for make in [*(lambda d=d: spike_and_slab(d) for d in chosen.dimensions), narrow_well]:
        for seed in chosen.seeds:
            errors(*make(), chosen.particles, seed)
    if not chosen.no_costs:
        print(
            "\ncost of looking where nothing is missing, second run in this process (compiled)",
            flush=True,
        )
        cost("galaxies, K = 3", gaussian_mixture(galaxies(), 3, MixturePrior.chib()), 512, 1.0)
        cost("Table 2, s_3", cell.triple(), 512, float(cell.BETAS[-1]))
    if chosen.picture:
        run = sl.temper(spike_and_slab(8)[0], particles=512, seed=0, progress=False)
        sl.plot.modes(run).savefig(chosen.picture, dpi=110)


def errors(triple: sl.Triple, exact: float, particles: int, seed: int) -> None:
    """F with and without the modes, and the ratio of their CPU seconds (with what each has to
    compile).
    """
    started = time.process_time()
    alone = sl.temper(triple, particles=particles, seed=seed, progress=False, modes=None)
    between = time.process_time()
    run = sl.temper(triple, particles=particles, seed=seed, progress=False)
    ratio = (time.process_time() - between) / (between - started)
    before, found = alone.free_energy(1.0), run.free_energy(1.0)
    off = found.value - exact
    numbers = f"{off / found.standard_error:>10.1f}{off:>8.3f}{ratio:>7.1f}x"
    print(
        f"{triple.name:<24}{seed:>5}{exact:>9.3f}  {before!s:>14}  {found!s:>14}{numbers}",
        flush=True,
    )


def cost(name: str, triple: sl.Triple, particles: int, beta_max: float) -> None:
    """CPU seconds of a run and of the search in it."""
    spent = 0.0
    search = looking.search

    def timed(*arguments: object) -> object:
        nonlocal spent
        started = time.process_time()
        found = search(*arguments)  # type: ignore[arg-type]
        spent = time.process_time() - started
        return found

    looking.search = timed  # type: ignore[assignment]
    try:
        for _ in range(2):
            started = time.process_time()
            sl.temper(triple, beta_max=beta_max, particles=particles, seed=0, progress=False)
            whole = time.process_time() - started
            print(
                f"{name:<24}run {whole - spent:>7.2f} s   search {spent:>6.2f} s   "
                f"{spent / (whole - spent):>6.1%}",
                flush=True,
            )
    finally:
        looking.search = search
