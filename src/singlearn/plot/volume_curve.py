"""V(t) over many decades, the law it follows, and the number of directions that are not flat."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator

from singlearn.plot.figure import Figure
from singlearn.plot.panels import finished
from singlearn.plot.style import ACCENT, INK, QUIET, label_at_right, quieten
from singlearn.plot.takes import takes
from singlearn.volume.curve import VolumeCurve
from singlearn.volume.fit import VolumeFit

METHODS = {
    "nested_sampling": ("nested sampling", "-", INK),
    "tempering": ("tempered run", "--", QUIET),
}
CODIMENSION_FACTOR = 10.0
MOST_TICKS = 8


def volume(curves: VolumeCurve | Sequence[VolumeCurve], multiplicity: int | None = None) -> Figure:
    """The volume V(t) of almost true parameters, and the codimension 2λ(t) of (4.3) with the flat
    directions above it.

    Bands are one standard error of the replicates, which in V(t) grows towards small t, where all
    earlier errors have added up. The fitted law is the best single fit, drawn over the window it
    was read in; λ̂, an average over fits, and its error stand in the title.

    Args:
        curves: of one triple, one for each method that was used.
        multiplicity: m, where it is known.

    Returns:
        A figure of two panels with a common axis of t.

    Raises:
        ValueError: no curves, or curves of different dimension.
    """
    curves = [curves] if not isinstance(curves, Sequence) else list(curves)
    for curve in curves:
        takes("curves", curve, VolumeCurve, "run.volume()")
    if not curves:
        raise ValueError("curves: got none; there should be at least one VolumeCurve")
    if len({curve.dimension for curve in curves}) > 1:
        raise ValueError(
            f"curves: got dimensions {[curve.dimension for curve in curves]}; they should be of "
            f"one triple"
        )
    figure = Figure(figsize=(7.2, 6.8), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    fits = [_read(curve, multiplicity) for curve in curves]
    for curve, fit in zip(curves, fits, strict=True):
        _draw_volume(top, curve, fit)
        _draw_codimension(bottom, curve)
    _finish(top, bottom, curves, fits)
    title = curves[0].name
    for curve, fit in zip(curves, fits, strict=True):
        title += f"\n{METHODS[curve.method][0]}: " + (
            f"λ = {fit.estimate}, m = {fit.multiplicity}" if fit else "too few decades for λ"
        )
    figure.suptitle(title, fontsize=11, x=0.02, ha="left")
    figure.supxlabel(
        f"bands: ± 1 standard error of {_replicates(curves)} replicates", fontsize=8, color=QUIET
    )
    return finished(figure)


def _read(curve: VolumeCurve, multiplicity: int | None) -> VolumeFit | None:
    try:
        return curve.learning_coefficient(multiplicity)
    except ValueError:  # too few decades
        return None


def _replicates(curves: Sequence[VolumeCurve]) -> str:
    return " and ".join(str(len(curve.log_volumes)) for curve in curves)


def _draw_volume(axes: Axes, curve: VolumeCurve, fit: VolumeFit | None) -> None:
    label, line, colour = METHODS[curve.method]
    estimates = [curve.log_volume(float(t)) for t in curve.thresholds]
    logs = np.array([e.value for e in estimates])
    errors = np.nan_to_num(np.array([e.standard_error for e in estimates]))
    axes.fill_between(
        curve.thresholds,
        np.exp(logs - errors),
        np.exp(logs + errors),
        color=colour,
        alpha=0.3,
        linewidth=0,
    )
    axes.plot(
        curve.thresholds, np.exp(logs), line, color=colour, linewidth=1.5, label=f"$V(t)$, {label}"
    )
    if fit is not None:
        every = slice(None, None, max(1, len(fit.thresholds) // 16))
        axes.plot(
            fit.thresholds[every],
            np.exp(fit.fitted[every]),
            "o",
            color=ACCENT,
            markersize=4,
            markerfacecolor=ACCENT if curve.method == "nested_sampling" else "white",
            label=f"fitted law, {label}",
        )


def _draw_codimension(axes: Axes, curve: VolumeCurve) -> None:
    _, line, colour = METHODS[curve.method]
    # The slope between t and ten times t is drawn in the middle of the two.
    thresholds = curve.thresholds[
        curve.thresholds * CODIMENSION_FACTOR <= curve.largest * (1 + 1e-9)
    ]
    estimates = [curve.codimension(float(t), CODIMENSION_FACTOR) for t in thresholds]
    values = np.array([e.value for e in estimates])
    errors = np.nan_to_num(np.array([e.standard_error for e in estimates]))
    middle = thresholds * math.sqrt(CODIMENSION_FACTOR)
    axes.fill_between(
        middle, values - errors, values + errors, color=colour, alpha=0.3, linewidth=0
    )
    axes.plot(middle, values, line, color=colour, linewidth=1.5)


def _finish(
    top: Axes, bottom: Axes, curves: Sequence[VolumeCurve], fits: Sequence[VolumeFit | None]
) -> None:
    dimension = curves[0].dimension
    smallest, largest = min(c.smallest for c in curves), max(c.largest for c in curves)
    top.set_xscale("log")
    top.set_yscale("log")
    top.set_xlim(largest, smallest)
    top.set_ylabel("$V(t)$  [share of the prior]")
    top.legend(frameon=False, fontsize=9)
    bottom.set_xlabel("threshold  $t$  [nats]")
    bottom.set_ylabel("directions")
    bottom.set_ylim(0, 1.12 * dimension)
    levels = [(float(dimension), f"$d$ = {dimension}", QUIET)]
    bottom.axhline(dimension, color=QUIET, linestyle=":", linewidth=1)
    read = next(((fit, curve) for fit, curve in zip(fits, curves, strict=True) if fit), None)
    if read is not None:
        codimension = 2 * read[0].value
        bottom.axhline(codimension, color=ACCENT, linewidth=1)
        levels.append((codimension, f"2$\\hat λ$ = {codimension:.3g}", ACCENT))
        if codimension < 0.9 * dimension:
            bottom.annotate(
                "flat",
                (math.sqrt(smallest * largest), 0.5 * (codimension + dimension)),
                ha="center",
                va="center",
                fontsize=9,
                color=QUIET,
            )
    for axes in (top, bottom):
        quieten(axes)
    top.xaxis.set_major_locator(LogLocator(numticks=MOST_TICKS))
    top.xaxis.set_minor_locator(NullLocator())
    top.yaxis.set_minor_formatter(NullFormatter())
    label_at_right(bottom, levels)
    top.figure.align_ylabels()
