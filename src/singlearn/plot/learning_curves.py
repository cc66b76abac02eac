"""Generalisation error against sample size."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as PlainFigure

from singlearn.generalise import LearningCurve
from singlearn.plot.figure import Figure
from singlearn.plot.panels import finished
from singlearn.plot.style import QUIET, SERIES, legend_beside, quieten
from singlearn.plot.takes import takes

MARKERS = "os^Dv<>Ph"


def generalisation_error(
    curve: LearningCurve, exact: float | None = None, axes: Axes | None = None
) -> PlainFigure:
    r""":math:`n\,E_n G(n)` against n, one line per method, with standard errors over data sets.

    Multiplied by n, curves that fall like C/n are level, and their height is C. A method far above
    the others gets the logarithmic axis it needs. Where a method has no finite error, a cross at
    the upper edge says so.

    Args:
        curve: what was measured.
        exact: λ, drawn as a level line.
        axes: to draw on; default a new figure.

    Returns:
        A figure of one panel.
    """
    takes("curve", curve, LearningCurve, "generalise.learning_curve")
    own = axes if axes is not None else Figure(figsize=(7.2, 4.6), layout="constrained").subplots()
    n = np.asarray(curve.sizes, dtype=float)
    heights = []
    nudges = np.linspace(-0.012, 0.012, len(curve.points)) if len(curve.points) > 1 else np.zeros(1)
    missing = []
    for index, (method, points) in enumerate(curve.points.items()):
        at = n * np.exp(nudges[index])
        colour, line = SERIES[index % len(SERIES)]
        # Not a number where the mean is missing: the line breaks there.
        values = n * [math.nan if point.mean is None else point.mean.value for point in points]
        errors = n * [
            math.nan if point.mean is None else point.mean.standard_error for point in points
        ]
        heights += [float(value) for value in values if not math.isnan(value)]
        own.errorbar(
            at,
            values,
            yerr=errors,
            marker=MARKERS[index % len(MARKERS)],
            linestyle=line,
            color=colour,
            capsize=2,
            markersize=5,
            linewidth=1.2,
            label=method,
        )
        missing += [(at[k], colour) for k, point in enumerate(points) if point.mean is None]
    if exact is not None:
        own.axhline(exact, color=QUIET, linewidth=1.0, zorder=0, label=f"λ = {exact:.4g}, exact")
        heights.append(exact)
    positive = [height for height in heights if height > 0]
    if positive and max(positive) > 30 * np.median(positive):
        own.set_yscale("log")
    elif heights and min(heights) >= 0:
        own.set_ylim(bottom=0)
    own.set_xscale("log")
    own.set_xticks(n, [f"{int(size)}" for size in n])
    own.minorticks_off()
    for where, colour in missing:
        own.plot(
            where,
            0.97,
            marker="x",
            color=colour,
            transform=own.get_xaxis_transform(),
            clip_on=False,
        )
    own.set_xlabel("sample size n")
    own.set_ylabel("n × generalisation error  [nats]")
    quieten(own)
    own.set_title(
        curve.name + ("\n× : no finite error, see the table" if missing else ""), fontsize=10
    )
    legend_beside(own)
    figure = own.figure
    assert isinstance(figure, PlainFigure)
    return finished(figure)
