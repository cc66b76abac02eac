"""The figure of Table 2 explained: which phase wins at which n, and which λ each of them has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from singlearn.experiments.carroll2021.relu_laplace import constant_fit, dead_free_energy
from singlearn.experiments.wei2022.table2 import HIDDEN, PRIOR_SCALE, SAMPLES
from singlearn.experiments.wei2022.table2_cell import PUBLISHED
from singlearn.experiments.wei2022.table2_truth import BETA, Truth, ordered_free_energy, pieces
from singlearn.models import star_truth
from singlearn.plot.style import ACCENT, INK, QUIET, quieten

PLAIN = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}


def draw(truths: Sequence[Truth], coldest: float, path: Path) -> Path:
    """Written to ``path``: on the left the race of the two phases for the first truth, on the right
    λ for all of them.
    """
    figure = Figure(figsize=(11.0, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1.0])
    _race(left, truths[0])
    _coefficients(right, truths, coldest)
    figure.savefig(path, dpi=110)
    return path


def _race(axes: Axes, truth: Truth) -> None:
    mean, divergence = constant_fit(star_truth(truth.kinks, truth.kinks))
    ordered = ordered_free_energy(truth.kinks, truth.cold)
    lowest = max(min(run.n_beta for run in truth.cold), SAMPLES * BETA)
    x = np.geomspace(40, 2e4, 200)
    dead = np.array([dead_free_energy(float(t), mean, divergence, HIDDEN, PRIOR_SCALE) for t in x])
    axes.plot(x, dead, color=INK, linewidth=2.2)
    beyond = x[x >= lowest]
    axes.plot(
        beyond, [ordered(float(t)) for t in beyond], color=ACCENT, linewidth=2.2, linestyle="--"
    )
    shown = [run for run in truth.cold if run.n_beta <= x[-1]]
    heights = [run.free_energy.value - pieces(truth.kinks, run.n_beta) for run in shown]
    axes.plot([run.n_beta for run in shown], heights, "o", color=ACCENT, markersize=5)
    top, cross = 95.0, truth.crossing.value
    axes.set(xscale="log", xlim=(x[0], x[-1]), ylim=(0, top))
    axes.text(
        43,
        29.0,
        "every hidden node dead:\na constant, λ = 1/2",
        color=INK,
        fontsize=9,
        va="bottom",
        bbox=PLAIN,
        zorder=4,
    )
    axes.text(
        43,
        50.0,
        f"the true parameters $W_0$:\nλ = {truth.exact:g}",
        color=ACCENT,
        fontsize=9,
        va="bottom",
        bbox=PLAIN,
        zorder=4,
    )
    here = SAMPLES * BETA
    axes.axvline(here, color=QUIET, linewidth=0.9, linestyle=":")
    axes.text(
        here * 1.05,
        3,
        f"the paper: n = {SAMPLES},\nβ = 1/log 20000",
        color="0.25",
        fontsize=8.5,
        va="bottom",
    )
    axes.axvline(SAMPLES, color=QUIET, linewidth=0.9, linestyle=":")
    axes.text(
        SAMPLES * 1.06, 3, f"n = {SAMPLES}\nat β = 1", color="0.25", fontsize=8.5, va="bottom"
    )
    axes.plot([cross], [ordered(cross)], "o", markersize=11, markerfacecolor="none", color="black")
    axes.annotate(
        f"$W_0$ wins beyond\nnβ = {cross:.0f}",
        (cross, ordered(cross)),
        (cross * 1.5, ordered(cross) - 26),
        fontsize=9,
        arrowprops={"arrowstyle": "-", "color": "0.3"},
    )
    axes.set_xlabel("sample size × inverse temperature, nβ")
    axes.set_ylabel("free energy of the phase, F  [nats]  (the lower wins)")
    axes.set_title(f"truth $s_{truth.kinks}$: which phase the posterior chooses", fontsize=10.5)
    quieten(axes)


def _coefficients(axes: Axes, truths: Sequence[Truth], coldest: float) -> None:
    for place, truth in enumerate(truths):
        span = np.array([place - 0.32, place + 0.32])
        for level, style in ((truth.exact, "--"), (0.5, "-")):
            axes.plot(span, [level, level], color=QUIET, linewidth=1.1, linestyle=style, zorder=1)
        cold = truth.readings(coldest)["energy"]
        axes.errorbar(
            place, cold.value, cold.standard_error, fmt="s", color=ACCENT, capsize=4, zorder=3
        )
        axes.errorbar(
            place - 0.12,
            truth.dead.value,
            truth.dead.standard_error,
            fmt="o",
            color=INK,
            capsize=4,
            zorder=3,
        )
        axes.plot(
            place + 0.12,
            PUBLISHED[truth.kinks, "relu"][0],
            "D",
            color="black",
            markerfacecolor="white",
            markersize=7,
            zorder=3,
        )
        axes.text(
            place + 0.36, truth.exact, f"{truth.exact:g}", va="center", fontsize=9, color="0.3"
        )
        axes.text(place + 0.36, 0.5, "1/2", va="center", fontsize=9, color="0.3")
    axes.errorbar(
        [], [], [], fmt="s", color=ACCENT, capsize=4, label="phase of $W_0$, measured at large n"
    )
    axes.plot([], [], "D", color="black", markerfacecolor="white", label="published in Table 2")
    axes.errorbar(
        [], [], [], fmt="o", color=INK, capsize=4, label="all nodes dead, measured at the paper's β"
    )
    axes.plot([], [], color=QUIET, linestyle="--", label="exact, $W_0$: (3m + 1)/2")
    axes.plot([], [], color=QUIET, linestyle="-", label="exact, all dead: 1/2")
    axes.legend(loc="upper left", frameon=False, fontsize=8.5)
    axes.set(xlim=(-0.5, len(truths) - 0.35), ylim=(0, 1.5 * truths[-1].exact))
    axes.set_xticks(range(len(truths)), [f"$s_{truth.kinks}$" for truth in truths])
    axes.set_xlabel("truth: a star of m kinks, $s_m$")
    axes.set_ylabel("learning coefficient λ of the phase")
    axes.set_title("the published λ belongs to the constant, not to the truth", fontsize=10.5)
    quieten(axes)
