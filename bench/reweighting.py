"""Reweighting a ladder: rungs that overlap, against every rung at every particle, and pymbar."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.special import logsumexp
from threadpoolctl import threadpool_limits

from singlearn.measure.reweight import Reweighting

# The rival forms an array of rungs × rungs for every step of Newton's method.
LARGEST_RIVAL = 500


def ladder(
    rungs: int, particles: int, seed: int = 0
) -> tuple[Float[np.ndarray, " rungs"], Float[np.ndarray, "rungs particles"]]:
    """w ~ N(0, 1), U = (w - s)²/2, with s so far off that about so many rungs lead to β = 1."""
    shift = 1.2 * rungs
    betas = [0.0]
    while betas[-1] < 1:
        betas.append(min(1.0, betas[-1] + 0.7 * (1 + betas[-1]) ** 1.5 / shift))
    inverse_temperatures = np.array(betas)
    noise = np.random.default_rng(seed).normal(size=(len(betas), particles))
    centre = inverse_temperatures * shift / (1 + inverse_temperatures)
    w = centre[:, None] + noise / np.sqrt(1 + inverse_temperatures)[:, None]
    return inverse_temperatures, (w - shift) ** 2 / 2


def all_pairs(
    betas: Float[np.ndarray, " rungs"], energies: Float[np.ndarray, "rungs particles"]
) -> Float[np.ndarray, " rungs"]:
    """The free energies by Newton's method with every rung at every particle: quadratic in
    rungs.
    """
    particles = energies.shape[1]
    steps = logsumexp(-np.diff(betas)[:, None] * energies[:-1], axis=1) - np.log(particles)
    f = np.concatenate([[0.0], np.cumsum(-steps)])
    for _ in range(60):
        expected, second = np.zeros(len(f)), np.zeros((len(f), len(f)))
        for row in energies:
            terms = f[:, None] - betas[:, None] * row
            terms -= terms.max(axis=0)
            weights = np.exp(terms)
            weights /= weights.sum(axis=0)
            expected += weights.sum(axis=1)
            second += weights @ weights.T
        hessian = (np.diag(expected) - second)[1:, 1:]
        step = np.linalg.solve(
            hessian + 1e-12 * particles * np.eye(len(hessian)), (particles - expected)[1:]
        )
        step *= min(1.0, 2.0 / np.abs(np.diff(step, prepend=0.0)).max())
        f[1:] += step
        if np.abs(step).max() < 1e-9:
            break
    return f


# In a process of its own, for it changes JAX's precision. Prints seconds of the processor, then F.
PYMBAR = """
import sys, time, numpy as np, pymbar
energies, betas = (np.load(f"{sys.argv[1]}/{name}.npy") for name in ("energies", "betas"))
counts, reduced = np.full(len(betas), energies.shape[1]), betas[:, None] * energies.reshape(1, -1)
started = time.process_time()
found = pymbar.MBAR(reduced, counts, relative_tolerance=1e-10, initialize="BAR")
print(time.process_time() - started, *found.f_k)
"""


def by_pymbar(
    python: str, betas: Float[np.ndarray, " rungs"], energies: Float[np.ndarray, "rungs particles"]
) -> tuple[float, Float[np.ndarray, " rungs"]]:
    """Seconds of the processor, compilation included, and the free energies."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "energies.npy", energies)
        np.save(Path(folder) / "betas.npy", betas)
        said = subprocess.run(
            [python, "-W", "ignore", "-c", PYMBAR, folder],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split("\n")
    seconds, *f = (float(word) for word in said[-2].split())
    return seconds, np.array(f)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print seconds, their ratios, and the largest difference of the free energies."""
    parser = argparse.ArgumentParser(prog="run.py reweighting", description=__doc__)
    parser.add_argument("--rungs", type=int, nargs="+", default=[30, 120, 500, 4000])
    parser.add_argument("--particles", type=int, default=256)
    parser.add_argument("--replicates", type=int, default=1, help="of ours; rivals read one")
    parser.add_argument("--python", default=sys.executable, help="an interpreter that has pymbar")
    parser.add_argument("--largest-rival", type=int, default=LARGEST_RIVAL)
    chosen = parser.parse_args(arguments)
    Reweighting(*ladder(10, 64))
    print(
        "CPU s of one replicate, and how far the rivals' F are from ours, in nats\n"
        f"{'rungs':>6}{'ours':>8}{'all pairs':>12}{'ratio':>8}{'differs':>10}"
        f"{'pymbar':>10}{'ratio':>8}{'differs':>10}"
    )
    for rungs in chosen.rungs:
        ladders = [ladder(rungs, chosen.particles, seed) for seed in range(chosen.replicates)]
        betas, energies = ladders[0]
        started = time.process_time()
        each = [Reweighting(*own).free_energies for own in ladders]
        all_of_them = time.process_time() - started
        ours, seconds = each[0], all_of_them / chosen.replicates
        print(f"{len(betas):>6}{seconds:>8.2f}", end="", flush=True)
        if rungs <= chosen.largest_rival:
            with threadpool_limits(1, user_api="blas"):
                started = time.process_time()
                theirs = all_pairs(betas, energies)
                rival = time.process_time() - started
            print(
                f"{rival:>12.2f}{rival / seconds:>7.0f}x{np.abs(ours - theirs).max():>10.1e}",
                end="",
                flush=True,
            )
            rival, theirs = by_pymbar(chosen.python, betas, energies)
            print(
                f"{rival:>10.2f}{rival / seconds:>7.0f}x{np.abs(ours - theirs).max():>10.1e}",
                end="",
            )
        together = f"   {chosen.replicates} replicates {all_of_them:.2f} s"
        print(together if chosen.replicates > 1 else "", flush=True)


if __name__ == "__main__":
    main()
