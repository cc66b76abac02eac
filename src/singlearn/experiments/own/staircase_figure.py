"""The picture of the staircase."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from matplotlib.figure import Figure

from singlearn.experiments.own.staircase_cells import Climb
from singlearn.plot.style import ACCENT, INK, QUIET, SERIES, legend_beside, quieten


def draw(
    training: Climb,
    values: tuple[float, ...],
    rows: list[dict[str, Any]],
    exact_name: str = "exact λ (Aoyagi & Watanabe)",
) -> Figure:
    """Loss with the plateaus of theory, modes with predicted exits, λ̂ with exact λ."""
    figure = Figure(figsize=(8.6, 8.0), layout="constrained")
    upper, middle, lower = figure.subplots(3, 1, sharex=True)
    upper.plot(
        training.times, training.loss, color=INK, linewidth=1.6, label="loss of gradient descent"
    )
    for rank in range(len(values) + 1):
        level = 0.5 * sum(s**2 for s in values[rank:])
        upper.axhline(
            level,
            color=QUIET,
            linewidth=0.8,
            linestyle=":",
            label="plateaus $\\frac{1}{2}\\sum_{j>r} s_j^2$" if rank == 0 else None,
        )
    for i in range(len(values)):
        colour, line = SERIES[i % len(SERIES)]
        middle.plot(
            training.times, training.modes[:, i], color=colour, linestyle=line, linewidth=1.4
        )
    middle.plot(
        training.predicted,
        [s / 2 for s in values],
        "o",
        color=ACCENT,
        markerfacecolor="white",
        markersize=8,
        label="half time, predicted",
    )
    middle.plot(
        training.measured, [s / 2 for s in values], ".", color=INK, markersize=6, label="measured"
    )
    ends = [0.0, *training.measured, float(training.times[-1])]
    for row in rows:
        rank, exact = row["rank"], float(Fraction(row["exact λ"]))
        name = exact_name if rank == 0 else None
        lower.plot(ends[rank : rank + 2], [exact, exact], color=ACCENT, linewidth=2, label=name)
        name = "λ of width r alone" if rank == 0 else None
        lower.plot(
            ends[rank : rank + 2],
            [row["λ of width r alone"]] * 2,
            color=QUIET,
            linewidth=1.2,
            linestyle="--",
            label=name,
        )
    lower.errorbar(
        [row["time"] for row in rows],
        [row["λ̂"] for row in rows],
        yerr=[2 * row["standard error"] for row in rows],
        fmt="o",
        color=INK,
        markersize=5,
        capsize=3,
        label="$\\hat λ$ of its own function ± 2 s.e.",
    )
    upper.set_ylabel("loss")
    middle.set_ylabel("strength of the modes")
    lower.set_ylabel("learning coefficient")
    lower.set_xlabel("time, steps × rate")
    for axes in (upper, middle, lower):
        for time in training.measured:
            axes.axvline(time, color=QUIET, linewidth=0.5, zorder=0)
        quieten(axes)
        legend_beside(axes)
    figure.align_ylabels()
    return figure
