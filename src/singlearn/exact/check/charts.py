"""Charts and moves, worked out again from their definitions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from singlearn.exact.check import polynomial as p
from singlearn.exact.check.cones import determinant, matrix_rank
from singlearn.exact.check.polynomial import Terms
from singlearn.exact.check.zeros import no_zeros, single_variable_roots

NAME = re.compile(r"[stu][1-9]\d*")


class Refuted(Exception):
    """The certificate claims something that is not so."""


def require(condition: bool, sentence: str) -> None:
    if not condition:
        raise Refuted(sentence)


@dataclass(frozen=True)
class Chart:
    """Function, density and points, as ``singlearn.exact.resolve.chart`` describes them."""

    local: tuple[str, ...]
    units: tuple[str, ...]
    exponents: tuple[int, ...]
    weights: tuple[int, ...]
    generators: tuple[Terms, ...]
    prior: Terms
    power: int
    relations: tuple[tuple[str, Terms], ...] = ()
    nonzero: tuple[Terms, ...] = ()
    real: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        return self.local + self.units

    @property
    def size(self) -> int:
        return len(self.names)

    def on_divisors(self, poly: Terms) -> Terms:
        count = len(self.local)
        return {e: c for e, c in poly.items() if not any(e[:count])}

    @property
    def base(self) -> list[Terms]:
        return [self.on_divisors(r) for _, r in self.relations]

    def reduce(self, poly: Terms) -> Terms:
        for name, relation in self.relations:
            index = self.names.index(name)
            top = p.degree(relation, index)
            while p.degree(poly, index) >= top and poly:
                high = {(*e[:index], e[index] - top, *e[index + 1 :]): c for e, c in poly.items() if e[index] >= top}
                poly = p.add(poly, p.multiply(high, relation), -1)
        return poly

    def without_units(self, poly: Terms) -> Terms:
        count = len(self.local)
        low = (*(0,) * count, *(p.least([poly], i) for i in range(count, self.size)))
        return p.monic(p.lowered(poly, low))

    def unit(self, poly: Terms) -> bool:
        base = self.reduce(self.on_divisors(poly))
        if not base:
            return False
        return len(base) == 1 or no_zeros([base, *self.base], self.nonzero)

    def normal(self) -> Chart:
        count = len(self.local)
        tail = (0,) * len(self.units)
        generators = [self.reduce(g) for g in self.generators]
        generators = [self.without_units(g) for g in generators if g]
        require(bool(generators), "K is 0 in a chart")
        common = tuple(p.least(generators, i) for i in range(count))
        generators = [p.lowered(g, common + tail) for g in generators]
        prior, weights = self.reduce(self.prior), self.weights
        if prior:
            prior = self.without_units(prior)
            low = tuple(p.least([prior], i) for i in range(count))
            prior, weights = p.lowered(prior, low + tail), tuple(a + b for a, b in zip(weights, low, strict=True))
        kept: list[Terms] = []
        for g in generators:
            if g not in kept:
                kept.append(g)
        nonzero: list[Terms] = []
        for q in map(self.without_units, self.nonzero):
            if q not in nonzero and any(any(e) for e in q):
                nonzero.append(q)
        exponents = tuple(a + b for a, b in zip(self.exponents, common, strict=True))
        return replace(
            self, exponents=exponents, weights=weights, generators=tuple(kept), prior=prior, nonzero=tuple(nonzero)
        )


def fields(data: Any, names: set[str], what: str) -> Mapping[str, Any]:
    require(isinstance(data, Mapping) and set(data) == names, f"{what} should have the fields {', '.join(sorted(names))}")
    result: Mapping[str, Any] = data
    return result


def whole(value: Any, low: int, high: int, what: str) -> int:
    require(type(value) is int and low <= value < high, f"{what} should be a whole number from {low} to {high - 1}")
    result: int = value
    return result


def new_names(chart: Chart, names: Any, count: int) -> tuple[str, ...]:
    require(isinstance(names, list) and len(names) == count == len(set(names)), "names should be a list, no name twice")
    require(all(isinstance(n, str) and NAME.fullmatch(n) and n not in chart.names for n in names), "names should be new")
    return tuple(names)


def read(data: Any, size: int) -> Terms:
    try:
        return p.read(data, size)
    except (ValueError, ZeroDivisionError) as error:
        raise Refuted(str(error)) from None


def apply(chart: Chart, data: Any, inside: bool) -> Chart:
    """The chart after a move; ``inside``: a simplification, which must keep every zero of the chart."""
    require(isinstance(data, Mapping) and data.get("move") in MOVES, "no such move")
    return MOVES[data["move"]](chart, data, inside).normal()


def _combine(chart: Chart, data: Any, inside: bool) -> Chart:
    fields(data, {"move", "target", "factor", "source"}, "a combination")
    count = len(chart.generators)
    target, source = whole(data["target"], 0, count, "target"), whole(data["source"], 0, count, "source")
    require(inside and target != source, "a generator cannot be combined with itself")
    generators = list(chart.generators)
    factor = read(data["factor"], chart.size)
    require(bool(factor), "a combination should change something")
    generators[target] = p.add(generators[target], p.multiply(factor, generators[source]))
    return replace(chart, generators=tuple(generators))


def _divide(chart: Chart, data: Any, inside: bool) -> Chart:
    fields(data, {"move", "target", "factor"}, "a division")
    target = whole(data["target"], 0, len(chart.generators), "target")
    factor = read(data["factor"], chart.size)
    require(inside and bool(factor) and chart.unit(factor), "the divisor may vanish")
    generators = list(chart.generators)
    try:
        generators[target] = p.divide(generators[target], factor)
    except ValueError as error:
        raise Refuted(str(error)) from None
    return replace(chart, generators=tuple(generators))


def _solve(chart: Chart, data: Any, inside: bool) -> Chart:
    fields(data, {"move", "variable", "slope", "rest", "name"}, "a straightening")
    v = data["variable"]
    require(v in chart.names, "no such variable")
    (name,) = new_names(chart, [data["name"]], 1)
    index = chart.names.index(v)
    slope, rest = read(data["slope"], chart.size), read(data["rest"], chart.size)
    require(p.degree(slope, index) == 0 == p.degree(rest, index), "slope and rest should not contain the variable")
    require(all(p.degree(r, index) == 0 for _, r in chart.relations), "a relation contains the variable")
    require(bool(slope) and chart.unit(slope), "the slope may vanish")
    whole_ = p.add(p.multiply(slope, p.coordinate(chart.size, index)), rest)
    if v in chart.local:
        at = chart.local.index(v)
        require(chart.exponents[at] == 0 == chart.weights[at], "the variable carries a monomial")
        require(not chart.on_divisors(rest), "the new coordinate does not vanish at the points of the chart")
        local = tuple(name if n == v else n for n in chart.local)
        units, exponents, weights = chart.units, chart.exponents, chart.weights
    else:
        if inside:
            require(any(p.monic(g) == p.monic(whole_) for g in chart.generators), "zeros off the new coordinate would be lost")
        local, units = (*chart.local, name), tuple(n for n in chart.units if n != v)
        exponents, weights = (*chart.exponents, 0), (*chart.weights, 0)
    names = local + units
    size = len(names)
    images = [p.coordinate(size, names.index(name if n == v else n)) for n in chart.names]
    new_slope = p.compose(slope, images, size)
    value = p.add(p.coordinate(size, names.index(name)), p.compose(rest, images, size), -1)

    def carry(poly: Terms) -> Terms:
        return p.substitute(poly, index, value, new_slope, images, size)

    moved = replace(
        chart,
        local=local,
        units=units,
        exponents=exponents,
        weights=weights,
        generators=tuple(map(carry, chart.generators)),
        prior=carry(chart.prior),
        relations=tuple((n, carry(r)) for n, r in chart.relations),
        nonzero=(),
    )
    nonzero = [carry(q) for q in chart.nonzero] + ([] if v in chart.local else [value])
    nonzero = [moved.reduce(moved.on_divisors(q)) for q in nonzero]
    return replace(moved, nonzero=tuple(q for q in nonzero if q), real=moved.real and all(nonzero))


def _etale(chart: Chart, data: Any, inside: bool) -> Chart:
    fields(data, {"move", "variable", "polynomial", "name", "witness"}, "an étale coordinate")
    require(not inside and not chart.relations, "an étale coordinate needs a chart of its own, without relations")
    v = data["variable"]
    require(v in chart.units, "no such unit")
    (name,) = new_names(chart, [data["name"]], 1)
    poly = read(data["polynomial"], chart.size)
    index = chart.names.index(v)
    top = p.degree(poly, index)
    lead = {e: c for e, c in poly.items() if e[index] == top}
    require(top > 1 and list(lead.items()) == [(tuple(top * int(i == index) for i in range(chart.size)), 1)], "not monic")
    require(chart.on_divisors(poly) == poly, "an étale coordinate should contain units only")
    gradient = [p.derivative(poly, i) for i in range(len(chart.local), chart.size)]
    require(no_zeros([poly, *gradient], chart.nonzero), "the étale coordinate may have a critical point")
    known = data["witness"] is not None
    if known:
        require(real_zero([poly], chart, data["witness"]), "the witness is none")
    local = (*chart.local, name)
    names = local + chart.units
    images = [p.coordinate(len(names), names.index(n)) for n in chart.names]

    def carry(q: Terms) -> Terms:
        return p.compose(q, images, len(names))

    relation = p.add(carry(poly), p.coordinate(len(names), names.index(name)), -1)
    return replace(
        chart,
        local=local,
        exponents=(*chart.exponents, 0),
        weights=(*chart.weights, 0),
        generators=tuple(map(carry, chart.generators)),
        prior=carry(chart.prior),
        relations=((v, relation),),
        nonzero=tuple(map(carry, chart.nonzero)),
        real=chart.real and known,
    )


def _toric(chart: Chart, data: Any, inside: bool) -> Chart:
    fields(data, {"move", "rays", "complement", "local", "units"}, "a blow-up")
    require(not inside, "a blow-up needs a chart of its own")
    count = len(chart.local)
    rays, complement = ([tuple(row) for row in data[key]] for key in ("rays", "complement"))
    rows = [*rays, *complement]
    require(all(len(r) == count and all(type(v) is int and v >= 0 for v in r) for r in rows), "rays should be whole, ≥ 0")
    require(len(rows) == count and abs(determinant(rows)) == 1, "the monomial map is not invertible")
    require(bool(rays) and all(map(sum, zip(*rays, strict=True))), "the blow-up does not lie over the points of the chart")
    local = new_names(chart, data["local"], len(rays))
    units = new_names(chart, data["units"], len(complement))
    require(not set(local) & set(units), "a name twice")
    names = local + chart.units + units
    size = len(names)
    images = []
    for index, _ in enumerate(chart.local):
        e = [0] * size
        for row, fresh in zip(rows, local + units, strict=True):
            e[names.index(fresh)] = row[index]
        images.append({tuple(e): Fraction(1)})
    images += [p.coordinate(size, names.index(n)) for n in chart.units]

    def carry(q: Terms) -> Terms:
        return p.compose(q, images, size)

    # The Jacobian determinant is ± ∏ x / (∏ s ∏ t).
    jacobian = tuple(sum(ray) - 1 for ray in rays)
    return replace(
        chart,
        local=local,
        units=chart.units + units,
        exponents=tuple(sum(a * b for a, b in zip(ray, chart.exponents, strict=True)) for ray in rays),
        weights=tuple(sum(a * b for a, b in zip(ray, chart.weights, strict=True)) + j for ray, j in zip(rays, jacobian, strict=True)),
        generators=tuple(map(carry, chart.generators)),
        prior=carry(chart.prior),
        relations=tuple((n, carry(r)) for n, r in chart.relations),
        nonzero=tuple(map(carry, chart.nonzero)),
    )


def _part(chart: Chart, data: Any, inside: bool) -> Chart:
    fields(data, {"move", "generators", "names"}, "a part")
    require(not inside, "a part needs a chart of its own")
    chosen = data["generators"]
    require(isinstance(chosen, list) and bool(chosen), "a part should have generators")
    for i in chosen:
        whole(i, 0, len(chart.generators), "generator")
    names = data["names"]
    require(isinstance(names, list) and [n for n in chart.names if n in names] == names, "the names of a part should be in order")
    local, units = tuple(n for n in chart.local if n in names), tuple(n for n in chart.units if n in names)
    size = len(names)
    images = [p.coordinate(size, (local + units).index(n)) if n in names else p.constant(size, 1) for n in chart.names]
    outside = [i for i, n in enumerate(chart.names) if n not in names]
    require(all(p.degree(chart.generators[i], k) == 0 for i in chosen for k in outside), "the part contains other variables")

    def within(q: Terms) -> bool:
        return all(p.degree(q, k) == 0 for k in outside)

    return replace(
        chart,
        local=local,
        units=units,
        exponents=tuple(chart.exponents[chart.local.index(n)] for n in local),
        weights=tuple(chart.weights[chart.local.index(n)] for n in local),
        generators=tuple(p.compose(chart.generators[i], images, size) for i in chosen),
        prior=p.constant(size, 1),
        relations=tuple((n, p.compose(r, images, size)) for n, r in chart.relations if within(r)),
        nonzero=tuple(p.compose(q, images, size) for q in chart.nonzero if within(q)),
    )


MOVES: dict[str, Callable[[Chart, Any, bool], Chart]] = {
    "combine": _combine,
    "divide": _divide,
    "solve": _solve,
    "etale": _etale,
    "toric": _toric,
    "part": _part,
}


def real_zero(polys: Sequence[Terms], chart: Chart, witness: Any, avoid: Sequence[Terms] = ()) -> bool:
    """Whether the witness shows a common real zero with independent differentials, off the hyperplanes and the zeros of ``avoid``.

    No point: all depend on one monomial, and Sturm finds a root. One point: it is a zero. Two: a single polynomial, irreducible,
    changes its sign between them within an orthant.
    """
    if not isinstance(witness, list):
        return False
    nonzero = [*chart.nonzero, *avoid]
    if not witness:
        return not nonzero and single_variable_roots(polys) > 0
    try:
        points = [[Fraction(x) for x in point] for point in witness]
    except (ValueError, TypeError, ZeroDivisionError):
        return False
    if any(len(point) != chart.size or not all(point) for point in points):
        return False
    if len(points) == 1:
        (point,) = points
        if any(p.value(q, point) for q in polys) or not all(p.value(q, point) for q in nonzero):
            return False
        rows = [[p.value(p.derivative(q, i), point) for i in range(chart.size)] for q in polys]
        return matrix_rank(rows) == len(rows)
    if len(points) != 2 or len(polys) != 1 or any((a > 0) != (b > 0) for a, b in zip(*points, strict=True)):
        return False
    one, other = (p.value(polys[0], point) for point in points)
    return one * other < 0 and all(_coprime(polys[0], q) for q in nonzero)


def _coprime(one: Terms, other: Terms) -> bool:
    import sympy

    size = len(next(iter(one)))
    symbols = sympy.symbols(f"s0:{size}")
    a, b = (
        sympy.Poly({e: sympy.Rational(c.numerator, c.denominator) for e, c in q.items()}, *symbols, domain="QQ") for q in (one, other)
    )
    return bool(a.gcd(b).is_ground)
