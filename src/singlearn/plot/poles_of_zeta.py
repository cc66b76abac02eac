"""How to read z: |ζ| over the plane and over the real line, its poles, and beside them the law
of V(t).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm

from singlearn.exact.mellin.zeta_function import ZetaFunction
from singlearn.plot.figure import Figure
from singlearn.plot.panels import finished
from singlearn.plot.style import ACCENT, INK, QUIET, quieten
from singlearn.volume.zeta import MeasuredZeta

WIDTH, HEIGHT, POINTS = 161, 81, 1201
DECADES = 12


def zeta(found: ZetaFunction | MeasuredZeta) -> Figure:
    r"""|ζ(z)| over the complex plane and over the real line, and V(t) on logarithmic axes.

    A pole at z = -a of order j is a term :math:`t^a (-\log t)^{j-1}` of V(t): the largest pole is
    the slope of V(t) on
    logarithmic axes, its order the bend that a logarithm makes, the poles further left the terms
    that V(t) loses as t falls.

    Args:
        found: from ``sl.zeta``.

    Returns:
        The figure.

    Raises:
        TypeError: not a zeta function.
    """
    if not isinstance(found, (ZetaFunction, MeasuredZeta)):
        raise TypeError(
            f"found: got {type(found).__name__}; it should be a zeta function, as sl.zeta makes it"
        )
    exact = isinstance(found, ZetaFunction)
    lead = _lead(found)
    left = (
        max(found.down_to + 0.02, -lead - 1.5) if isinstance(found, ZetaFunction) else -1.12 * lead
    )
    figure = Figure(figsize=(10.2, 6.6), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(1.35, 1))
    plane, line, volume = (
        figure.add_subplot(grid[0, 0]),
        figure.add_subplot(grid[1, 0]),
        figure.add_subplot(grid[:, 1]),
    )
    right = max(0.5, 0.6 * lead)
    _plane(figure, plane, found, left, right)
    _line(line, found, left, right)
    line.sharex(plane)
    if exact:
        _law(volume, found)  # type: ignore[arg-type]
    else:
        _measured(volume, found)  # type: ignore[arg-type]
    for axes in (plane, line, volume):
        quieten(axes)
    name = found.name if len(found.name) < 60 else found.name[:59] + "…"
    figure.suptitle(
        f"$ζ(z) = ∫ K^z φ$,  K = {name}" if exact else f"$ζ(z)$ of {name}",
        fontsize=11,
        x=0.02,
        ha="left",
    )
    return finished(figure)


def _lead(found: ZetaFunction | MeasuredZeta) -> float:
    if isinstance(found, MeasuredZeta):
        return found.learning_coefficient.value
    return float(found.learning_coefficient) if found.poles else 1.0


def _places(found: ZetaFunction | MeasuredZeta) -> list[tuple[float, int]]:
    if isinstance(found, MeasuredZeta):
        return [(-found.learning_coefficient.value, found.multiplicity)]
    return [(float(p.location), p.order) for p in found.poles]


def _plane(
    figure: Figure, axes: Axes, found: ZetaFunction | MeasuredZeta, left: float, right: float
) -> None:
    height = 0.5 * (right - left)
    x, y = np.linspace(left, right, WIDTH), np.linspace(-height, height, HEIGHT)
    # Symmetric about the real line; rows in between, none through a pole.
    upper = y[y > 0]
    z = x[None] + 1j * upper[:, None]
    value = found if isinstance(found, ZetaFunction) else found.continued
    size = np.abs(value(z.ravel())).reshape(z.shape)
    middle = np.abs(value((x + 1j * 1e-4).astype(complex)))[None]
    size = np.concatenate([size[::-1], middle, size])
    low, high = np.nanpercentile(size, 2), np.nanpercentile(size, 99)
    shown = np.clip(size, low, high)
    mesh = axes.pcolormesh(
        x,
        np.concatenate([-upper[::-1], [0.0], upper]),
        shown,
        norm=LogNorm(low, high),
        cmap="cividis",
        shading="nearest",
        rasterized=True,
    )
    figure.colorbar(mesh, ax=axes, label="$|ζ(z)|$", pad=0.02)
    for place, order in _places(found):
        if left <= place <= right:
            axes.plot(place, 0.0, "x", color=ACCENT, markersize=7, markeredgewidth=1.8)
            if order > 1:
                axes.annotate(
                    f"{order}",
                    (place, 0.07 * height),
                    color=INK,
                    ha="center",
                    va="bottom",
                    fontsize=9,
                )
    axes.set_ylabel("Im $z$")
    axes.set_title(
        "poles: ×, with the order where it is above 1", fontsize=9, color=QUIET, loc="left"
    )


def _line(axes: Axes, found: ZetaFunction | MeasuredZeta, left: float, right: float) -> None:
    x = np.linspace(left, right, POINTS)
    value = np.abs(
        found.on_the_line(x)
        if isinstance(found, ZetaFunction)
        else found.continued(x.astype(complex))
    )
    places = _places(found)
    near = np.min([np.abs(x - p) for p, _ in places], axis=0) if places else np.ones(len(x))
    value = np.where(near < 2e-3 * (right - left), np.nan, value)
    axes.semilogy(x, value, color=INK, linewidth=1.4)
    ticks = [p for p, _ in places if left <= p <= right]
    for p in ticks:
        axes.axvline(p, color=ACCENT, linewidth=0.9, linestyle=":")
    finite = value[np.isfinite(value) & (value > 0)]
    axes.set_ylim(
        max(finite.min(), np.percentile(finite, 1)) / 1.5, np.percentile(finite, 99.5) * 1.5
    )
    axes.set_xlabel("Re $z$")
    axes.set_ylabel("$|ζ|$ on the real line")
    if places:
        lead, order = places[0]
        word = f"largest pole  {lead:.4g}".replace("-", "−") + (
            f", order {order}" if order > 1 else ""
        )
        side = "left" if lead < (left + right) / 2 + 0.3 else "right"
        where: dict[str, Any] = {
            "xycoords": ("data", "axes fraction"),
            "textcoords": "offset points",
        }
        style: dict[str, Any] = {"fontsize": 9, "color": ACCENT, "va": "top", "ha": side}
        axes.annotate(word, (lead, 0.97), xytext=(5, 0), **where, **style)


def _law(axes: Axes, found: ZetaFunction) -> None:
    law = found.volume_law
    t = np.logspace(-DECADES, -0.3, 200)
    axes.set_xlabel("$t$")
    axes.set_ylabel("$V(t)$")
    if not found.poles:
        axes.text(
            0.5,
            0.5,
            "V(t) = 0 for small t:\nno pole, λ = ∞",
            transform=axes.transAxes,
            ha="center",
            color=QUIET,
        )
        return
    axes.loglog(t, [law.expansion(float(s)) for s in t], color=INK, label="all poles found")
    axes.loglog(
        t, [law(float(s)) for s in t], "--", color=ACCENT, label=f"leading: {_words(found)}"
    )
    plain = np.array([law.expansion(float(t[0])) * (s / t[0]) ** float(law.exponent) for s in t])
    if law.multiplicity > 1:
        axes.loglog(
            t,
            plain,
            ":",
            color=QUIET,
            label=f"slope λ = {law.exponent} alone, without the logarithm",
        )
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    axes.invert_xaxis()
    axes.legend(frameon=False, fontsize=8, loc="lower left")


def _words(found: ZetaFunction) -> str:
    law = found.volume_law
    logs = {1: "", 2: r"\,(-\log t)"}.get(law.multiplicity, rf"\,(-\log t)^{law.multiplicity - 1}")
    return rf"${law.constant:.4g}\,t^{{{law.exponent}}}{logs}$"


def _measured(axes: Axes, found: MeasuredZeta) -> None:
    curve, fit = found.curve, found.fit
    mean = curve.log_volumes.mean(axis=0)
    error = (
        curve.log_volumes.std(axis=0, ddof=1) / np.sqrt(len(curve.log_volumes))
        if len(curve.log_volumes) > 1
        else 0 * mean
    )
    axes.fill_between(
        curve.thresholds,
        np.exp(mean - error),
        np.exp(mean + error),
        color=INK,
        alpha=0.25,
        linewidth=0,
    )
    axes.loglog(curve.thresholds, np.exp(mean), color=INK, label="$V(t)$ measured")
    axes.loglog(
        fit.thresholds,
        np.exp(fit.fitted),
        "--",
        color=ACCENT,
        label=f"λ = {fit.estimate}, m = {fit.multiplicity}",
    )
    axes.invert_xaxis()
    axes.set_xlabel("$t$  [nats]")
    axes.set_ylabel("$V(t)$")
    axes.legend(frameon=False, fontsize=9, loc="lower left")
