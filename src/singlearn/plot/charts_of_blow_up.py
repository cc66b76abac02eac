"""A curve in the plane beside the charts of its toric blow-up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from singlearn.exact import ExactCoefficient
from singlearn.exact.marked_text import latex_of_formula
from singlearn.exact.read.function_at_point import FunctionAtPoint, function_at_point
from singlearn.exact.read.ring import Poly, terms_of
from singlearn.exact.resolve.fan import normal_fan
from singlearn.plot.figure import Figure
from singlearn.plot.style import INK, QUIET, SERIES, quieten
from singlearn.plot.takes import takes

Ray = tuple[int, int]

POINTS = 301
"""Of the grid along each side on which a curve is followed."""

REACH = 1.6
"""Half the side of every panel, in its coordinates."""

MOST_CHARTS = 6


@dataclass(frozen=True)
class DrawnDivisor:
    """A divisor of the blow-up, and how it is drawn.

    Args:
        ray: the weights of x and y along it.
        h, k: orders of the density and of K.
        colour: of its line.
        style: of its line, so that grey paper tells them apart too.
    """

    ray: Ray
    h: int
    k: int
    colour: str
    style: Any

    @property
    def name(self) -> str:
        """Its symbol, in LaTeX."""
        return f"$E_{{{self.ray[0]},{self.ray[1]}}}$"

    @property
    def words(self) -> str:
        """Its name, h, k and λ; a divisor on which K does not vanish gives none."""
        if not self.k:
            return f"{self.name}: $K$ does not vanish on it"
        value = Fraction(self.h + 1, self.k)
        return f"{self.name}: $h$ = {self.h}, $k$ = {self.k}, $λ$ = {value}"


def blow_up(result: ExactCoefficient) -> Figure:
    r"""The curve K = 0 near the point, and its total transform in every chart of the toric blow-up.

    The fan of the Newton polygon is refined until neighbouring weights :math:`(a, b), (c, d)` have
    :math:`ad - bc = 1`. Each pair is a chart :math:`x = u^a v^c, y = u^b v^d`. Its axes are
    divisors, each in its colour and line style, with h, k and the λ = (h + 1)/k that it gives; the
    black curve is the strict transform. Where it is smooth and crosses one divisor at a time, not
    tangent to it, everything crosses normally and λ can be read off; otherwise the title says that
    further blow-ups follow.

    Args:
        result: of :func:`singlearn.exact.rlct` at a point, for two variables.

    Returns:
        A figure of the curve and of at most six charts, those of the smallest λ.

    Raises:
        TypeError: another kind of result.
        ValueError: another number of variables, many points, or a prior that is not a monomial.

    >>> from singlearn.exact import rlct
    >>> figure = blow_up(rlct("(y^2 - x^3)^2"))
    >>> [text.get_text() for text in figure.legends[0].get_texts()][2]
    '$E_{3,2}$: $h$ = 4, $k$ = 12, $λ$ = 5/12'
    """
    takes("result", result, ExactCoefficient, "exact.rlct")
    function = function_at_point(result)
    count = len(function.names)
    if count != 2:
        raise ValueError(
            f"result: it is about {count} variable{'' if count == 1 else 's'}; a curve needs two"
        )
    fan = normal_fan(sorted(function.support))
    # Weights are of the coordinates in the order of the result, whatever their names.
    rays = regular_fan([(ray[0], ray[1]) for ray in fan.rays])
    divisors = [
        DrawnDivisor(ray, function.density(ray), function.order(ray), *SERIES[i % len(SERIES)])
        for i, ray in enumerate(rays)
    ]
    charts = list(pairwise(divisors))
    shown = _chosen(charts)
    columns = 2 if len(shown) == 4 else min(len(shown), 3)
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(3.6 + 2.7 * columns, 0.7 + 3.1 * rows), layout="constrained")
    grid = figure.add_gridspec(rows, columns + 1, width_ratios=[1.25, *[1.0] * columns])
    _draw_curve(figure.add_subplot(grid[:, 0]), function)
    for number, (one, two) in enumerate(shown):
        axes = figure.add_subplot(grid[number // columns, 1 + number % columns])
        _draw_chart(axes, function, one, two)
    drawn = sorted({d for pair in shown for d in pair}, key=lambda d: rays.index(d.ray))
    _legend(figure, drawn, bool(function.curves))
    left_out = len(charts) - len(shown)
    title = f"{result}; over the point " + (
        "everything crosses normally"
        if crosses_normally(function)
        else "not everything crosses normally yet: further blow-ups follow"
    )
    if left_out:
        title += f"; {left_out} more charts"
    figure.suptitle(title, fontsize=10, x=0.02, ha="left")
    return figure


def regular_fan(rays: Sequence[Ray]) -> list[Ray]:
    """The rays in their order round the quadrant, with those between that make every pair a basis
    of the lattice.

    >>> regular_fan([(0, 1), (1, 0), (2, 3)])
    [(1, 0), (1, 1), (2, 3), (1, 2), (0, 1)]
    """
    ordered = sorted({*rays, (1, 0), (0, 1)}, key=lambda r: np.arctan2(r[1], r[0]))
    found = [ordered[0]]
    for ray in ordered[1:]:
        found += _between(found[-1], ray)
    return found


def _between(one: Ray, two: Ray) -> list[Ray]:
    """The least refinement of a cone in the plane (Hirzebruch and Jung), without its first ray."""
    index = one[0] * two[1] - one[1] * two[0]
    if index == 1:
        return [two]
    for j in range(1, index):
        # The first lattice point of the hull after ``one``: (j·one + two)/index.
        a, b = j * one[0] + two[0], j * one[1] + two[1]
        if a % index == 0 and b % index == 0:
            middle = (a // index, b // index)
            return [middle, *_between(middle, two)]
    raise AssertionError(f"no lattice point between {one} and {two}, whose determinant is {index}")


def crosses_normally(function: FunctionAtPoint) -> bool:
    """Whether the strict transform of K crosses the divisors of the toric blow-up normally.

    That is so if on every compact edge the terms of the product of the irreducible factors have no
    double root other than 0 (Kouchnirenko's condition in two variables), and if nothing but the
    curves makes the generators vanish there.
    """
    product = _product(function)
    for ray in normal_fan(sorted(terms_of(product))).rays:
        if min(ray) and not _squarefree(_edge(product, (ray[0], ray[1]))):
            return False
    rest = function.generators if len(function.generators) > 1 else ()
    return not rest or _no_other_zeros(function)


def _product(function: FunctionAtPoint) -> Poly:
    product = function.whole.context().constant(1)
    for factor in function.curves:
        product = product * factor
    return product


def _no_other_zeros(function: FunctionAtPoint) -> bool:
    """On every compact edge of K the generators have no common zero but those of their common
    factors.
    """
    common = function.generators[0]
    for generator in function.generators[1:]:
        common = common.gcd(generator)
    rests = [generator / common for generator in function.generators]
    support = {e for rest in rests for e in terms_of(rest)}
    for ray in normal_fan(sorted(support)).rays:
        if not min(ray):
            continue
        lowest = min(sum(w * e for w, e in zip(ray, term, strict=True)) for term in support)
        edges = [_edge(rest, (ray[0], ray[1]), lowest) for rest in rests]
        shared = None
        for edge in edges:
            if edge:
                shared = edge if shared is None else shared.gcd(edge)
        if shared is not None and shared.degree() > 0:
            return False
    return True


def _edge(poly: Poly, ray: Ray, lowest: int | None = None) -> Any:
    """The terms that are lowest for a weight, as a polynomial in one variable without root 0."""
    from flint import fmpq_poly

    weighted = {e: sum(w * a for w, a in zip(ray, e, strict=True)) for e in terms_of(poly)}
    least = min(weighted.values()) if lowest is None else lowest
    on = sorted(e for e, weight in weighted.items() if weight == least)
    if not on:
        return fmpq_poly()
    # Along an edge exponents of the first variable go up in steps of the second weight.
    coefficients = [0] * ((on[-1][0] - on[0][0]) // ray[1] + 1)
    for e in on:
        coefficients[(e[0] - on[0][0]) // ray[1]] = terms_of(poly)[e]
    return fmpq_poly(coefficients)


def _squarefree(poly: Any) -> bool:
    found: bool = poly.degree() < 2 or poly.gcd(poly.derivative()).degree() == 0
    return found


def _chosen(
    charts: list[tuple[DrawnDivisor, DrawnDivisor]],
) -> list[tuple[DrawnDivisor, DrawnDivisor]]:
    """Those of the smallest λ, in their order."""

    def least(pair: tuple[DrawnDivisor, DrawnDivisor]) -> Fraction:
        return min((Fraction(d.h + 1, d.k) for d in pair if d.k), default=Fraction(10**9))

    kept = sorted(range(len(charts)), key=lambda i: least(charts[i]))[:MOST_CHARTS]
    return [charts[i] for i in sorted(kept)]


def _draw_curve(axes: Axes, function: FunctionAtPoint) -> None:
    grid = np.linspace(-REACH, REACH, POINTS)
    X, Y = np.meshgrid(grid, grid)
    for curve in function.curves:
        _zeros(axes, X, Y, _values(terms_of(curve), X, Y))
    axes.plot(0, 0, "o", color=INK, markersize=4)
    x, y = function.names
    axes.set_title("$K = 0$" if function.curves else "$K = 0$ at the point only", fontsize=10)
    moved = [
        latex_of_formula(name + (f" {'-' if at > 0 else '+'} {abs(at)}" if at else ""))
        for name, at in zip((x, y), function.point, strict=True)
    ]
    _finish(axes, *(f"${name}$".replace(r"\tfrac", r"\frac") for name in moved))


def _draw_chart(
    axes: Axes, function: FunctionAtPoint, one: DrawnDivisor, two: DrawnDivisor
) -> None:
    """u = 0 is the divisor of the first ray, v = 0 that of the second."""
    grid = np.linspace(-REACH, REACH, POINTS)
    U, V = np.meshgrid(grid, grid)
    (a, b), (c, d) = one.ray, two.ray
    for curve in function.curves:
        pulled = {(a * e[0] + b * e[1], c * e[0] + d * e[1]): q for e, q in terms_of(curve).items()}
        low = [min(e[i] for e in pulled) for i in (0, 1)]
        strict = {(e[0] - low[0], e[1] - low[1]): q for e, q in pulled.items()}
        _zeros(axes, U, V, _values(strict, U, V))
    for divisor, draw in ((one, axes.axvline), (two, axes.axhline)):
        draw(
            0,
            color=divisor.colour if divisor.k else QUIET,
            linestyle=divisor.style,
            linewidth=2.4 if divisor.k else 0.8,
            zorder=1.5,
        )
    behind = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
    for divisor, (across, up), ha, va in (
        (one, (0.06, REACH * 0.97), "left", "top"),
        (two, (REACH * 0.97, 0.08), "right", "bottom"),
    ):
        colour = divisor.colour if divisor.k else QUIET
        axes.text(
            across, up, divisor.name, fontsize=9, color=colour, bbox=behind, zorder=4, ha=ha, va=va
        )
    x, y = (latex_of_formula(name) for name in function.names)
    axes.set_title(f"${x} = {_monomial(a, c)}$,  ${y} = {_monomial(b, d)}$", fontsize=9)
    _finish(axes, "$u$", "$v$")


def _monomial(u: int, v: int) -> str:
    powers = [
        name if power == 1 else f"{name}^{{{power}}}"
        for name, power in (("u", u), ("v", v))
        if power
    ]
    return r"\,".join(powers) or "1"


def _values(terms: dict[Any, Any], X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    return sum(
        (float(c.p) / float(c.q) * X ** e[0] * Y ** e[1] for e, c in terms.items()),
        np.zeros_like(X),
    )


def _zeros(axes: Axes, X: np.ndarray, Y: np.ndarray, values: np.ndarray) -> None:
    if values.min() < 0 < values.max():
        axes.contour(X, Y, values, levels=[0.0], colors="black", linewidths=1.6, zorder=3)


def _legend(figure: Figure, divisors: Sequence[DrawnDivisor], curve: bool) -> None:
    handles = [
        Line2D(
            [],
            [],
            color=d.colour if d.k else QUIET,
            linestyle=d.style,
            linewidth=2.4 if d.k else 0.8,
            label=d.words,
        )
        for d in divisors
    ]
    if curve:
        handles.append(Line2D([], [], color="black", linewidth=1.6, label="the curve"))
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=min(3, len(handles)),
        fontsize=9,
        frameon=False,
        handlelength=3.2,
    )


def _finish(axes: Axes, x: str, y: str) -> None:
    axes.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), xlabel=x, ylabel=y, aspect="equal")
    axes.set_xticks([-1, 0, 1])
    axes.set_yticks([-1, 0, 1])
    quieten(axes)
