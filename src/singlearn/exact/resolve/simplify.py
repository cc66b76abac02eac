"""Moves that make a chart simpler without leaving it: generators reduced, units divided out, coordinates straightened."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from singlearn.exact.resolve.chart import Chart, Poly, terms_of
from singlearn.exact.resolve.fan import Vector
from singlearn.exact.resolve.moves import Combine, Divide, Move, Solve, used
from singlearn.exact.resolve.torus import EXCLUDED, torus_zeros

LARGEST = 400
"""Terms; longer generators are left as they are."""


def is_unit(chart: Chart, poly: Poly) -> bool:
    """Whether it vanishes nowhere on the chart."""
    base = chart.at_zero(chart.reduce(chart.at_zero(poly)))
    if base == 0:
        return False
    if base.is_constant():
        return True
    return torus_zeros([base, *chart.base_relations], chart.nonzero) in EXCLUDED


def simplified(chart: Chart, fresh: Callable[[str], str], check: Callable[[], None]) -> tuple[Chart, list[Move]]:
    """The chart after all moves that help, and the moves."""
    moves: list[Move] = []
    while True:
        check()
        move = next(_moves(chart, fresh, check), None)
        if move is None:
            return chart, moves
        moves.append(move)
        chart = move(chart)


def _moves(chart: Chart, fresh: Callable[[str], str], check: Callable[[], None]) -> Iterator[Move]:
    yield from _divisions(chart)
    yield from _eliminations(chart)
    yield from _straightenings(chart, fresh)
    yield from _shorter(chart, check)
    yield from _straightened_factors(chart, fresh, check)


def _divisions(chart: Chart) -> Iterator[Move]:
    for index, g in enumerate(chart.generators):
        if g.is_constant() or len(terms_of(g)) > LARGEST:
            continue
        if is_unit(chart, g):
            yield Divide(index, g)
            continue
        if chart.relations:
            continue
        for factor, _ in g.factor()[1]:
            if len(terms_of(factor)) > 1 and is_unit(chart, factor):
                yield Divide(index, factor)


def _eliminations(chart: Chart) -> Iterator[Move]:
    """Remove from a generator the multiples of another one that is a coordinate, or that divides it."""
    if chart.relations and any(g.is_constant() for g in chart.generators) and len(chart.generators) == 1:
        return
    for source, g in enumerate(chart.generators):
        for target, other in enumerate(chart.generators):
            if target == source:
                continue
            if len(terms_of(g)) == 1:
                factor = _multiple(chart, other, next(iter(terms_of(g))))
                if factor != 0:
                    yield Combine(target, -factor, source)
            elif len(terms_of(other)) <= LARGEST:
                quotient, remainder = divmod(other, g)
                if remainder == 0:
                    yield Combine(target, -quotient, source)


def _multiple(chart: Chart, poly: Poly, divisor: Vector) -> Poly:
    """The terms divisible by the monomial (units do not matter), divided by it, if that leaves no negative exponents."""
    count = len(chart.local)
    terms = {}
    for e, c in terms_of(poly).items():
        if all(a >= b for a, b in zip(e[:count], divisor[:count], strict=True)):
            low = tuple(a - b for a, b in zip(e, divisor, strict=True))
            if min(low) < 0:
                return chart.ring.constant(0)
            terms[low] = c
    return chart.ring.from_dict(terms)


def _straightenings(chart: Chart, fresh: Callable[[str], str]) -> Iterator[Move]:
    """A generator c·v + p with c a unit becomes a coordinate."""
    candidates: list[tuple[tuple[bool, int, int, int], int, str, Poly, Poly]] = []
    for g in chart.generators:
        if len(terms_of(g)) == 1:
            continue
        for v in chart.names:
            parts = linear_parts(chart, g, v)
            if parts is None:
                continue
            slope, rest = parts
            cost = (v not in chart.local, len(terms_of(slope)), len(terms_of(rest)), int(rest.total_degree()))
            candidates.append((cost, len(candidates), v, slope, rest))
    for _, _, v, slope, rest in sorted(candidates):
        yield Solve(v, slope, rest, fresh("u"))


def _straightened_factors(chart: Chart, fresh: Callable[[str], str], check: Callable[[], None]) -> Iterator[Move]:
    """A factor c·v + p of a generator or of the prior, with v local, becomes a coordinate, if that leaves fewer terms."""
    if chart.relations:
        return
    size = _terms(chart)
    seen = set()
    for poly in (*chart.generators, chart.prior):
        check()
        factors = (poly.factor() if len(terms_of(poly)) <= LARGEST else poly.factor_squarefree())[1]
        for factor, _ in factors:
            if len(terms_of(factor)) == 1 or len(terms_of(factor)) > LARGEST or str(factor) in seen:
                continue
            seen.add(str(factor))
            for v in chart.local:
                parts = linear_parts(chart, factor, v)
                if parts is None:
                    continue
                move = Solve(v, *parts, fresh("u"))
                if _terms(move(chart)) < size:
                    yield move


def _terms(chart: Chart) -> int:
    return sum(len(terms_of(p)) for p in (*chart.generators, chart.prior))


def linear_parts(chart: Chart, g: Poly, v: str) -> tuple[Poly, Poly] | None:
    """(c, p) with g = c·v + p, c a unit and p without v, if v may be replaced by g as a coordinate."""
    index = chart.names.index(v)
    if g.degrees()[index] != 1 or any(v in used(chart, relation) for _, relation in chart.relations):
        return None
    if v in chart.local and (chart.exponents[chart.local.index(v)] or chart.weights[chart.local.index(v)]):
        return None
    slope_terms, rest_terms = {}, {}
    for e, c in terms_of(g).items():
        if e[index]:
            slope_terms[(*e[:index], 0, *e[index + 1 :])] = c
        else:
            rest_terms[e] = c
    slope, rest = chart.ring.from_dict(slope_terms), chart.ring.from_dict(rest_terms)
    if v in chart.local and chart.at_zero(rest) != 0:
        return None
    if not is_unit(chart, slope):
        return None
    return slope, rest


def _shorter(chart: Chart, check: Callable[[], None]) -> Iterator[Move]:
    """Subtract a monomial multiple of one generator from another where that leaves fewer terms."""
    sizes = [len(terms_of(g)) for g in chart.generators]
    if sum(sizes) > LARGEST:
        return
    for source, g in enumerate(chart.generators):
        own = terms_of(g)
        for target, other in enumerate(chart.generators):
            if target == source:
                continue
            tried = set()
            for e, c in terms_of(other).items():
                check()
                for f, d in own.items():
                    shift = tuple(a - b for a, b in zip(e, f, strict=True))
                    if min(shift) < 0 or (shift, c / d) in tried:
                        continue
                    tried.add((shift, c / d))
                    factor = chart.ring.from_dict({shift: -c / d})
                    if len(other + factor * g) < sizes[target]:
                        yield Combine(target, factor, source)
