"""CPU seconds of ``llc`` at default settings, compilation included: a deep linear network of 9, 17
and 10 nodes in JAX, 10,000 samples.

    python bench/local_speed.py                                  # this version
    PYTHONPATH=/path/to/another/src python bench/local_speed.py  # another, for a ratio

Compare two versions in one run on a quiet machine, by CPU seconds (user and system).
"""

import time
from functools import reduce

import jax
import numpy as np

import singlearn as sl

WIDTHS, RANK, SAMPLES, NOISE = (9, 17, 10), 3, 10_000, 0.5
SEEDS = (0, 1)


def network(seed: int) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Factors of rank 3, inputs x ~ N(0, I), and outputs with noise."""
    rng = np.random.default_rng(seed)
    frames = [np.linalg.qr(rng.normal(size=(width, width)))[0][:, :RANK] for width in WIDTHS]
    factors = [
        frames[i + 1] @ np.diag(rng.uniform(0.7, 1.4, size=RANK)) @ frames[i].T
        for i in range(len(WIDTHS) - 1)
    ]
    x = rng.normal(size=(SAMPLES, WIDTHS[0]))
    y = reduce(lambda a, w: a @ w.T, factors, x)
    y = y + NOISE * rng.normal(size=y.shape)
    return [f.astype(np.float32) for f in factors], x.astype(np.float32), y.astype(np.float32)


def output(factors: list[jax.Array], x: jax.Array) -> jax.Array:
    """The product of the factors at x."""
    return reduce(lambda a, w: a @ w.T, factors, x)


def loss(output: jax.Array, target: jax.Array) -> jax.Array:
    """Half of the squared distance."""
    return 0.5 * ((output - target) ** 2).sum(-1)


def main() -> None:
    """Print λ̂ and CPU seconds of every seed, and their sum."""
    factors, x, y = network(0)
    total = 0.0
    for seed in SEEDS:
        began = time.process_time()
        found = sl.local.llc(output, loss, (x, y), parameters=factors, gamma=10.0, seed=seed)
        spent = time.process_time() - began
        total += spent
        print(f"seed {seed}: λ̂ = {found.value:.4f} ± {found.standard_error:.2g}  {spent:.1f} CPU s")
    print(f"{total:.1f} CPU s in all")


if __name__ == "__main__":
    main()
