"""A path in a fibre: the nodes move, the function does not."""

from __future__ import annotations

import textwrap
from fractions import Fraction
from os import PathLike

import numpy as np
from jaxtyping import Float
from matplotlib.animation import PillowWriter
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from singlearn.numbers.rational import Number, rational
from singlearn.plot.figure import Figure
from singlearn.plot.style import ACCENT, INK, QUIET, quieten
from singlearn.symmetry import Box, TwoLayerReLU
from singlearn.symmetry.fibre.segments import FibrePath

COLOURS = (INK, ACCENT, "#4f86b8", "#8c2f57", "#3f6b3a", "#a58a00")
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1)), (0, (6, 1.5, 1.5, 1.5)), (0, (3, 1)), (0, (8, 2)))
PALE = LinearSegmentedColormap.from_list(
    "pale", ["#98a3ba", "#ffffff"]
)  # lightness alone, for grey printers


def fibre_path(path: FibrePath, t: Number, box: Box | None = None) -> Figure:
    """One moment of a path: the function, the activation boundary of every node with its active
    side, and how much each node contributes.

    Args:
        path: of networks with one or two inputs.
        t: between 0 and 1.
        box: the part of the input space to show; around the kinks if not given.

    Returns:
        A figure of the moment.

    Raises:
        ValueError: more than two inputs, or a box of another dimension.
    """
    figure = _empty(path)
    _draw(figure, path, rational(t, "t"), _box(path, box))
    return figure


def animate_fibre_path(
    path: FibrePath,
    file: str | PathLike[str],
    box: Box | None = None,
    frames_per_segment: int = 8,
    frames_per_second: int = 8,
) -> None:
    """Write a path as an animated GIF.

    Args:
        path: of networks with one or two inputs.
        file: to write.
        box: the part of the input space to show; around the kinks if not given.
        frames_per_segment: pictures for each segment of the path.
        frames_per_second: speed.

    Raises:
        ValueError: more than two inputs, a box of another dimension, or fewer than one frame.
    """
    for name, value in (
        ("frames_per_segment", frames_per_segment),
        ("frames_per_second", frames_per_second),
    ):
        if value < 1:
            raise ValueError(f"{name}: got {value}; it should be 1 or more")
    shown = _box(path, box)
    figure = _empty(path)
    count = max(len(path), 1) * frames_per_segment
    writer = PillowWriter(fps=frames_per_second)
    with writer.saving(figure, str(file), dpi=80):
        for index in range(count + 1):
            figure.clear()
            _draw(figure, path, Fraction(index, count), shown)
            writer.grab_frame()


def _empty(path: FibrePath) -> Figure:
    if path.start.inputs > 2:
        raise ValueError(
            f"path: its networks have {path.start.inputs} inputs; pictures are for one or two"
        )
    return Figure(figsize=(9.6, 4.8))


def _box(path: FibrePath, box: Box | None) -> Box:
    """The box asked for, or one around the points of the kinks nearest to the origin."""
    inputs = path.start.inputs
    if box is not None:
        if box.inputs != inputs:
            raise ValueError(
                f"box: it has dimension {box.inputs}; the networks have {inputs} inputs"
            )
        return box
    feet = [
        np.array(plane.normal, float) * -plane.offset / sum(n * n for n in plane.normal)
        for plane in path.form.kinks
    ] or [np.zeros(inputs)]
    low, high = np.min(feet, axis=0), np.max(feet, axis=0)
    margin = max(1.5, 0.6 * float(np.max(high - low)))
    return Box((low - margin).tolist(), (high + margin).tolist())


def _draw(figure: Figure, path: FibrePath, t: Fraction, box: Box) -> None:
    net = path.at(t)
    grid = figure.add_gridspec(
        2,
        2,
        width_ratios=(2.0, 1.0),
        left=0.075,
        right=0.975,
        bottom=0.11,
        top=0.82,
        hspace=0.45,
        wspace=0.3,
    )
    if net.inputs == 1:
        _draw_graph(figure.add_subplot(grid[0, 0]), path.start, net, box)
        rows = figure.add_subplot(grid[1, 0])
        _draw_rows(rows, net, box)
        rows.set_xlabel("$x$")
    else:
        _draw_plane(figure.add_subplot(grid[:, 0]), path.start, net, box)
    _draw_amounts(figure.add_subplot(grid[:, 1]), path, net)
    for axes in figure.axes:
        quieten(axes)
    index = min(int(t * len(path)), len(path) - 1)
    doing = (
        f"segment {index + 1} of {len(path)}: {path.segments[index]}"
        if len(path)
        else "start and end are the same parameter"
    )
    figure.text(
        0.02, 0.965, "\n".join(textwrap.wrap(doing, 105)[:2]), ha="left", va="top", fontsize=11
    )


def _draw_graph(axes: Axes, start: TwoLayerReLU, net: TwoLayerReLU, box: Box) -> None:
    """The function at the start, broad, and now, thin, on top of it."""
    x = np.linspace(float(box.lower[0]), float(box.upper[0]), 401)[:, None]
    before = start.evaluate(x)[:, 0]
    axes.plot(
        x[:, 0], before, color="#c9c9c9", linewidth=7, solid_capstyle="butt", label="at the start"
    )
    axes.plot(x[:, 0], net.evaluate(x)[:, 0], color=INK, linewidth=1.4, label="now")
    span = max(float(np.ptp(before)), 1e-9)
    axes.set_ylim(before.min() - 0.15 * span, before.max() + 0.15 * span)
    axes.set_xlim(x[0, 0], x[-1, 0])
    axes.set_ylabel("$f(x)$")
    axes.legend(
        frameon=False,
        fontsize=9,
        loc="lower left",
        bbox_to_anchor=(0, 0.98),
        ncols=2,
        borderaxespad=0.1,
    )


def _draw_rows(axes: Axes, net: TwoLayerReLU, box: Box) -> None:
    """One row per node: its boundary, a bar over its active side."""
    low, high = float(box.lower[0]), float(box.upper[0])
    for i, node in enumerate(net.nodes):
        colour = QUIET if node.is_degenerate else COLOURS[i % len(COLOURS)]
        if not any(node.w):
            text = "w = 0" + (", constant" if node.b > 0 and any(node.q) else "")
            axes.text((low + high) / 2, i, text, color=QUIET, va="center", ha="center", fontsize=9)
            continue
        position = float(-node.b / node.w[0])
        along = node.w[0] > 0
        edge = high if along else low
        inside = min(max(position, low), high)
        if (edge - inside) * (1 if along else -1) > 0:
            axes.plot(
                [inside, edge], [i, i], color=colour, linewidth=5, alpha=0.35, solid_capstyle="butt"
            )
        if low <= position <= high:
            face = "white" if node.is_degenerate else colour
            axes.plot(
                [position],
                [i],
                marker=">" if along else "<",
                color=colour,
                markerfacecolor=face,
                markersize=9,
                linestyle="",
            )
    axes.set_xlim(low, high)
    axes.set_ylim(net.width - 0.3, -0.7)
    axes.set_yticks(range(net.width))
    axes.set_ylabel("node")
    axes.set_title("boundary and active side", fontsize=9, loc="left", color=QUIET)


def _draw_plane(axes: Axes, start: TwoLayerReLU, net: TwoLayerReLU, box: Box) -> None:
    """Contours of the function now over those of the start, and the boundary of every node with its
    weight vector on it.
    """
    low, high = np.array([float(v) for v in box.lower]), np.array([float(v) for v in box.upper])
    x, y = np.meshgrid(np.linspace(low[0], high[0], 121), np.linspace(low[1], high[1], 121))
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    before, now = start.evaluate(points).reshape(x.shape), net.evaluate(points).reshape(x.shape)
    levels = np.linspace(before.min(), before.max() + 1e-9, 11)
    axes.contourf(x, y, before, levels=levels, cmap=PALE)
    axes.contour(x, y, now, levels=levels, colors="#5c5c5c", linewidths=0.6, linestyles="-")
    centre, size = (low + high) / 2, float(np.min(high - low))
    for i, node in enumerate(net.nodes):
        w = np.array([float(v) for v in node.w])
        length = float(np.hypot(*w))
        if length == 0:
            continue
        colour = QUIET if node.is_degenerate else COLOURS[i % len(COLOURS)]
        unit = w / length
        offset = float(node.b) / length
        # Anchors spread along the line, so that nodes on one boundary can be told apart.
        foot = (
            centre
            - (unit @ centre + offset) * unit
            + (i - (net.width - 1) / 2) * 0.12 * size * _along(unit)
        )
        reach = 2 * size * _along(unit)
        ends = np.stack([foot - reach, foot + reach])
        axes.plot(
            ends[:, 0],
            ends[:, 1],
            color=colour,
            linestyle=":" if node.is_degenerate else DASHES[i % len(DASHES)],
            linewidth=1.6,
        )
        if np.all(foot > low) and np.all(foot < high):
            tip = foot + 0.11 * size * unit
            axes.annotate(
                "",
                tip,
                foot,
                arrowprops={
                    "arrowstyle": "-|>",
                    "color": colour,
                    "linewidth": 1.8,
                    "shrinkA": 0,
                    "shrinkB": 0,
                },
            )
            label = foot + 0.15 * size * unit
            axes.text(
                label[0],
                label[1],
                str(i),
                color=colour,
                fontsize=11,
                ha="center",
                va="center",
                weight="bold",
                clip_on=True,
            )
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    axes.set_aspect("equal")
    axes.set_xlabel("$x_1$")
    axes.set_ylabel("$x_2$")
    axes.set_title(
        "shades: $f$ at the start; thin lines: $f$ now; arrows: active sides",
        fontsize=9,
        loc="left",
        color=QUIET,
    )


def _along(unit: Float[np.ndarray, " 2"]) -> Float[np.ndarray, " 2"]:
    """The direction of the boundary, the same for both orientations."""
    direction = np.array([-unit[1], unit[0]])
    return direction if (direction[0], direction[1]) > (0.0, 0.0) else -direction


def _draw_amounts(axes: Axes, path: FibrePath, net: TwoLayerReLU) -> None:
    """The signed length of each node's total gradient."""
    amounts = [_amount(net, i) for i in range(net.width)]
    knots = [path.start, *(segment.end for segment in path)]
    largest = max((abs(_amount(knot, i)) for knot in knots for i in range(knot.width)), default=0.0)
    for i, amount in enumerate(amounts):
        axes.barh(
            i,
            amount,
            height=0.55,
            color=COLOURS[i % len(COLOURS)],
            hatch="//" if amount < 0 else None,
            edgecolor="white",
        )
        if net.nodes[i].is_degenerate:
            axes.text(
                0,
                i,
                "  q = 0" if not any(net.nodes[i].q) else "  w = 0",
                color=QUIET,
                va="center",
                fontsize=9,
            )
    axes.axvline(0, color=QUIET, linewidth=0.8)
    limit = 1.1 * max(largest, 1e-9)
    axes.set_xlim(-limit, limit)
    axes.set_ylim(net.width - 0.3, -0.7)
    axes.set_yticks(range(net.width))
    axes.set_ylabel("node")
    axes.set_xlabel("$q\\,|w|$")
    axes.set_title("contribution of each node", fontsize=9, loc="left", color=QUIET)


def _amount(net: TwoLayerReLU, index: int) -> float:
    node = net.nodes[index]
    return float(node.q[0]) * float(np.sqrt(sum(float(v) ** 2 for v in node.w)))
