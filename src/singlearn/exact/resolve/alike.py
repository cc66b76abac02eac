"""Charts that are alike: the same function and density up to the names of coordinates and signs."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from singlearn.exact.read.ring import terms_of
from singlearn.exact.resolve.chart import Chart

Terms = dict[tuple[int, ...], str]

ROUNDS = 2
"""Refinements of what is known of a coordinate by what is known of those beside it in a term."""


def form(chart: Chart) -> Hashable:
    """Equal for two charts only if renaming coordinates, and signs of generators, turn one into the
    other.

    Coordinates are put into an order by what they do in the chart, ties in the order that they
    have: two charts that are alike may still have different forms, so that counts of forms are
    upper bounds.

    Args:
        chart: after its moves.

    Returns:
        Something hashable.
    """
    count = len(chart.local)
    generators = [_terms(g) for g in chart.generators]
    conditions = [_terms(g) for g in (*(poly for _, poly in chart.relations), *chart.nonzero)]
    prior = _terms(chart.prior)
    known: list[Any] = [
        (i >= count, (chart.exponents[i], chart.weights[i]) if i < count else ())
        for i in range(len(chart.names))
    ]
    for _ in range(ROUNDS):
        finer = [
            (known[i], _places(generators, known, i), _places(conditions, known, i))
            for i in range(len(known))
        ]
        ranks = {key: rank for rank, key in enumerate(sorted(set(finer), key=repr))}
        known = [ranks[key] for key in finer]
    order = sorted(range(len(known)), key=lambda i: (known[i], i))
    header = tuple(
        (i >= count, (chart.exponents[i], chart.weights[i]) if i < count else ()) for i in order
    )
    return (chart.power, header, *_written(generators, conditions, prior, order))


def _places(polys: list[Terms], known: list[Any], index: int) -> tuple[Any, ...]:
    """Where a coordinate stands: the terms that have it, by what is known of the coordinates in
    them.
    """
    found = []
    for terms in polys:
        beside = [
            (e[index], sorted((known[j], k) for j, k in enumerate(e) if k))
            for e in terms
            if e[index]
        ]
        found.append((len(terms), repr(sorted(beside, key=repr))))
    return tuple(sorted(found))


def _terms(poly: Any) -> Terms:
    return {e: str(c) for e, c in terms_of(poly).items()}


def _written(
    generators: list[Terms], conditions: list[Terms], prior: Terms, order: list[int]
) -> tuple[Any, ...]:
    def moved(terms: Terms) -> list[tuple[tuple[int, ...], str]]:
        return sorted((tuple(e[i] for i in order), c) for e, c in terms.items())

    def unsigned(terms: Terms) -> tuple[Any, ...]:
        found = moved(terms)
        if not found or not found[0][1].startswith("-"):
            return tuple(found)
        return tuple((e, c[1:] if c.startswith("-") else f"-{c}") for e, c in found)

    return (
        tuple(sorted(map(unsigned, generators))),
        tuple(sorted(map(unsigned, conditions))),
        tuple(moved(prior)),
    )
