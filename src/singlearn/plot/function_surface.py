"""The function of two inputs as a surface."""

from __future__ import annotations

from typing import Any

import numpy as np

from singlearn.plot.figure import Figure
from singlearn.symmetry.domain import Box
from singlearn.symmetry.two_layer.network import TwoLayerReLU

STEPS = 81


def surface(net: TwoLayerReLU, domain: Box) -> Figure:
    """The first output of a network with two inputs, over a box.

    Returns:
        A figure of one panel.

    Raises:
        ValueError: the network has not two inputs.
    """
    figure = Figure(figsize=(6.0, 4.8), layout="constrained")
    draw_surface(figure.add_subplot(projection="3d"), net, domain)
    return figure


def draw_surface(axes: Any, net: TwoLayerReLU, domain: Box) -> None:
    """Draw it on given three-dimensional axes."""
    if net.inputs != 2 or domain.inputs != 2:
        raise ValueError(
            f"net: it has {net.inputs} inputs; a surface is drawn over the plane of two"
        )
    sides = [
        np.linspace(float(lo), float(hi), STEPS)
        for lo, hi in zip(domain.lower, domain.upper, strict=True)
    ]
    x, y = np.meshgrid(*sides)
    z = net.evaluate(np.stack([x, y], axis=-1).reshape(-1, 2))[:, 0].reshape(x.shape)
    axes.plot_surface(
        x,
        y,
        z,
        cmap="cividis",
        rstride=2,
        cstride=2,
        linewidth=0.15,
        edgecolor="#00000030",
        antialiased=True,
    )
    axes.set_xlabel("input $x_1$", fontsize=9)
    axes.set_ylabel("input $x_2$", fontsize=9)
    axes.set_zlabel("output $f(x)$", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.view_init(elev=28, azim=-60)
