"""The picture of condensation."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from singlearn.flow import Timeline
from singlearn.plot.style import INK, QUIET, SERIES, legend_beside, quieten


def draw(found: list[tuple[float, int, Timeline]], small: float) -> Figure:
    """Loss, kinks, and conserved quantities: a colour and a dash for every seed of small weights,
    usual ones grey.
    """
    figure = Figure(figsize=(8.6, 7.4), layout="constrained")
    upper, middle, lower = figure.subplots(3, 1, sharex=True)
    for place, (size, seed, line) in enumerate(found):
        colour, dash = SERIES[place % len(SERIES)]
        style: dict[str, Any] = {
            "color": colour if size == small else QUIET,
            "linestyle": dash,
            "linewidth": 1.3,
            "label": f"weights from {size:g}, seed {seed}",
        }
        points = [point for point in line.points if point.step > 0]
        steps = [point.step for point in points]
        upper.plot(steps, [point.loss for point in points], **style)
        middle.step(steps, [point.kinks[0] for point in points], where="post", **style)
        law = next(iter(line.points[0].conserved))
        start = line.points[0].conserved[law]
        drift = [
            max(abs(a - b) for a, b in zip(point.conserved[law], start, strict=True))
            for point in points
        ]
        lower.plot(steps, [max(value, 1e-17) for value in drift], **style)
    exact = [point for point in found[0][2].points if point.step > 0]
    middle.plot(
        [p.step for p in exact],
        [p.exact_kinks for p in exact],
        color=INK,
        linestyle=":",
        linewidth=1.5,
        label=f"exact kink form, seed {found[0][1]}",
    )
    middle.axhline(2, color=INK, linewidth=0.7, linestyle=(0, (1, 3)), label="kinks of the truth")
    upper.set_yscale("log")
    lower.set_yscale("log")
    upper.set_ylabel("loss")
    middle.set_ylabel("kinks, up to 1 %")
    lower.set_ylabel("largest change of Q")
    lower.set_xlabel("training step")
    lower.set_xscale("log")
    for axes in (upper, middle, lower):
        quieten(axes)
        legend_beside(axes)
    figure.align_ylabels()
    return figure
