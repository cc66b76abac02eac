"""A function of one input with its kinks."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from singlearn.plot.figure import Figure
from singlearn.plot.node_style import STYLES
from singlearn.plot.panels import finished
from singlearn.plot.style import INK, QUIET, quieten
from singlearn.symmetry.domain import Box
from singlearn.symmetry.two_layer.kink_form import kink_form
from singlearn.symmetry.two_layer.network import TwoLayerReLU
from singlearn.symmetry.two_layer.roles import node_roles


def kinks(net: TwoLayerReLU, domain: Box) -> Figure:
    """The first output of a network with one input, and below it where each node is active.

    Every hidden node has a row: its boundary is the marker, an arrow points into the side on which
    it is active, and the number is its total gradient q w.

    Returns:
        A figure of two panels.

    Raises:
        ValueError: the network has not one input.
    """
    figure = Figure(figsize=(6.4, 3.0 + 0.3 * net.width), layout="constrained")
    above, below = figure.subplots(
        2, 1, sharex=True, height_ratios=[3.0, max(0.6, 0.42 * net.width)]
    )
    draw_function(above, net, domain)
    draw_nodes(below, net, domain)
    return finished(figure)


def draw_function(axes: Axes, net: TwoLayerReLU, domain: Box) -> None:
    """f over the box, its kinks as dots."""
    if net.inputs != 1 or domain.inputs != 1:
        raise ValueError(f"net: it has {net.inputs} inputs; this picture is of a function of one")
    low, high = float(domain.lower[0]), float(domain.upper[0])
    places = [-plane.offset / plane.normal[0] for plane in kink_form(net, domain).kinks]
    x = np.unique([low, high, *(p for p in places if low < p < high)])
    axes.plot(x, net.evaluate(x[:, None])[:, 0], color=INK, linewidth=2)
    axes.plot(x[1:-1], net.evaluate(x[1:-1, None])[:, 0], "o", color=INK, markersize=4)
    axes.set(xlim=(low, high), ylabel="output $f(x)$")
    axes.margins(y=0.1)
    quieten(axes)


def draw_nodes(axes: Axes, net: TwoLayerReLU, domain: Box) -> None:
    """One row per hidden node."""
    low, high = float(domain.lower[0]), float(domain.upper[0])
    w, b, q, _ = net.arrays()
    for i, role in enumerate(node_roles(net, domain)):
        style = STYLES[role]
        text = f"{style.meaning}, q w = {q[0, i] * w[i, 0]:.3g}"
        place = float(-b[i] / w[i, 0]) if w[i, 0] else None
        if place is None or not low < place < high:
            axes.text(
                (low + high) / 2, i, text, color=style.colour, fontsize=8, ha="center", va="center"
            )
            continue
        end = high if w[i, 0] > 0 else low
        axes.plot([place, end], [i, i], color=style.colour, linestyle=style.line, linewidth=1.5)
        axes.plot(place, i, style.marker, color=style.colour, markersize=6)
        axes.plot(
            end, i, ">" if end == high else "<", color=style.colour, markersize=6, clip_on=False
        )
        axes.text(
            place,
            i - 0.14,
            text,
            color=style.colour,
            fontsize=8,
            ha="left" if end == high else "right",
            va="bottom",
        )
    axes.set(xlabel="input $x$", ylabel="hidden node")
    axes.set_yticks(range(net.width))
    axes.set_ylim(max(net.width, 1) - 0.4, -0.8)
    for place in (low, high):
        axes.axvline(place, color=QUIET, linewidth=0.3)
    quieten(axes)
