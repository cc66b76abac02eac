"""Weight annihilation: s_3 written with its three nodes turned round, and from which deformation on
the posterior has enough of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.optimize import least_squares

from singlearn.experiments.carroll2021.relu_chart import (
    SQUARE,
    RunInside,
    from_inside,
    near,
    to_chart,
    to_network,
)
from singlearn.experiments.carroll2021.relu_laplace import laplace_free_energy, turned
from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.models import star_truth
from singlearn.phases import orientation
from singlearn.plot.style import SERIES, quieten
from singlearn.results.estimate import Estimate
from singlearn.results.table import aligned_rows
from singlearn.running.progress import counted

SCALE = 1.0
# The constant of the lifted truth. Turned round, s_3 needs a constant lower by 1; the prior N(0, 1)
# then gains (4² - 3²)/2 = 3.5 nats.
LIFT = 4.0
ALL = (True, True, True)
# The kinks of s_3 are 2π/3 apart, so that this is one configuration, and those of the deformed
# truths lie in it too.
WITHIN = 0.9
Network = dict[str, np.ndarray]


@dataclass(frozen=True)
class AnnihilationWork:
    """``sizes``: n at which s_3 itself is measured; ``sweeps``: n and the angles (radians, times
    √n) of the deformed truth.
    """

    particles: int
    sizes: tuple[float, ...]
    sweeps: tuple[tuple[float, tuple[float, ...]], ...]


FULL = AnnihilationWork(
    256, (1e3, 1e4, 1e5, 1e6), tuple((n, (0.0, 20.0, 40.0)) for n in (1e4, 1e5, 1e6))
)
QUICK = AnnihilationWork(64, (1e5,), ((1e6, (20.0, 40.0)),))


@dataclass(frozen=True)
class Comparison:
    """One truth at one n: F of both configurations from inside; ``divergence`` is the lowest K of
    the annihilating one.
    """

    constant: float
    angle: float
    n: float
    plain: RunInside
    annihilating: RunInside
    divergence: float
    labelled: float

    @property
    def gap(self) -> Estimate:
        """F of the annihilating configuration minus F of the other, in nats: positive where it
        loses.
        """
        a, b = self.annihilating.free_energy, self.plain.free_energy
        return Estimate(a.value - b.value, math.hypot(a.standard_error, b.standard_error))


def deformed(angle: float, constant: float) -> Network:
    """s_3 with its first weight turned by ``angle`` (radians), so that the total gradients do not
    sum to zero any more.
    """
    truth = {name: np.array(part) for name, part in star_truth(3, 3).items()}
    c, s = math.cos(angle), math.sin(angle)
    truth["w"][0] = np.array([[c, -s], [s, c]]) @ truth["w"][0]
    return truth | {"c": np.array(constant)}


def closest_annihilating(truth: Network) -> tuple[Network, float]:
    """The network with all nodes turned round that is closest to the truth, and its K (on a
    lattice).

    >>> closest_annihilating(deformed(0.0, 0.0))[1] < 1e-12
    True
    """
    centres = (np.arange(64) + 0.5) / 32 - 1
    x = np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 2)

    def function(w: Network) -> Float[np.ndarray, " points"]:
        return np.maximum(x @ w["w"].T + w["b"], 0.0) @ w["q"] + w["c"]

    y, start = function(truth), to_chart(turned(truth, ALL), 1.0)

    def network(u: Float[np.ndarray, " D"]) -> Network:
        θ, o, a = u[:3], u[3:6], u[6:9]
        return {"w": np.stack([np.cos(θ), np.sin(θ)], axis=1), "b": o, "q": a, "c": np.array(u[9])}

    first = np.concatenate([start["θ"], start["o"], start["a"], [float(start["c"])]])
    found = least_squares(
        lambda u: (function(network(u)) - y) / math.sqrt(len(x)), first, xtol=1e-12, ftol=1e-12
    )
    return network(found.x), float(found.cost)


@cache
def configurations() -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """Both phases, plain and annihilating: everything near s_3, and near s_3 turned round, up to
    the constant.
    """
    truth = star_truth(3, 3)
    return near(truth, WITHIN), near(turned(truth, ALL), WITHIN)


def compare(constant: float, angle: float, n: float, particles: int, seed: int) -> Comparison:
    """Both configurations from inside, and how their particles are labelled by ``orientation``."""
    truth = deformed(angle, constant)
    turned_round, divergence = closest_annihilating(truth)
    starts = zip((truth, turned_round), configurations(), strict=True)
    runs = [
        from_inside(truth, start, inside, n, SCALE, particles, seed, "s_3")
        for start, inside in starts
    ]
    return Comparison(constant, angle, n, runs[0], runs[1], divergence, _labelled(truth, runs[1]))


def _labelled(truth: Network, run: RunInside) -> float:
    """The share of particles that the labeller calls three kinks occupied, all reversed."""
    labeller = orientation(SQUARE, truth, distance=0.6, slope=0.5)
    particles = run.local.particles.reshape(-1, run.local.particles.shape[-1])

    def reversed_nodes(u: Any) -> Any:
        # Flattened by name: a, c, o, r, θ.
        chart = {"a": u[:3], "c": u[3], "o": u[4:7], "r": u[7:10], "θ": u[10:13]}
        found = labeller(to_network(chart))
        return (found.occupied == 3) & (found.reversed == 3)

    with jax.enable_x64(True):
        return float(np.mean(np.asarray(jax.jit(jax.vmap(reversed_nodes))(particles))))


def critical_angle(sweep: Sequence[Comparison]) -> Estimate | None:
    """The angle at which the gap changes sign: of a straight line in θ² through all points,
    weighted; ``None`` if it has no zero.
    """
    squares = np.array([c.angle**2 for c in sweep])
    gaps, errors = (
        np.array([getattr(c.gap, name) for c in sweep]) for name in ("value", "standard_error")
    )
    design = np.stack([np.ones_like(squares), squares / squares.max()], axis=1)
    inverse = np.linalg.inv(design.T @ (design / errors[:, None] ** 2))
    line = inverse @ design.T @ (gaps / errors**2)
    if line[0] * line[1] >= 0:
        return None
    share = -line[0] / line[1]
    gradient = np.array([-1 / line[1], line[0] / line[1] ** 2])
    angle = math.sqrt(share * squares.max())
    return Estimate(angle, 0.5 * angle * math.sqrt(float(gradient @ inverse @ gradient)) / share)


def predicted_gap(constant: float) -> float:
    """The gap at angle 0 by Laplace's method, for s_3 plus a constant, in nats; n drops out."""
    truth = deformed(0.0, constant)
    return laplace_free_energy(1.0, turned(truth, ALL), SCALE) - laplace_free_energy(
        1.0, truth, SCALE
    )


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """s_3 at several n, then s_3 + 4 deformed; the figure goes to
    ``out/weight-annihilation.png``.
    """
    settings = QUICK if quick else FULL
    swept = [
        [(LIFT, t / math.sqrt(n), n, seed + i) for i, t in enumerate(angles)]
        for n, angles in settings.sweeps
    ]
    tasks = [(0.0, 0.0, n, seed) for n in settings.sizes] + [
        task for sweep in swept for task in sweep
    ]
    pairs = (compare(lift, angle, n, settings.particles, own) for lift, angle, n, own in tasks)
    every = list(counted("weight-annihilation", pairs, len(tasks), progress))
    rest = iter(every)
    plain = list(islice(rest, len(settings.sizes)))
    sweeps = [list(islice(rest, len(sweep))) for sweep in swept]
    rows = [_row(c) for c in every]
    for sweep in sweeps:
        critical = critical_angle(sweep)
        rows.append(
            {
                "truth": "s_3 + 4, deformed",
                "n": sweep[0].n,
                "critical_angle": None if critical is None else critical.value,
                "critical_angle_error": None if critical is None else critical.standard_error,
                "predicted_gap": predicted_gap(LIFT),
            }
        )
    warnings = [
        {"truth": _name(c), "angle": c.angle, "n": c.n, "reason": w.partition(":")[0], "message": w}
        for c in every
        for side in (c.plain, c.annihilating)
        for w in side.warnings
    ]
    out.mkdir(parents=True, exist_ok=True)
    return ExperimentResult(
        rows,
        warnings,
        table(every, sweeps, warnings),
        [_figure(plain, sweeps, out / "weight-annihilation.png")],
    )


def _name(c: Comparison) -> str:
    return "s_3" if c.constant == 0 else f"s_3 + {c.constant:g}"


def _row(c: Comparison) -> dict[str, Any]:
    laplace = predicted_gap(c.constant) if c.angle == 0 else None
    return {
        "truth": _name(c),
        "angle": c.angle,
        "n": c.n,
        "free_energy": c.plain.free_energy.value,
        "free_energy_annihilating": c.annihilating.free_energy.value,
        "gap": c.gap.value,
        "gap_error": c.gap.standard_error,
        "predicted_gap": laplace,
        "n_lowest_divergence": c.n * c.divergence,
        "share_annihilating": 1 / (1 + math.exp(min(c.gap.value, 700.0))),
        "learning_coefficient": c.plain.energy.value,
        "learning_coefficient_annihilating": c.annihilating.energy.value - c.n * c.divergence,
        "labelled_annihilating": c.labelled,
    }


def table(
    every: Sequence[Comparison],
    sweeps: Sequence[Sequence[Comparison]],
    warnings: list[dict[str, Any]],
) -> str:
    """The rows for people."""
    heads = (
        "truth",
        "angle",
        "n",
        "F",
        "F annihilating",
        "gap",
        "Laplace",
        "n min K",
        "nE[K]",
        "annihilating",
        "its share",
    )
    cells: list[tuple[str, ...]] = [heads]
    for c in every:
        row = _row(c)
        laplace = "–" if row["predicted_gap"] is None else f"{row['predicted_gap']:.2f}"
        cells.append(
            (
                _name(c),
                f"{c.angle:.4f}",
                f"{c.n:g}",
                str(c.plain.free_energy),
                str(c.annihilating.free_energy),
                str(c.gap),
                laplace,
                f"{c.n * c.divergence:.2f}",
                str(c.plain.energy),
                str(c.annihilating.energy),
                f"{row['share_annihilating']:.2g}",
            )
        )
    lines = [
        "s_3 and the same turned round (annihilating): free energies in nats, angles in radians, "
        "prior N(0, 1)",
        *aligned_rows(cells),
    ]
    for sweep in sweeps:
        critical = critical_angle(sweep)
        said = (
            "no change of preference"
            if critical is None
            else f"the preference changes at {critical} radians"
        )
        lines.append(f"  s_3 + {LIFT:g}, n = {sweep[0].n:g}: {said}")
    return "\n".join(
        lines + [f"warning: {w['truth']}, n = {w['n']:g}: {w['message']}" for w in warnings]
    )


def _figure(
    plain: Sequence[Comparison], sweeps: Sequence[Sequence[Comparison]], path: Path
) -> Path:
    figure = Figure(figsize=(10.5, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    _against_n(left, plain)
    for place, (sweep, (colour, line), marker) in enumerate(
        zip(sweeps, SERIES, "os^v", strict=False)
    ):
        x = np.array([c.angle * math.sqrt(c.n) for c in sweep])
        # Side by side: they agree, and would hide each other.
        right.errorbar(
            x + place - (len(sweeps) - 1) / 2,
            [c.gap.value for c in sweep],
            [c.gap.standard_error for c in sweep],
            fmt=marker,
            color=colour,
            capsize=3,
            label=f"measured, n = {sweep[0].n:g}",
        )
        fine = np.linspace(0, 1.05 * x.max(), 30)
        kl = [
            closest_annihilating(deformed(float(t) / math.sqrt(sweep[0].n), LIFT))[1] for t in fine
        ]
        right.plot(
            fine,
            predicted_gap(LIFT) + sweep[0].n * np.array(kl),
            color=colour,
            linestyle=line,
            linewidth=1.2,
        )
    right.axhline(0, color="0.6", linewidth=0.9)
    right.set_xlabel("angle of the turned weight × √n  [radians]")
    right.set_ylabel("F annihilating − F plain  [nats]")
    right.set_title("truth s_3 + 4, one weight turned (lines: Laplace + n min K)", fontsize=10)
    right.legend(frameon=False, fontsize=8.5, loc="upper left")
    quieten(right)
    figure.savefig(path, dpi=120)
    return path


def _against_n(axes: Axes, plain: Sequence[Comparison]) -> None:
    n = [c.n for c in plain]
    values, errors = [c.gap.value for c in plain], [c.gap.standard_error for c in plain]
    axes.errorbar(n, values, errors, fmt="o", color=SERIES[0][0], capsize=3, label="measured")
    axes.axhline(
        predicted_gap(0.0), color=SERIES[1][0], linestyle="--", label="Laplace: the same at every n"
    )
    axes.axhline(0, color="0.6", linewidth=0.9)
    axes.set(xscale="log", ylim=(-0.5, 2 * predicted_gap(0.0)))
    axes.set_xlabel("sample size n")
    axes.set_ylabel("F annihilating − F plain  [nats]")
    axes.set_title("truth s_3: annihilation loses, by a constant", fontsize=10)
    axes.legend(frameon=False, fontsize=8.5, loc="upper right")
    quieten(axes)


EXPERIMENT = Experiment(
    "weight-annihilation",
    "whether the posterior likes weights that annihilate, and where that ends",
    run,
)
