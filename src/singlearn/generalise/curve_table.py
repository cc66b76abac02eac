"""A learning curve as tables for people."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from singlearn.selection.table import WIDTH, aligned

if TYPE_CHECKING:
    from singlearn.generalise.learning_curve import LearningCurve
    from singlearn.generalise.slope import Slope


def table(curve: LearningCurve) -> str:
    """n E G(n) of every method, beside it what the training data say; slopes with 95 % intervals; G
    by the free energy; what is wrong.
    """
    methods = list(curve.points)
    by_size = [("n", "", [str(n) for n in curve.sizes])]
    for method in methods:
        cells = []
        for point in curve.points[method]:
            mean = point.mean
            cells.append(
                "–"
                if mean is None
                else f"{point.n * mean.value:.3f} ± {point.n * mean.standard_error:.3f}"
            )
        by_size.append((f"n G(n), {method}", "nats", cells))
        for reading in ("WAIC", "LOO"):
            estimates = [point.reading(reading) for point in curve.points[method]]
            if all(estimates):
                each = [
                    f"{n * own.value:.3f} ± {n * own.standard_error:.3f}"
                    for n, own in zip(curve.sizes, estimates, strict=True)
                    if own
                ]
                by_size.append((f"by {reading}", "nats", each))
    lines = [(curve.slope(method), method) for method in methods]
    slopes = [
        ("method", "", methods),
        ("slope of G against 1/n", "", ["–" if line is None else str(line) for line, _ in lines]),
        (
            "95 %",
            "",
            [
                "–" if line is None else f"{line.interval[0]:.2f} … {line.interval[1]:.2f}"
                for line, _ in lines
            ],
        ),
        ("R²", "", [_r_squared(line) for line, _ in lines]),
    ]
    if not curve.is_realisable:
        cells = [
            "–" if line is None or line.intercept is None else str(line.intercept)
            for line, _ in lines
        ]
        slopes.append(("G(∞)", "nats", cells))
    for reading in ("WAIC", "LOO"):
        read = [curve.reading_slope(method, reading) for _, method in lines]
        if any(read):
            slopes.append(
                (f"slope by {reading}", "", ["–" if line is None else str(line) for line in read])
            )
    grown = [curve.free_energy_slope(method) for _, method in lines]
    if any(grown):
        slopes.append(
            ("slope of F against log n", "", ["–" if line is None else str(line) for line in grown])
        )
    text = [curve.name, "", *aligned(by_size), "", *aligned(slopes)]
    rows = [(method, own) for method in methods for own in curve.free_energy_growth(method)]
    if rows:
        between = [
            ("method", "", [method for method, _ in rows]),
            ("n to n'", "", [f"{own.start} … {own.end}" for _, own in rows]),
            ("mean G by F", "nats", [str(own.by_free_energy) for _, own in rows]),
            ("measured", "nats", [str(own.measured) for _, own in rows]),
            ("difference", "nats", [str(own.difference) for _, own in rows]),
        ]
        text += ["", *aligned(between)]
    if curve.warnings:
        text.append("")
        for sentence in curve.warnings:
            text += textwrap.wrap(
                sentence,
                WIDTH,
                initial_indent="  ",
                subsequent_indent="      ",
                break_on_hyphens=False,
            )
    return "\n".join(text)


def _r_squared(line: Slope | None) -> str:
    """Below 0 a line through the origin fits worse than no line at all; how much worse says
    nothing.
    """
    if line is None:
        return "–"
    return "< 0" if line.r_squared < 0 else f"{line.r_squared:.3f}"
