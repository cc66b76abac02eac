"""Do real polynomials have a common zero with no coordinate zero? Proofs that they have none."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from math import gcd, lcm
from typing import Any, Literal

from flint import fmpq, fmpq_poly, fmpz, fmpz_mpoly_ctx, fmpz_mpoly_vec

from singlearn.exact.read.ring import Poly, Terms, ring, terms_of
from singlearn.exact.resolve.chart import Chart
from singlearn.exact.resolve.fan import Vector
from singlearn.exact.resolve.lattice import _column_echelon
from singlearn.numbers.linear_algebra import rank_of_integers

Verdict = Literal["monomial", "signs", "univariate", "groebner", "factors", "real", "unknown"]
"""How a common zero was excluded; ``real``: there is one; ``unknown``: neither was shown."""

EXCLUDED = ("monomial", "signs", "univariate", "groebner", "factors")


def zeros(chart: Chart, polys: Sequence[Poly], avoid: Sequence[Poly] = ()) -> Verdict:
    """Whether ``polys`` have a common zero off the divisors of the chart, where no polynomial of
    ``avoid`` vanishes.
    """
    return torus_zeros(polys, [*chart.nonzero, *avoid], free=chart.free_places)


def torus_zeros(
    polys: Sequence[Poly],
    nonzero: Sequence[Poly] = (),
    patience: int = 40,
    free: Sequence[int] = (),
) -> Verdict:
    """Whether ``polys`` have a common zero in (ℝ∖0)^n where no polynomial of ``nonzero`` vanishes;
    ``free`` coordinates may be 0.

    >>> x, y = ring("xy").gens()
    >>> torus_zeros([x**2 - 2*y**2]), torus_zeros([x**2 + y**2]), torus_zeros([x - y, x + y])
    ('real', 'signs', 'univariate')
    """
    terms = [terms_of(poly) for poly in polys if poly != 0]
    key = tuple(sorted(tuple(sorted((e, str(c)) for e, c in t.items())) for t in terms))
    other = tuple(tuple(sorted((e, str(c)) for e, c in terms_of(p).items())) for p in nonzero)
    # Where no polynomial contains a free coordinate, its value does not matter: to avoid zeros is
    # an open condition.
    live = tuple(i for i in free if any(e[i] for t in terms for e in t))
    return _torus_zeros(key, other, patience, live)


@lru_cache(maxsize=50_000)
def _torus_zeros(
    key: tuple[Any, ...], other: tuple[Any, ...], patience: int, free: tuple[int, ...]
) -> Verdict:
    terms = [{e: rational(c) for e, c in poly} for poly in key]
    avoid = [{e: rational(c) for e, c in poly} for poly in other]
    if free:
        return _free_zeros(terms, avoid, patience, free)
    if any(len(t) == 1 for t in terms):
        return "monomial"
    if any(_one_sign(t) for t in terms):
        return "signs"
    if not terms:
        return "real"
    reduced, rest = dehomogenised(terms, avoid)
    size = len(next(iter(reduced[0])))
    if size == 1 and not rest:
        return "real" if _univariate_root(reduced) else "univariate"
    if len(reduced) == 1 and not rest:
        return _one_polynomial(reduced[0], size)
    if _unit_ideal(reduced, rest, size, patience):
        return "groebner"
    return "unknown"


def _free_zeros(
    terms: list[Terms], avoid: list[Terms], patience: int, free: tuple[int, ...]
) -> Verdict:
    if any(len(t) == 1 and _strict(t, free) for t in terms):
        return "monomial"
    if any(_strict(t, free) for t in terms):
        return "signs"
    size = len(next(iter(terms[0])))
    if len(terms) == 1 and all(
        _definite_or_strict(factor, free) for factor in _factors_of(terms[0], size)
    ):
        return "factors"
    if _unit_ideal(terms, avoid, size, patience, free):
        return "groebner"
    return "unknown"


def _factors_of(terms: Terms, size: int) -> list[Terms]:
    context = ring([f"t{i}" for i in range(size)])
    return [terms_of(factor) for factor, _ in context.from_dict(terms).factor()[1]]


def _definite_or_strict(terms: Terms, free: tuple[int, ...]) -> bool:
    return _strict(terms, free) or _negative_discriminant(terms, free)


def _strict(terms: Terms, free: Sequence[int]) -> bool:
    """One sign, and not 0 where free coordinates are: their exponents are even, and a term has none
    of them.
    """
    return (
        _one_sign(terms)
        and not any(e[i] % 2 for e in terms for i in free)
        and any(not any(e[i] for i in free) for e in terms)
    )


def _negative_discriminant(terms: Terms, free: Sequence[int]) -> bool:
    """Quadratic in a variable, 4ac - b² > 0 wherever the coordinates that are not free are not
    0.
    """
    size = len(next(iter(terms)))
    context = ring([f"t{i}" for i in range(size)])
    for index in range(size):
        if max(e[index] for e in terms) != 2:
            continue
        parts: list[Terms] = [{}, {}, {}]
        for e, c in terms.items():
            parts[e[index]][(*e[:index], 0, *e[index + 1 :])] = c
        c0, c1, c2 = (context.from_dict(part) for part in parts)
        discriminant = terms_of(4 * c2 * c0 - c1 * c1)
        even = bool(discriminant) and _one_sign_everywhere(context.from_dict(discriminant))
        if even and _strict(discriminant, free) and sum(discriminant.values(), fmpq(0)) > 0:
            return True
    return False


def rational(text: str) -> fmpq:
    """A coefficient read back."""
    top, _, bottom = text.partition("/")
    return fmpq(int(top), int(bottom or 1))


def _one_sign(terms: Terms) -> bool:
    """All exponents congruent modulo 2, all coefficients of one sign: no zero without a zero
    coordinate.
    """
    exponents = list(terms)
    first = [v % 2 for v in exponents[0]]
    if any([v % 2 for v in e] != first for e in exponents):
        return False
    return all(c > 0 for c in terms.values()) or all(c < 0 for c in terms.values())


def dehomogenised(
    polys: Sequence[Terms], others: Sequence[Terms] = ()
) -> tuple[list[Terms], list[Terms]]:
    """The same zeros in as few torus coordinates as the exponents need (an invertible monomial
    change of coordinates).
    """
    differences: list[Vector] = []
    every = [*polys, *others]
    for poly in every:
        base = next(iter(poly))
        for e in poly:
            difference = tuple(a - b for a, b in zip(e, base, strict=True))
            if (
                any(difference)
                and difference not in differences
                and rank_of_integers([*differences, difference]) > len(differences)
            ):
                differences.append(difference)
    if not differences:  # only monomials
        return [{(0,): next(iter(p.values()))} for p in polys], [
            {(0,): next(iter(p.values()))} for p in others
        ]
    _, operations = _column_echelon(differences)
    size = len(differences)
    result = []
    for poly in every:
        moved = {
            tuple(sum(a * operations[i][j] for i, a in enumerate(e)) for j in range(size)): c
            for e, c in poly.items()
        }
        low = [min(e[i] for e in moved) for i in range(size)]
        result.append(
            {tuple(a - b for a, b in zip(e, low, strict=True)): c for e, c in moved.items()}
        )
    return result[: len(polys)], result[len(polys) :]


def _univariate_root(polys: Sequence[Terms]) -> bool:
    common = fmpq_poly([])
    for terms in polys:
        coefficients = [fmpq(0)] * (max(e[0] for e in terms) + 1)
        for e, c in terms.items():
            coefficients[e[0]] = c
        common = common.gcd(fmpq_poly(coefficients))
    return real_roots(common) > 0


def real_roots(poly: fmpq_poly) -> int:
    """The number of distinct real roots other than 0 (Sturm)."""
    while poly.degree() > 0 and poly[0] == 0:
        poly = fmpq_poly(poly.coeffs()[1:])
    if poly.degree() < 1:
        return 0
    chain = [poly, poly.derivative()]
    while chain[-1] != 0:
        chain.append(-(chain[-2] % chain[-1]))
    chain.pop()

    def changes(signs: list[bool]) -> int:
        return sum(a != b for a, b in pairwise(signs))

    upper = changes([p[p.degree()] > 0 for p in chain])
    lower = changes([(p[p.degree()] > 0) == (p.degree() % 2 == 0) for p in chain])
    return lower - upper


def _one_polynomial(terms: Terms, size: int) -> Verdict:
    """Every irreducible factor has one sign."""
    names = [f"t{i}" for i in range(size)]
    context = ring(names)
    _, factors = context.from_dict(terms).factor()
    if all(_definite(factor, context) for factor, _ in factors):
        return "factors"
    return "unknown"


def _definite(poly: Poly, context: Any) -> bool:
    """Never zero on the torus: one sign, or quadratic in a variable with leading coefficient and
    minus discriminant of one sign.
    """
    terms = terms_of(poly)
    if len(terms) == 1 or _one_sign(terms):
        return True
    reduced, _ = dehomogenised([terms])
    if len(next(iter(reduced[0]))) == 1:
        return not _univariate_root(reduced)
    for index, degree in enumerate(poly.degrees()):
        if degree != 2:
            continue
        parts: list[Terms] = [{}, {}, {}]
        for e, c in terms.items():
            parts[e[index]][(*e[:index], 0, *e[index + 1 :])] = c
        c0, c1, c2 = (context.from_dict(part) for part in parts)
        discriminant = 4 * c2 * c0 - c1 * c1
        if (
            discriminant == 0
            or not _one_sign_everywhere(c2)
            or not _one_sign_everywhere(discriminant)
        ):
            continue
        if _sign(c2) == _sign(c0) and _sign(discriminant) > 0:
            return True
    return False


def _one_sign_everywhere(poly: Poly) -> bool:
    """All exponents even, all coefficients of one sign (so the sign does not depend on the
    orthant).
    """
    terms = terms_of(poly)
    return bool(terms) and all(not any(v % 2 for v in e) for e in terms) and _one_sign(terms)


def _sign(poly: Poly) -> int:
    value = sum(poly.coeffs(), fmpq(0))  # at (1, …, 1)
    return (value > 0) - (value < 0)


def _unit_ideal(
    polys: Sequence[Terms],
    avoid: Sequence[Terms],
    size: int,
    patience: int,
    free: Sequence[int] = (),
) -> bool:
    """Hilbert: 1 lies in the ideal generated by the polynomials and 1 - z·(product of the
    coordinates, free ones not, and of ``avoid``).
    """
    context = fmpz_mpoly_ctx.get(("z_", *(f"t{i}" for i in range(size))), "degrevlex")
    gens = context.gens()
    product = context.constant(1)
    for i, g in enumerate(gens, start=-1):
        if i not in free:
            product = product * g
    for terms in avoid:
        product = product * integral(context, terms)
    ideal = [integral(context, terms) for terms in polys] + [product - 1]
    vector = fmpz_mpoly_vec(ideal, context)
    basis, _ = vector.buchberger_naive(limits=(patience, 150, 1000))
    return any(p.is_constant() and p != 0 for p in members(basis))


def members(basis: Any) -> Any:
    """A vector of flint, which its type hints do not say is iterable."""
    return basis


def integral(context: Any, terms: Terms) -> Any:
    """The primitive polynomial with whole coefficients on the same ray, in a ring with one more
    variable.
    """
    denominator = 1
    content = 0
    for c in terms.values():
        denominator = lcm(denominator, int(c.q))
    for c in terms.values():
        content = gcd(content, int((c * denominator).p))
    return context.from_dict(
        {(0, *e): fmpz(int((c * denominator).p) // content) for e, c in terms.items()}
    )
