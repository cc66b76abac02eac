"""Linear coordinates in which the lowest forms of a polynomial need as few variables as they
can.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flint import fmpq, fmpq_mat

from singlearn.exact.read.ring import Poly, terms_of
from singlearn.exact.resolve.chart import Chart
from singlearn.exact.resolve.moves import Solve


def essential_coordinates(chart: Chart, fresh: Callable[[str], str]) -> list[Solve]:
    """Moves after which the lowest form has its essential variables only; the lowest form where
    these are 0 has its own; and so on.

    A form F does not depend on the directions v with Σ v_i ∂F/∂x_i = 0 (Carlini 2006). A sum of
    even powers of linear forms becomes one of powers of coordinates, up to terms of higher weight.

    Args:
        chart: with a single generator, local coordinates without monomial or density, and no units.
        fresh: makes names.
    """
    if len(chart.generators) != 1 or chart.units or any(chart.exponents) or any(chart.weights):
        return []
    moves: list[Solve] = []
    remaining = list(chart.local)
    while remaining:
        form = _lowest_form(chart, remaining)
        if form is None:
            break
        places = [chart.names.index(name) for name in remaining]
        rows = (
            _completed(form, places)
            if form.total_degree() == 2
            else _independent([form.derivative(i) for i in places])
        )
        for pivot, row in rows:
            rest = chart.ring.constant(0)
            for j, c in enumerate(row):
                if c != 0 and j != pivot:
                    rest = rest + c * chart.variable(remaining[j])
            if rest == 0:
                continue
            move = Solve(remaining[pivot], chart.ring.constant(1), rest, fresh("u"))
            moves.append(move)
            chart = move(chart)
        pivots = [pivot for pivot, _ in rows]
        remaining = [name for j, name in enumerate(remaining) if j not in pivots]
    return moves


def _lowest_form(chart: Chart, remaining: list[str]) -> Poly | None:
    """The terms of least degree where all other variables are 0."""
    others = [i for i, name in enumerate(chart.names) if name not in remaining]
    terms = {
        e: c for e, c in terms_of(chart.generators[0]).items() if not any(e[i] for i in others)
    }
    if not terms:
        return None
    degree = min(map(sum, terms))
    found: Poly | None = chart.ring.from_dict({e: c for e, c in terms.items() if sum(e) == degree})
    return found


def _independent(partials: list[Poly]) -> list[tuple[int, list[Any]]]:
    """The linear forms that vanish on all directions along which the partial derivatives add up to
    0, in echelon form, with pivots.
    """
    monomials = sorted({e for p in partials for e in terms_of(p)})
    entries = [terms_of(p).get(e, 0) for e in monomials for p in partials]
    reduced, rank = fmpq_mat(len(monomials), len(partials), entries).rref()
    rows = [[reduced[r, j] for j in range(len(partials))] for r in range(rank)]
    return [(next(j for j, c in enumerate(row) if c != 0), row) for row in rows]


def _completed(form: Poly, places: list[int]) -> list[tuple[int, list[Any]]]:
    """Linear forms of which a quadratic form is a sum of multiples of squares, each without the
    pivots before it; or as above.
    """
    found: list[tuple[int, list[Any]]] = []
    rest = form
    while rest != 0:
        pivot = next(
            (j for j, i in enumerate(places) if rest.derivative(i).derivative(i) != 0), None
        )
        if pivot is None:
            return _independent([form.derivative(i) for i in places])
        slope = rest.derivative(places[pivot])
        lead = slope.derivative(places[pivot]).leading_coefficient()
        slopes = [slope.derivative(i) for i in places]
        found.append(
            (pivot, [s.leading_coefficient() / lead if s != 0 else fmpq(0) for s in slopes])
        )
        rest = rest - slope * slope / (2 * lead)
    return found
