"""The tree of charts of a resolution."""

from __future__ import annotations

from singlearn.exact import ResolvedCoefficient
from singlearn.plot.figure import Figure
from singlearn.plot.style import ACCENT, INK, QUIET
from singlearn.plot.takes import takes

MOST_LINES = 40
LONGEST = 96


def chart_tree(result: ResolvedCoefficient) -> Figure:
    """One line a chart, under the chart that it comes from: the change of coordinates, K there, and
    its λ and m.

    Args:
        result: of :func:`singlearn.exact.rlct`; a tree of more than 40 charts is cut off, which the
            last line says.
    """
    takes("result", result, ResolvedCoefficient, "exact.rlct")
    lines = result.tree().splitlines()
    left_out = len(lines) - MOST_LINES
    shown = lines[:MOST_LINES] + ([f"… and {left_out} more charts"] if left_out > 0 else [])
    figure = Figure(figsize=(10, 0.9 + 0.27 * len(shown)), layout="constrained")
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(len(shown), -1))
    last_at: dict[int, int] = {}
    for row, line in enumerate(shown):
        depth = (len(line) - len(line.lstrip())) // 2
        text = line.strip()
        function, _, bound = text.rpartition("   ")
        x = 0.02 * depth
        if depth and depth - 1 in last_at:
            axes.plot(
                [x - 0.012, x - 0.012, x - 0.003],
                [last_at[depth - 1] + 0.35, row, row],
                color=QUIET,
                linewidth=0.8,
            )
        last_at[depth] = row
        function = function or text
        function = function if len(function) <= LONGEST else function[: LONGEST - 1] + "…"
        axes.text(x, row, function, color=INK, fontsize=8, va="center", family="monospace")
        if bound:
            axes.text(1.0, row, bound.strip(), color=ACCENT, fontsize=8, va="center", ha="right")
    axes.set_title(str(result), fontsize=10, loc="left")
    return figure
