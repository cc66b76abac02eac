"""Moves that make a chart simpler without leaving it: generators reduced, units divided out,
coordinates straightened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from singlearn.exact.read.ring import Poly, factors_of, terms_of
from singlearn.exact.resolve.chart import Chart
from singlearn.exact.resolve.contract import contraction
from singlearn.exact.resolve.fan import Vector
from singlearn.exact.resolve.moves import Change, Combine, Divide, Move, Solve, used
from singlearn.exact.resolve.torus import EXCLUDED, zeros

LARGEST = 400
"""Terms; longer generators are left as they are."""


def is_unit(chart: Chart, poly: Poly) -> bool:
    """Whether it vanishes nowhere on the chart."""
    base = chart.at_zero(chart.reduce(chart.at_zero(poly)))
    if base == 0:
        return False
    if base.is_constant():
        return True
    return zeros(chart, [base, *chart.base_relations]) in EXCLUDED


def simplified(
    chart: Chart, fresh: Callable[[str], str], check: Callable[[], None], paired: bool = False
) -> tuple[Chart, list[Move]]:
    """The chart after all moves that help, and the moves; ``paired``: coordinates are also paired
    off, see :func:`paired_off`.
    """
    moves: list[Move] = []
    while True:
        check()
        move = next(_moves(chart, fresh, check), None)
        found = (
            [move]
            if move is not None
            else (
                coefficient_made_coordinate(chart, fresh)
                or contracted(chart)
                or paired_off(chart, fresh, check)
                or straightest(chart, fresh, check)
            )
            if paired
            else []
        )
        if not found:
            return chart, moves
        for move in found:
            moves.append(move)
            source = chart.generators[move.source] if isinstance(move, Combine) else None
            chart = move(chart)
            # The same generator is subtracted from the others at once.
            while source is not None and len(terms_of(source)) == 1 and source in chart.generators:
                again = next(_multiples_of(chart, chart.generators.index(source)), None)
                if again is None:
                    break
                moves.append(again)
                chart = again(chart)


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
        for factor, _ in factors_of(g):
            if len(terms_of(factor)) > 1 and is_unit(chart, factor):
                yield Divide(index, factor)


def _eliminations(chart: Chart) -> Iterator[Move]:
    """Remove from a generator the multiples of another one that is a coordinate, or that divides
    it.
    """
    if (
        chart.relations
        and any(g.is_constant() for g in chart.generators)
        and len(chart.generators) == 1
    ):
        return
    for source, g in enumerate(chart.generators):
        if len(terms_of(g)) == 1:
            yield from _multiples_of(chart, source)
            continue
        for target, other in enumerate(chart.generators):
            if target != source and len(terms_of(other)) <= LARGEST:
                quotient, remainder = divmod(other, g)
                if remainder == 0:
                    yield Combine(target, -quotient, source)


def _multiples_of(chart: Chart, source: int) -> Iterator[Move]:
    """The multiples of a generator that is a monomial are subtracted from the others."""
    monomial = next(iter(terms_of(chart.generators[source])))
    for target, other in enumerate(chart.generators):
        if target != source and (factor := _multiple(chart, other, monomial)) != 0:
            yield Combine(target, -factor, source)


def _multiple(chart: Chart, poly: Poly, divisor: Vector) -> Poly:
    """The terms divisible by the monomial (units do not matter), divided by it, if that leaves no
    negative exponents.
    """
    count = len(chart.local)
    places = (*range(count), *chart.free_places)
    terms = {}
    for e, c in terms_of(poly).items():
        if all(e[i] >= divisor[i] for i in places):
            low = tuple(a - b for a, b in zip(e, divisor, strict=True))
            if min(low) < 0:
                found: Poly = chart.ring.constant(0)
                return found
            terms[low] = c
    found = chart.ring.from_dict(terms)
    return found


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
            cost = (
                v not in chart.local,
                len(terms_of(slope)),
                len(terms_of(rest)),
                int(rest.total_degree()),
            )
            candidates.append((cost, len(candidates), v, slope, rest))
    for _, _, v, slope, rest in sorted(candidates):
        yield Solve(v, slope, rest, fresh("u"))


def _straightened_factors(
    chart: Chart, fresh: Callable[[str], str], check: Callable[[], None]
) -> Iterator[Move]:
    """A factor c·v + p of a generator or of the prior, with v local, becomes a coordinate, if that
    leaves fewer terms.
    """
    if chart.relations:
        return
    size = _terms(chart)
    seen = set()
    for poly in (*chart.generators, chart.prior):
        check()
        factors = (
            factors_of(poly) if len(terms_of(poly)) <= LARGEST else poly.factor_squarefree()[1]
        )
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


def contracted(chart: Chart) -> list[Move]:
    """The contraction of free coordinates, where the chart is homogeneous."""
    move = contraction(chart)
    return [] if move is None else [move]


def coefficient_made_coordinate(chart: Chart, fresh: Callable[[str], str]) -> list[Move]:
    """The coefficient c·w + r of a coordinate in a generator becomes a coordinate, if that leaves
    fewer terms: in a product of matrices, the entries of one factor after the first row and column
    of the other were cleared.
    """
    if chart.relations:
        return []
    size = _terms(chart)
    seen = set()
    for g in chart.generators:
        if len(terms_of(g)) == 1 or len(terms_of(g)) > LARGEST:
            continue
        degrees = g.degrees()
        for i, v in enumerate(chart.names):
            if degrees[i] != 1 or v not in chart.local:
                continue
            slope = g.derivative(i)
            if len(terms_of(slope)) == 1 or str(slope) in seen:
                continue
            seen.add(str(slope))
            for w in (*chart.local, *(n for n in chart.units if n in chart.free)):
                if w == v or _carries(chart, w):
                    continue
                parts = linear_parts(chart, slope, w)
                if parts is None:
                    continue
                move = _changed(chart, w, *parts, fresh)
                if _terms(move(chart)) < size:
                    return [move]
    return []


def paired_off(chart: Chart, fresh: Callable[[str], str], check: Callable[[], None]) -> list[Move]:
    r"""Changes of coordinates after which a generator is v w, or c v², + terms without v and w, if
    they leave fewer terms in all.

    g = v·A + B with A = c·w + r, c a unit: A becomes the coordinate w, then v + B_w becomes v,
    where B = w·B_w + terms without w (the splitting lemma of Morse theory; for a determinant, the
    clearing of a row and a column).
    """
    if chart.relations:
        return []
    size = _terms(chart)
    for index, g in enumerate(chart.generators):
        check()
        if len(terms_of(g)) == 1 or len(terms_of(g)) > LARGEST:
            continue
        current, moves = chart, list[Move]()
        done: set[str] = set()
        for _ in range(len(chart.names)):
            check()
            if len(current.generators) <= index or _terms(current) > GROWTH * size + LEAST_GROWTH:
                break
            step = _pair(current, current.generators[index], done, fresh)
            if not step:
                break
            for move in step:
                moves.append(move)
                current = move(current)
            while (division := next(_divisions(current), None)) is not None:
                moves.append(division)
                current = division(current)
            if _terms(current) < size:
                return moves
    return []


def straightest(chart: Chart, fresh: Callable[[str], str], check: Callable[[], None]) -> list[Move]:
    """A factor of a generator made a coordinate, if more generators are monomials then, and the
    terms in all not many more.
    """
    if chart.relations:
        return []
    most = GROWTH * _terms(chart) + LEAST_GROWTH
    rest = sum(len(terms_of(g)) > 1 for g in chart.generators)
    for g in sorted(
        (g for g in chart.generators if 1 < len(terms_of(g)) <= LARGEST),
        key=lambda g: len(terms_of(g)),
    ):
        for factor, _ in factors_of(g):
            if len(terms_of(factor)) == 1:
                continue
            for v in (*chart.local, *(n for n in chart.units if n in chart.free)):
                parts = None if _carries(chart, v) else linear_parts(chart, factor, v)
                if parts is None:
                    continue
                check()
                move = _changed(chart, v, *parts, fresh)
                after = move(chart)
                if (
                    sum(len(terms_of(p)) > 1 for p in after.generators) < rest
                    and _terms(after) <= most
                ):
                    return [move]
    return []


GROWTH, LEAST_GROWTH = 2, 20


def _pair(chart: Chart, g: Poly, done: set[str], fresh: Callable[[str], str]) -> list[Move]:
    """The changes for two coordinates that are not ``done`` yet; these are added to it."""
    names = [
        n
        for n in (*chart.local, *chart.units)
        if n not in done and (n in chart.local or n in chart.free)
    ]
    for v in names:
        position = chart.names.index(v)
        if v in done or _carries(chart, v):
            continue
        if g.degrees()[position] == 2:
            parts = linear_parts(chart, g.derivative(position), v)
            if parts is not None and parts[1] != 0:
                move = _changed(chart, v, *parts, fresh)
                done.add(move.name)
                return [move]
        if g.degrees()[position] != 1:
            continue
        slope = g.derivative(position)
        for w in names:
            if w == v or w in done or _carries(chart, w):
                continue
            parts = linear_parts(chart, slope, w)
            if parts is None:
                continue
            moves: list[Move] = []
            other = w
            moved = chart
            if parts[1] != 0:
                move = _changed(chart, w, *parts, fresh)
                moves.append(move)
                moved, other = move(chart), move.name
            halves = next(
                (
                    h
                    for h in (_halves(moved, p, v, other) for p in moved.generators)
                    if h is not None
                ),
                None,
            )
            if halves is None:
                continue
            unit, rest = halves
            done.add(other)
            if rest == 0:
                done.add(v)
            else:
                last = _changed(moved, v, unit, rest, fresh)
                moves.append(last)
                done.add(last.name)
            if moves:
                return moves
            break
    return []


def _halves(chart: Chart, g: Poly, v: str, w: str) -> tuple[Poly, Poly] | None:
    """(U, P) with g = (U·v + P)·w + terms without v and w, where U·v + P may be a coordinate in the
    place of v.
    """
    i, j = chart.names.index(v), chart.names.index(w)
    terms = terms_of(g)
    with_v = {e: c for e, c in terms.items() if e[i]}
    if not with_v or any(e[i] != 1 or e[j] != 1 for e in with_v):
        return None
    unit = chart.ring.from_dict(
        {tuple(a * (k not in (i, j)) for k, a in enumerate(e)): c for e, c in with_v.items()}
    )
    rest = chart.ring.from_dict(
        {
            tuple(a - (k == j) for k, a in enumerate(e)): c
            for e, c in terms.items()
            if not e[i] and e[j]
        }
    )
    if not is_unit(chart, unit) or (v in chart.local and chart.at_zero(rest) != 0):
        return None
    return unit, rest


def _carries(chart: Chart, v: str) -> bool:
    return v in chart.local and bool(
        chart.exponents[chart.local.index(v)] or chart.weights[chart.local.index(v)]
    )


def _changed(
    chart: Chart, v: str, slope: Poly, rest: Poly, fresh: Callable[[str], str]
) -> Solve | Change:
    return (Solve if v in chart.local else Change)(v, slope, rest, fresh("u"))


def _terms(chart: Chart) -> int:
    return sum(len(terms_of(p)) for p in (*chart.generators, chart.prior))


def linear_parts(chart: Chart, g: Poly, v: str) -> tuple[Poly, Poly] | None:
    """(c, p) with g = c·v + p, c a unit and p without v, if v may be replaced by g as a
    coordinate.
    """
    index = chart.names.index(v)
    if g.degrees()[index] != 1 or any(
        v in used(chart, relation) for _, relation in chart.relations
    ):
        return None
    if v in chart.local and (
        chart.exponents[chart.local.index(v)] or chart.weights[chart.local.index(v)]
    ):
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
