"""Activation boundaries in the plane of two inputs."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D

from singlearn.plot.figure import Figure
from singlearn.plot.node_style import STYLES
from singlearn.plot.style import QUIET, quieten
from singlearn.symmetry.domain import Box
from singlearn.symmetry.two_layer.network import TwoLayerReLU
from singlearn.symmetry.two_layer.roles import Role, node_roles

PIXELS = 400


def activation_boundaries(net: TwoLayerReLU, domain: Box) -> Figure:
    """Activation boundaries of a network with two inputs, weight vectors anchored on them, linear
    domains shaded by the slope of f.

    A weight vector is drawn from its boundary into the side on which its node is active, the node's
    number at its tip. The shade is the length of the gradient of the first output (white: f is
    constant there).

    Args:
        net: two inputs.
        domain: the box that is drawn.

    Returns:
        A figure of one panel.

    Raises:
        ValueError: the network has not two inputs.
    """
    figure = Figure(figsize=(6.4, 5.0), layout="constrained")
    draw_boundaries(figure, figure.subplots(), net, domain)
    return figure


def draw_boundaries(
    figure: FigureBase,
    axes: Axes,
    net: TwoLayerReLU,
    domain: Box,
    legend: bool = True,
    arrow: float = 0.12,
) -> None:
    """Draw them on given axes, with a bar for the slope and, if asked for, a legend below the
    figure; ``arrow`` is the length of a weight vector as a share of the picture's side.
    """
    if net.inputs != 2 or domain.inputs != 2:
        raise ValueError(
            f"net: it has {net.inputs} inputs; activation boundaries are drawn in the plane of two"
        )
    low, high = [float(v) for v in domain.lower], [float(v) for v in domain.upper]
    w, b, q, _ = net.arrays()
    sides = [np.linspace(lo, hi, 2 * PIXELS + 1)[1::2] for lo, hi in zip(low, high, strict=True)]
    x = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2)
    active = (x @ w.T + b > 0).astype(float)
    slope = np.linalg.norm(active @ (q[0][:, None] * w), axis=1).reshape(PIXELS, PIXELS)
    top = max(float(slope.max()), 1e-12)
    shade = axes.imshow(
        slope,
        origin="lower",
        extent=(low[0], high[0], low[1], high[1]),
        cmap="Greys",
        norm=TwoSlopeNorm(vmin=0.0, vcenter=top, vmax=2.5 * top),
        aspect="equal",
        interpolation="nearest",
    )
    bar = figure.colorbar(
        shade,
        ax=axes,
        shrink=0.8,
        boundaries=np.linspace(0.0, top, 100),
        ticks=np.linspace(0.0, top, 5),
    )
    bar.set_label(r"slope  $|\nabla f(x)|$  [output / input]", fontsize=9)
    bar.ax.set_yticklabels([f"{v:.2g}" for v in np.linspace(0.0, top, 5)], fontsize=8)
    roles = node_roles(net, domain)
    for i, role in enumerate(roles):
        if np.any(w[i]):
            _draw_node(axes, i, w[i], float(b[i]), role, low, high, arrow)
    axes.set(
        xlim=(low[0], high[0]), ylim=(low[1], high[1]), xlabel="input $x_1$", ylabel="input $x_2$"
    )
    quieten(axes)
    if legend:
        _explain(figure, roles)


def _explain(figure: FigureBase, roles: tuple[Role, ...]) -> None:
    """What the lines mean, and which nodes have no line in the picture."""
    outside = (Role.CONSTANT, Role.DEAD, Role.BYPASSED)
    handles = [
        Line2D([], [], color=style.colour, linestyle=style.line, linewidth=2, label=style.meaning)
        for role, style in STYLES.items()
        if role in roles and role not in outside
    ]
    missing = [f"{roles.count(role)} {STYLES[role].meaning}" for role in outside if role in roles]
    if missing:
        handles.append(
            Line2D([], [], linestyle="", label="not in the picture: " + ", ".join(missing))
        )
    if handles:
        figure.legend(
            handles=handles,
            loc="outside lower center",
            ncols=1 if missing else 3,
            frameon=False,
            fontsize=9,
        )


def _draw_node(
    axes: Axes,
    number: int,
    w: np.ndarray,
    b: float,
    role: Role,
    low: list[float],
    high: list[float],
    arrow: float,
) -> None:
    """One line, and its weight vector where the line passes closest to the middle of the
    picture.
    """
    style = STYLES[role]
    middle = np.array([(a + c) / 2 for a, c in zip(low, high, strict=True)])
    size = min(c - a for a, c in zip(low, high, strict=True))
    normal = w / np.linalg.norm(w)
    anchor = middle - normal * ((w @ middle + b) / np.linalg.norm(w))
    axes.axline(
        tuple(anchor),
        tuple(anchor + size * np.array([-normal[1], normal[0]])),
        color=style.colour,
        linestyle=style.line,
        linewidth=2,
    )
    if all(a <= v <= c for a, v, c in zip(low, anchor, high, strict=True)):
        tip = anchor + arrow * size * normal
        axes.annotate(
            "",
            tip,
            anchor,
            arrowprops={
                "arrowstyle": "-|>",
                "color": style.colour,
                "linewidth": 1.8,
                "shrinkA": 0,
                "shrinkB": 0,
            },
        )
        axes.annotate(
            str(number),
            tip,
            xytext=8 * normal,
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=8,
            color=style.colour,
        )
        axes.plot(
            *anchor,
            style.marker,
            color=style.colour,
            markersize=5,
            markeredgecolor="white" if style.marker in "osD^v" else QUIET,
        )
