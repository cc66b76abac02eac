"""Moves between charts: what a certificate writes down, step by step. None of them chooses
anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from singlearn.exact.read.ring import Poly, ring, terms_of
from singlearn.exact.resolve.chart import Chart
from singlearn.exact.resolve.fan import Vector
from singlearn.exact.resolve.witness import ZeroWitness


@dataclass(frozen=True, eq=False)
class Combine:
    """Add a multiple of one generator to another: the ideal stays."""

    target: int
    factor: Poly
    source: int

    def __call__(self, chart: Chart) -> Chart:
        generators = list(chart.generators)
        generators[self.target] = generators[self.target] + self.factor * generators[self.source]
        return replace(chart, generators=tuple(generators)).normalised()


@dataclass(frozen=True, eq=False)
class Divide:
    """Divide a generator by a factor that vanishes nowhere on the chart."""

    target: int
    factor: Poly

    def __call__(self, chart: Chart) -> Chart:
        generators = list(chart.generators)
        quotient, remainder = divmod(generators[self.target], self.factor)
        if remainder != 0:
            raise ValueError(f"factor: {self.factor} does not divide {generators[self.target]}")
        generators[self.target] = quotient
        return replace(chart, generators=tuple(generators)).normalised()


@dataclass(frozen=True, eq=False)
class Solve:
    """A new local coordinate ``c·v + p`` in the place of v (c a unit, p without v): v = (new -
    p)/c.
    """

    variable: str
    slope: Poly
    rest: Poly
    name: str

    def __call__(self, chart: Chart) -> Chart:
        v, name = self.variable, self.name
        was_local = v in chart.local
        if was_local:
            local = tuple(name if n == v else n for n in chart.local)
            units = chart.units
            exponents, weights = chart.exponents, chart.weights
        else:
            local, units = (*chart.local, name), tuple(n for n in chart.units if n != v)
            exponents, weights = (*chart.exponents, 0), (*chart.weights, 0)
        new = ring(local + units)
        gens = dict(zip(local + units, new.gens(), strict=True))
        images = [gens.get(n, new.constant(0)) for n in chart.names]
        position = chart.names.index(v)
        images[position] = gens[name]

        def rename(poly: Poly) -> Poly:
            return poly.compose(*images, ctx=new)

        slope, value = rename(self.slope), gens[name] - rename(self.rest)

        def carry(poly: Poly) -> Poly:
            return _substitute(new, poly, position, images, value, slope)

        nonzero = [carry(p) for p in chart.nonzero]
        if not was_local and v not in chart.free:
            nonzero.append(value)
        result = replace(
            chart,
            local=local,
            units=units,
            exponents=exponents,
            weights=weights,
            generators=tuple(carry(g) for g in chart.generators),
            prior=carry(chart.prior),
            relations=tuple((n, carry(p)) for n, p in chart.relations),
            nonzero=(),
            free=chart.free - {v},
        )
        nonzero = [result.at_zero(result.reduce(result.at_zero(p))) for p in nonzero]
        return replace(
            result,
            nonzero=tuple(p for p in nonzero if p != 0),
            real=result.real and all(p != 0 for p in nonzero),
        ).normalised()


def _substitute(
    new: Any, poly: Poly, position: int, images: Sequence[Poly], value: Poly, slope: Poly
) -> Poly:
    """``slope^degree · poly(v = value/slope)``."""
    parts: dict[int, dict[Vector, Any]] = {}
    for e, c in terms_of(poly).items():
        parts.setdefault(e[position], {})[(*e[:position], 0, *e[position + 1 :])] = c
    degree = max(parts, default=0)
    context = poly.context()
    total = new.constant(0)
    for power, part in parts.items():
        coefficient = context.from_dict(part).compose(*images, ctx=new)
        total = total + coefficient * value**power * slope ** (degree - power)
    found: Poly = total
    return found


@dataclass(frozen=True, eq=False)
class Etale:
    """A new local coordinate q(units), smooth where it vanishes; the variable in which q is monic
    becomes a function of the rest.
    """

    variable: str
    polynomial: Poly
    name: str
    witness: ZeroWitness | None

    def __call__(self, chart: Chart) -> Chart:
        local = (*chart.local, self.name)
        new = ring(local + chart.units)
        gens = dict(zip(local + chart.units, new.gens(), strict=True))
        moved = chart.moved(
            local, chart.units, gens, exponents=(*chart.exponents, 0), weights=(*chart.weights, 0)
        )
        images = [gens[n] for n in chart.names]
        relation = self.polynomial.compose(*images, ctx=new) - gens[self.name]
        real = chart.real and self.witness is not None
        return replace(
            moved, relations=(*moved.relations, (self.variable, relation)), real=real
        ).normalised()


@dataclass(frozen=True, eq=False)
class Toric:
    """The monomial chart of a unimodular cone: x_i = ∏ s_j^(ray_j)_i ∏ t_l^(complement_l)_i, s
    local, t units.
    """

    rays: tuple[Vector, ...]
    complement: tuple[Vector, ...]
    local_names: tuple[str, ...]
    unit_names: tuple[str, ...]

    def __call__(self, chart: Chart) -> Chart:
        units = chart.units + self.unit_names
        rows = [*self.rays, *self.complement]
        new = ring(self.local_names + units)
        gens = dict(zip(self.local_names + units, new.gens(), strict=True))
        images = {name: gens[name] for name in chart.units}
        for index, name in enumerate(chart.local):
            image = new.constant(1)
            for row, fresh in zip(rows, self.local_names + self.unit_names, strict=True):
                if row[index]:
                    image = image * gens[fresh] ** row[index]
            images[name] = image
        exponents = tuple(
            sum(r * k for r, k in zip(ray, chart.exponents, strict=True)) for ray in self.rays
        )
        weights = tuple(
            sum(r * (h + 1) for r, h in zip(ray, chart.weights, strict=True)) - 1
            for ray in self.rays
        )
        return chart.moved(
            self.local_names, units, images, exponents=exponents, weights=weights
        ).normalised()


@dataclass(frozen=True, eq=False)
class Part:
    """The summand of a sum in separate variables: some of the generators, and their variables."""

    generators: tuple[int, ...]
    names: tuple[str, ...]

    def __call__(self, chart: Chart) -> Chart:
        local = tuple(n for n in chart.local if n in self.names)
        units = tuple(n for n in chart.units if n in self.names)
        new = ring(local + units)
        gens = dict(zip(local + units, new.gens(), strict=True))
        images = [gens.get(n, new.constant(1)) for n in chart.names]
        keep = [chart.local.index(n) for n in local]

        def carry(poly: Poly) -> Poly:
            return poly.compose(*images, ctx=new)

        def within(poly: Poly) -> bool:
            return all(n in self.names for n in used(chart, poly))

        return replace(
            chart,
            local=local,
            units=units,
            exponents=tuple(chart.exponents[i] for i in keep),
            weights=tuple(chart.weights[i] for i in keep),
            generators=tuple(carry(chart.generators[i]) for i in self.generators),
            prior=new.constant(1),
            relations=tuple((n, carry(p)) for n, p in chart.relations if within(p)),
            nonzero=tuple(carry(p) for p in chart.nonzero if within(p)),
            free=chart.free & set(units),
        ).normalised()


@dataclass(frozen=True, eq=False)
class Change:
    """A new free coordinate ``c·v + p`` in the place of a free v (c not 0, p without v): v = (new -
    p)/c.
    """

    variable: str
    slope: Poly
    rest: Poly
    name: str

    def __call__(self, chart: Chart) -> Chart:
        v, name = self.variable, self.name
        units = tuple(name if n == v else n for n in chart.units)
        new = ring(chart.local + units)
        gens = dict(zip(chart.local + units, new.gens(), strict=True))
        images = [gens[name if n == v else n] for n in chart.names]
        slope, value = (
            self.slope.compose(*images, ctx=new),
            gens[name] - self.rest.compose(*images, ctx=new),
        )

        def carry(poly: Poly) -> Poly:
            return _substitute(new, poly, chart.names.index(v), images, value, slope)

        at_zero = replace(chart, units=units).at_zero
        return replace(
            chart,
            units=units,
            generators=tuple(carry(g) for g in chart.generators),
            prior=carry(chart.prior),
            relations=tuple((n, carry(p)) for n, p in chart.relations),
            nonzero=tuple(at_zero(carry(p)) for p in chart.nonzero),
            free=(chart.free - {v}) | {name},
        ).normalised()


@dataclass(frozen=True, eq=False)
class BlowUp:
    """One chart of the blow-up of a coordinate subspace: the pivot is s, the others s·n; n is local
    before the pivot, free after it.
    """

    centre: tuple[str, ...]
    pivot: int
    names: tuple[str, ...]

    def __call__(self, chart: Chart) -> Chart:
        fresh = dict(zip(self.centre, self.names, strict=True))
        late = self.centre[self.pivot + 1 :]
        pivot = self.centre[self.pivot]
        local = tuple(fresh.get(n, n) for n in chart.local if n not in late)
        units = (*chart.units, *(fresh[n] for n in late))
        new = ring(local + units)
        gens = dict(zip(local + units, new.gens(), strict=True))
        images = {n: gens[fresh.get(n, n)] for n in chart.names}
        for n in self.centre:
            if n != pivot:
                images[n] = images[n] * gens[fresh[pivot]]
        k, h = (
            dict(zip(chart.local, chart.exponents, strict=True)),
            dict(zip(chart.local, chart.weights, strict=True)),
        )
        k[pivot], h[pivot] = sum(k[n] for n in self.centre), sum(h[n] + 1 for n in self.centre) - 1
        kept = [n for n in chart.local if n not in late]
        return chart.moved(
            local,
            units,
            images,
            exponents=tuple(k[n] for n in kept),
            weights=tuple(h[n] for n in kept),
            free=chart.free | {fresh[n] for n in late},
        ).normalised()


@dataclass(frozen=True, eq=False)
class Apart:
    """The points of the chart where a polynomial in its units does not vanish."""

    polynomial: Poly

    def __call__(self, chart: Chart) -> Chart:
        (term, *more) = terms_of(self.polynomial)
        if not more and sum(term) == 1:
            return replace(chart, free=chart.free - {chart.names[term.index(1)]}).normalised()
        value = chart.at_zero(chart.reduce(self.polynomial))
        return replace(chart, nonzero=(*chart.nonzero, value)).normalised()


@dataclass(frozen=True, eq=False)
class Contract:
    """Free coordinates, each with a positive weight in which all generators are homogeneous, are
    made local: where they are 0 the function is worst.

    Args:
        weights: of local and free coordinates, by name; those not named have weight 0.
    """

    weights: tuple[tuple[str, int], ...]

    def __call__(self, chart: Chart) -> Chart:
        given = dict(self.weights)
        names = tuple(n for n in chart.units if n in given)
        local = (*chart.local, *names)
        units = tuple(n for n in chart.units if n not in given)
        gens = dict(zip(local + units, ring(local + units).gens(), strict=True))
        zeros = (0,) * len(names)
        moved = chart.moved(
            local,
            units,
            gens,
            exponents=(*chart.exponents, *zeros),
            weights=(*chart.weights, *zeros),
            free=chart.free - set(names),
        )
        nonzero = tuple(moved.at_zero(moved.reduce(moved.at_zero(p))) for p in moved.nonzero)
        return replace(moved, nonzero=nonzero).normalised()


@dataclass(frozen=True, eq=False)
class Keep:
    """Some of the generators only: a smaller function, whose λ is not larger."""

    generators: tuple[int, ...]

    def __call__(self, chart: Chart) -> Chart:
        kept = tuple(chart.generators[i] for i in self.generators)
        return replace(chart, generators=kept).normalised()


Move = Combine | Divide | Solve | Etale | Toric | Part | Change | BlowUp | Apart | Contract | Keep


def used(chart: Chart, poly: Poly) -> set[str]:
    """The variables that occur in it."""
    return {name for name, degree in zip(chart.names, poly.degrees(), strict=True) if degree > 0}
