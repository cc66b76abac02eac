"""A selection among models of one family."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, ScalarFormatter

from singlearn.measure.criteria import Loo, Waic
from singlearn.plot.figure import Figure
from singlearn.plot.panels import finished
from singlearn.plot.style import ACCENT, INK, QUIET, quieten
from singlearn.plot.takes import takes
from singlearn.results.estimate import Estimate
from singlearn.selection import Candidate, Selection
from singlearn.selection.predictive import (
    is_density_on_a_line,
    predictive_band,
    predictive_density,
)


def selection(result: Selection, x_label: str = "x") -> Figure:
    """Free energy and criteria above their lowest, P(K), λ̂ beside d/2; for densities on a line,
    data and prediction.

    Args:
        result: what ``select`` returned.
        x_label: what the data are, with their unit.

    Returns:
        A figure with one panel per kind of number.
    """
    takes("result", result, Selection, "selection.select")
    with_density = is_density_on_a_line(result.best.run)
    figure = Figure(figsize=(10.5, 7.2 if with_density else 4.0), layout="constrained")
    if with_density:
        criteria, probability, coefficient, density = figure.subplots(2, 2).ravel()
        _draw_density(density, result, x_label)
    else:
        criteria, probability, coefficient = figure.subplots(1, 3)
    _draw_criteria(criteria, result)
    _draw_probability(probability, result)
    _draw_coefficient(coefficient, result)
    for axes in (criteria, probability, coefficient):
        axes.set_xlabel("$K$")
        axes.xaxis.set_major_locator(FixedLocator([c.size for c in result.candidates]))
    for axes in figure.axes:
        quieten(axes)
    title = result.name + (f"  {result.description}" if result.description else "")
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    return finished(figure)


def _draw_criteria(axes: Axes, result: Selection) -> None:
    """Each criterion above its own lowest value: WAIC estimates another quantity than F, only
    differences compare.
    """
    sizes = [c.size for c in result.candidates]
    series: list[tuple[str, list[Estimate | None], str, str, str]] = [
        ("F", [c.free_energy for c in result.candidates], "o-", INK, INK),
        ("WBIC", [c.wbic for c in result.candidates], "s--", ACCENT, ACCENT),
        (
            "WAIC",
            [_out_of_sample(result, c, "waic") for c in result.candidates],
            "^-.",
            QUIET,
            "white",
        ),
        ("LOO", [_out_of_sample(result, c, "loo") for c in result.candidates], "v-.", QUIET, QUIET),
        ("BIC", [Estimate(c.bic, 0.0) for c in result.candidates], "D:", INK, "white"),
    ]
    shift = 0.05
    for index, (name, estimates, line, colour, face) in enumerate(series):
        known = [(size, e) for size, e in zip(sizes, estimates, strict=True) if e is not None]
        if not known:
            continue
        lowest = min(e.value for _, e in known)
        axes.errorbar(
            [size + shift * (index - 2) for size, _ in known],
            [e.value - lowest for _, e in known],
            yerr=np.nan_to_num([e.standard_error for _, e in known]),
            fmt=line,
            color=colour,
            markerfacecolor=face,
            markersize=5,
            linewidth=1.2,
            capsize=2,
            label=name,
        )
    highest = axes.get_ylim()[1]
    if highest > 8:
        axes.set_yscale("symlog", linthresh=2, linscale=1.2)
        ticks = [
            t
            for t in (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
            if t < highest
        ]
        axes.set_yticks(ticks, minor=False)
        axes.yaxis.set_minor_locator(FixedLocator([]))
        axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.set_ylim(-0.5, 1.3 * highest)
    axes.set_ylabel("above its lowest value  [nats]")
    # Above the axes, where there are no data to cover.
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=5,
        frameon=False,
        fontsize=9,
        borderaxespad=0.2,
        handlelength=2.0,
        columnspacing=1.0,
    )


def _out_of_sample(
    result: Selection, candidate: Candidate, criterion: Literal["waic", "loo"]
) -> Estimate | None:
    """WAIC or LOO with the error of its difference from the lowest: of the computation and,
    paired, over data.
    """
    reading: Waic | Loo | None = getattr(candidate, criterion)
    difference = result.difference(candidate, criterion)
    if reading is None or difference is None:
        return None
    over_data = difference.standard_error_over_data or 0.0
    return Estimate(reading.value, math.hypot(difference.standard_error, over_data))


def _draw_probability(axes: Axes, result: Selection) -> None:
    sizes = [c.size for c in result.candidates]
    values = [c.probability.value for c in result.candidates]
    errors = np.nan_to_num([c.probability.standard_error for c in result.candidates])
    colours = [INK if c is result.best else "#b9c0cf" for c in result.candidates]
    axes.bar(
        sizes,
        values,
        yerr=errors,
        color=colours,
        edgecolor=INK,
        linewidth=0.8,
        width=0.7,
        capsize=3,
        ecolor=ACCENT,
    )
    axes.set_ylim(0, min(1.05, 1.15 * max(v + e for v, e in zip(values, errors, strict=True))))
    axes.set_ylabel("posterior probability  $P(K)$")


def _draw_coefficient(axes: Axes, result: Selection) -> None:
    sizes = [c.size for c in result.candidates]
    known = [
        (c.size, c.learning_coefficient)
        for c in result.candidates
        if c.learning_coefficient is not None
    ]
    axes.plot(
        sizes,
        [c.half_dimension for c in result.candidates],
        "x--",
        color=QUIET,
        linewidth=1.2,
        markersize=5,
        label="$d/2$, regular",
    )
    if known:
        axes.errorbar(
            [size for size, _ in known],
            [e.value for _, e in known],
            yerr=np.nan_to_num([e.standard_error for _, e in known]),
            fmt="o-",
            color=INK,
            markersize=5,
            linewidth=1.2,
            capsize=2,
            label="$\\hat λ$ around $β = 1/\\log n$",
        )
    axes.set_ylim(bottom=0)
    axes.set_ylabel("learning coefficient  $λ$")
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=2,
        frameon=False,
        fontsize=9,
        borderaxespad=0.2,
    )


def _draw_density(axes: Axes, result: Selection, x_label: str) -> None:
    best = result.best
    assert best.run.triple is not None
    data = np.asarray(best.run.triple.data, dtype=float)
    margin = 0.08 * float(np.ptp(data))
    grid = np.linspace(data.min() - margin, data.max() + margin, 400)
    axes.hist(
        data,
        bins=min(40, max(8, 3 * round(len(data) ** 0.5))),
        density=True,
        color="#d5dae4",
        edgecolor="white",
        linewidth=0.5,
    )
    low, high = predictive_band(best.run, grid)
    axes.fill_between(grid, low, high, color=ACCENT, alpha=0.3, linewidth=0)
    axes.plot(grid, predictive_density(best.run, grid), color=INK, linewidth=1.6)
    axes.plot(data, np.zeros_like(data), "|", color=INK, markersize=7, alpha=0.6, clip_on=False)
    axes.set_xlim(grid[0], grid[-1])
    axes.set_ylim(bottom=0)
    axes.set_xlabel(x_label)
    axes.set_ylabel("density")
    axes.set_title(
        f"{len(data)} observations, Bayes predictive density and its 90 % band, K = {best.size}",
        fontsize=9,
        loc="left",
    )
