"""Cumulated entries of an optimiser's ledger, law by law."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from singlearn.plot.figure import Figure
from singlearn.plot.panels import finished
from singlearn.plot.style import ACCENT, INK, QUIET, quieten

if TYPE_CHECKING:
    from singlearn.flow.ledger_books import Books, Series

LINES = {
    "discretisation": (INK, "-", "o"),
    "decay": (ACCENT, "--", "s"),
    "momentum": ("#2f8f83", "-.", "^"),
    "preconditioner": ("#a23b72", (0, (5, 1)), "D"),
    "violation": ("#5b7fd1", ":", "v"),
    "rest": (QUIET, (0, (1, 1)), "x"),
}
"""Colour, line and mark of each entry: any one of the three tells them apart."""
MARKS = 8


def ledger(books: Books) -> Figure:
    """Largest absolute cumulated entry of every kind against the step, one panel per law, on a
    logarithmic axis.

    The grey band ends at what rounding allows: an entry inside it is rounding. Entries that are
    zero are not drawn.

    Args:
        books: the ledger of a PyTorch optimiser or an Optax transformation, or one read from its
            file.

    Returns:
        A figure with one panel per law.

    Raises:
        ValueError: nothing is recorded yet.
    """
    series = books.series
    if not series[0].steps:
        raise ValueError("books: no step is recorded yet")
    columns = min(2, len(series))
    rows = -(-len(series) // columns)
    figure = Figure(figsize=(5.2 * columns + 1.4, 2.9 * rows + 0.6), layout="constrained")
    axes = figure.subplots(rows, columns, sharex=True, squeeze=False).ravel()
    for panel, label, one in zip(axes, books.labels, series, strict=False):
        _panel(panel, one)
        panel.set_title(label, fontsize=9, loc="left")
    for panel in axes[len(series) :]:
        panel.set_visible(False)
    for panel in axes[max(0, len(series) - columns) : len(series)]:
        panel.set_xlabel("step")
    handles = {
        line.get_label(): line
        for panel in axes[: len(series)]
        for line in panel.get_lines()
        if not str(line.get_label()).startswith("_")
    }
    figure.legend(
        list(handles.values()),
        list(map(str, handles)),
        frameon=False,
        fontsize=8,
        loc="outside right center",
    )
    figure.suptitle(
        f"{books.optimiser}: cumulated entries, largest absolute value",
        fontsize=10,
        x=0.01,
        ha="left",
    )
    return finished(figure)


def _panel(axes: Axes, one: Series) -> None:
    steps = np.asarray(one.steps)
    every = max(1, len(steps) // MARKS)
    for number, (name, (colour, dash, mark)) in enumerate(LINES.items()):
        sizes = np.asarray(one.sizes[name])
        if not (sizes > 0).any():
            continue
        marked = (number * every // len(LINES), every)
        shown = np.where(sizes > 0, sizes, np.nan)
        axes.plot(
            steps,
            shown,
            color=colour,
            linestyle=dash,
            marker=mark,
            markevery=marked,
            markersize=4,
            linewidth=1.3,
            label=name,
        )
    axes.plot(
        steps,
        one.sizes["moved"],
        color="black",
        linewidth=2.6,
        alpha=0.25,
        label="change of the law",
    )
    low = axes.get_ylim()[0]
    axes.set_yscale("log")
    axes.fill_between(
        steps, max(low, 1e-300), one.sizes["rounding"], color=QUIET, alpha=0.18, linewidth=0
    )
    positive = [value for values in one.sizes.values() for value in values if value > 0]
    if positive:
        axes.set_ylim(min(positive) / 2, max(positive) * 2)
    quieten(axes)
