"""Curves at several sizes as they were measured and as they collapse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from singlearn.measure.collapse import Collapse
from singlearn.plot.figure import Figure
from singlearn.plot.panels import finished
from singlearn.plot.style import SERIES, quieten
from singlearn.plot.takes import takes


def collapsed(found: Collapse, curves: Mapping[float, Sequence[Any]]) -> Figure:
    """The curves as measured, and beside them the same in scaled coordinates.

    Args:
        found: from ``sl.collapse``.
        curves: what it was given.

    Returns:
        The figure.

    Raises:
        TypeError: not a collapse.
    """
    takes("found", found, Collapse, "sl.collapse")
    figure = Figure(figsize=(9.2, 4.2), layout="constrained")
    before, after = figure.subplots(1, 2)
    by_size = {float(n): own for n, own in curves.items()}
    for (colour, _), n, scaled in zip(SERIES * 3, found.sizes, found.scaled, strict=False):
        own = [np.asarray(part, float).ravel() for part in by_size[n]]
        error = own[2] if len(own) == 3 else None
        style = {"color": colour, "markersize": 4, "linewidth": 1.0, "capsize": 0}
        before.errorbar(own[0], own[1], error, fmt="o-", label=f"n = {n:g}", **style)
        bars = scaled[2] if error is not None else None
        after.errorbar(scaled[0], scaled[1], bars, fmt="o", **style)
    before.set_xlabel("$x$")
    before.set_ylabel("$y$")
    before.legend(frameon=False, fontsize=8)
    c, xc = found.x_exponent, found.critical.value
    shift = f"$(x - {xc:.4g})$" if xc else "$x$"
    after.set_xlabel(f"{shift} $n^{{c}}$,  c = {c}")
    scale = []
    if "log_slope" in found.fitted or found.log_slope.value:
        scale.append(f"$y - a\\,\\log n$,  a = {found.log_slope}")
    if "y_exponent" in found.fitted or found.y_exponent.value:
        scale.append(f"$y\\,n^{{-b}}$,  b = {found.y_exponent}")
    after.set_ylabel(" and ".join(scale) or "$y$")
    for axes in (before, after):
        quieten(axes)
    quality = "" if np.isnan(found.quality) else f"χ² per degree of freedom {found.quality:.2g}"
    after.set_title(quality, fontsize=9, loc="left")
    return finished(figure)
