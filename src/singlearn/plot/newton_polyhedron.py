"""The Newton polygon of a polynomial in two variables, with the diagonal that meets it."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from matplotlib.patches import Polygon

from singlearn.exact import ResolvedCoefficient
from singlearn.plot.figure import Figure
from singlearn.plot.style import ACCENT, INK, QUIET, quieten
from singlearn.plot.takes import takes


def newton_polygon(result: ResolvedCoefficient) -> Figure:
    """Exponents of K (or of the squares whose sum it is), the polygon above them, and where the
    diagonal enters it.

    The diagonal enters at (d, d); 1/d is λ if the polygon decides, which it does only where its
    faces are non-degenerate.

    Args:
        result: of :func:`singlearn.exact.rlct`, for two variables.

    Raises:
        ValueError: K has another number of variables.
    """
    takes("result", result, ResolvedCoefficient, "exact.rlct")
    statement = result.certificate.statement
    names = statement["variables"]
    if len(names) != 2:
        raise ValueError(f"result: it is about {len(names)} variables; a polygon needs two")
    points = sorted(
        {tuple(statement["power"] * v for v in e) for _, g in statement["terms"] for _, e in g}
    )
    corners = _corners(points)
    edge = max(max(p) for p in points) + 2
    figure = Figure(figsize=(5.2, 4.6), layout="constrained")
    axes = figure.subplots()
    outline = [(corners[0][0], edge), *corners, (edge, corners[-1][1]), (edge, edge)]
    axes.add_patch(Polygon(outline, closed=True, facecolor=INK, alpha=0.12))
    axes.plot(*zip(*outline[:-1], strict=True), color=INK, linewidth=1.6)
    axes.plot(*zip(*points, strict=True), "o", color=INK, markersize=5)
    axes.plot([0, edge], [0, edge], color=QUIET, linewidth=1, linestyle="--")
    distance = _distance(corners)
    if distance:
        axes.plot(float(distance), float(distance), "D", color=ACCENT, markersize=7)
        note = (
            f"the diagonal enters at {distance}: 1/{distance}"
            if distance.denominator == 1
            else f"the diagonal enters at {distance}"
        )
        axes.annotate(
            note,
            (float(distance), float(distance)),
            (12, -4),
            textcoords="offset points",
            color=ACCENT,
            fontsize=9,
        )
    axes.set(
        xlim=(-0.3, edge),
        ylim=(-0.3, edge),
        xlabel=f"exponent of {names[0]}",
        ylabel=f"exponent of {names[1]}",
        aspect="equal",
    )
    axes.set_title(str(result), fontsize=10, loc="left")
    quieten(axes)
    return figure


def _corners(points: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Vertices of the convex hull of the points plus the quadrant, from left to right."""
    corners: list[tuple[int, ...]] = []
    for point in points:
        if corners and point[1] >= corners[-1][1]:
            continue
        while len(corners) > 1 and _turn(corners[-2], corners[-1], point) <= 0:
            corners.pop()
        corners.append(point)
    return corners


def _turn(a: tuple[int, ...], b: tuple[int, ...], c: tuple[int, ...]) -> int:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _distance(corners: list[tuple[int, ...]]) -> Fraction:
    """d such that (d, d) is on the boundary of the polygon."""
    best = Fraction(max(corners[0][0], corners[-1][1]))
    for a, b in pairwise(corners):
        w = (a[1] - b[1], b[0] - a[0])
        best = max(best, Fraction(w[0] * a[0] + w[1] * a[1], w[0] + w[1]))
    return best
