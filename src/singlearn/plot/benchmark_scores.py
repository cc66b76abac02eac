"""Samplers on problems with known truths: error against cost, and honest against claimed error."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as PlainFigure
from matplotlib.ticker import LogFormatterSciNotation, LogLocator

from singlearn.benchmark.scores import FAR_OFF, NARROW, BenchmarkScores
from singlearn.plot.figure import Figure
from singlearn.plot.panels import finished
from singlearn.plot.style import INK, QUIET, SERIES, quieten
from singlearn.plot.takes import takes

MARKERS = "os^Dv<>Phd"
SMALLEST = 1e-4


def benchmark(scores: BenchmarkScores) -> PlainFigure:
    r"""Errors of F at β = 1, in nats: one point for each problem and sampler.

    Left: the root of the mean squared error over seeds against CPU seconds of one run. Right: the
    same error against the error that was claimed; on the line both are equal, above it the sampler
    was surer than it should have been; the broken lines are twice and five times the claimed error.

    Args:
        scores: of one or several samplers.

    Returns:
        The figure.

    Raises:
        ValueError: no number of F was compared.
    """
    takes("scores", scores, BenchmarkScores, "sl.benchmark.score")
    rows = [row for row in scores.by_problem() if row["of"] or not math.isnan(row["rms error"])]
    if not rows:
        raise ValueError("scores: no F at β = 1 was compared; there should be one at least")
    figure = Figure(figsize=(9.6, 4.6), layout="constrained")
    cost, claim = figure.subplots(1, 2, sharey=True)
    for index, sampler in enumerate(scores.samplers):
        own = [row for row in rows if row["sampler"] == sampler]
        if not own:
            continue
        errors = np.maximum([row["rms error"] for row in own], SMALLEST)
        style = {
            "marker": MARKERS[index % len(MARKERS)],
            "color": SERIES[index % len(SERIES)][0],
            "linestyle": "none",
            "markersize": 4.5,
            "alpha": 0.75,
        }
        cost.plot([row["CPU s"] for row in own], errors, label=sampler, **style)
        claim.plot(np.maximum([row["rms claimed"] for row in own], SMALLEST), errors, **style)
    for axes in (cost, claim):
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.margins(0.1)
        # Decades and their twos and fives: more labels run into each other.
        axes.xaxis.set_minor_locator(LogLocator(subs=(2, 5)))
        axes.xaxis.set_minor_formatter(LogFormatterSciNotation(minor_thresholds=(3, 3)))
        quieten(axes)
    _lines(claim)
    cost.set_xlabel("CPU seconds of one run, compilation included")
    cost.set_ylabel("error of F, root mean square over seeds  [nats]")
    claim.set_xlabel("claimed error of F  [nats]")
    figure.legend(frameon=False, fontsize=8, loc="outside lower center", ncols=5)
    return finished(figure)


def _lines(axes: Axes) -> None:
    low, high = axes.get_xlim()
    ends = np.array([max(low, SMALLEST / 2), max(high, 1e-2)])
    for factor, line, colour, words in (
        (1, "-", INK, "as claimed"),
        (NARROW, "--", QUIET, f"{NARROW:g} ×"),
        (FAR_OFF, ":", QUIET, f"{FAR_OFF:g} ×"),
    ):
        axes.plot(ends, factor * ends, color=colour, linestyle=line, linewidth=1, zorder=0)
        # Beyond the end of the line, where no point is.
        axes.annotate(
            words, (ends[1], factor * ends[1]), (3, 0), textcoords="offset points",
            fontsize=8, color=colour, va="center", annotation_clip=False,
        )  # fmt: skip
