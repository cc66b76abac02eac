"""The tree of charts of a resolution."""

from __future__ import annotations

import re
from dataclasses import dataclass

from matplotlib.axes import Axes

from singlearn.exact import ExactCoefficient
from singlearn.exact.marked_text import latex, plain
from singlearn.exact.resolution_proof import ProofChart
from singlearn.plot.figure import Figure
from singlearn.plot.style import ACCENT, INK, QUIET
from singlearn.plot.takes import takes

MOST_CHARTS = 24
SMALL, LARGE = 8.0, 9.5
"""Sizes of letters in points."""

LONGEST = {SMALL: 160, LARGE: 110}
"""Characters of a line of letters of each size; longer ones are cut off."""

LINE, GAP = 0.21, 0.12
"""Inches of a line of text and between charts."""

STEP = 0.028
"""Of the width, by which a chart is to the right of the chart that it comes from."""


@dataclass(frozen=True)
class Row:
    """A chart as it is written: its depth, its lines with their colours and sizes, its λ."""

    depth: int
    lines: tuple[tuple[str, str, float], ...]
    result: str


def chart_tree(result: ExactCoefficient) -> Figure:
    """Every chart under the chart that it comes from: the change of coordinates, K there, its λ and
    m, and its divisors.

    A divisor is given with h, the order of the density, and k, that of K: alone it gives
    λ = (h + 1)/k. Charts that are equal up to names and signs of coordinates are one, "2 ×".

    Args:
        result: of :func:`singlearn.exact.rlct`; of more than 24 different charts those of the
            smallest depth come first, and the last line says how many are left out.

    Returns:
        A figure as high as the tree.

    Raises:
        TypeError: another kind of result.
        ValueError: a coefficient that was not found by a resolution.

    >>> from singlearn.exact import rlct
    >>> figure = chart_tree(rlct("(y^2 - x^3)^2"))
    >>> any("h = 4" in text.get_text() for text in figure.axes[0].texts)
    True
    """
    takes("result", result, ExactCoefficient, "exact.rlct")
    charts = [(depth, chart) for root in result.resolution().charts for depth, chart in root.walk()]
    rows = [_row(depth, chart) for depth, chart in charts[:MOST_CHARTS]]
    left_out = sum(chart.count for _, chart in charts[MOST_CHARTS:])
    if left_out:
        rows.append(Row(0, ((f"… and {left_out} more charts", QUIET, SMALL),), ""))
    height = sum(LINE * len(row.lines) + GAP for row in rows)
    figure = Figure(figsize=(10.5, height + 0.9), layout="constrained")
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(height, 0))
    _draw(axes, rows)
    axes.set_title(str(result), fontsize=11, loc="left")
    return figure


def _draw(axes: Axes, rows: list[Row]) -> None:
    top = 0.0
    last_at: dict[int, float] = {}
    for row in rows:
        x = STEP * row.depth
        middle = top + LINE / 2
        if row.depth:
            axes.plot(
                [x - 0.7 * STEP, x - 0.7 * STEP, x - 0.15 * STEP],
                [last_at[row.depth - 1], middle, middle],
                color=QUIET,
                linewidth=0.9,
            )
        last_at[row.depth] = top + LINE * len(row.lines)
        for number, (text, colour, size) in enumerate(row.lines):
            axes.text(x, middle + LINE * number, text, color=colour, fontsize=size, va="center")
        if row.result:
            axes.text(
                1.0, middle, row.result, color=ACCENT, fontsize=9, va="center", ha="right",
                backgroundcolor="white",
            )  # fmt: skip
        top += LINE * len(row.lines) + GAP


def _row(depth: int, chart: ProofChart) -> Row:
    times = f"{chart.count} × " if chart.count > 1 else ""
    lines = []
    if chart.how:
        lines.append((shown(times + chart.how, SMALL), QUIET, SMALL))
        times = ""
    lines.append((shown(times + chart.function, LARGE), INK, LARGE))
    if chart.simplified:
        lines.append((shown(f"then {chart.simplified}", LARGE), INK, LARGE))
    if chart.divisors:
        lines.append((shown(f"divisors  {chart.divisors_line()}", SMALL), QUIET, SMALL))
    if chart.left_open:
        lines.append((shown(f"left open: {chart.left_open}", SMALL), QUIET, SMALL))
    return Row(depth, tuple(lines), shown(chart.result, LARGE))


def shown(text: str, size: float) -> str:
    """A marked text for matplotlib; a long one without typesetting, cut off."""
    unmarked = plain(text)
    if len(unmarked) > LONGEST[size]:
        return unmarked[: LONGEST[size] - 1].replace("$", r"\$") + "…"
    # Fractions in a line of text are written with a stroke.
    written = re.sub(r"\\tfrac\{(\d+)\}\{(\d+)\}", r"\1/\2", latex(text))
    return written.replace(r"\%", "%").replace(r"\_", "_")
