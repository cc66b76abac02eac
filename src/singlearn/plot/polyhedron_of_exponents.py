"""The Newton polyhedron in two or three variables, and where the diagonal enters it."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
from matplotlib.patches import Polygon
from matplotlib.ticker import MaxNLocator
from scipy.spatial import ConvexHull

from singlearn.exact import ExactCoefficient
from singlearn.exact.read.function_at_point import FunctionAtPoint, function_at_point
from singlearn.exact.resolve.fan import Fan, normal_fan
from singlearn.plot.figure import Figure
from singlearn.plot.style import ACCENT, INK, QUIET, quieten
from singlearn.plot.takes import takes

Point = tuple[int, ...]

MOST_NAMED = 8
"""Vertices that have their exponents beside them."""


def newton_polyhedron(result: ExactCoefficient) -> Figure:
    r"""Exponents of all terms of K, the polyhedron above them, and where the diagonal enters it.

    The diagonal :math:`t (1, …, 1)`, or :math:`t (h_1 + 1, …, h_N + 1)` under a prior
    :math:`∏ |x_i|^{h_i}`, enters the polyhedron at some t. Then :math:`λ ≤ 1/t`, with equality
    where the faces are non-degenerate (Varchenko 1976 [varchenko1976newton]_). In three dimensions
    compact faces are dark and unbounded ones pale.

    Args:
        result: of :func:`singlearn.exact.rlct` at a point, for two or three variables.

    Returns:
        A figure of one panel.

    Raises:
        TypeError: another kind of result.
        ValueError: another number of variables, many points, or a prior that is not a monomial.

    >>> from singlearn.exact import rlct
    >>> figure = newton_polyhedron(rlct("x^2*y^2 + y^6 + z^4"))
    >>> [text.get_text() for text in figure.axes[0].texts][-1]
    'diagonal enters at t = 4/3: 1/t = 3/4 = λ'
    """
    takes("result", result, ExactCoefficient, "exact.rlct")
    function = function_at_point(result)
    count = len(function.names)
    if count not in (2, 3):
        raise ValueError(
            f"result: it is about {count} variable{'' if count == 1 else 's'}; a polyhedron is "
            f"drawn for two or three"
        )
    fan = normal_fan(sorted(function.support))
    entry = _entry(function, fan)
    figure = Figure(figsize=(5.6, 5.0) if count == 2 else (6.4, 5.8), layout="constrained")
    draw = _in_the_plane if count == 2 else _in_space
    draw(figure, function, fan, entry, _note(entry, result))
    figure.suptitle(str(result), fontsize=10, x=0.02, ha="left")
    return figure


newton_polygon = newton_polyhedron
"""The name that it had when it drew two variables only."""


def _entry(function: FunctionAtPoint, fan: Fan) -> Fraction:
    """t at which the diagonal enters: the last of the half-spaces of the polyhedron."""
    return max(
        Fraction(function.order(ray), function.density(ray) + 1)
        for ray in fan.rays
        if function.order(ray)
    )


def _note(entry: Fraction, result: ExactCoefficient) -> str:
    bound = 1 / entry
    relation = "= λ" if result.value == bound else "≥ λ"
    return f"diagonal enters at t = {entry}: 1/t = {bound} {relation}"


def _vertices(support: frozenset[Point], fan: Fan) -> list[Point]:
    """Points that are lowest for weights of full dimension."""
    count = len(next(iter(support)))
    found = set()
    for cone in fan.cones:
        if cone.dimension == count:
            weight = cone.interior
            found.add(
                min(support, key=lambda e: sum(w * a for w, a in zip(weight, e, strict=True)))
            )
    return sorted(found)


def _in_the_plane(
    figure: Figure, function: FunctionAtPoint, fan: Fan, entry: Fraction, note: str
) -> None:
    support, corners = function.support, _vertices(function.support, fan)
    direction = np.array([h + 1 for h in function.weights], dtype=float)
    where = float(entry) * direction
    edge = max(max(max(p) for p in support), float(where.max())) + 1.5
    axes = figure.subplots()
    outline = [(corners[0][0], edge), *corners, (edge, corners[-1][1]), (edge, edge)]
    axes.add_patch(Polygon(outline, closed=True, facecolor=INK, alpha=0.1))
    axes.plot(*zip(*outline[:-1], strict=True), color=INK, linewidth=1.6)
    inner = [p for p in support if p not in corners]
    if inner:
        axes.plot(
            *zip(*inner, strict=True), "o", color="white", markeredgecolor=INK, label="other terms"
        )
    axes.plot(*zip(*corners, strict=True), "o", color=INK, markersize=6, label="vertices")
    ray = np.outer([0, edge / direction.max()], direction)
    axes.plot(*ray.T, color=QUIET, linewidth=1, linestyle="--", label=_diagonal(function))
    axes.plot(*where, "D", color=ACCENT, markersize=7)
    for corner in corners[:MOST_NAMED]:
        axes.annotate(
            f"({corner[0]}, {corner[1]})",
            (corner[0], corner[1]),
            (5, 5),
            textcoords="offset points",
            fontsize=8,
            color=INK,
        )
    axes.text(0.0, 1.01, note, color=ACCENT, fontsize=9, transform=axes.transAxes, va="bottom")
    x, y = _labels(function)
    axes.set(xlim=(-0.3, edge), ylim=(-0.3, edge), xlabel=x, ylabel=y, aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    quieten(axes)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)


def _in_space(
    figure: Figure, function: FunctionAtPoint, fan: Fan, entry: Fraction, note: str
) -> None:
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection

    support, corners = function.support, _vertices(function.support, fan)
    direction = np.array([h + 1 for h in function.weights], dtype=float)
    where = float(entry) * direction
    edge = float(max(max(max(p) for p in support), where.max())) + 1.0
    axes: Any = figure.add_subplot(projection="3d", computed_zorder=False)
    for face, compact in _faces(corners, edge):
        axes.add_collection3d(
            Poly3DCollection(
                [face],
                facecolor=INK,
                alpha=0.45 if compact else 0.07,
                edgecolor=INK,
                linewidth=1.2 if compact else 0.5,
                zorder=1,
            )
        )
    inner = [p for p in support if p not in corners]
    if inner:
        axes.plot(
            *zip(*inner, strict=True),
            "o",
            color="white",
            markeredgecolor=INK,
            zorder=4,
            label="other terms",
        )
    axes.plot(*zip(*corners, strict=True), "o", color=INK, zorder=5, label="vertices")
    before, after = (
        np.outer([0, float(entry)], direction),
        np.outer([float(entry), edge / direction.max()], direction),
    )
    axes.plot(
        *before.T, color=ACCENT, linewidth=1.4, linestyle="--", zorder=6, label=_diagonal(function)
    )
    axes.plot(*after.T, color=ACCENT, linewidth=0.8, linestyle=":", zorder=3)
    axes.plot(*where[:, None], "D", color=ACCENT, markersize=7, zorder=7)
    for corner in corners[:MOST_NAMED]:
        axes.text(*corner, f"  {corner}", fontsize=8, color=INK, zorder=8)
    axes.text2D(0.0, 1.0, note, color=ACCENT, fontsize=9, transform=axes.transAxes)
    x, y, z = _labels(function)
    axes.set(xlim=(0, edge), ylim=(0, edge), zlim=(0, edge), xlabel=x, ylabel=y, zlabel=z)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
        axis.pane.set_facecolor("white")
    axes.tick_params(labelsize=8)
    axes.set_box_aspect((1, 1, 1), zoom=0.88)
    axes.view_init(elev=17, azim=24)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)


def _faces(corners: list[Point], edge: float) -> list[tuple[np.ndarray, bool]]:
    """Faces of the polyhedron cut off at ``edge``, their corners in the order round them, and
    whether they are compact; without the faces of the cut.

    What is above the vertices and below the edge is the hull of all points that are made of a
    vertex by setting some of its coordinates to the edge.
    """
    raised = {
        tuple(edge if up else float(v) for v, up in zip(corner, ups, strict=True))
        for corner in corners
        for ups in product((False, True), repeat=len(corner))
    }
    points = np.array(sorted(raised))
    hull = ConvexHull(points)
    planes: dict[tuple[float, ...], set[int]] = {}
    for simplex, equation in zip(hull.simplices, hull.equations, strict=True):
        planes.setdefault(tuple(np.round(equation, 9)), set()).update(map(int, simplex))
    found = []
    for equation in planes:
        normal = np.array(equation[:-1])
        if normal.max() > 1e-9:  # of the cut
            continue
        on = points[np.abs(points @ normal + equation[-1]) < 1e-7]
        found.append((_round(on, normal), bool((normal < -1e-9).all())))
    return sorted(found, key=lambda face: face[1])


def _round(points: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Points of a plane in the order round their mean."""
    first = np.linalg.svd(normal[None])[2][1:]
    flat = (points - points.mean(axis=0)) @ first.T
    return points[np.argsort(np.arctan2(flat[:, 1], flat[:, 0]))]


def _diagonal(function: FunctionAtPoint) -> str:
    direction = ", ".join(str(h + 1) for h in function.weights)
    return f"t ({direction})"


def _labels(function: FunctionAtPoint) -> list[str]:
    return [
        f"exponent of {name}" + (f" {'-' if x > 0 else '+'} {abs(x)}" if x else "")
        for name, x in zip(function.names, function.point, strict=True)
    ]
