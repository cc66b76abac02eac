"""A phase diagram: what a sweep along one parameter saw, and where it found transitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from singlearn.plot.figure import Figure
from singlearn.plot.panels import finished
from singlearn.plot.style import INK, QUIET, SERIES, quieten
from singlearn.plot.takes import takes
from singlearn.results.estimate import Estimate
from singlearn.transitions import PhaseDiagram, Point


def phase_diagram(diagram: PhaseDiagram) -> Figure:
    r"""Shares of phases, their free energies above the lowest, the slope ΔF/Δθ, and the heat
    capacity, against the swept parameter.

    Bars are one standard error; a phase is drawn where it was seen; vertical lines are transitions,
    with their order.

    Returns:
        A figure of four panels above one another.
    """
    takes("diagram", diagram, PhaseDiagram, "phase_diagram(make_triple, …)")
    values = diagram.values
    figure = Figure(figsize=(7.2, 9.6), layout="constrained")
    share, free, slope, heat = figure.subplots(4, 1, sharex=True)
    for name, (colour, line) in zip(diagram.phases, SERIES, strict=False):
        seen = [
            (p.value, p.phases[name])
            for p in diagram.points
            if name in p.phases and p.phases[name].occupancy is not None
        ]
        _bars(
            share,
            np.array([value for value, _ in seen]),
            [phase.occupancy for _, phase in seen],
            colour,
            line,
            name,
        )
        above = [
            _shifted(p.phases[name].free_energy, _lowest(p)) if name in p.phases else None
            for p in diagram.points
        ]
        _bars(free, values, above, colour, line, None)
    share.set_ylim(-0.02, 1.02)
    share.set_ylabel("share  $P(k)$")
    free.set_ylabel("$F_k - \\min_k F_k$  [nats]")
    slopes = diagram.first_differences()
    _bars(slope, np.array([at for at, _ in slopes]), [e for _, e in slopes], INK, "-", None)
    slope.set_ylabel(f"$ΔF / Δ${diagram.parameter}  [nats]")
    _bars(heat, values, [p.heat_capacity for p in diagram.points], INK, "-", None)
    heat.set_ylabel("heat capacity  $C$")
    heat.set_ylim(bottom=0)
    heat.set_xlabel(diagram.parameter)
    for axes in (share, free, slope, heat):
        quieten(axes)
        for transition in diagram.transitions:
            axes.axvline(transition.value.value, color=QUIET, linewidth=0.9, zorder=0)
            error = np.nan_to_num(transition.value.standard_error)
            axes.axvspan(
                transition.value.value - error,
                transition.value.value + error,
                color=QUIET,
                alpha=0.2,
                linewidth=0,
                zorder=0,
            )
    for transition in diagram.transitions:
        share.annotate(
            f"{transition.value}: {transition.order}",
            (transition.value.value, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 2),
            textcoords="offset points",
            fontsize=9,
            color=QUIET,
            ha="center",
        )
    if len(values) > 2 and values[0] > 0 and values[-1] / values[0] > 30:
        heat.set_xscale("log")
    figure.legend(loc="outside upper left", ncols=3, frameon=False, fontsize=9, title="phases")
    figure.supxlabel(
        "bars: ± 1 standard error; a phase is drawn where it was seen", fontsize=8, color=QUIET
    )
    return finished(figure)


def _lowest(point: Point) -> float:
    return min(
        phase.free_energy.value for phase in point.phases.values() if phase.free_energy is not None
    )


def _shifted(estimate: Estimate | None, by: float) -> Estimate | None:
    return None if estimate is None else Estimate(estimate.value - by, estimate.standard_error)


def _bars(
    axes: Axes,
    at: np.ndarray,
    estimates: Sequence[Estimate | None],
    colour: str,
    line: Any,
    label: str | None,
) -> None:
    known = [(x, e) for x, e in zip(at, estimates, strict=True) if e is not None]
    if not known:
        return
    axes.errorbar(
        [x for x, _ in known],
        [e.value for _, e in known],
        yerr=np.nan_to_num([e.standard_error for _, e in known]),
        color=colour,
        linestyle=line,
        marker="o",
        markersize=4,
        linewidth=1.4,
        capsize=2,
        label=label,
    )
