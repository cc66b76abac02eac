"""The learning coefficient of a polynomial by resolution of singularities."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from math import inf
from typing import Any

from singlearn.exact.certificate import certificate, function_terms
from singlearn.exact.learning import ResolvedCoefficient
from singlearn.exact.reading import Function, rational, read_function, read_point, read_prior, translated
from singlearn.exact.resolve.bound import NEVER, Bound
from singlearn.exact.resolve.chart import Chart, terms_of
from singlearn.exact.resolve.proof import Node
from singlearn.exact.resolve.search import Search
from singlearn.exact.sign import negative_point, never_negative
from singlearn.exact.words import chart_tree, explanation, open_reasons

MARGIN = 0.75
"""Share of the time that the search may use; a single step of algebra that has begun is not interrupted."""


def rlct(
    K: Any,
    at: Mapping[Any, Any] | None = None,
    domain: Mapping[Any, Sequence[Any]] | str | None = None,
    prior: Any = None,
    timeout: float | int = 60.0,
) -> ResolvedCoefficient:
    r"""(λ, m) of a polynomial :math:`K ≥ 0`: the largest pole of :math:`ζ(z) = ∫ K^z φ\,dw` is :math:`-λ`, of order m.

    K is carried as an ideal where it is a sum of squares, and resolved by toric blow-ups with real centres (Varchenko 1976
    [varchenko1976newton]_ where its Newton polyhedron is non-degenerate over the reals; Hironaka's theorem as in
    Watanabe 2009 [watanabe2009algebraic]_ otherwise). Every face of every polyhedron is examined; the result is proved, or bounds.

    Args:
        K: a string such as ``"x^2*y^2 + z^4"``, a SymPy expression, or a list of either: generators g of :math:`K = Σ g^2`.
        at: a rational point, by variable; coordinates not given are 0. The pole is that of an integral near the point.
        domain: ``"all"``, for the smallest λ over all real points, or a box, by variable a pair of ends, for the smallest λ over the
            zeros in the closed box (the prior should be positive around it, not only in it, where a zero lies on its boundary).
            At most one of ``at`` and ``domain`` is given; with neither, the point is the origin.
        prior: a factor φ ≥ 0, a polynomial in the variables and their absolute values, such as ``"|x|*y^2"``; default 1.
        timeout: seconds. The clock is looked at between steps of algebra, whose size is limited.

    Raises:
        ValueError: K is no polynomial, is negative somewhere near the point, or an argument does not fit.

    >>> print(rlct("(x + y^2)^2 + z^2"))
    λ = 1, m = 1 (proved)
    >>> print(rlct(["x*y", "y*z", "x*z"]))
    λ = 3/4, m = 1 (proved)
    >>> print(rlct("(x^2 - 2)^2", domain="all"), rlct("x^2 + 1", domain="all"), sep="; ")
    λ = 1/2, m = 1 (proved); λ = ∞ (proved): no real zero there
    """
    begin = time.monotonic()
    if not timeout > 0:
        raise ValueError(f"timeout: got {timeout}; it should be a positive number of seconds")
    if at is not None and domain is not None:
        raise ValueError("at, domain: got both; at most one of them should be given")
    function = read_function(K)
    search = Search(begin + MARGIN * timeout, function.variables)
    if domain is None:
        point = read_point(at, function.variables)
        chart = _chart(function, prior, point)
        _refuse_negative(function, point)
        nodes = [search.solve(chart)]
        return _result(function, prior, "point", [_place(point)], nodes, nodes[0].bound, "", point)
    _refuse_negative(function, None)
    places, nodes = _everywhere(search, _chart(function, prior, dict.fromkeys(function.variables, Fraction(0))))
    bound = Bound(min(node.bound.low for node in nodes), min(node.bound.high for node in nodes))
    if domain == "all":
        return _result(function, prior, "everywhere", places, nodes, bound, "")
    return _in_box(function, search, places, nodes, bound, domain, prior)


def _chart(function: Function, prior: Any, point: Mapping[str, Fraction]) -> Chart:
    variables = function.variables
    exponents, factor = read_prior(prior, variables)
    context = factor.context()
    if any(point.values()):
        # Away from a coordinate hyperplane its absolute value is no monomial any more.
        factor = translated(factor, variables, point)
        weights = tuple(0 if point[name] else h for name, h in zip(variables, exponents, strict=True))
    else:
        weights = exponents
    generators = tuple(translated(g, variables, point) for g in function.generators)
    count = len(variables)
    return Chart(variables, (), (0,) * count, weights, generators, context.constant(0) + factor, function.power).normalised()


def _refuse_negative(function: Function, point: Mapping[str, Fraction] | None) -> None:
    if function.power == 2:
        return
    centre = point or dict.fromkeys(function.variables, Fraction(0))
    moved = translated(function.whole, function.variables, centre)
    found = negative_point(moved, len(function.variables), everywhere=point is None)
    if found is not None and point is not None and len(function.variables) == 2 and _nonnegative_in_the_plane(function, point):
        return  # decided, not sampled: the point found lies beyond a zero that has nothing to do with this one
    if found is not None:
        where = ", ".join(f"{name} = {centre[name] + x}" for name, x in zip(function.variables, found, strict=True))
        raise ValueError(f"K: it is negative at {where}; it should be ≥ 0" + (" near the point" if point is not None else ""))


def _place(point: Mapping[str, Fraction]) -> dict[str, Any]:
    return {"point": {name: str(x) for name, x in point.items()}}


def _everywhere(search: Search, chart: Chart) -> tuple[list[dict[str, Any]], list[Node]]:
    """One chart for every set of coordinates that vanish: together all real points."""
    places: list[dict[str, Any]] = []
    nodes: list[Node] = []
    for size in range(len(chart.local), -1, -1):
        for zero in combinations(range(len(chart.local)), size):
            local = tuple(chart.local[i] for i in zero)
            units = tuple(n for n in chart.local if n not in local)
            stratum = Chart(
                local,
                units,
                (*(chart.exponents[i] for i in zero),),
                (*(chart.weights[i] for i in zero),),
                _moved(chart, local, units),
                _moved(chart, local, units, prior=True)[0],
                chart.power,
            )
            nodes.append(search.solve(stratum.normalised(), min((n.bound.high for n in nodes), default=NEVER)))
            places.append({"zero": list(local)})
    return places, nodes


def _moved(chart: Chart, local: tuple[str, ...], units: tuple[str, ...], prior: bool = False) -> tuple[Any, ...]:
    from singlearn.exact.resolve.chart import ring

    new = ring(local + units)
    gens = dict(zip(local + units, new.gens(), strict=True))
    images = [gens[n] for n in chart.names]
    polys = (chart.prior,) if prior else chart.generators
    if not prior:
        monomial = new.constant(1)
        for name, k in zip(chart.local, chart.exponents, strict=True):
            if name in units:
                monomial = monomial * gens[name] ** k
    return tuple(p.compose(*images, ctx=new) for p in polys)


def _in_box(
    function: Function, search: Search, places: list[dict[str, Any]], nodes: list[Node], everywhere: Bound, domain: Any, prior: Any
) -> ResolvedCoefficient:
    """The smallest λ in a box: never below that of all points; reached if a point inside with the same λ is found."""
    box = _read_box(function, domain)
    best = Bound(everywhere.low, NEVER)
    for point in _candidates(function, box):
        node = search.solve(_chart(function, prior, point))
        places, nodes = [*places, _place(point)], [*nodes, node]
        best = Bound(best.low, min(best.high, node.bound.high))
        if best.proved:
            break
    reason = "" if best.proved else "the smallest λ over all real points was not found at a point inside the box"
    scope = {name: [str(low), str(high)] for name, (low, high) in box.items()}
    return _result(function, prior, scope, places, nodes, best, reason)


def _read_box(function: Function, domain: Any) -> dict[str, tuple[Fraction, Fraction]]:
    if not isinstance(domain, Mapping) or {str(k) for k in domain} != set(function.variables):
        raise ValueError(
            f"domain: got {domain!r}; it should be 'all', or a dictionary with a pair of ends for each of {', '.join(function.variables)}"
        )
    box = {}
    for key, ends in domain.items():
        if len(ends) != 2:
            raise ValueError(f"domain: got {ends!r} for {key}; it should be a pair of ends")
        low, high = (rational("domain", end) for end in ends)
        if not low < high:
            raise ValueError(f"domain: got {low} to {high} for {key}; the first end should be below the second")
        box[str(key)] = (low, high)
    return box


def _candidates(function: Function, box: Mapping[str, tuple[Fraction, Fraction]]) -> list[dict[str, Fraction]]:
    """Rational zeros in the interior of the box on a coarse grid of simple numbers, the origin first."""
    simple = sorted({Fraction(n, d) for d in (1, 2, 3) for n in range(-3 * d, 3 * d + 1)}, key=lambda q: (abs(q), q.denominator))
    values = {name: [q for q in simple if low < q < high] for name, (low, high) in box.items()}
    found: list[dict[str, Fraction]] = []
    points: list[dict[str, Fraction]] = [{}]
    for name in function.variables:
        points = [{**p, name: q} for p in points for q in values[name]][:20000]
    for point in points:
        moved = [g for g in function.generators if _value(g, function.variables, point)]
        if not moved:
            found.append(point)
        if len(found) == 30:
            break
    return found


def _value(poly: Any, variables: Sequence[str], point: Mapping[str, Fraction]) -> Fraction:
    from singlearn.exact.resolve.witness import value_at

    return value_at(poly, tuple(point[name] for name in variables))


def _nonnegative_in_the_plane(function: Function, point: Mapping[str, Fraction]) -> bool:
    """Whether a K of two variables is ≥ 0 near the point, decided."""
    from singlearn.exact.plane_sign import nonnegative_in_the_plane  # SymPy takes half a second to import, and is rarely needed here

    moved = terms_of(translated(function.whole, function.variables, point))
    return nonnegative_in_the_plane({e: Fraction(int(c.p), int(c.q)) for e, c in moved.items()})


def _result(
    function: Function,
    prior: Any,
    scope: Any,
    places: list[dict[str, Any]],
    nodes: list[Node],
    bound: Bound,
    reason: str,
    point: Mapping[str, Fraction] | None = None,
) -> ResolvedCoefficient:
    reasons = [reason] if reason else open_reasons(nodes)
    proved = bound.proved
    signed = function.power == 2 or bound.low[0] == inf or never_negative(nodes)
    if proved and not signed and point is not None and len(function.variables) == 2:
        if not _nonnegative_in_the_plane(function, point):
            where = ", ".join(f"{name} = {value}" for name, value in point.items())
            raise ValueError(f"K: it is negative arbitrarily near {where}; it should be ≥ 0 near the point")
        signed = True
    if proved and not signed:
        proved = False
        reasons = ["that K ≥ 0 near its zeros could not be shown; the value is that of |K|"]
    lower, upper = bound.low[0], bound.high[0]
    if not proved and not reasons:
        reasons = ["a real point where the bound is reached was not found"]
    statement = {
        "K": list(function.texts),
        "squares": function.is_list,
        "variables": list(function.variables),
        "terms": function_terms(function.scales, function.generators),
        "power": function.power,
        "prior": None if prior is None else str(prior),
        "scope": scope,
        "nonnegative": signed,
    }
    words = explanation(nodes, bound, "" if proved else "; ".join(reasons))
    return ResolvedCoefficient(
        value=lower if lower == upper else None,
        multiplicity=-bound.low[1] if proved else None,
        status="proved" if proved else "bounds",
        lower=lower,
        upper=upper,
        reason="" if proved else "; ".join(reasons),
        certificate=certificate(statement, places, nodes, bound),
        words=words,
        charts=chart_tree(nodes),
    )
