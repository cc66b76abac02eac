"""Shares, free energies and heat capacities of the phases of a run, against β."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from singlearn.phases import PhaseReading, Phases
from singlearn.plot.figure import Figure
from singlearn.plot.panels import finished
from singlearn.plot.style import QUIET, SERIES, label_at_right, quieten
from singlearn.plot.takes import takes
from singlearn.results.estimate import Estimate

POINTS = 60


def phases(result: Phases) -> Figure:
    r"""P(k), :math:`F_k - F` and :math:`C_k` of the phases of a run, from the first rung after the
    prior to β_max.

    The six phases with the largest share anywhere are drawn; bands are one standard error. Where a
    phase is too rare to be seen, a small triangle stands at the lowest free energy it may have (95
    %).

    Returns:
        A figure of three panels.
    """
    takes("result", result, Phases, "run.phases(labeller)")
    betas = np.unique(result.view.inverse_temperatures)[1:]
    betas = betas[betas <= result.view.coldest]
    grid = np.geomspace(betas[0], betas[-1], POINTS).clip(betas[0], betas[-1])
    readings = [result.at(float(beta)) for beta in grid]
    shown = _largest(result, readings)

    figure = Figure(figsize=(7.2, 8.0), layout="constrained")
    share, free, heat = figure.subplots(3, 1, sharex=True)
    for phase, (colour, line) in zip(shown, SERIES, strict=False):
        own = [next(r for r in at if r.phase == phase) for at in readings]
        _curve(share, grid, own, lambda r: r.occupancy, colour, line, str(phase))
        _curve(free, grid, own, _above, colour, line, None)
        _curve(heat, grid, own, lambda r: r.heat_capacity, colour, line, None)
        bounds = [
            (beta, -np.log(r.largest_occupancy))
            for beta, r in zip(grid, own, strict=True)
            if not r.is_seen
        ][::4]
        if bounds:
            free.plot(
                *zip(*bounds, strict=True),
                marker="^",
                color=colour,
                linestyle="",
                markersize=4,
                markerfacecolor="none",
            )
    share.set_ylim(0, 1.02)
    share.set_ylabel("share of the posterior  $P(k)$")
    free.set_ylabel("$F_k - F = -\\log P(k)$  [nats]")
    free.set_ylim(bottom=0)
    half = result.triple.dimension / 2
    heat.axhline(half, color=QUIET, linewidth=1, zorder=0)
    heat.set_ylabel("heat capacity $C_k$, tends to $λ_k$")
    heat.set_ylim(bottom=0)
    heat.yaxis.set_major_locator(MaxNLocator(6))
    heat.set_xscale("log")
    heat.set_xlim(grid[0], grid[-1])
    label_at_right(heat, [(half, f"$d/2$ = {half:g}", QUIET)])
    heat.set_xlabel("inverse temperature  $β$  [1/nat]")
    for axes in (share, free, heat):
        quieten(axes)
    figure.legend(
        loc="outside upper left",
        ncols=3,
        frameon=False,
        fontsize=9,
        title=f"{result.triple.name}: phases by {result.labeller}",
    )
    figure.supxlabel(
        "bands: ± 1 standard error; triangles: a phase too rare to be seen lies above (95 %)",
        fontsize=8,
        color=QUIET,
    )
    return finished(figure)


def _largest(result: Phases, readings: list[list[PhaseReading]]) -> list[Hashable]:
    def largest(index: int) -> float:
        return max((at[index].occupancy or Estimate(0.0, 0.0)).value for at in readings)

    order = sorted(range(len(result.phases)), key=lambda k: -largest(k))
    return [result.phases[k] for k in order[: len(SERIES)] if largest(k) > 0]


def _above(reading: PhaseReading) -> Estimate | None:
    if reading.occupancy is None:
        return None
    share = reading.occupancy
    return Estimate(-float(np.log(share.value)), share.standard_error / share.value)


def _curve(
    axes: Axes,
    grid: np.ndarray,
    readings: list[PhaseReading],
    quantity: Callable[[PhaseReading], Estimate | None],
    colour: str,
    line: Any,
    label: str | None,
) -> None:
    """A line with its band, broken where the phase is unseen."""
    values = np.array([np.nan if (e := quantity(r)) is None else e.value for r in readings])
    errors = np.array(
        [0.0 if (e := quantity(r)) is None else np.nan_to_num(e.standard_error) for r in readings]
    )
    finite = np.isfinite(values)
    values = np.where(finite, values, np.nan)
    axes.fill_between(
        grid, values - errors, values + errors, color=colour, alpha=0.2, linewidth=0, where=finite
    )
    axes.plot(grid, values, color=colour, linestyle=line, linewidth=1.6, label=label)
