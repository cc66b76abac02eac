"""The piece of work: the slope of E against 1/β in the cell s_3, ReLU, of Table 2, one training
set.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np

import singlearn as sl
from singlearn.measure.learning_coefficient import default_inverse_temperatures
from singlearn.measure.line import energy_slope
from singlearn.results.estimate import Estimate

BETAS = default_inverse_temperatures(20_000, 1.0, is_population=False)
PRIOR_SCALE = 50.0


@dataclass(frozen=True)
class Slope:
    """A slope with its standard error, the seconds it took, and the five energies it came from."""

    slope: Estimate
    seconds: float
    energies: list[Estimate]


def triple() -> sl.Triple:
    """s_3, ReLU, H = 5, n = 1000, prior N(0, 50²), training set 0."""
    return sl.models.two_layer(
        hidden=5, truth=3, n=1000, activation="relu", prior_scale=PRIOR_SCALE, seed=0
    )


def ours(model: sl.Triple, particles: int, replicates: int, precision: str, seed: int) -> Slope:
    """Temper from the prior to the coldest β and read the slope; its error is the one seen between
    replicates.
    """
    started = time.monotonic()
    run = sl.temper(
        model,
        beta_max=float(BETAS[-1]),
        particles=particles,
        replicates=replicates,
        seed=seed,
        precision=precision,
        progress=False,
    )
    read = run.learning_coefficient(method="energy", inverse_temperatures=BETAS)
    energies = [run.energy(float(beta)) for beta in BETAS]
    return Slope(read.readings["energy"], time.monotonic() - started, energies)


def parser(rival: str, description: str | None, warmup: int, draws: int) -> argparse.ArgumentParser:
    """The options that every rival has; ``warmup`` and ``draws`` are its defaults."""
    options = argparse.ArgumentParser(prog=f"run.py {rival}", description=description)
    options.add_argument(
        "--minutes",
        type=float,
        default=8.0,
        help="time for the rival in all, shared by its chains (default 8)",
    )
    options.add_argument(
        "--warmup",
        type=int,
        default=warmup,
        help=f"steps a chain (the paper: 1000; default {warmup})",
    )
    options.add_argument(
        "--draws",
        type=int,
        default=draws,
        help=f"draws a chain and β at most (the paper: 20000; default {draws})",
    )
    options.add_argument(
        "--chains", type=int, default=2, help="chains, one after the other (default 2, for R-hat)"
    )
    options.add_argument(
        "--particles", type=int, default=512, help="ours, of each replicate (default 512)"
    )
    options.add_argument("--replicates", type=int, default=4, help="ours (default 4)")
    options.add_argument(
        "--precision",
        choices=["float32", "float64"],
        default="float32",
        help="ours (default float32)",
    )
    return options


def cold_and_warm(chosen: argparse.Namespace) -> tuple[sl.Triple, Slope, Slope]:
    """Our side twice in this process: with compilation, and once more without."""
    model = triple()
    first = ours(model, chosen.particles, chosen.replicates, chosen.precision, seed=0)
    print(f"ours, compiling: {first.seconds:.1f} s, slope {first.slope}", flush=True)
    second = ours(model, chosen.particles, chosen.replicates, chosen.precision, seed=0)
    print(f"ours, again: {second.seconds:.1f} s", flush=True)
    return model, first, second


def error_of_independent_draws(learning_coefficient: float, draws: int) -> float:
    """Standard error of the slope if every one of ``draws`` draws a β were independent: the
    energy's variance is λ/β².
    """
    return line(
        [0.0] * len(BETAS), [float(e) for e in np.sqrt(learning_coefficient / draws) / BETAS]
    ).standard_error


def line(means: list[float], errors: list[float]) -> Estimate:
    """The slope through five independent energies with their own errors, by the same least
    squares.
    """
    return energy_slope(BETAS, np.array(means), np.diag(np.square(errors))).slope
