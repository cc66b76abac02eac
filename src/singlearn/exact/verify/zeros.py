"""Proofs that polynomials have no common real zero off the coordinate hyperplanes, checked with
SymPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from singlearn.exact.verify.polynomial import Terms, add, constant, multiply


def no_zeros(polys: Sequence[Terms], nonzero: Sequence[Terms], free: Sequence[int] = ()) -> bool:
    """Whether one of five methods shows that there is no common zero where no coordinate is 0 and
    none of ``nonzero`` vanishes.

    ``free`` coordinates may be 0. If the polynomials contain none of them, zeros with one that is 0
    are limits of zeros with none, and what does not vanish there does not vanish nearby; so that it
    is enough to look at the latter.
    """
    live = [p for p in polys if p]
    met = [i for i in free if any(e[i] for p in live for e in p)]
    if met:
        return _strictly(live, met) or _groebner_free(live, nonzero, met)
    return any(
        method(live, nonzero)
        for method in (_monomial, _signs, _univariate, _factors, _groebner)
        if live
    )


def _strictly(polys: Sequence[Terms], free: Sequence[int]) -> bool:
    """One polynomial has one sign, or there is one and every factor of it has, though free
    coordinates may be 0.
    """
    return any(_strict(p, free) for p in polys) or any(
        all(
            _strict(factor, free) or _strict_discriminant(factor, free)
            for factor, _ in factorised(p)
        )
        for p in polys[:1]
    )


def _strict(poly: Terms, free: Sequence[int]) -> bool:
    """One sign where coordinates are 0 too, if they are free: one term has none of them, so that
    their powers are even.
    """
    return _constant_sign(poly) and not all(any(e[i] for i in free) for e in poly)


def _strict_discriminant(poly: Terms, free: Sequence[int]) -> bool:
    """A quadratic in a variable, with 4ac - b² > 0 whatever the free coordinates are."""
    for index in range(len(next(iter(poly)))):
        if max(e[index] for e in poly) == 2:
            found = _discriminant(poly, index)
            if _even(found) and found[max(found)] > 0 and _strict(found, free):
                return True
    return False


def _groebner_free(polys: Sequence[Terms], nonzero: Sequence[Terms], free: Sequence[int]) -> bool:
    """Hilbert: as :func:`_groebner`, but the free coordinates need no inverse."""
    import sympy
    from sympy.polys.orderings import grevlex

    symbols = sympy.symbols(f"s0:{len(next(iter(polys[0])))}")
    inverse = sympy.Symbol("inverse")
    product = sympy.Mul(
        *(s for i, s in enumerate(symbols) if i not in free),
        *(_poly(q, symbols).as_expr() for q in nonzero),
    )
    ideal = [_poly(p, symbols).as_expr() for p in polys]
    basis = sympy.groebner(
        [*ideal, inverse * product - 1], inverse, *symbols, order=grevlex, domain="QQ"
    )
    return list(basis.exprs) == [1]


def irreducible(poly: Terms) -> bool:
    """Whether it is no product, monomials aside."""
    return sum(times for factor, times in factorised(poly) if len(factor) > 1) == 1


def coprime(one: Terms, other: Terms) -> bool:
    """Whether the two have no factor in common."""
    import sympy

    symbols = sympy.symbols(f"s0:{len(next(iter(one)))}")
    return bool(_poly(one, symbols).gcd(_poly(other, symbols)).is_ground)


def _monomial(polys: Sequence[Terms], nonzero: Sequence[Terms]) -> bool:
    return any(len(p) == 1 for p in polys)


def _signs(polys: Sequence[Terms], nonzero: Sequence[Terms]) -> bool:
    return any(_constant_sign(p) for p in polys)


def _constant_sign(poly: Terms) -> bool:
    parities = {tuple(v % 2 for v in e) for e in poly}
    signs = {c > 0 for c in poly.values()}
    return len(parities) == 1 and len(signs) == 1


def _univariate(polys: Sequence[Terms], nonzero: Sequence[Terms]) -> bool:
    return single_variable_roots(polys) == 0


def single_variable_roots(polys: Sequence[Terms]) -> int:
    """The number of real values ≠ 0 of a monomial where all vanish, if all are polynomials in it,
    monomials aside; -1 otherwise.
    """
    lines = [_on_line(p) for p in polys]
    directions = {line[0] for line in lines if line is not None and any(line[0])}
    if any(line is None for line in lines) or len(directions) != 1:
        return -1
    return univariate_roots([line[1] for line in lines if line is not None])


def _on_line(poly: Terms) -> tuple[tuple[int, ...], dict[int, Fraction]] | None:
    """(d, {k: c}) when all exponents are base + k·d with d primitive, its first entry positive;
    None otherwise.
    """
    from math import gcd

    exponents = list(poly)
    base = exponents[0]
    differences = [tuple(a - b for a, b in zip(e, base, strict=True)) for e in exponents]
    first = next((d for d in differences if any(d)), None)
    if first is None:
        return (0,) * len(base), {0: poly[base]}
    divisor = gcd(*first)
    direction = tuple(v // divisor for v in first)
    if next(v for v in direction if v) < 0:
        direction = tuple(-v for v in direction)
    index = next(i for i, v in enumerate(direction) if v)
    result = {}
    for e, d in zip(exponents, differences, strict=True):
        k = d[index] // direction[index]
        if tuple(k * v for v in direction) != d:
            return None
        result[k] = poly[e]
    low = min(result)
    return direction, {k - low: c for k, c in result.items()}


def univariate_roots(polys: Sequence[dict[int, Fraction]]) -> int:
    """The number of distinct common real roots other than 0."""
    import sympy

    s = sympy.Symbol("s")
    common = sympy.Poly(0, s, domain="QQ")
    for terms in polys:
        common = common.gcd(
            sympy.Poly(
                {(k,): sympy.Rational(c.numerator, c.denominator) for k, c in terms.items()},
                s,
                domain="QQ",
            )
        )
    while not common.is_zero and common.eval(0) == 0:
        common = common.exquo(sympy.Poly(s, s, domain="QQ"))
    if common.degree() < 1:
        return 0
    return int(common.sqf_part().count_roots())


def _factors(polys: Sequence[Terms], nonzero: Sequence[Terms]) -> bool:
    return any(all(_definite(factor) for factor, _ in factorised(p)) for p in polys[:1])


def factorised(poly: Terms) -> list[tuple[Terms, int]]:
    """The irreducible factors over the rational numbers, with multiplicities."""
    import sympy

    size = len(next(iter(poly), ()))
    symbols = sympy.symbols(f"s0:{size}")
    _, factors = sympy.factor_list(_poly(poly, symbols))
    return [
        ({e: Fraction(int(c.p), int(c.q)) for e, c in factor.terms()}, times)
        for factor, times in factors
    ]


def _definite(poly: Terms) -> bool:
    """One sign, no real root in the one monomial it depends on, or a quadratic with negative
    discriminant.
    """
    if _constant_sign(poly):
        return True
    line = _on_line(poly)
    if line is not None:
        return univariate_roots([line[1]]) == 0
    for form in (_fewest_variables(poly), poly):
        size = len(next(iter(form)))
        for index in range(size):
            if max(e[index] for e in form) != 2:
                continue
            discriminant = _discriminant(form, index)
            if _even(discriminant) and discriminant[max(discriminant)] > 0:
                return True
    return False


def _discriminant(poly: Terms, index: int) -> Terms:
    """4ac - b² of a quadratic in one variable."""
    size = len(next(iter(poly)))
    c: list[Terms] = [{}, {}, {}]
    for e, value in poly.items():
        c[e[index]][(*e[:index], 0, *e[index + 1 :])] = value
    return add(multiply(multiply(constant(size, 4), c[2]), c[0]), multiply(c[1], c[1]), -1)


def _even(poly: Terms) -> bool:
    return all(v % 2 == 0 for e in poly for v in e) and _constant_sign(poly)


def _groebner(polys: Sequence[Terms], nonzero: Sequence[Terms]) -> bool:
    """Hilbert: the ideal of the polynomials, with an inverse of all that may not vanish, contains
    1.
    """
    import sympy
    from sympy.polys.orderings import grevlex

    together = _shared_variables([*polys, *nonzero])
    size = len(next(iter(together[0])))
    symbols = sympy.symbols(f"s0:{size}")
    inverse = sympy.Symbol("inverse")
    product = sympy.Poly(sympy.Mul(*symbols), inverse, *symbols, domain="QQ")
    for p in together[len(polys) :]:
        product *= sympy.Poly(_poly(p, symbols).as_expr(), inverse, *symbols, domain="QQ")
    ideal = [
        sympy.Poly(_poly(p, symbols).as_expr(), inverse, *symbols, domain="QQ")
        for p in together[: len(polys)]
    ]
    last = product * sympy.Poly(inverse, inverse, *symbols, domain="QQ") - 1
    basis = sympy.groebner([*ideal, last], inverse, *symbols, order=grevlex, domain="QQ")
    return list(basis.exprs) == [1]


def _poly(terms: Terms, symbols: Sequence[Any]) -> Any:
    import sympy

    return sympy.Poly(
        {e: sympy.Rational(c.numerator, c.denominator) for e, c in terms.items()},
        *symbols,
        domain="QQ",
    )


def _fewest_variables(poly: Terms) -> Terms:
    return _shared_variables([poly])[0]


def _shared_variables(polys: Sequence[Terms]) -> list[Terms]:
    """Set to 1 the variables that quasi-homogeneity allows: t_i = 1 is no loss if a weight for it
    alone leaves all zeros alone.

    A weight w with w·e constant on every polynomial moves zeros along; with w_i = ±1 every zero off
    the hyperplanes can be moved to t_i = 1.
    """
    from sympy import Matrix, ilcm

    result = [dict(p) for p in polys]
    while True:
        size = len(next(iter(result[0])))
        rows = []
        for p in result:
            base = next(iter(p))
            rows += [[a - b for a, b in zip(e, base, strict=True)] for e in p if e != base]
        if not rows or size <= 1:
            return result
        for vector in Matrix(rows).nullspace():
            scale = ilcm(1, *(v.q for v in vector))
            weight = [int(v * scale) for v in vector]
            chosen = next((i for i, w in enumerate(weight) if abs(w) == 1), None)
            if chosen is None:
                continue
            result = [{(*e[:chosen], *e[chosen + 1 :]): c for e, c in p.items()} for p in result]
            break
        else:
            return result
