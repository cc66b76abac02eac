"""Kinks that do not show in a function, and the way along which they can slide."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from singlearn.plot.figure import Figure
from singlearn.plot.style import INK, QUIET, SERIES, quieten
from singlearn.symmetry.deep import DeepReLU, HiddenKink
from singlearn.symmetry.domain import DomainLike, as_box

POINTS = 2001
PIXELS = 300


def hidden_kinks(
    net: DeepReLU,
    domain: DomainLike,
    kinks: Sequence[HiddenKink],
) -> Figure:
    """The first output of a network with one or two inputs, and where its hidden kinks are and can
    go.

    With one input the function stands above; below, every hidden kink has a row: its places now, as
    dots, and after slides up to the next edge (or to the edge of the box) in both senses. With two
    inputs the shade is the slope of the function, lines are the boundaries of the nodes, dotted
    where they are hidden, and thin where a slide can bring them.

    Args:
        net: one or two inputs.
        domain: the box that is drawn, or its (lower, upper).
        kinks: from :func:`singlearn.symmetry.hidden_polytopes`.

    Returns:
        A figure for the number of inputs.

    Raises:
        ValueError: more than two inputs.
    """
    lower, upper = as_box(domain, net.widths[0]).corners
    if net.widths[0] == 1:
        figure = Figure(figsize=(6.4, 3.2 + 0.45 * max(len(kinks), 1)), layout="constrained")
        above, below = figure.subplots(
            2, 1, sharex=True, height_ratios=[3.0, max(0.6, 0.5 * len(kinks))]
        )
        _on_a_line(above, below, net, float(lower[0]), float(upper[0]), kinks)
        return figure
    if net.widths[0] == 2:
        figure = Figure(figsize=(6.4, 5.6), layout="constrained")
        _on_a_plane(figure, figure.subplots(), net, lower, upper, kinks)
        return figure
    raise ValueError(f"net: it has {net.widths[0]} inputs; hidden kinks are drawn for one or two")


def _slid(net: DeepReLU, kink: HiddenKink, share: float) -> DeepReLU:
    """The network after a share in [-1, 1] of the slide; an endless one is drawn up to where the
    boundary leaves the picture.
    """
    reach = kink.forward if share > 0 else kink.backward
    return net.with_vector(net.vector() + share * reach * kink.direction)


def _bounded(net: DeepReLU, kink: HiddenKink, points: np.ndarray) -> HiddenKink:
    """With endless reaches cut where the boundary has left the points."""
    heights = net.preactivations(points)[kink.layer][:, kink.node]
    away = {"backward": max(float(heights.max()), 0.0), "forward": max(float(-heights.min()), 0.0)}
    ends = {name: min(getattr(kink, name), away[name]) for name in away}
    return HiddenKink(
        kink.layer,
        kink.nodes,
        kink.side,
        kink.direction,
        kink.tilts,
        ends["backward"],
        ends["forward"],
        kink.stopped_by,
        kink.ends,
    )


def _on_a_line(
    above: Axes, below: Axes, net: DeepReLU, low: float, high: float, kinks: Sequence[HiddenKink]
) -> None:
    x = np.linspace(low, high, POINTS)
    above.plot(x, net(x[:, None])[:, 0], color=INK, linewidth=2)
    above.set(ylabel="output $f(x)$")
    quieten(above)
    for row, kink in enumerate(kinks):
        colour, _ = SERIES[1 + row % (len(SERIES) - 1)]
        bounded = _bounded(net, kink, x[:, None])
        for share in np.linspace(-1.0, 1.0, 41):
            places = _zeros(_slid(net, bounded, share), kink, x)
            below.plot(
                places, np.full(len(places), row), "|", color=colour, markersize=9, alpha=0.5
            )
        now = _zeros(net, kink, x)
        below.plot(now, np.full(len(now), row), "o", color=colour, markersize=6)
        above.plot(now, net(now[:, None])[:, 0], "o", color=colour, markersize=6, fillstyle="none")
        for place in now:
            above.axvline(place, color=colour, linestyle=":", linewidth=1)
        below.text(
            low + 0.01 * (high - low),
            row - 0.22,
            _label(kink),
            fontsize=8,
            color=colour,
            va="bottom",
        )
    if not kinks:
        below.text(
            (low + high) / 2,
            0,
            "no hidden kinks",
            color=QUIET,
            ha="center",
            va="center",
            fontsize=9,
        )
    below.set(
        xlabel="input $x$", xlim=(low, high), yticks=[], ylim=(max(len(kinks), 1) - 0.5, -0.85)
    )
    quieten(below)


def _zeros(net: DeepReLU, kink: HiddenKink, x: np.ndarray) -> np.ndarray:
    """Where the node's pre-activation changes its sign."""
    heights = net.preactivations(x[:, None])[kink.layer][:, kink.node]
    at = np.flatnonzero(np.diff(np.sign(heights)) != 0)
    step = heights[at + 1] - heights[at]
    share = np.where(step != 0, -heights[at] / np.where(step != 0, step, 1.0), 0.0)
    return np.unique(x[at] + share * (x[at + 1] - x[at]))


def _on_a_plane(
    figure: Figure,
    axes: Axes,
    net: DeepReLU,
    lower: np.ndarray,
    upper: np.ndarray,
    kinks: Sequence[HiddenKink],
) -> None:
    sides = [np.linspace(a, b, PIXELS) for a, b in zip(lower, upper, strict=True)]
    grid = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2)
    values = net(grid)[:, 0].reshape(PIXELS, PIXELS)
    slope = np.hypot(*np.gradient(values, sides[1], sides[0]))
    extent = (float(lower[0]), float(upper[0]), float(lower[1]), float(upper[1]))
    top = max(float(slope.max()), 1e-12)
    shade = axes.imshow(
        slope, origin="lower", extent=extent, cmap="Greys", vmin=0, vmax=2.2 * top, aspect="auto"
    )
    ticks = np.linspace(0.0, top, 5)
    bar = figure.colorbar(
        shade, ax=axes, shrink=0.8, boundaries=np.linspace(0.0, top, 100), ticks=ticks
    )
    bar.set_label(r"slope  $|\nabla f(x)|$  [output / input]", fontsize=9)
    bar.ax.set_yticklabels([f"{v:.2g}" for v in ticks], fontsize=8)
    hidden = {(kink.layer, node) for kink in kinks for node in kink.nodes}
    heights = net.preactivations(grid)
    for layer in range(net.hidden_layers):
        for node in range(len(net.weights[layer])):
            if (layer, node) not in hidden:
                _zero_line(
                    axes, heights[layer][:, node], sides, INK, "-", 1.6 if layer == 0 else 1.0
                )
    for row, kink in enumerate(kinks):
        colour, _ = SERIES[1 + row % (len(SERIES) - 1)]
        bounded = _bounded(net, kink, grid)
        for share in (-0.9, -0.6, -0.3, 0.3, 0.6, 0.9):
            _zero_line(
                axes,
                _slid(net, bounded, share).preactivations(grid)[kink.layer][:, kink.node],
                sides,
                colour,
                "-",
                0.5,
            )
        _zero_line(axes, heights[kink.layer][:, kink.node], sides, colour, ":", 2.6)
        axes.plot([], [], color=colour, linestyle=":", linewidth=2.6, label=_label(kink))
    axes.plot([], [], color=INK, label="boundaries that show")
    figure.legend(loc="outside lower center", frameon=False, fontsize=8)
    axes.set(xlabel="input $x_1$", ylabel="input $x_2$")
    quieten(axes)


def _zero_line(
    axes: Axes, heights: np.ndarray, sides: list[np.ndarray], colour: str, line: str, width: float
) -> None:
    if heights.min() < 0 < heights.max():
        axes.contour(
            sides[0],
            sides[1],
            heights.reshape(PIXELS, PIXELS),
            [0.0],
            colors=[colour],
            linestyles=[line],
            linewidths=[width],
        )


def _label(kink: HiddenKink) -> str:
    """Which nodes, and how far the first one's bias can go."""
    who = (
        f"node {kink.node}" if len(kink.nodes) == 1 else "nodes " + ", ".join(map(str, kink.nodes))
    )
    if kink.backward == kink.forward == np.inf:
        return f"{who} of layer {kink.layer}: slides for ever"
    ends = (
        "−∞" if kink.backward == np.inf else f"−{kink.backward:.3g}",
        "+∞" if kink.forward == np.inf else f"+{kink.forward:.3g}",
    )
    return f"{who} of layer {kink.layer}: bias {ends[0]} … {ends[1]}"
