"""Charts and moves, worked out again from their definitions.

Where a certificate names what is not there (a variable, a generator, a field of a move), looking it
up fails and the certificate is refuted without a guard of its own; the same holds for a list that
has another length than the one it is unpacked to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from singlearn.exact.verify import polynomial as p
from singlearn.exact.verify.cones import determinant
from singlearn.exact.verify.data import exponents, fields, listed, polynomial, require, whole
from singlearn.exact.verify.polynomial import Terms
from singlearn.exact.verify.witness import show_real_zero
from singlearn.exact.verify.zeros import irreducible, no_zeros


@dataclass(frozen=True)
class CheckedChart:
    """Function, density and points, as ``docs/certificate-format.md`` describes them.

    Args:
        local: coordinates that are 0 at the points of the chart.
        units: coordinates that are not 0 there.
        exponents: of the monomial in the local coordinates that was taken out of all generators.
        weights: exponents of the absolute values of the local coordinates in the density.
        generators: K is between constant multiples of the monomial times the sum of their absolute
            values, to the power.
        prior: the other factor of the density.
        power: 1 or 2.
        relations: at most one; it makes a unit a function of the other coordinates.
        nonzero: polynomials in the units that do not vanish at the points of the chart.
        real: whether it was shown that there are such points.
        free: those of the units that may be 0 as well.
    """

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
    free: frozenset[str] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the coordinates."""
        return self.local + self.units

    @property
    def size(self) -> int:
        """How many coordinates there are."""
        return len(self.names)

    def on_divisors(self, poly: Terms) -> Terms:
        """The terms without local coordinates."""
        count = len(self.local)
        return {e: c for e, c in poly.items() if not any(e[:count])}

    @property
    def base(self) -> list[Terms]:
        """The relations where the local coordinates vanish."""
        return [self.on_divisors(r) for _, r in self.relations]

    def no_zeros(self, polys: Sequence[Terms], avoid: Sequence[Terms] = ()) -> bool:
        """Whether it is shown that the polynomials and the relations have no common zero where no
        polynomial of ``avoid`` vanishes.
        """
        places = [i for i, name in enumerate(self.names) if name in self.free]
        return no_zeros([*polys, *self.base], [*self.nonzero, *avoid], places)

    @property
    def monomial(self) -> bool:
        """Whether no generator has a zero off the divisors, because each is a monomial, without
        free coordinates.
        """
        return all(len(g) == 1 and not self.used(g) & self.free for g in self.generators)

    def used(self, poly: Terms) -> set[str]:
        """The variables that occur in it."""
        return {name for index, name in enumerate(self.names) if p.degree(poly, index)}

    def reduce(self, poly: Terms) -> Terms:
        """The remainder modulo the relations."""
        for name, relation in self.relations:
            index = self.names.index(name)
            top = p.degree(relation, index)
            while p.degree(poly, index) >= top and poly:
                high = {
                    (*e[:index], e[index] - top, *e[index + 1 :]): c
                    for e, c in poly.items()
                    if e[index] >= top
                }
                poly = p.add(poly, p.multiply(high, relation), -1)
        return poly

    def at_points(self, poly: Terms) -> Terms:
        """The polynomial in the units that has the same values at the points of the chart.

        Reducing brings local coordinates back (v² - 2 becomes u where u = v² - 2), so that they are
        set to 0 afterwards too.
        """
        return self.on_divisors(self.reduce(self.on_divisors(poly)))

    def without_units(self, poly: Terms) -> Terms:
        """Monic, and divided by the units that divide it."""
        count = len(self.local)
        kept = [name in self.free for name in self.names]
        low = tuple(0 if i < count or kept[i] else p.least([poly], i) for i in range(self.size))
        return p.monic(p.lowered(poly, low))

    def unit(self, poly: Terms) -> bool:
        """Whether it vanishes at no point of the chart."""
        return self.no_zeros([self.at_points(poly)])

    def normal(self) -> CheckedChart:
        """Without what does not matter.

        K is not 0 in any chart: the terms of the statement have positive coefficients, and every
        move is invertible where its points are. Were there no generator left, there would be no
        least exponent to find, and the certificate would be refuted.
        """
        count = len(self.local)
        tail = (0,) * len(self.units)
        generators = [self.reduce(g) for g in self.generators]
        generators = [self.without_units(g) for g in generators if g]
        common = tuple(p.least(generators, i) for i in range(count))
        generators = [p.lowered(g, common + tail) for g in generators]
        prior = self.without_units(self.reduce(self.prior))
        low = tuple(p.least([prior], i) for i in range(count))
        prior, weights = (
            p.lowered(prior, low + tail),
            tuple(a + b for a, b in zip(self.weights, low, strict=True)),
        )
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
            self,
            exponents=exponents,
            weights=weights,
            generators=tuple(kept),
            prior=prior,
            nonzero=tuple(nonzero),
        )


def new_names(chart: CheckedChart, names: Any) -> tuple[str, ...]:
    """Labels of new coordinates: any strings that tell them apart from each other and from the old
    ones.
    """
    require(all(isinstance(n, str) for n in listed(names, "names")), "a name should be a string")
    require(
        len({*names, *chart.names}) == len(names) + chart.size, "names should be new, none twice"
    )
    return tuple(names)


def apply(chart: CheckedChart, data: Any, allowed: Sequence[str]) -> CheckedChart:
    """The chart after a move of one of the kinds allowed."""
    require(data["move"] in allowed, f"a move should be one of {', '.join(allowed)} here")
    return MOVES[data["move"]](chart, data, allowed is SIMPLIFICATIONS).normal()


def _combine(chart: CheckedChart, data: Any, inside: bool) -> CheckedChart:
    fields(data, {"move", "target", "factor", "source"}, "a combination")
    count = len(chart.generators)
    target, source = (
        whole(data["target"], 0, count, "target"),
        whole(data["source"], 0, count, "source"),
    )
    require(target != source, "a generator cannot be combined with itself")
    generators = list(chart.generators)
    generators[target] = p.add(
        generators[target], p.multiply(polynomial(data["factor"], chart.size), generators[source])
    )
    return replace(chart, generators=tuple(generators))


def _divide(chart: CheckedChart, data: Any, inside: bool) -> CheckedChart:
    fields(data, {"move", "target", "factor"}, "a division")
    target = whole(data["target"], 0, len(chart.generators), "target")
    factor = polynomial(data["factor"], chart.size)
    require(chart.unit(factor), "the divisor may vanish")
    generators = list(chart.generators)
    generators[target] = p.divide(generators[target], factor)
    return replace(chart, generators=tuple(generators))


def _solve(chart: CheckedChart, data: Any, inside: bool) -> CheckedChart:
    """A new local coordinate slope·v + rest in the place of v; ``inside``: all zeros of the chart
    should be zeros of it.
    """
    fields(data, {"move", "variable", "slope", "rest", "name"}, "a straightening")
    v = data["variable"]
    (name,) = new_names(chart, [data["name"]])
    index = chart.names.index(v)
    slope, rest = polynomial(data["slope"], chart.size), polynomial(data["rest"], chart.size)
    require(p.degree(slope, index) == 0, "the slope contains the variable")
    require(p.degree(rest, index) == 0, "the rest contains the variable")
    require(
        all(p.degree(r, index) == 0 for _, r in chart.relations), "a relation contains the variable"
    )
    require(chart.unit(slope), "the slope may vanish")
    whole_ = p.add(p.multiply(slope, p.coordinate(chart.size, index)), rest)
    if v in chart.local:
        at = chart.local.index(v)
        require(chart.exponents[at] == 0, "the variable carries a monomial")
        require(chart.weights[at] == 0, "the variable carries a weight")
        require(
            not chart.on_divisors(rest),
            "the new coordinate does not vanish at the points of the chart",
        )
        local = tuple(name if n == v else n for n in chart.local)
        units, exponents, weights = chart.units, chart.exponents, chart.weights
    else:
        if inside:
            require(
                any(p.monic(g) == p.monic(whole_) for g in chart.generators),
                "zeros off the new coordinate would be lost",
            )
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
        free=chart.free - {v},
    )
    # A unit that was replaced is still not 0, unless it was free.
    nonzero = [carry(q) for q in chart.nonzero] + (
        [] if v in chart.local or v in chart.free else [value]
    )
    nonzero = [moved.at_points(q) for q in nonzero]
    return replace(moved, nonzero=tuple(q for q in nonzero if q), real=moved.real and all(nonzero))


def _etale(chart: CheckedChart, data: Any, inside: bool) -> CheckedChart:
    """A new local coordinate that is a polynomial q in the units, smooth where it vanishes."""
    fields(data, {"move", "variable", "polynomial", "name", "witness"}, "an étale coordinate")
    require(not chart.relations, "an étale coordinate needs a chart without relations")
    v = data["variable"]
    (name,) = new_names(chart, [data["name"]])
    poly = polynomial(data["polynomial"], chart.size)
    index = chart.names.index(v)
    top = max(p.degree(poly, index), 1)
    lead = {e: c for e, c in poly.items() if e[index] == top}
    require(
        lead == {tuple(top * int(i == index) for i in range(chart.size)): 1},
        "not monic in its variable",
    )
    require(chart.on_divisors(poly) == poly, "an étale coordinate should contain units only")
    require(
        not chart.used(poly) & chart.free, "an étale coordinate should contain no free coordinate"
    )
    gradient = [p.derivative(poly, i) for i in range(len(chart.local), chart.size)]
    require(chart.no_zeros([poly, *gradient]), "the étale coordinate may have a critical point")
    known = data["witness"] is not None
    if known:
        show_real_zero([poly], data["witness"], chart.nonzero)
        # Otherwise the prior, or what may not vanish, could be 0 on the part of the zero set that
        # has the real points.
        require(irreducible(poly), "a factor of the étale coordinate may have no real zero")
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


def _toric(chart: CheckedChart, data: Any, inside: bool) -> CheckedChart:
    fields(data, {"move", "rays", "complement", "local", "units"}, "a blow-up")
    count = len(chart.local)
    rays, complement = (
        [exponents(row, count) for row in listed(data[key], key)] for key in ("rays", "complement")
    )
    rows = [*rays, *complement]
    require(len(rows) == count, "there should be as many new coordinates as old ones")
    require(abs(determinant(rows)) == 1, "the monomial map is not invertible")
    require(
        all(any(ray[i] for ray in rays) for i in range(count)),
        "the blow-up does not lie over the points of the chart",
    )
    fresh = new_names(chart, [*listed(data["local"], "names"), *listed(data["units"], "names")])
    local, units = fresh[: len(rays)], fresh[len(rays) :]
    require(len(data["local"]) == len(rays), "a name for every ray should be local")
    names = local + chart.units + units
    size = len(names)
    images = []
    for index, _ in enumerate(chart.local):
        e = [0] * size
        for row, new in zip(rows, fresh, strict=True):
            e[names.index(new)] = row[index]
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
        exponents=tuple(
            sum(a * b for a, b in zip(ray, chart.exponents, strict=True)) for ray in rays
        ),
        weights=tuple(
            sum(a * b for a, b in zip(ray, chart.weights, strict=True)) + j
            for ray, j in zip(rays, jacobian, strict=True)
        ),
        generators=tuple(map(carry, chart.generators)),
        prior=carry(chart.prior),
        relations=tuple((n, carry(r)) for n, r in chart.relations),
        nonzero=tuple(map(carry, chart.nonzero)),
    )


def _part(chart: CheckedChart, data: Any, inside: bool) -> CheckedChart:
    fields(data, {"move", "generators", "names"}, "a part")
    names = set(listed(data["names"], "names"))
    chosen = [
        chart.generators[whole(i, 0, len(chart.generators), "a generator")]
        for i in listed(data["generators"], "generators")
    ]
    require(all(chart.used(g) <= names for g in chosen), "the part contains other variables")
    local, units = (
        tuple(n for n in chart.local if n in names),
        tuple(n for n in chart.units if n in names),
    )
    own = local + units
    images = [
        p.coordinate(len(own), own.index(n)) if n in names else p.constant(len(own), 1)
        for n in chart.names
    ]

    def carry(q: Terms) -> Terms:
        return p.compose(q, images, len(own))

    return replace(
        chart,
        local=local,
        units=units,
        exponents=(0,) * len(local),
        weights=tuple(chart.weights[chart.local.index(n)] for n in local),
        generators=tuple(map(carry, chosen)),
        prior=p.constant(len(own), 1),
        relations=tuple((n, carry(r)) for n, r in chart.relations if chart.used(r) <= names),
        nonzero=tuple(carry(q) for q in chart.nonzero if chart.used(q) <= names),
        free=chart.free & names,
    )


def _change(chart: CheckedChart, data: Any, inside: bool) -> CheckedChart:
    """A new free coordinate slope·v + rest in the place of a free v."""
    fields(data, {"move", "variable", "slope", "rest", "name"}, "a change")
    v = data["variable"]
    (name,) = new_names(chart, [data["name"]])
    index = chart.names.index(v)
    slope, rest = polynomial(data["slope"], chart.size), polynomial(data["rest"], chart.size)
    require(v in chart.free, "only free coordinates are changed")
    require(p.degree(slope, index) == 0, "the slope contains the variable")
    require(p.degree(rest, index) == 0, "the rest contains the variable")
    require(
        all(p.degree(r, index) == 0 for _, r in chart.relations), "a relation contains the variable"
    )
    require(chart.unit(slope), "the slope may vanish")
    images = [p.coordinate(chart.size, i) for i in range(chart.size)]
    value = p.add(images[index], rest, -1)

    def carry(poly: Terms) -> Terms:
        return p.substitute(poly, index, value, slope, images, chart.size)

    return replace(
        chart,
        units=tuple(name if n == v else n for n in chart.units),
        generators=tuple(map(carry, chart.generators)),
        prior=carry(chart.prior),
        nonzero=tuple(chart.on_divisors(carry(q)) for q in chart.nonzero),
        free=(chart.free - {v}) | {name},
    )


def _subspace(chart: CheckedChart, data: Any, inside: bool) -> CheckedChart:
    """The chart of a blow-up in which all coordinates of the centre are multiples of the pivot.

    Those before the pivot are local, so that what is left to them are points of no chart before;
    those after it are free.
    """
    fields(data, {"move", "centre", "pivot", "names"}, "a chart of a blow-up")
    centre, names = listed(data["centre"], "the centre"), new_names(chart, data["names"])
    places = [
        chart.local.index(n) for n in centre
    ]  # were one there twice, there would be no name for the first of them as a pivot
    pivot = whole(data["pivot"], 0, len(centre), "the pivot")
    late = places[pivot + 1 :]
    require(
        not any(chart.exponents[i] or chart.weights[i] for i in late),
        "a free coordinate would carry a monomial or a weight",
    )
    fresh = dict(zip(places, names, strict=True))
    kept = [i for i in range(len(chart.local)) if i not in late]
    local = tuple(fresh.get(i, chart.local[i]) for i in kept)
    units = (*chart.units, *(fresh[i] for i in late))
    every = local + units
    size = len(every)
    old = [fresh.get(i, n) for i, n in enumerate(chart.names)]
    s = p.coordinate(size, every.index(names[pivot]))
    images = [p.coordinate(size, every.index(n)) for n in old]
    images = [
        p.multiply(q, s) if i in places and i != places[pivot] else q for i, q in enumerate(images)
    ]

    def carry(q: Terms) -> Terms:
        return p.compose(q, images, size)

    k = sum(chart.exponents[i] for i in places)
    h = sum(chart.weights[i] + 1 for i in places) - 1
    return replace(
        chart,
        local=local,
        units=units,
        exponents=tuple(k if i == places[pivot] else chart.exponents[i] for i in kept),
        weights=tuple(h if i == places[pivot] else chart.weights[i] for i in kept),
        generators=tuple(map(carry, chart.generators)),
        prior=carry(chart.prior),
        relations=tuple((n, carry(r)) for n, r in chart.relations),
        nonzero=tuple(map(carry, chart.nonzero)),
        free=chart.free | {fresh[i] for i in late},
    )


def _apart(chart: CheckedChart, data: Any, inside: bool) -> CheckedChart:
    """The points where a polynomial in the units does not vanish; a free coordinate that does not
    is free no more.

    There are such points if the chart has any: a unit that occurs linearly, with a slope that is a
    unit, is in no relation and may move a little; and an étale coordinate has no relation beside
    it.
    """
    fields(data, {"move", "polynomial"}, "the points off a piece")
    poly = polynomial(data["polynomial"], chart.size)
    for index, name in enumerate(chart.names):
        if name in chart.free and poly == p.coordinate(chart.size, index):
            return replace(chart, free=chart.free - {name})
    return replace(chart, nonzero=(*chart.nonzero, chart.at_points(poly)))


MOVES: Mapping[str, Callable[[CheckedChart, Any, bool], CheckedChart]] = {
    "combine": _combine,
    "divide": _divide,
    "solve": _solve,
    "etale": _etale,
    "toric": _toric,
    "part": _part,
    "change": _change,
    "subspace": _subspace,
    "apart": _apart,
}
SIMPLIFICATIONS = ("combine", "divide", "solve", "change")
"""Moves that keep every zero of the chart. The others lead to a chart of some of its points."""
