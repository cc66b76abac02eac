"""A singular curve and its blow-up: the strict transform and the exceptional line that replaces
the singular point.
"""

from __future__ import annotations

import numpy as np

from singlearn.exact.read.expression import Expression
from singlearn.plot.figure import Figure
from singlearn.plot.style import ACCENT, INK, QUIET, quieten

POINTS = 601


def curve_blow_up(
    curve: str = "y^2 - x^2 - x^3", extent: float | int = 1.2, slopes: float | int = 2.5
) -> Figure:
    r"""The curve f(x, y) = 0 near the origin and, in the chart y = u x of its blow-up, f(x, ux) =
    x^m g(x, u).

    A point of the plane but the origin has one u = y/x. The origin has all of them: it becomes the
    exceptional line
    x = 0. Branches of different slope pass it at different points, so that a node comes apart
    (Watanabe 2009, §2.5
    [watanabe2009algebraic]_, Fig. 2.5); what g is on that line is what is left to resolve.

    Args:
        curve: a polynomial in x and y that vanishes at the origin (read, never executed).
        extent: half the width of the picture, in x and y.
        slopes: largest u.

    Returns:
        The figure.

    Raises:
        ValueError: other variables, a curve that misses the origin, or an extent that is not
            positive.

    >>> [axes.get_xlabel() for axes in curve_blow_up().axes]
    ['$x$', '$x$']
    """
    expression = Expression(curve)
    if set(expression.variables) - {"x", "y"} or not expression.variables:
        raise ValueError(f"curve: got {curve!r}; it should be a polynomial in x and y")
    if not (extent > 0 and slopes > 0):
        raise ValueError(f"extent: got {extent} and slopes {slopes}; both should be positive")

    def f(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        values = {"x": x, "y": y}
        return np.asarray(expression.evaluate({v: values[v] for v in expression.variables}), float)

    if abs(float(f(np.zeros(1), np.zeros(1)).ravel()[0])) > 0:
        raise ValueError(f"curve: got {curve!r}, which does not pass through the origin")
    order = _order(f)
    figure = Figure(figsize=(9.0, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    x = np.linspace(-extent, extent, POINTS)
    below, beside = np.meshgrid(x, x)
    left.contour(below, beside, f(below, beside), levels=[0.0], colors=INK, linewidths=1.8)
    left.plot(0, 0, "o", color=ACCENT, markersize=6)
    left.set_xlabel("$x$")
    left.set_ylabel("$y$")
    left.set_title(f"{curve} = 0", fontsize=10, loc="left")
    u = np.linspace(-slopes, slopes, POINTS)
    across, up = np.meshgrid(x + 1e-9, u)
    with np.errstate(all="ignore"):
        strict = f(across, across * up) / across**order
    right.contour(across, up, strict, levels=[0.0], colors=INK, linewidths=1.8)
    right.axvline(0.0, color=ACCENT, linewidth=1.8)
    on_line = f(np.full(POINTS, 1e-6), 1e-6 * u) / 1e-6**order
    for place in _zeros(u, on_line):
        right.plot(0, place, "o", color=INK, markersize=5)
    right.set_xlabel("$x$")
    right.set_ylabel("$u = y/x$")
    right.set_title(
        f"f(x, ux) = $x^{{{order}}}$ g(x, u); orange: $x = 0$, once the origin",
        fontsize=9, loc="left", color=QUIET,
    )  # fmt: skip
    for axes in (left, right):
        quieten(axes)
    left.set_aspect("equal")
    return figure


def _order(f) -> int:  # type: ignore[no-untyped-def]
    """m, the order of f at the origin: from how it shrinks along several directions."""
    angles = np.linspace(0.1, 3.0, 13)
    far, near = (np.abs(f(r * np.cos(angles), r * np.sin(angles))).max() for r in (1e-3, 1e-4))
    return round(float(np.log10(far / near)))


def _zeros(u: np.ndarray, values: np.ndarray) -> list[float]:
    """Places where the values change sign, or touch zero from one side."""
    size = np.abs(values)
    found = [
        float(u[i])
        for i in range(1, len(u) - 1)
        if size[i] <= size[i - 1]
        and size[i] < size[i + 1]
        and (values[i - 1] * values[i + 1] <= 0 or size[i] < 1e-3 * size.max())
    ]
    return found
