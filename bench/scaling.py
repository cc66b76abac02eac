"""How the time of one Hamiltonian move grows with n, width and particles: a table with fitted
exponents.
"""

from __future__ import annotations

import argparse
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


def main(arguments: Sequence[str]) -> None:
    """Sweep one size at a time; time ∝ size^exponent, fitted in logarithms over the whole sweep."""
    parser = argparse.ArgumentParser(prog="run.py scaling", description=__doc__)
    parser.add_argument("--leapfrog", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args(arguments)
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
