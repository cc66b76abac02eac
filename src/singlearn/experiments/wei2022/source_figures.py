"""Figures 1 and 3 to 9 of Wei et al. as they draw them: E G(n) against 1/n, with the fitted
line.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from singlearn.generalise import LearningCurve
from singlearn.plot.figure import Figure
from singlearn.plot.style import QUIET, SERIES, quieten

Line = tuple[list[float], float, float, float]


def errors_against_inverse_size(
    panels: Sequence[tuple[str, LearningCurve, Mapping[str, Line]]],
) -> Figure:
    """One column per cell: Bayes and MAP above, Laplace, whose errors are a hundred times theirs,
    below.

    Crosses are means over data sets, bars their standard error; lines are the least-squares lines
    of the
    tables, through the origin where the truth is realisable. Slope and R² stand in the legend. A
    method with
    a mean that is infinite or undefined is named and not drawn.

    Args:
        panels: name, curve, and by method the means, slope, intercept and R².

    Returns:
        The figure.
    """
    figure = Figure(figsize=(4.2 * len(panels), 7.0), layout="constrained")
    axes = figure.subplots(2, len(panels), squeeze=False)
    for column, (name, curve, lines) in enumerate(panels):
        x = 1 / np.asarray(curve.sizes, dtype=float)
        own = {m: line for m, line in lines.items() if m in curve.points}
        for row, laplace in enumerate((False, True)):
            panel = axes[row, column]
            chosen = {m: line for m, line in own.items() if ("laplace" in m.lower()) == laplace}
            _draw(panel, x, curve, chosen)
            panel.set_xlabel("1/n")
            if column == 0:
                panel.set_ylabel("E G(n), Laplace  [nats]" if laplace else "E G(n)  [nats]")
        axes[0, column].set_title(name, fontsize=8, loc="left", color=QUIET)
    return figure


def _draw(panel: Any, x: np.ndarray, curve: LearningCurve, lines: Mapping[str, Line]) -> None:
    for (method, (means, slope, intercept, r_squared)), (colour, style) in zip(
        lines.items(), SERIES, strict=False
    ):
        if not np.isfinite(means).all():
            panel.plot([], [], "x", color=colour, label=f"{method}: infinite or undefined")
            continue
        errors = [
            float(np.std([e for e in point.errors if e is not None], ddof=1))
            / math.sqrt(max(1, len(point.errors)))
            if len(point.errors) > 1
            else 0.0
            for point in curve.points[method]
        ]
        explained = "" if math.isnan(r_squared) else f", R² {r_squared:.3f}"
        panel.errorbar(
            x, means, errors, fmt="x", color=colour, label=f"{method}: slope {slope:.3g}{explained}"
        )
        reach = np.array([0.0, x.max() * 1.05])
        panel.plot(reach, intercept + slope * reach, linestyle=style, color=colour, linewidth=1.0)
    panel.set_xlim(0, None)
    if lines:
        panel.legend(frameon=False, fontsize=7, loc="upper left")
    quieten(panel)
