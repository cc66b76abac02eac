"""Symmetries through training: a lane per node, its role by colour and mark; loss, λ̂ and kinks
above.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from singlearn.flow.timeline_points import Timeline
from singlearn.flow.timeline_roles import NodeRole
from singlearn.plot.figure import Figure
from singlearn.plot.panels import finished
from singlearn.plot.style import ACCENT, INK, QUIET, quieten
from singlearn.plot.takes import takes

MOST_LANES = 64
LIGHT = "#b9b9b9"


@dataclass(frozen=True)
class LaneStyle:
    """Colour, mark and size of a role: told apart by mark and lightness on a grey printer."""

    colour: str
    marker: str
    size: float
    filled: bool


STYLES = {
    NodeRole.LIVE: LaneStyle(INK, "o", 5.0, True),
    NodeRole.DUPLICATE: LaneStyle(ACCENT, "s", 4.5, True),
    NodeRole.SHARED: LaneStyle(ACCENT, "D", 4.5, False),
    NodeRole.CANCELLING: LaneStyle("#a23b72", "X", 5.5, True),
    NodeRole.ANNIHILATING: LaneStyle("#2f8f83", "P", 5.5, True),
    NodeRole.BYPASSED: LaneStyle("#5b7fd1", "^", 5.0, False),
    NodeRole.CONSTANT: LaneStyle(QUIET, "+", 5.5, True),
    NodeRole.SILENT: LaneStyle(LIGHT, ".", 3.0, True),
    NodeRole.DEAD: LaneStyle(LIGHT, "v", 3.5, False),
}


def timeline(found: Timeline, title: str = "") -> Figure:
    """One lane for every hidden node, with the loss, λ̂ where it was measured, and the number of
    kinks above.

    Step 0 has no place on a logarithmic axis and is left out. Of more than 64 nodes those are drawn
    that change roles most often.

    Args:
        found: from ``flow.timeline``.
        title: of the picture.

    Returns:
        A figure of lanes below the curves.
    """
    takes("found", found, Timeline, "flow.timeline")
    points = [point for point in found.points if point.step > 0]
    names = [node.name for node in points[0].nodes] if points else []
    lanes = _lanes(found, names)
    with_loss = any(point.loss is not None for point in points)
    upper = [
        name
        for name, there in (
            ("loss", with_loss),
            ("λ̂", found.trajectory is not None),
            ("kinks", True),
        )
        if there
    ]
    height = 1.3 * len(upper) + 0.17 * len(lanes) + 1.2
    figure = Figure(figsize=(8.8, max(height, 4.0)), layout="constrained")
    grid = figure.subplots(
        len(upper) + 1,
        1,
        sharex=True,
        squeeze=False,
        gridspec_kw={"height_ratios": [1.3] * len(upper) + [max(0.17 * len(lanes), 0.8)]},
    )[:, 0]
    for axes, name in zip(grid, upper, strict=False):
        {"loss": _loss, "λ̂": _coefficients, "kinks": _kinks}[name](axes, found, points)
        quieten(axes)
    below = grid[-1]
    for role, style in STYLES.items():
        places = [
            (point.step, row)
            for row, k in enumerate(lanes)
            for point in points
            if point.nodes[k].role is role
        ]
        if places:
            below.plot(
                *zip(*places, strict=True),
                linestyle="",
                marker=style.marker,
                color=style.colour,
                markersize=style.size,
                markerfacecolor=style.colour if style.filled else "white",
                label=str(role),
                clip_on=False,
            )
    below.set_yticks(range(len(lanes)), [names[k] for k in lanes], fontsize=6)
    below.set_ylim(len(lanes) - 0.4, -0.6)
    below.set_ylabel(
        "hidden node" if len(lanes) == len(names) else f"hidden node ({len(lanes)} of {len(names)})"
    )
    below.set_xlabel("training step")
    below.set_xscale("log")
    below.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    quieten(below)
    below.tick_params(axis="y", labelsize=6)
    for step in {event.after for event in found.events}:
        for axes in grid[:-1]:
            axes.axvline(step, color=LIGHT, linewidth=0.5, zorder=0)
    figure.align_ylabels()
    if title:
        figure.suptitle(title, fontsize=11, x=0.02, ha="left")
    return finished(figure)


def _lanes(found: Timeline, names: list[str]) -> list[int]:
    if len(names) <= MOST_LANES:
        return list(range(len(names)))
    changes = {name: 0 for name in names}
    for event in found.events:
        changes[event.node] += 1
    return sorted(sorted(range(len(names)), key=lambda k: -changes[names[k]])[:MOST_LANES])


def _loss(axes: Axes, found: Timeline, points: list[Any]) -> None:
    seen = [
        (point.step, point.loss) for point in points if point.loss is not None and point.loss > 0
    ]
    axes.plot(*zip(*seen, strict=True), color=INK, marker="o", markersize=2.5, linewidth=1)
    axes.set_yscale("log")
    axes.set_ylabel("loss")


def _coefficients(axes: Axes, found: Timeline, points: list[Any]) -> None:
    assert found.trajectory is not None
    for trusted in (True, False):
        own = [
            p
            for p in found.trajectory.points
            if p.step > 0 and p.trusted is trusted and math.isfinite(p.value)
        ]
        errors = [p.standard_error if math.isfinite(p.standard_error) else 0.0 for p in own]
        axes.errorbar(
            [p.step for p in own],
            [p.value for p in own],
            yerr=errors,
            fmt="o",
            color=INK,
            markersize=3.5,
            capsize=2,
            linewidth=1,
            markerfacecolor=INK if trusted else "white",
        )
    axes.set_ylabel("$\\hat λ$")


def _kinks(axes: Axes, found: Timeline, points: list[Any]) -> None:
    axes.step(
        [p.step for p in points],
        [sum(p.kinks) for p in points],
        where="post",
        color=INK,
        linewidth=1.4,
    )
    axes.set_ylabel("kinks")
    axes.set_ylim(bottom=-0.3)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
