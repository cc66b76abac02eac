"""λ̂ and the loss along training."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes

from singlearn.local import Trajectory
from singlearn.local.training.straight_pieces import Pieces
from singlearn.plot.figure import Figure
from singlearn.plot.panels import finished
from singlearn.plot.style import ACCENT, INK, QUIET, quieten
from singlearn.plot.takes import takes


def trajectory(found: Trajectory, title: str = "") -> Figure:
    """λ̂ with its errors above, the exact loss below, against the training step; bands where the
    slope changes significantly.

    Full dots have a status of converged or noise_limited; open ones are drawn where they were
    measured but no stage is read from them; a cross at the lower edge is a checkpoint whose λ̂ is
    withheld. The axis of steps is logarithmic; where step 0 was measured it is linear up to the
    first step after it, so that it is shown.

    Args:
        found: from ``local.trajectory``.
        title: of the picture.

    Returns:
        A figure of two panels with a common axis of steps.
    """
    takes("found", found, Trajectory, "local.trajectory")
    figure = Figure(figsize=(8.6, 6.0), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    points = found.points
    for trusted in (True, False):
        own = [point for point in points if point.trusted is trusted and math.isfinite(point.value)]
        upper.errorbar(
            [point.step for point in own],
            [point.value for point in own],
            yerr=[np.nan_to_num(point.standard_error) for point in own],
            marker="o",
            linestyle="",
            color=INK,
            markerfacecolor=INK if trusted else "white",
            markersize=5,
            capsize=2,
            linewidth=1,
            label="$\\hat λ$ ± 1 standard error" if trusted else "no verdict, or not at a minimum",
        )
    withheld = [point.step for point in points if not math.isfinite(point.value)]
    if withheld:
        upper.plot(
            withheld,
            [0.02] * len(withheld),
            "x",
            color=INK,
            transform=upper.get_xaxis_transform(),
            label="withheld",
            clip_on=False,
        )
    lower.plot(
        [point.step for point in points],
        [point.loss for point in points],
        "s",
        color=INK,
        markersize=4,
        label="loss $L_n(w^*)$, exact",
    )
    for axes, stretches in (
        (upper, found.learning_coefficient_stages),
        (lower, (found.loss_stages,)),
    ):
        _stages(axes, [pieces for pieces in stretches if pieces is not None and pieces.breakpoints])
        quieten(axes)
    upper.set_ylabel("local learning coefficient $\\hat λ$")
    lower.set_ylabel("loss per sample  [nats]")
    lower.set_xlabel("training step")
    _log_steps(lower, [point.step for point in points])
    figure.align_ylabels()
    handles = {
        label: handle
        for axes in (upper, lower)
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        list(handles.values()),
        list(handles),
        loc="outside lower center",
        ncols=3,
        frameon=False,
        fontsize=8,
    )
    if title:
        figure.suptitle(title, fontsize=11, x=0.02, ha="left")
    return finished(figure)


def _log_steps(axes: Axes, steps: list[float]) -> None:
    """A logarithmic axis; with step 0, linear up to the first step after it."""
    positive = [step for step in steps if step > 0]
    if len(positive) < len(steps) and positive:
        axes.set_xscale("symlog", linthresh=min(positive), linscale=0.4)
        axes.set_xlim(-0.3 * min(positive), 1.3 * max(positive))
    elif positive:
        axes.set_xscale("log")


def _stages(axes: Axes, stretches: list[Pieces]) -> None:
    for number, pieces in enumerate(stretches):
        name = "straight pieces in log step" if number == 0 else None
        axes.plot(
            pieces.steps,
            pieces.fitted,
            color=ACCENT,
            linewidth=1.2,
            linestyle="--",
            zorder=1,
            label=name,
        )
        for index, point in enumerate(pieces.breakpoints):
            name = "slope changes, ± 1 s.d." if number == index == 0 else None
            axes.axvline(point.step, color=QUIET, linewidth=1, zorder=0)
            axes.axvspan(
                point.low, point.high, color=QUIET, alpha=0.22, linewidth=0, zorder=0, label=name
            )
