"""Deforming a truth of two kinks into a degenerate one: how close may the kinks come before the
posterior makes one of them?
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from scipy.optimize import brentq, minimize

from singlearn.exact import relu_kl
from singlearn.experiments.carroll2021 import deform_angle
from singlearn.experiments.carroll2021.deformation import (
    DeformedPair,
    Sweep,
    critical_separation,
    gap_per_decade,
)
from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.models import two_layer_population
from singlearn.phases import live_nodes
from singlearn.plot.style import SERIES, quieten
from singlearn.results.estimate import Estimate
from singlearn.results.table import aligned_rows
from singlearn.running.progress import counted
from singlearn.tempering import temper

LINE = ((-1.0, 1.0),)
SCALE = 2.0
# Kinks further out than this can hide at the edge of the inputs, which is another phase (a node
# there costs only 1/3 log n).
INNER = 0.6
ONE, TWO = 1, 2


@dataclass(frozen=True)
class DeformationWork:
    """``sizes``: n; ``levels`` and ``angle_levels``: n K of the best single kink, which set the
    distances and angles that are measured.
    """

    particles: int
    replicates: int
    sizes: tuple[float, ...]
    levels: tuple[float, ...]
    angle_levels: tuple[float, ...]


FULL = DeformationWork(256, 4, (1e4, 1e5, 1e6), (1.0, 3.0, 5.0), (5.0, 8.0, 11.0))
QUICK = DeformationWork(128, 2, (1e4,), (1.0, 4.0), ())
TRUTHS = {
    1: "truth ReLU(x + δ/2) + ReLU(x - δ/2)",
    2: "truth ReLU(⟨n₁, x⟩) + ReLU(⟨n₂, x⟩), angle δ between n₁ and n₂",
}


def two_kinks(distance: float) -> dict[str, np.ndarray]:
    """ReLU(x + δ/2) + ReLU(x - δ/2)."""
    half = distance / 2
    return {"w": np.ones((2, 1)), "b": np.array([half, -half]), "q": np.ones(2), "c": np.zeros(())}


def inner_kinks(w: Any) -> Any:
    """1 for one live kink and the other node dead or always active, 2 for two live kinks within
    ``INNER`` of the middle, 0 otherwise.
    """
    weight, bias = jnp.asarray(w["w"])[:, 0], jnp.asarray(w["b"])
    count = live_nodes(LINE)(w)
    inside = jnp.all(jnp.abs(bias) < INNER * jnp.abs(weight))
    return jnp.where(count == 1, ONE, jnp.where((count == 2) & inside, TWO, 0))


def closest_single_kink(distance: float) -> float:
    r"""The lowest K of a network with one node, exact K; it falls like :math:`δ^3`.

    >>> round(closest_single_kink(0.2) / closest_single_kink(0.1), 1) in (7.2, 7.3, 7.4, 7.5, 7.6)
    True
    """
    truth = two_kinks(distance)

    def divergence(u: np.ndarray) -> float:
        network = {"w": [[1.0]], "b": [float(u[0])], "q": [float(u[1])], "c": float(u[2])}
        return float(relu_kl(network, {name: part.tolist() for name, part in truth.items()}, LINE))

    start = np.array([0.0, 2.0, 0.0])
    options = {"xatol": 1e-7, "fatol": 1e-13, "maxiter": 2000}
    return float(minimize(divergence, start, method="Nelder-Mead", options=options).fun)


def distance_at(divergence: float) -> float:
    """The distance at which the best single kink has this K.

    Raises:
        ValueError: none up to 1 has.
    """
    if not 0 < divergence < closest_single_kink(1.0):
        raise ValueError(
            f"divergence: got {divergence:.3g}; a single kink is that far from two at no distance "
            f"up to 1"
        )
    return float(brentq(lambda δ: closest_single_kink(δ) - divergence, 1e-3, 1.0, xtol=1e-4))


def measure(n: float, distance: float, settings: DeformationWork, seed: int) -> DeformedPair:
    """Either phase tempered by itself, from the part of the prior inside it."""
    triple = two_layer_population(2, two_kinks(distance), LINE, n, SCALE)
    runs = [
        temper(
            triple,
            1.0,
            settings.particles,
            settings.replicates,
            seed=seed + phase,
            progress=False,
            restrict=(inner_kinks, phase),
        )
        for phase in (ONE, TWO)
    ]
    free, energy = ([getattr(own, name)(1.0) for own in runs] for name in ("free_energy", "energy"))
    warnings = tuple(
        f"{phase} kinks: {w}"
        for phase, own in zip((ONE, TWO), runs, strict=True)
        for w in own.cautions
    )
    return DeformedPair(
        n, distance, closest_single_kink(distance), free[0], free[1], energy[0], energy[1], warnings
    )


def measure_angle(n: float, angle: float, settings: DeformationWork, seed: int) -> DeformedPair:
    """Two inputs: either phase by local runs, which start at the truth and at the closest single
    kink.
    """
    runs = deform_angle.from_inside(n, angle, SCALE, settings.particles, settings.replicates, seed)
    one, two = deform_angle.free_energies(runs)
    # The runs have n = 1 and β = n.
    energy_one, energy_two = (
        Estimate(n * own.energy.value, n * own.energy.standard_error) for own in runs
    )
    warnings = tuple(f"{own.name}: {w}" for own in runs for w in own.cautions)
    return DeformedPair(
        n,
        angle,
        deform_angle.closest_crossing_kink(angle)[1],
        one,
        two,
        energy_one,
        energy_two,
        warnings,
    )


@dataclass(frozen=True)
class Deformation:
    """All sweeps with one number of inputs, one for each n; ``predicted`` is Laplace's critical
    separation, where it is known.
    """

    inputs: int
    sweeps: tuple[Sweep, ...]
    predicted: tuple[float | None, ...]

    @property
    def critical(self) -> list[tuple[Estimate, Estimate] | None]:
        """The critical separation and n K there, for each n."""
        separation_at = distance_at if self.inputs == 1 else deform_angle.angle_at
        return [critical_separation(sweep, separation_at) for sweep in self.sweeps]

    @property
    def unit(self) -> str:
        """Of the separation."""
        return "inputs" if self.inputs == 1 else "radians"


def deform(
    settings: DeformationWork, seed: int, progress: bool | None = False
) -> list[Deformation]:
    """Sweep the distance of two kinks on a line, and where the settings have them the angle between
    two kinks on the square.
    """

    def swept(
        name: str, levels: Sequence[float], at: Callable[[float, float], DeformedPair]
    ) -> list[list[DeformedPair]]:
        tasks = [(n, level) for n in settings.sizes for level in levels]
        found = iter(
            list(counted(name, (at(n, level) for n, level in tasks), len(tasks), progress))
        )
        return [list(islice(found, len(levels))) for _ in settings.sizes]

    line = swept(
        "distances",
        settings.levels,
        lambda n, level: measure(n, distance_at(level / n), settings, seed),
    )
    found = [Deformation(1, tuple(line), (None,) * len(line))]
    if settings.angle_levels:
        square = swept(
            "angles",
            settings.angle_levels,
            lambda n, level: measure_angle(n, deform_angle.angle_at(level / n), settings, seed),
        )
        found.append(
            Deformation(
                2,
                tuple(square),
                tuple(deform_angle.critical_angle_by_laplace(n, SCALE) for n in settings.sizes),
            )
        )
    return found


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """Sweep the separation at several n, with one and (not ``quick``) two inputs; the figure goes
    to ``out/deform-to-degenerate.png``.
    """
    deformations = deform(QUICK if quick else FULL, seed, progress)
    rows = [row for deformation in deformations for row in _rows(deformation)]
    warnings = [
        {
            "inputs": d.inputs,
            "n": p.n,
            "separation": p.separation,
            "reason": w.partition(":")[0],
            "message": w,
        }
        for d in deformations
        for sweep in d.sweeps
        for p in sweep
        for w in p.warnings
    ]
    out.mkdir(parents=True, exist_ok=True)
    return ExperimentResult(
        rows,
        warnings,
        table(deformations, warnings),
        [draw(deformations, out / "deform-to-degenerate.png")],
    )


def _rows(deformation: Deformation) -> Iterator[dict[str, Any]]:
    for sweep, critical, predicted in zip(
        deformation.sweeps, deformation.critical, deformation.predicted, strict=True
    ):
        for p in sweep:
            yield {
                "inputs": deformation.inputs,
                "n": p.n,
                "separation": p.separation,
                "n_divergence": p.n * p.divergence,
                "free_energy_one": p.one.value,
                "free_energy_two": p.two.value,
                "gap": p.gap.value,
                "gap_error": p.gap.standard_error,
                "energy_one": p.energy_one.value,
                "energy_two": p.energy_two.value,
            }
        yield {
            "inputs": deformation.inputs,
            "n": sweep[0].n,
            "critical_separation": None if critical is None else critical[0].value,
            "critical_separation_error": None if critical is None else critical[0].standard_error,
            "critical_n_divergence": None if critical is None else critical[1].value,
            "critical_n_divergence_error": None if critical is None else critical[1].standard_error,
            "laplace": predicted,
        }
    change = gap_per_decade(deformation.sweeps)
    if change is not None:
        predicted_change = -deformation.inputs / 3 * math.log(10)
        yield {
            "inputs": deformation.inputs,
            "gap_per_decade": change.value,
            "gap_per_decade_error": change.standard_error,
            "predicted_gap_per_decade": predicted_change,
        }


def table(deformations: Sequence[Deformation], warnings: list[dict[str, Any]]) -> str:
    """The rows for people."""
    lines: list[str] = []
    for d in deformations:
        cells: list[tuple[str, ...]] = [
            ("n", f"δ [{d.unit}]", "n min K", "F one kink", "F two kinks", "gap", "E one", "E two")
        ]
        for p in (p for sweep in d.sweeps for p in sweep):
            numbers = map(str, (p.one, p.two, p.gap, p.energy_one, p.energy_two))
            cells.append((f"{p.n:g}", f"{p.separation:.4f}", f"{p.n * p.divergence:.2f}", *numbers))
        lines += [
            f"{TRUTHS[d.inputs]}, two nodes, prior N(0, {SCALE:g}²); energies in nats",
            *aligned_rows(cells),
        ]
        for sweep, critical, predicted in zip(d.sweeps, d.critical, d.predicted, strict=True):
            said = (
                "outside of what was measured"
                if critical is None
                else f"{critical[0]} {d.unit}, where n min K = {critical[1]}"
            )
            laplace = "" if predicted is None else f"; by Laplace {predicted:.3f}"
            lines.append(f"  n = {sweep[0].n:g}: critical {said}{laplace}")
        change = gap_per_decade(d.sweeps)
        if change is not None:
            shared = -d.inputs / 3 * math.log(10)
            lines.append(
                f"  at the same n min K the gap changes by {change} nats per decade of n; -N/3 log "
                f"10 = {shared:.3f}"
            )
        lines.append("")
    lines[-1:] = [
        f"warning: N = {w['inputs']}, n = {w['n']:g}, δ = {w['separation']:.3g}: {w['message']}"
        for w in warnings
    ]
    return "\n".join(lines)


def draw(deformations: Sequence[Deformation], path: Path) -> Path:
    """For one and two inputs: the gap against the separation above, the critical separation against
    n below.
    """
    figure = Figure(figsize=(5.4 * len(deformations), 8.0), layout="constrained")
    panels = figure.subplots(2, len(deformations), squeeze=False)
    for d, (above, below) in zip(deformations, panels.T, strict=True):
        what = "distance" if d.inputs == 1 else "angle"
        for sweep, (colour, line), marker in zip(d.sweeps, SERIES, "os^v", strict=False):
            above.errorbar(
                [p.separation for p in sweep],
                [p.gap.value for p in sweep],
                [p.gap.standard_error for p in sweep],
                marker=marker,
                linestyle=line,
                color=colour,
                capsize=3,
                label=f"n = {sweep[0].n:g}",
            )
        above.axhline(0, color="0.6", linewidth=0.9)
        above.set(
            xscale="log",
            xlabel=f"{what} δ of the kinks of the truth  [{d.unit}]",
            ylabel="F one kink − F two kinks  [nats]",
        )
        above.set_title(
            f"{d.inputs} input{'s' if d.inputs > 1 else ''}: above 0 the posterior keeps two kinks",
            fontsize=10,
        )
        above.legend(frameon=False, fontsize=8.5, loc="best")
        found = [
            (sweep[0].n, c[0])
            for sweep, c in zip(d.sweeps, d.critical, strict=True)
            if c is not None
        ]
        if found:
            n = np.array([size for size, _ in found])
            below.errorbar(
                n,
                [e.value for _, e in found],
                [e.standard_error for _, e in found],
                fmt="o",
                color=SERIES[0][0],
                capsize=3,
                label="measured",
            )
            fine = np.geomspace(n.min() / 2, n.max() * 2, 50)
            below.plot(
                fine,
                found[-1][1].value * (fine / n[-1]) ** (-1 / 3),
                linestyle="--",
                color=SERIES[1][0],
                label="slope $n^{-1/3}$",
            )
            predicted = [
                (sweep[0].n, value)
                for sweep, value in zip(d.sweeps, d.predicted, strict=True)
                if value is not None
            ]
            if predicted:
                below.plot(
                    *zip(*predicted, strict=True), "x", color="0.35", markersize=8, label="Laplace"
                )
            below.legend(frameon=False, fontsize=8.5)
        below.set(
            xscale="log",
            yscale="log",
            xlabel="sample size n",
            ylabel=f"critical {what}  [{d.unit}]",
        )
        below.set_title("closer than this, one kink wins", fontsize=10)
        for axis in (above.xaxis, below.yaxis):
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter("")
        for axes in (above, below):
            quieten(axes)
    figure.savefig(path, dpi=110)
    return path


EXPERIMENT = Experiment(
    "deform-to-degenerate",
    "two kinks that approach each other, until the posterior makes one of them",
    run,
)
