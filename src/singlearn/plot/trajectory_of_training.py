"""λ̂ and the loss along training."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes

from singlearn.local import Trajectory
from singlearn.local.training.straight_pieces import Pieces
from singlearn.plot.figure import Figure
from singlearn.plot.style import ACCENT, INK, QUIET, quieten
from singlearn.plot.takes import takes


def trajectory(found: Trajectory, title: str = "") -> Figure:
    """λ̂ with its errors above, the exact loss below, against the training step; bands where the
    slope changes significantly.

    Full dots have a status of converged or noise_limited; open ones are drawn where they were
    measured but no stage is read from them; a cross at the lower edge is a checkpoint whose λ̂ is
    withheld. Step 0 has no place on a logarithmic axis and is left out.

    Args:
        found: from ``local.trajectory``.
        title: of the picture.
    """
    takes("found", found, Trajectory, "local.trajectory")
    figure = Figure(figsize=(8.6, 6.0), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    points = [point for point in found.points if point.step > 0]
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
        axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    upper.set_ylabel("local learning coefficient $\\hat λ$")
    lower.set_ylabel("loss per sample  [nats]")
    lower.set_xlabel("training step")
    lower.set_xscale("log")
    figure.align_ylabels()
    if title:
        figure.suptitle(title, fontsize=11, x=0.02, ha="left")
    return figure


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
