"""At which distance from a network each relation among its nodes appears."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from singlearn.plot.figure import Figure
from singlearn.plot.panels import finished
from singlearn.plot.style import ACCENT, INK, QUIET, quieten

if TYPE_CHECKING:
    from singlearn.symmetry.trained.hierarchy_of_layer import DeepHierarchy, Hierarchy

KINDS = {
    "boundaries coincide": (INK, "o"),
    "kinks cancel": ("#5b7fd1", "s"),
    "weights annihilate": (ACCENT, "D"),
    "dead on the domain": ("#a23b72", "v"),
    "always active on the domain": ("#2f8f83", "^"),
    "q = 0": ("#9b8a2f", "x"),
    "w = 0": (QUIET, "+"),
}
"""Colour and mark of each kind of relation: either tells them apart."""
NAMED_BARS = 26
SMALLEST = 1e-17


def barcode(found: Hierarchy | DeepHierarchy) -> Figure:
    """Bars of relations over distance, and below them minimal width, dimension and components of
    the fibre.

    A bar starts at the distance from the network within which its relation holds, and ends where a
    larger one takes its place. One column per hidden layer.

    Args:
        found: what :func:`singlearn.symmetry.hierarchy` gave.

    Returns:
        A figure with one column per hidden layer.
    """
    layers = list(getattr(found, "layers", [found]))
    most = max(len(layer.bars) for layer in layers)
    height = min(max(0.22 * most, 2.0), 6.5)
    figure = Figure(figsize=(6.6 * len(layers), height + 3.2), layout="constrained")
    panels = figure.subplots(
        2, len(layers), squeeze=False, height_ratios=[height, 2.0], sharex="col"
    )
    for column, layer in enumerate(layers):
        low, high = _ends(layer)
        _bars(panels[0, column], layer, low, high)
        _counts(panels[1, column], layer, low, high)
        panels[1, column].set_xlabel(
            "largest difference ε of the outputs" + ("" if len(layers) == 1 else ", bound")
        )
        if layer.layer is not None:
            panels[0, column].set_title(f"hidden layer {layer.layer}", fontsize=10, loc="left")
    return finished(figure)


def _ends(layer: Hierarchy) -> tuple[float, float]:
    births = [bar.birth for bar in layer.bars if bar.birth > 0]
    low = max(min(births, default=0.1) / 4, SMALLEST)
    return low, max([*births, 4 * low]) * 2


def _bars(axes: Axes, layer: Hierarchy, low: float, high: float) -> None:
    named: set[str] = set()
    for row, bar in enumerate(layer.bars):
        kind = str(bar.relation.kind)
        colour, mark = KINDS[kind]
        start, end = max(bar.birth, low), min(bar.death, high)
        axes.plot(
            [start, max(end, start)], [row, row], color=colour, linewidth=2.2, solid_capstyle="butt"
        )
        label = kind if kind not in named else None
        axes.plot(
            [start], [row], color=colour, marker=mark, markersize=5, linestyle="none", label=label
        )
        named.add(kind)
        if len(layer.bars) <= NAMED_BARS:
            nodes = bar.relation.nodes
            text = ", ".join(map(str, nodes)) if len(nodes) <= 8 else f"{len(nodes)} nodes"
            axes.annotate(
                text,
                (start, row),
                xytext=(-6, 0),
                textcoords="offset points",
                ha="right",
                va="center",
                fontsize=7,
            )
    axes.set_xscale("log")
    # Room for the names of the nodes to the left of the first bar.
    axes.set_xlim(low / (high / low) ** (0.22 if len(layer.bars) <= NAMED_BARS else 0.02), high)
    axes.set_ylim(len(layer.bars) - 0.3, -0.7)
    axes.set_yticks([])
    axes.set_ylabel("relations (hidden nodes)", fontsize=9)
    if named:
        axes.legend(frameon=False, fontsize=8, loc="lower left")
    quieten(axes)
    axes.spines["left"].set_visible(False)


def _counts(axes: Axes, layer: Hierarchy, low: float, high: float) -> None:
    levels = layer.levels
    edges = np.array([*(max(level.distance, low / 1e3) for level in levels), high])
    edges[0] = min(edges[0], low / (high / low))

    def steps(
        values: list[float], colour: str, dash: str, width: float, label: str, on: Axes
    ) -> None:
        on.stairs(
            values,
            np.maximum.accumulate(edges),
            baseline=None,
            color=colour,
            linestyle=dash,
            linewidth=width,
            label=label,
        )

    steps([float(level.minimal_width) for level in levels], INK, "-", 2.0, "minimal width", axes)
    dimensions = [math.nan if v.dimension is None else float(v.dimension) for v in levels]
    if not all(math.isnan(v) for v in dimensions):
        steps(dimensions, QUIET, "--", 1.5, "dimension of the fibre", axes)
    axes.set_ylim(0, None)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel(
        "minimal width, dimension" if len(axes.patches) > 1 else "minimal width", fontsize=9
    )
    quieten(axes)
    lines = [*axes.patches]
    components = [math.nan if v.components is None else float(v.components) for v in levels]
    if not all(math.isnan(v) for v in components):
        right = axes.twinx()
        steps(components, ACCENT, "-.", 1.5, "components of the fibre (right)", right)
        right.set_yscale("log")
        right.set_ylim(0.7, None)
        right.tick_params(labelsize=9, colors=ACCENT)
        right.spines["top"].set_visible(False)
        lines += [*right.patches]
    if len(lines) > 1:
        names = [str(line.get_label()) for line in lines]
        axes.legend(
            lines,
            names,
            frameon=False,
            fontsize=8,
            loc="lower center",
            bbox_to_anchor=(0.5, 1.0),
            ncols=len(lines),
        )
