"""λ̂ over nβ and γ: the picture by which these two are chosen."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes

from singlearn.local import Scan
from singlearn.plot.figure import Figure
from singlearn.plot.panels import finished
from singlearn.plot.style import ACCENT, INK, QUIET, quieten
from singlearn.plot.takes import takes

MARKS = "osD^vP*X<>"


def scan(found: Scan) -> Figure:
    """λ̂ against γ, a line for each nβ, and against nβ, a line for each γ.

    Full marks can be trusted; open ones drift or are not at a minimum. Thick orange pieces are
    plateaus, where λ̂ is level; the dotted line is d/2.

    Args:
        found: from ``local.scan``.

    Returns:
        The figure.
    """
    takes("found", found, Scan, "local.scan")
    figure = Figure(figsize=(9.6, 4.4), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    unit = ", times what was chosen" if found.gamma_chosen else "  [1/parameter²]"
    _lines(panels[0], found, "gamma", "nbeta", "nβ")
    _lines(panels[1], found, "nbeta", "gamma", "γ")
    panels[0].set_xlabel(f"tie γ{unit}")
    panels[1].set_xlabel("nβ  [1/nats]")
    panels[0].set_ylabel("local learning coefficient $\\hat λ$")
    finite = [p.value for p in found.points if math.isfinite(p.value)]
    for axes in panels:
        axes.set_xscale("log")
        if finite and found.half_dimension < 2 * max(finite):
            axes.axhline(found.half_dimension, color=QUIET, linestyle=":", linewidth=1)
        quieten(axes)
        axes.legend(frameon=False, fontsize=8, ncols=2)
    said = f"level: {found.plateaus[0]}" if found.plateaus else "level nowhere on this grid"
    figure.suptitle(f"$\\hat λ$, n = {found.samples}   {said}", fontsize=11, x=0.02, ha="left")
    return finished(figure)


def _lines(axes: Axes, found: Scan, along: str, at: str, name: str) -> None:
    values = sorted({getattr(point, at) for point in found.points})
    shades = np.linspace(0.25, 1.0, len(values))
    for value, shade, mark in zip(values, shades, MARKS * len(values), strict=False):
        own = sorted(
            (p for p in found.points if getattr(p, at) == value and math.isfinite(p.value)),
            key=lambda p: float(getattr(p, along)),
        )
        if not own:
            continue
        x = [getattr(p, along) for p in own]
        axes.errorbar(
            x, [p.value for p in own], yerr=[p.standard_error for p in own], color=INK,
            alpha=shade, linewidth=0.9, capsize=2, label=f"{name} = {value:.3g}", marker=mark,
            markersize=4.5, markerfacecolor="white",
        )  # fmt: skip
        axes.plot(
            [getattr(p, along) for p in own if p.trusted], [p.value for p in own if p.trusted],
            mark, color=INK, alpha=shade, markersize=4.5,
        )  # fmt: skip
    for plateau in found.plateaus:
        if plateau.along == along:
            axes.plot(
                [plateau.begin, plateau.end], [plateau.value] * 2, color=ACCENT, linewidth=4,
                alpha=0.45, solid_capstyle="butt", zorder=0,
            )  # fmt: skip
