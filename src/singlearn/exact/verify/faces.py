"""What is proved on one face of a Newton polyhedron without another chart: zeros that cross, are
steep, or have a bounded order.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from typing import Any

from singlearn.exact.verify import polynomial as p
from singlearn.exact.verify.bounds import NEVER, NOTHING, Poles
from singlearn.exact.verify.charts import CheckedChart
from singlearn.exact.verify.data import fields, listed, polynomial, rational, require, whole
from singlearn.exact.verify.polyhedron import Polyhedron
from singlearn.exact.verify.polynomial import Terms
from singlearn.exact.verify.witness import show_real_zero


def named_factors(chart: CheckedChart, data: Any) -> list[tuple[Terms, int]]:
    """The factors that the certificate names; they should multiply up to the generator, or be the
    generators.
    """
    factors = [
        (polynomial(f, chart.size), whole(s, 1, 1000, "a multiplicity"))
        for f, s in listed(data, "factors")
    ]
    if len(chart.generators) > 1 or chart.relations:
        require(
            factors == [(g, 1) for g in chart.generators],
            "the factors should be the generators, each once",
        )
        return factors
    product = p.constant(chart.size, 1)
    for f, s in factors:
        product = p.multiply(product, p.power(f, s, chart.size))
    require(
        p.monic(product) == p.monic(chart.generators[0]),
        "the factors do not multiply up to the generator",
    )
    return factors


def crossing_on(
    polyhedron: Polyhedron,
    rays: Sequence[tuple[int, ...]],
    weight: Sequence[int],
    data: Any,
    factors: Sequence[tuple[Terms, int]],
    avoid: Sequence[Terms],
) -> Poles:
    """The zeros of the factors cross each other and the divisors normally, off the zeros of
    ``avoid``.

    For every set of factors: they have no common zero on the face, or the certificate lists the
    set.
    """
    chart = polyhedron.chart
    claimed: dict[tuple[int, ...], Any] = {}
    for crossing in listed(data, "crossings"):
        fields(crossing, {"factors", "witness"}, "a crossing")
        claimed[tuple(listed(crossing["factors"], "factors of a crossing"))] = crossing["witness"]
    together = len(chart.generators) > 1
    if together:
        require(all(polyhedron.system(weight)), "a generator does not reach the face")
    parts = [polyhedron.face(f, weight) for f, _ in factors]
    sizes = [len(parts)] if together else range(1, len(parts) + 1)
    result = NOTHING
    for subset in (s for size in sizes for s in combinations(range(len(parts)), size)):
        polys = [parts[i] for i in subset]
        if subset not in claimed:
            require(chart.no_zeros(polys), "factors may meet that are not listed")
            continue
        require(chart.no_zeros(_minors(chart, polys, len(polys)), avoid), "factors may touch")
        strict = (
            [Fraction(len(subset), chart.power)]
            if together
            else [Fraction(1, chart.power * factors[i][1]) for i in subset]
        )
        key = polyhedron.key(rays, strict)
        known = claimed[subset] is not None
        if known:
            require(chart.real, "the chart may have no real point")
            show_real_zero([*polys, *chart.base], claimed[subset], [*chart.nonzero, *avoid])
            part = polyhedron.face(chart.prior, weight)
            require(chart.no_zeros([part, *polys]), "the prior may vanish there")
        even = together or all(factors[i][1] % 2 == 0 for i in subset)
        result = result.meet(Poles(key, key if known else NEVER, even))
    return result


def steep_on(
    polyhedron: Polyhedron,
    rays: Sequence[tuple[int, ...]],
    weight: Sequence[int],
    rank: Any,
    avoid: Sequence[Terms],
) -> Poles:
    """At every zero of the face, off the zeros of ``avoid``, ``rank`` generators have independent
    differentials.
    """
    chart = polyhedron.chart
    polys = [q for q in polyhedron.system(weight) if q]
    required = whole(rank, 1, len(polys) + 1, "rank")
    require(
        chart.no_zeros(_minors(chart, polys, required), avoid), "the differentials may be dependent"
    )
    low = min((Fraction(required, chart.power), -chart.size), polyhedron.key(rays))
    return Poles(low, NEVER, False)


def squares_on(polyhedron: Polyhedron, weight: Sequence[int], terms: Any) -> Poles:
    """The part of the only generator is a sum of positive multiples of squares, whose roots have no
    common zero.
    """
    chart = polyhedron.chart
    (part,) = polyhedron.system(weight)
    total: Terms = {}
    roots = []
    for scale, root in listed(terms, "terms"):
        c = rational(scale)
        require(c > 0, "the multiple of a square is not positive")
        roots.append(polynomial(root, chart.size))
        total = p.add(total, p.multiply(roots[-1], roots[-1]), c)
    require(total == part, "the squares do not add up to the part")
    require(chart.no_zeros(roots), "the squares may have a common zero")
    return NOTHING


def contact_on(
    polyhedron: Polyhedron, rays: Sequence[tuple[int, ...]], weight: Sequence[int], order: Any
) -> Poles:
    """At every zero of the face a derivative of at most that order, along one coordinate, does not
    vanish.
    """
    chart = polyhedron.chart
    polys = [q for q in polyhedron.system(weight) if q]
    highest = whole(order, 1, 100, "the order")
    free = [i for i in range(chart.size) if not any(p.degree(r, i) for r in chart.base)]
    system = list(polys)
    for q in polys:
        for i in free:
            current = q
            for _ in range(highest):
                current = p.derivative(current, i)
                system.append(current)
    require(chart.no_zeros(system), "the zeros may have a higher order")
    return Poles(polyhedron.key(rays, [Fraction(1, chart.power * highest)]), NEVER, False)


def _minors(chart: CheckedChart, polys: Sequence[Terms], required: int) -> list[Terms]:
    """The system of the common zeros where the polys and the relations have fewer independent
    differentials.

    With fewer variables than differentials asked for there are no minors, and every common zero is
    such a one.
    """
    system = [*polys, *chart.base]
    size = required + len(chart.base)
    live = [i for i in range(chart.size) if any(p.degree(q, i) for q in system)]
    minors = []
    for chosen in combinations(system, size):
        for columns in combinations(live, size):
            minors.append(_determinant([[p.derivative(q, i) for i in columns] for q in chosen]))
    return [*polys, *minors]


def _determinant(rows: list[list[Terms]]) -> Terms:
    if len(rows) == 1:
        return rows[0][0]
    total: Terms = {}
    for i, entry in enumerate(rows[0]):
        if entry:
            minor = [row[:i] + row[i + 1 :] for row in rows[1:]]
            total = p.add(total, p.multiply(entry, _determinant(minor)), -1 if i % 2 else 1)
    return total
