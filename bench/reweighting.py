"""Reweighting a ladder: rungs that overlap, against every rung at every particle."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

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


def main(arguments: Sequence[str] | None = None) -> None:
    """Print seconds, their ratio, and the largest difference of the free energies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rungs", type=int, nargs="+", default=[30, 120, 500, 4000])
    parser.add_argument("--particles", type=int, default=256)
    chosen = parser.parse_args(arguments)
    Reweighting(*ladder(10, 64))
    print(
        f"{'rungs':>6}  {'ours, CPU s':>11}  {'all pairs':>9}  {'ratio':>8}  largest difference of "
        f"F, nats"
    )
    for rungs in chosen.rungs:
        betas, energies = ladder(rungs, chosen.particles)
        started = time.process_time()
        ours = Reweighting(betas, energies).free_energies
        seconds = time.process_time() - started
        if rungs > LARGEST_RIVAL:
            print(f"{len(betas):>6}  {seconds:>11.2f}  {'not tried':>9}")
            continue
        with threadpool_limits(1, user_api="blas"):
            started = time.process_time()
            theirs = all_pairs(betas, energies)
            rival = time.process_time() - started
        difference = np.abs(ours - theirs).max()
        print(
            f"{len(betas):>6}  {seconds:>11.2f}  {rival:>9.2f}  {rival / seconds:>7.1f}x  "
            f"{difference:.1e}"
        )


if __name__ == "__main__":
    main()
