"""The chains behind a local learning coefficient."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from singlearn.local import LocalLearningCoefficient
from singlearn.plot.figure import Figure
from singlearn.plot.panels import finished
from singlearn.plot.style import ACCENT, INK, QUIET, quieten
from singlearn.plot.takes import takes

CALIBRATED = {"sgld": 0.95, "hmc": 0.8}


def chains(found: LocalLearningCoefficient, name: str = "") -> Figure:
    r"""Four views of the chains: λ̂ along each, its running mean by kind of start, acceptance, and
    distance from w*.

    Chains that started at w* and chains that started away from it have to come together in the
    upper left and lower left panels, and the running means have to become level; where they do not,
    the status says so.

    Args:
        found: from ``local.llc``.
        name: of the checkpoint, for the title.

    Returns:
        A figure of four panels.
    """
    takes("found", found, LocalLearningCoefficient, "local.llc")
    figure = Figure(figsize=(9.6, 6.4), layout="constrained")
    (trace, running), (distance, acceptance) = figure.subplots(2, 2)
    draws = np.linspace(0, found.draws, found.trace.shape[1] + 1)[1:]
    _lines(trace, draws, found.trace)
    _lines(distance, draws, found.distance_trace)
    _running(running, draws, found)
    _acceptance(acceptance, found)
    if math.isfinite(found.value):
        trace.axhline(found.value, color=QUIET, linewidth=1, linestyle=":")
    trace.set_ylabel("$\\hat λ$ along the chain, block means")
    distance.set_ylabel("distance $|w - w^*|$")
    for axes in (trace, distance, running):
        axes.set_xlabel("step of the counted part")
        axes.set_xlim(0, found.draws)
    for axes in (trace, distance, running, acceptance):
        quieten(axes)
    handles = [
        Line2D([], [], color=INK, label="chains from $w^*$"),
        Line2D([], [], color=ACCENT, linestyle="--", label="chains from away"),
    ]
    if found.diverged:
        handles.append(
            Line2D(
                [],
                [],
                color=QUIET,
                marker="x",
                linestyle="",
                label=f"diverged: {', '.join(map(str, found.diverged))}",
            )
        )
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    shown = "withheld" if math.isnan(found.value) else str(found.estimate)
    title = (
        f"$\\hat λ$ = {shown}   {found.status}   (d/2 = {found.half_dimension:g}, nβ = "
        f"{found.nbeta:.4g}, γ = {found.gamma:g})"
    )
    figure.suptitle(f"{name}   {title}" if name else title, fontsize=11, x=0.02, ha="left")
    return finished(figure)


def _style(chain: int) -> tuple[str, str]:
    return (ACCENT, "--") if chain % 2 else (INK, "-")


def _lines(
    axes: Axes, draws: Float[np.ndarray, " blocks"], traces: Float[np.ndarray, "chains blocks"]
) -> None:
    finite = traces[np.isfinite(traces)]
    for c, values in enumerate(traces):
        colour, line = _style(c)
        axes.plot(
            draws,
            np.where(np.isfinite(values), values, np.nan),
            color=colour,
            linestyle=line,
            linewidth=0.8,
            alpha=0.8,
        )
    if len(finite) and finite.min() > 0 and finite.max() > 100 * np.median(finite):
        axes.set_yscale("log")


def _running(
    axes: Axes, draws: Float[np.ndarray, " blocks"], found: LocalLearningCoefficient
) -> None:
    """Running mean over chains of a kind, with the spread of their own running means as band."""
    axes.set_ylabel("drift: mean $\\hat λ$ up to here")
    for kind in (0, 1):
        own = found.trace[kind::2]
        if not np.isfinite(own).all():
            continue
        means = np.cumsum(own, axis=1) / np.arange(1, own.shape[1] + 1)
        colour, line = _style(kind)
        centre, spread = means.mean(axis=0), means.std(axis=0, ddof=1) / math.sqrt(len(means))
        axes.plot(draws, centre, color=colour, linestyle=line, linewidth=1.4)
        axes.fill_between(
            draws, centre - spread, centre + spread, color=colour, alpha=0.2, linewidth=0
        )
    if math.isfinite(found.value):
        axes.axhline(found.value, color=QUIET, linewidth=1, linestyle=":")
        axes.axhspan(
            found.value - found.standard_error,
            found.value + found.standard_error,
            color=QUIET,
            alpha=0.15,
            linewidth=0,
        )


def _acceptance(axes: Axes, found: LocalLearningCoefficient) -> None:
    axes.axhline(CALIBRATED[found.sampler], color=QUIET, linewidth=1, linestyle=":")
    axes.text(
        1.01,
        CALIBRATED[found.sampler],
        "calibrated",
        transform=axes.get_yaxis_transform(),
        fontsize=8,
        color=QUIET,
        va="center",
        ha="left",
    )
    for c, value in enumerate(found.acceptance):
        colour, _ = _style(c)
        marker = "x" if c in found.diverged else "s" if c % 2 else "o"
        axes.plot(
            c,
            value,
            marker=marker,
            color=colour,
            linestyle="",
            markersize=7,
            markerfacecolor="none" if c % 2 else colour,
        )
    axes.set_ylim(0, 1.03)
    axes.set_xticks(range(len(found.acceptance)))
    axes.set_xlabel("chain")
    axes.set_ylabel("Metropolis acceptance of the steps")
