"""Deforming a truth of two kinks into a degenerate one: how close may the kinks come before the posterior makes one of them?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from scipy.optimize import brentq, minimize

from singlearn.exact import relu_kl
from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.measure.estimate import Estimate
from singlearn.measure.phases import live_nodes
from singlearn.measure.phases.tables import aligned
from singlearn.models import two_layer_population
from singlearn.plot.style import SERIES, quieten
from singlearn.tempering import temper

LINE = ((-1.0, 1.0),)
SCALE = 2.0
# Kinks further out than this can hide at the edge of the inputs, which is another phase (a node there costs only 1/3 log n).
INNER = 0.6
ONE, TWO = 1, 2


@dataclass(frozen=True)
class Settings:
    """``sizes``: n, and ``levels``: n K of the best single kink, which set the distances that are measured."""

    particles: int
    replicates: int
    sizes: tuple[float, ...]
    levels: tuple[float, ...]


FULL = Settings(256, 4, (1e4, 1e5, 1e6), (1.0, 3.0, 5.0))
QUICK = Settings(128, 2, (1e4,), (1.0, 4.0))


@dataclass(frozen=True)
class Pair:
    """Both phases at one distance between the kinks of the truth; ``divergence`` is the lowest K of a single kink."""

    n: float
    distance: float
    divergence: float
    one: Estimate
    two: Estimate
    energy_one: Estimate
    energy_two: Estimate
    warnings: tuple[str, ...]

    @property
    def gap(self) -> Estimate:
        """F of one kink minus F of two, in nats: positive where two kinks win."""
        return Estimate(self.one.value - self.two.value, math.hypot(self.one.standard_error, self.two.standard_error))


def two_kinks(distance: float) -> dict[str, np.ndarray]:
    """ReLU(x + δ/2) + ReLU(x - δ/2)."""
    half = distance / 2
    return {"w": np.ones((2, 1)), "b": np.array([half, -half]), "q": np.ones(2), "c": np.zeros(())}


def inner_kinks(w: Any) -> Any:
    """1 for one live kink and the other node dead or always active, 2 for two live kinks within ``INNER`` of the middle, 0 otherwise."""
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
    """The distance at which the best single kink has this K. Raises ``ValueError`` where none up to 1 has."""
    if not 0 < divergence < closest_single_kink(1.0):
        raise ValueError(f"divergence: got {divergence:.3g}; a single kink is that far from two at no distance up to 1")
    return float(brentq(lambda δ: closest_single_kink(δ) - divergence, 1e-3, 1.0, xtol=1e-4))


def measure(n: float, distance: float, settings: Settings, seed: int) -> Pair:
    """Either phase tempered by itself, from the part of the prior inside it."""
    triple = two_layer_population(2, two_kinks(distance), LINE, n, SCALE)
    runs = [
        temper(
            triple, 1.0, settings.particles, settings.replicates, seed=seed + phase, progress=False, restrict=(inner_kinks, phase)
        )
        for phase in (ONE, TWO)
    ]
    free, energy = ([getattr(own, name)(1.0) for own in runs] for name in ("free_energy", "energy"))
    warnings = tuple(f"{phase} kinks: {w}" for phase, own in zip((ONE, TWO), runs, strict=True) for w in own.warnings)
    return Pair(n, distance, closest_single_kink(distance), free[0], free[1], energy[0], energy[1], warnings)


def critical_distance(sweep: Sequence[Pair]) -> tuple[Estimate, Estimate] | None:
    """The critical distance and n K there, where the gap is 0: of a straight line through gaps over n K; ``None`` outside the sweep."""
    levels = np.array([pair.n * pair.divergence for pair in sweep])
    gaps, errors = (np.array([getattr(pair.gap, name) for pair in sweep]) for name in ("value", "standard_error"))
    design = np.stack([np.ones_like(levels), levels], axis=1)
    inverse = np.linalg.inv(design.T @ (design / errors[:, None] ** 2))
    line = inverse @ design.T @ (gaps / errors**2)
    level = -line[0] / line[1]
    if not 0 < level <= 2 * levels.max():
        return None
    gradient = np.array([-1 / line[1], line[0] / line[1] ** 2])
    error = math.sqrt(float(gradient @ inverse @ gradient))
    n = sweep[0].n
    distance = distance_at(level / n)
    # K ∝ δ³, so that a relative error of K is three times that of δ.
    return Estimate(distance, distance * error / level / 3), Estimate(float(level), error)


def run(quick: bool, seed: int, out: Path, progress: bool) -> ExperimentResult:
    """Sweep the distance at several n; the figure goes to ``out/deform-to-degenerate.png``."""
    del progress
    settings = QUICK if quick else FULL
    sweeps = [[measure(n, distance_at(level / n), settings, seed) for level in settings.levels] for n in settings.sizes]
    rows: list[dict[str, Any]] = []
    for sweep in sweeps:
        rows += [
            {
                "n": p.n, "distance": p.distance, "n_lowest_divergence": p.n * p.divergence, "free_energy_one": p.one.value,
                "free_energy_two": p.two.value, "gap": p.gap.value, "gap_error": p.gap.standard_error,
                "energy_one": p.energy_one.value, "energy_two": p.energy_two.value,
            }
            for p in sweep
        ]  # fmt: skip
        critical = critical_distance(sweep)
        rows.append(
            {
                "n": sweep[0].n,
                "critical_distance": None if critical is None else critical[0].value,
                "critical_distance_error": None if critical is None else critical[0].standard_error,
                "critical_n_divergence": None if critical is None else critical[1].value,
            }
        )
    warnings = [
        {"n": p.n, "distance": p.distance, "reason": w.partition(":")[0], "message": w}
        for sweep in sweeps
        for p in sweep
        for w in p.warnings
    ]
    out.mkdir(parents=True, exist_ok=True)
    return ExperimentResult(rows, warnings, table(sweeps, warnings), [_figure(sweeps, out / "deform-to-degenerate.png")])


def table(sweeps: Sequence[Sequence[Pair]], warnings: list[dict[str, Any]]) -> str:
    """The rows for people."""
    cells: list[tuple[str, ...]] = [("n", "distance δ", "n min K", "F one kink", "F two kinks", "gap", "E one", "E two")]
    for sweep in sweeps:
        for p in sweep:
            numbers = map(str, (p.one, p.two, p.gap, p.energy_one, p.energy_two))
            cells.append((f"{p.n:g}", f"{p.distance:.4f}", f"{p.n * p.divergence:.2f}", *numbers))
    lines = [f"truth ReLU(x + δ/2) + ReLU(x - δ/2), two nodes, prior N(0, {SCALE:g}²); energies in nats", *aligned(cells)]
    for sweep in sweeps:
        critical = critical_distance(sweep)
        said = "outside of what was measured" if critical is None else f"{critical[0]}, where n min K = {critical[1]}"
        lines.append(f"  n = {sweep[0].n:g}: critical distance {said}")
    return "\n".join(lines + [f"warning: n = {w['n']:g}, δ = {w['distance']:.3g}: {w['message']}" for w in warnings])


def _figure(sweeps: Sequence[Sequence[Pair]], path: Path) -> Path:
    figure = Figure(figsize=(10.5, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for sweep, (colour, line), marker in zip(sweeps, SERIES, "os^v", strict=False):
        left.errorbar(
            [p.distance for p in sweep], [p.gap.value for p in sweep], [p.gap.standard_error for p in sweep], marker=marker,
            linestyle=line, color=colour, capsize=3, label=f"n = {sweep[0].n:g}",
        )  # fmt: skip
    left.axhline(0, color="0.6", linewidth=0.9)
    left.set(xscale="log")
    left.set_xlabel("distance δ of the kinks of the truth  [inputs]")
    left.set_ylabel("F one kink − F two kinks  [nats]")
    left.set_title("above 0 the posterior keeps two kinks", fontsize=10)
    left.legend(frameon=False, fontsize=8.5, loc="upper left")
    found = [(sweep[0].n, critical[0]) for sweep in sweeps if (critical := critical_distance(sweep)) is not None]
    if found:
        n = np.array([size for size, _ in found])
        values, errors = [d.value for _, d in found], [d.standard_error for _, d in found]
        right.errorbar(n, values, errors, fmt="o", color=SERIES[0][0], capsize=3, label="measured")
        fine = np.geomspace(n.min() / 2, n.max() * 2, 50)
        right.plot(fine, found[-1][1].value * (fine / n[-1]) ** (-1 / 3), linestyle="--", color=SERIES[1][0], label="slope $n^{-1/3}$")
        right.legend(frameon=False, fontsize=8.5)
    right.set(xscale="log", yscale="log")
    right.set_xlabel("sample size n")
    right.set_ylabel("critical distance  [inputs]")
    right.set_title("closer than this, one kink wins", fontsize=10)
    for axes in (left, right):
        quieten(axes)
    figure.savefig(path, dpi=120)
    return path


EXPERIMENT = Experiment("deform-to-degenerate", "two kinks that approach each other, until the posterior makes one of them", run)
