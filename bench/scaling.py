"""How the time of one Hamiltonian move grows with n, width and particles: a table with fitted
exponents; then regressions with sufficient statistics beside the same ones without.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import jax
import numpy as np
from throughput import move_seconds

import singlearn as sl

SWEEPS: dict[str, tuple[int, ...]] = {
    "n": (250, 1000, 4000, 16_000),
    "hidden": (4, 8, 16, 32),
    "particles": (128, 512, 2048, 8192),
}
BASE = {"n": 1000, "hidden": 5, "particles": 512}
REGRESSIONS = (10_000, 100_000, 1_000_000)
# One move over all observations takes minutes beyond.
LARGEST_WITHOUT = 100_000


def main(arguments: Sequence[str]) -> None:
    """Sweep one size at a time; time ∝ size^exponent, fitted in logarithms over the whole sweep."""
    parser = argparse.ArgumentParser(prog="run.py scaling", description=__doc__)
    parser.add_argument("--leapfrog", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", choices=("moves", "regressions"))
    chosen = parser.parse_args(arguments)
    if chosen.only != "regressions":
        moves(chosen)
    if chosen.only != "moves":
        regressions(chosen)


def moves(chosen: argparse.Namespace) -> None:
    """Moves of the two-layer network."""
    elsewhere = ", ".join(f"{name} = {size}" for name, size in BASE.items())
    print(
        f"one Hamiltonian move, {chosen.leapfrog} leapfrog steps, float64, best of "
        f"{chosen.repeats}; elsewhere {elsewhere}"
    )
    for name, sizes in SWEEPS.items():
        seconds = []
        for size in sizes:
            at = {**BASE, name: size}
            model = sl.models.two_layer(hidden=at["hidden"], truth=3, n=at["n"], prior_scale=50.0)
            with jax.enable_x64(True):
                seconds.append(
                    move_seconds(model, at["particles"], chosen.leapfrog, chosen.repeats)
                )
        exponent = np.polyfit(np.log(sizes), np.log(seconds), 1)[0]
        cells = "  ".join(
            f"{size:>6}: {time:.3f} s" for size, time in zip(sizes, seconds, strict=True)
        )
        print(f"{name:<10}{cells}   time ∝ {name}^{exponent:.2f}", flush=True)


def regressions(chosen: argparse.Namespace) -> None:
    """One move of 512 particles and one whole run, reduced rank 6 → 3 → 6."""
    print("reduced rank regression, d = 36, 512 particles a replicate; seconds of the processor")
    print(f"{'n':>9}{'statistics':>12}{'a move':>9}{'without':>9}{'ratio':>8}{'a run':>8}")
    for n in REGRESSIONS:
        draw = np.random.default_rng(0).normal
        x = draw(size=(n, 6))
        y = x @ draw(size=(6, 2)) @ draw(size=(2, 6)) + draw(size=(n, 6))
        started = time.process_time()
        ours = sl.models.reduced_rank_regression(x, y, hidden=3)
        assert ours.energy_rows == 6
        statistics = time.process_time() - started
        with jax.enable_x64(True):
            own = processor_seconds(ours, chosen)
            plain = sl.Triple.regression(
                lambda w, x: x @ w["A"].T @ w["B"].T, ours.prior, x, y, name="all observations"
            )
            all_of_them = processor_seconds(plain, chosen) if n <= LARGEST_WITHOUT else np.nan
        started = time.process_time()
        run = sl.temper(ours, particles=512, replicates=2, progress=False)
        took = time.process_time() - started
        print(
            f"{n:>9}{statistics:>12.2f}{own:>9.3f}{all_of_them:>9.2f}{all_of_them / own:>7.0f}x"
            f"{took:>8.1f}   F = {run.free_energy()}, {len(run.rungs)} rungs",
            flush=True,
        )


def processor_seconds(model: sl.Triple, chosen: argparse.Namespace) -> float:
    """Seconds of the processor of one compiled Hamiltonian move of 512 particles."""
    return move_seconds(model, 512, chosen.leapfrog, chosen.repeats, time.process_time)
