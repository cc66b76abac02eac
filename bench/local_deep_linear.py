"""Local learning coefficient of deep linear networks with proven λ: SGLD at its one default setting, full-batch HMC, and λ.

The truth is well conditioned (aligned frames, singular values in [0.7, 1.4]) and w* lies on the deepest stratum: every factor has rank r.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from functools import reduce

import jax
import numpy as np

from singlearn.exact import catalogue
from singlearn.local import llc

NETWORKS = [
    ([9, 17, 10], 3),
    ([6, 8, 8, 9, 8], 2),
    ([10, 20, 20, 10], 4),
    ([7, 24, 23, 15], 2),
    ([12, 16, 8, 14, 9], 3),
    ([15, 22, 17], 6),
]


def deep_linear_data(
    widths: Sequence[int], rank: int, n: int, noise: float, seed: int
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Factors of rank ``rank``, inputs x ~ N(0, I) and targets."""
    rng = np.random.default_rng(seed)
    frames = [np.linalg.qr(rng.normal(size=(width, width)))[0][:, :rank] for width in widths]
    factors = [
        frames[i + 1] @ np.diag(rng.uniform(0.7, 1.4, size=rank)) @ frames[i].T for i in range(len(widths) - 1)
    ]
    x = rng.normal(size=(n, widths[0]))
    y = output(factors, x)
    return factors, x, y + noise * rng.normal(size=y.shape)


def output(factors, x):
    return reduce(lambda a, w: a @ w.T, factors, x)


def loss(output, target):
    return 0.5 * ((output - target) ** 2).sum(-1)


def compressed(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As few samples as there are inputs and outputs, with the same mean squared error for every linear map: the oracle runs on them."""
    small = np.linalg.qr(np.concatenate([x, y], axis=1), mode="r")
    small = small * math.sqrt(len(small) / len(x))
    return small[:, : x.shape[1]], small[:, x.shape[1] :]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=float, nargs="+", default=[1e4])
    parser.add_argument("--noise", type=float, nargs="+", default=[0.0, 0.5])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--networks", type=int, default=len(NETWORKS), help="only the first so many")
    parser.add_argument("--hmc-gradients", type=int, default=20_000, help="0: no oracle")
    options = parser.parse_args(arguments)
    print(
        f"{'widths':<18} {'r':>2} {'λ':>6} {'m':>2} {'n':>7} {'noise':>5} {'seed':>4}   {'SGLD':<27} {'HMC':<27} {'SGLD/HMC':>8} "
        f"{'SGLD/λ':>7} {'s':>5}",
        flush=True,
    )
    for widths, rank in NETWORKS[: options.networks]:
        known = catalogue.deep_linear(widths, rank)
        exact = float(known.value)
        for n in map(int, options.n):
            for noise in options.noise:
                for seed in range(options.seeds):
                    factors, x, y = deep_linear_data(widths, rank, n, noise, seed)
                    begun = time.perf_counter()
                    single = [array.astype(np.float32) for array in (x, y, *factors)]
                    ours = llc(output, loss, (single[0], single[1]), parameters=single[2:], seed=seed)
                    seconds = time.perf_counter() - begun
                    oracle, ratio = "-", math.nan
                    if options.hmc_gradients:
                        with jax.enable_x64(True):
                            hmc = llc(
                                output, loss, compressed(x, y), parameters=factors, nbeta=n / math.log(n), sampler="hmc", seed=seed,
                                max_steps=options.hmc_gradients,
                            )  # fmt: skip
                        oracle, ratio = f"{hmc.estimate} {hmc.status}", ours.value / hmc.value
                    print(
                        f"{'-'.join(map(str, widths)):<18} {rank:>2} {exact:>6} {known.multiplicity:>2} {n:>7} {noise:>5} {seed:>4}   "
                        f"{f'{ours.estimate} {ours.status}':<27} {oracle:<27} {ratio:>8.3f} {ours.value / exact:>7.3f} {seconds:>5.0f}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
