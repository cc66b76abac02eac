"""A network as a graph."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from singlearn.plot.figure import Figure
from singlearn.plot.node_style import STYLES
from singlearn.plot.style import INK, QUIET
from singlearn.symmetry.domain import Domain
from singlearn.symmetry.two_layer.network import TwoLayerReLU
from singlearn.symmetry.two_layer.roles import node_roles

THICKEST = 3.0


def network_graph(net: TwoLayerReLU, domain: Domain | None = None) -> Figure:
    """Inputs, hidden nodes and outputs; live, dead, degenerate and shared nodes told apart by
    marker, colour and line.

    The width of an edge is the size of its weight, a dashed edge has a negative one.

    Args:
        net: the network.
        domain: on which nodes are dead or always active; ``None`` for all of R^N.

    Returns:
        A figure of one panel.
    """
    tallest = max(net.width, net.inputs, net.outputs)
    figure = Figure(figsize=(6.4, 1.6 + 0.55 * tallest), layout="constrained")
    axes = figure.subplots()
    draw_graph(axes, net, domain)
    roles = node_roles(net, domain)
    handles = [
        Line2D(
            [],
            [],
            color=style.colour,
            marker=style.marker,
            linestyle="",
            markersize=8,
            label=style.meaning,
        )
        for role, style in STYLES.items()
        if role in roles
    ]
    if handles:
        figure.legend(
            handles=handles,
            loc="outside lower center",
            ncols=min(len(handles), 3),
            frameon=False,
            fontsize=9,
        )
    return figure


def draw_graph(axes: Axes, net: TwoLayerReLU, domain: Domain | None = None) -> None:
    """Draw it on given axes."""
    w, b, q, c = net.arrays()
    columns = [_heights(net.inputs), _heights(net.width), _heights(net.outputs)]
    for matrix, left in ((w, 0), (q, 1)):
        largest = max(float(np.abs(matrix).max(initial=0.0)), 1e-300)
        for (end, start), weight in np.ndenumerate(matrix):
            if weight:
                axes.plot(
                    [left, left + 1],
                    [columns[left][start], columns[left + 1][end]],
                    color=QUIET,
                    linewidth=0.4 + THICKEST * abs(weight) / largest,
                    linestyle="-" if weight > 0 else (0, (3, 1.5)),
                    zorder=1,
                    alpha=0.8,
                )
    for i, role in enumerate(node_roles(net, domain)):
        style = STYLES[role]
        axes.plot(1, columns[1][i], style.marker, color=style.colour, markersize=12, zorder=3)
        axes.annotate(
            f"$b$ = {b[i]:.3g}",
            (1, columns[1][i]),
            xytext=(0, 10),
            textcoords="offset points",
            fontsize=8,
            ha="center",
        )
    for column, (height_list, letter) in ((0, (columns[0], "x")), (2, (columns[2], "f"))):
        for i, height in enumerate(height_list):
            name = f"${letter}_{{{i + 1}}}$" if len(height_list) > 1 else f"${letter}$"
            axes.plot(
                column, height, "o", color="white", markeredgecolor=INK, markersize=20, zorder=3
            )
            axes.text(column, height, name, ha="center", va="center", zorder=4)
            if column:
                axes.annotate(
                    f"$c$ = {c[i]:.3g}",
                    (column, height),
                    xytext=(0, 14),
                    textcoords="offset points",
                    fontsize=8,
                    ha="center",
                )
    axes.text(
        0.0,
        -0.02,
        "solid: weight > 0, dashed: < 0",
        transform=axes.transAxes,
        fontsize=8,
        color=QUIET,
        va="top",
    )
    axes.set_xlim(-0.25, 2.25)
    axes.margins(y=0.12)
    axes.set_axis_off()


def _heights(count: int) -> list[float]:
    """Evenly spaced and centred, the first on top."""
    return [(count - 1) / 2 - i for i in range(count)]
