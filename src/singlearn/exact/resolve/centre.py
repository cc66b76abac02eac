"""Coordinate subspaces on which generators vanish, as centres of blow-ups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from singlearn.exact.read.ring import Poly, terms_of
from singlearn.exact.resolve.chart import Chart
from singlearn.exact.resolve.fan import Vector

FEW = 4
"""Subspaces that are offered."""

MOST = 300
"""Subspaces that are compared."""


def bilinear(polys: Sequence[Poly], lower: bool = False) -> list[tuple[list[int], list[int]]]:
    """The two sides of each connected set of variables, where every polynomial is a form of degree
    one in either side; empty if that is not so.

    Variables are joined where they stand in one term. ``lower``: terms of degree one and constants
    are passed over.
    """
    beside: dict[int, set[int]] = {}
    for poly in polys:
        for e in terms_of(poly):
            places = [i for i, v in enumerate(e) if v]
            if lower and sum(e) < 2:
                continue
            if len(places) != 2 or sum(e) != 2:
                return []
            for i, j in (places, places[::-1]):
                beside.setdefault(i, set()).add(j)
    sides: dict[int, int] = {}
    found = []
    for start in sorted(beside):
        if start in sides:
            continue
        sides[start], waiting = 0, [start]
        both: tuple[list[int], list[int]] = ([start], [])
        while waiting:
            i = waiting.pop()
            for j in sorted(beside[i]):
                if j not in sides:
                    sides[j] = 1 - sides[i]
                    both[sides[j]].append(j)
                    waiting.append(j)
                elif sides[j] == sides[i]:
                    return []
        found.append(both)
    return found


def product_centre(chart: Chart) -> tuple[str, ...]:
    """The coordinates that are generators, and the smaller side of the others, where these are
    bilinear: for a product of matrices, the entries of one of them. Empty where they are not.
    """
    single = [g for g in chart.generators if len(terms_of(g)) == 1]
    several = [g for g in chart.generators if len(terms_of(g)) > 1]
    if len(several) < 2 or any(sum(next(iter(terms_of(g)))) != 1 for g in single):
        return ()
    sides = bilinear(several)
    chosen = [next(iter(terms_of(g))).index(1) for g in single]
    for first, second in sides:
        chosen += sorted(second if len(second) < len(first) else first)
    count = len(chart.local)
    if not sides or any(
        i >= count or chart.exponents[i] or chart.weights[i]
        for i in {*chosen, *(i for both in sides for side in both for i in side)}
    ):
        return ()
    return tuple(chart.local[i] for i in chosen)


def centres(chart: Chart) -> list[tuple[str, ...]]:
    """For each of a few subspaces of codimension 2 or more the local coordinates that are 0 on it,
    small codimensions first.

    The generators, monomials aside, should be forms in these coordinates, of low degree in the
    others, so that the blow-up makes them simpler; where that cannot be done for all, the shortest
    one. At most one of the coordinates carries a monomial or a weight; it comes first, for the
    charts after it keep it local.
    """
    plain = [
        i
        for i, (k, h) in enumerate(zip(chart.exponents, chart.weights, strict=True))
        if not k and not h
    ]
    cofactors = sorted((c for c in (_cofactor(chart, g) for g in chart.generators) if c), key=len)
    if not cofactors:
        return []
    return _centres(chart, plain, cofactors) or _centres(chart, plain, cofactors[:1])


def _cofactor(chart: Chart, g: Poly) -> list[Vector]:
    """The exponents of a generator without its largest monomial; none if it is a monomial."""
    count = len(chart.local)
    exponents = {e[:count] for e in terms_of(g)}
    low = [min(e[i] for e in exponents) for i in range(count)]
    return (
        [tuple(a - b for a, b in zip(e, low, strict=True)) for e in sorted(exponents)]
        if len(exponents) > 1
        else []
    )


def _centres(chart: Chart, plain: list[int], terms: list[list[Vector]]) -> list[tuple[str, ...]]:
    count = len(chart.local)
    every = sorted({e for g in terms for e in g}, key=lambda e: (sum(1 for v in e if v), e))
    if any(not any(e) for e in every):
        return []
    found = set()
    used = tuple(i for i in plain if any(e[i] for e in every))
    candidates = [used] if all(any(e[i] for i in used) for e in every) else []
    for number, centre in enumerate(
        chain(candidates, _covers(every, set(range(count)) - set(plain)))
    ):
        if number > MOST:
            break
        if len(centre) > 1:
            found.add(
                ((*_cost(terms, centre), sum(i not in plain for i in centre), len(centre)), centre)
            )
    few = [centre for _, centre in sorted(found)[:FEW]]
    few += [used] if candidates and used not in few and len(used) > 1 else []
    quadrics = all(sum(e) == 2 for g in terms for e in g)
    few.sort(key=lambda centre: (not quadrics or centre != used, len(centre)))
    return [
        tuple(chart.local[i] for i in sorted(centre, key=lambda i: (i in plain, i)))
        for centre in few
    ]


def _cost(terms: list[list[Vector]], centre: tuple[int, ...]) -> tuple[int, ...]:
    """How far the generators are from forms in the coordinates of the centre, and their degree in
    the others.
    """
    uneven, highest = 0, 0
    for g in terms:
        inside = [sum(e[i] for i in centre) for e in g]
        uneven += max(inside) - min(inside)
        highest = max(highest, *(sum(e) - d for e, d in zip(g, inside, strict=True)))
    return uneven, highest


def _covers(terms: list[Vector], heavy: set[int]) -> Iterator[tuple[int, ...]]:
    """Sets of places such that every term has one of them, with at most one of the heavy ones;
    smaller ones are not all minimal.
    """
    waiting: list[tuple[int, ...]] = [()]
    seen = set()
    while waiting:
        chosen = waiting.pop()
        missed = next((e for e in terms if not any(e[i] for i in chosen)), None)
        if missed is None:
            yield tuple(sorted(chosen))
            continue
        for i, v in enumerate(missed):
            wider = tuple(sorted((*chosen, i)))
            if v and wider not in seen and sum(j in heavy for j in wider) <= 1:
                seen.add(wider)
                waiting.append(wider)
