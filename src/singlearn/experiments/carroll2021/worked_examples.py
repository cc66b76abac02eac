"""Five small singular models: what is proved in closed form, beside what tempering measures, and
their pictures.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sympy
from matplotlib.figure import Figure

from singlearn import plot
from singlearn.exact import WorkedExample, worked_examples
from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.models import (
    moving_kink,
    orientation_reversal,
    pendulum_population,
    scaling_valley,
    two_node_degeneracy,
)
from singlearn.results.estimate import Estimate
from singlearn.results.table import aligned_rows
from singlearn.tempering import temper
from singlearn.triple import Triple

BETA_MAX = 1e8


@dataclass(frozen=True)
class Case:
    """An example with numbers in it, in closed form and as a triple.

    Attributes:
        file: name of its picture.
        point: a true parameter, where the kernel of the Fisher information is taken.
    """

    file: str
    exact: WorkedExample
    triple: Triple
    point: dict[str, Any]
    picture: Callable[[Triple], Figure]


def cases() -> list[Case]:
    """The examples of the sources: θ = 2 and 1, inputs of variance 1; the pendulum at v = g = t =
    1.
    """
    half = sympy.Rational(1, 2)
    root3 = sympy.sqrt(3)
    return [
        Case(
            "valley",
            worked_examples.scaling_valley(2, root3),
            scaling_valley(2.0),
            {"w": 1, "q": 2},
            _valley,
        ),
        Case(
            "reversal",
            worked_examples.orientation_reversal(1, half, 1),
            orientation_reversal(1.0, 0.5, 1.0),
            {"s": 1, "c": 1},
            _reversal,
        ),
        Case(
            "two_nodes",
            worked_examples.two_node_degeneracy(1, root3),
            two_node_degeneracy(1.0),
            {"w1": half, "w2": half},
            _two_nodes,
        ),
        Case(
            "moving_kink", worked_examples.moving_kink(1), moving_kink(1.0), {"b": 0}, _moving_kink
        ),
        Case(
            "pendulum",
            worked_examples.pendulum(1, 1, 1),
            pendulum_population(1.0, 1.0, 1.0, scale=1.0),
            {"v": 1, "g": 1, "t": 1},
            _pendulum,
        ),
    ]


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """Temper each example to β = 10⁸ (``quick``: 256 particles) and draw it."""
    rows: list[dict[str, Any]] = []
    warnings: list[dict[str, Any]] = []
    figures = []
    out.mkdir(parents=True, exist_ok=True)
    for case in cases():
        started = time.monotonic()
        tempered = temper(
            case.triple,
            BETA_MAX,
            particles=256 if quick else 1024,
            thin=64,
            seed=seed,
            progress=progress,
        )
        read = tempered.learning_coefficient()
        kernel = case.exact.kernel(**case.point)
        dimension = len(case.exact.parameters)
        rows.append(
            {
                "model": case.triple.name,
                "W_0": case.exact.true_set,
                "parameters": [parameter.name for parameter in case.exact.parameters],
                "point": {name: str(value) for name, value in case.point.items()},
                "Fisher rank": dimension - len(kernel),
                "kernel": [[str(entry) for entry in vector] for vector in kernel],
                "d/2": dimension / 2,
                "exact λ": str(case.exact.known.value),
                "m": case.exact.known.multiplicity,
                "measured λ": read.value,
                "standard error": read.standard_error,
                "seconds": time.monotonic() - started,
            }
        )
        warnings += [
            {"model": case.triple.name, "reason": str(w.reason), "message": w.message}
            for w in read.cautions
        ]
        figures.append(out / f"{case.file}.png")
        case.picture(case.triple).savefig(figures[-1], dpi=110)
    return ExperimentResult(rows, warnings, table(rows, warnings), figures)


def table(rows: list[dict[str, Any]], warnings: list[dict[str, Any]]) -> str:
    """The rows for people."""
    lines = [("model", "W_0", "Fisher rank", "kernel", "d/2", "exact λ", "m", "measured λ")]
    for row in rows:
        kernel = "; ".join(f"({', '.join(vector)})" for vector in row["kernel"]) or "-"
        names = ", ".join(row["parameters"])
        lines.append(
            (
                row["model"],
                row["W_0"],
                f"{row['Fisher rank']} of {len(row['parameters'])}",
                f"({names}) ∝ {kernel}" if row["kernel"] else "-",
                f"{row['d/2']:g}",
                row["exact λ"],
                str(row["m"]),
                str(Estimate(row["measured λ"], row["standard error"])),
            )
        )
    printed = aligned_rows(lines, "left")
    return "\n".join(
        printed + [f"warning: {w['model']}: {w['reason']}: {w['message']}" for w in warnings]
    )


def _valley(triple: Triple) -> Figure:
    w = np.geomspace(0.4, 5.0, 200)
    curve = np.stack([w, 2.0 / w], axis=1)
    return plot.valley(
        triple,
        plot.Side("w", -1, 5),
        plot.Side("q", -1, 5),
        {"$W_0$: $wq = 2$": [curve]},
        n=20,
        ceiling=3,
    )


def _reversal(triple: Triple) -> Figure:
    return plot.plane(
        triple,
        plot.Side("s", -1, 3),
        plot.Side("c", -1, 3),
        {"$W_0$, one point": [np.array([[1.0, 1.0]])]},
    )


def _two_nodes(triple: Triple) -> Figure:
    segment = np.array([[0.0, 1.0], [1.0, 0.0]])
    return plot.plane(
        triple, plot.Side("w1", -0.6, 1.6), plot.Side("w2", -0.6, 1.6), {"$W_0$": [segment]}
    )


def _moving_kink(triple: Triple) -> Figure:
    return plot.smoothness(worked_examples.moving_kink(1), -1.5, 1.5)


def _pendulum(triple: Triple) -> Figure:
    """Over √g and t, with u = v/√g held at its true value: coordinates in which the orbit is a
    hyperbola.
    """
    kl = triple.kl
    held = Triple.population(
        lambda w: kl({"v": w["ω"], "g": w["ω"] ** 2, "t": w["t"]}),
        {"ω": triple.prior["g"], "t": triple.prior["t"]},
        n=triple.n,
        name="pendulum, $v/\\sqrt{g} = 1$ held, $ω = \\sqrt{g}$",
    )
    ω = np.geomspace(0.1, 4, 300)
    orbit = [np.stack([ω, phase / ω], axis=1) for phase in 1.0 + 2 * np.pi * np.arange(3)]
    singular = [np.stack([ω, phase / ω], axis=1) for phase in np.pi * np.arange(1, 6)]
    drawn = {"$W_0$: $ωt = 1$ mod $2π$": orbit, "rank 1: $\\sin ωt = 0$": singular}
    return plot.plane(held, plot.Side("ω", 0.1, 4), plot.Side("t", 0.05, 4), drawn)


EXPERIMENT = Experiment(
    "worked-examples",
    "five small singular models in closed form, beside what tempering measures",
    run,
)
