"""Exact evidence that polynomials have a common real zero with no coordinate zero."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, product

from singlearn.exact.read.ring import Poly, terms_of
from singlearn.exact.resolve.torus import torus_zeros
from singlearn.numbers.linear_algebra import solve

Point = tuple[Fraction, ...]
ZeroWitness = tuple[Point, ...]
"""No point: a single variable and Sturm's theorem say so. One: a zero with independent
differentials. Two, in one orthant: the sign changes between them, so that the zeros of an
irreducible polynomial have codimension one there.
"""

VALUES = [Fraction(n, d) for n in (1, 2, 3, 5, 7) for d in (1, 2, 3, 5)]


def real_zero(
    polys: Sequence[Poly], size: int, nonzero: Sequence[Poly] = (), tries: int = 200
) -> ZeroWitness | None:
    """Evidence, or None if none was found.

    Args:
        polys: one with a simple change of sign, or as many as there are variables in which they are
            together linear.
        size: number of variables.
        nonzero: polynomials that should not vanish there.
    """
    if not nonzero and torus_zeros(polys) == "real":
        return ()
    generator = random.Random(1)
    if len(polys) > 1:
        return _linear_zero(polys, size, nonzero, generator, tries)
    if any(not polys[0].gcd(p).is_constant() for p in nonzero):
        return None
    return _sign_change(polys[0], size, generator, tries)


def value_at(poly: Poly, point: Point) -> Fraction:
    """Exact value."""
    total = Fraction(0)
    for e, c in terms_of(poly).items():
        term = Fraction(int(c.p), int(c.q))
        for x, power in zip(point, e, strict=True):
            if power:
                term *= x**power
        total += term
    return total


def _sign_change(poly: Poly, size: int, generator: random.Random, tries: int) -> ZeroWitness | None:
    live = [i for i, d in enumerate(poly.degrees()) if d]
    orthants = list(product((1, -1), repeat=len(live))) if len(live) <= 6 else []
    seen: dict[tuple[int, ...], dict[bool, Point]] = {}
    for _ in range(tries):
        signs = (
            generator.choice(orthants)
            if orthants
            else tuple(generator.choice((1, -1)) for _ in live)
        )
        point = [Fraction(1)] * size
        for i, sign in zip(live, signs, strict=True):
            point[i] = sign * generator.choice(VALUES)
        value = value_at(poly, tuple(point))
        if value == 0:
            continue
        known = seen.setdefault(signs, {})
        known[value > 0] = tuple(point)
        if len(known) == 2:
            return known[True], known[False]
    return None


def _linear_zero(
    polys: Sequence[Poly], size: int, nonzero: Sequence[Poly], generator: random.Random, tries: int
) -> ZeroWitness | None:
    count = len(polys)
    candidates = [
        i
        for i in range(size)
        if any(p.degrees()[i] for p in polys) and all(p.degrees()[i] <= 1 for p in polys)
    ]
    for chosen in combinations(candidates, count):
        if any(sum(e[i] for i in chosen) > 1 for p in polys for e in terms_of(p)):
            continue
        for _ in range(max(5, tries // 20)):
            point = [generator.choice((1, -1)) * generator.choice(VALUES) for _ in range(size)]
            for i in chosen:
                point[i] = Fraction(0)
            rows, right = [], []
            for p in polys:
                constant = value_at(p, tuple(point))
                row = []
                for i in chosen:
                    point[i] = Fraction(1)
                    row.append(value_at(p, tuple(point)) - constant)
                    point[i] = Fraction(0)
                rows.append(row)
                right.append(-constant)
            solution = _solved(rows, right)
            if solution is None or any(v == 0 for v in solution):
                continue
            for i, v in zip(chosen, solution, strict=True):
                point[i] = v
            if all(value_at(p, tuple(point)) for p in nonzero):
                return (tuple(point),)
    return None


def _solved(matrix: list[list[Fraction]], right: list[Fraction]) -> list[Fraction] | None:
    """The solution, or ``None`` where the matrix is singular."""
    try:
        return solve(matrix, right)
    except ValueError:
        return None
