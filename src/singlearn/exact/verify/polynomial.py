"""Polynomials with rational coefficients as dictionaries: slow, short, and easy to believe."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

Exponents = tuple[int, ...]
Terms = dict[Exponents, Fraction]


def constant(size: int, value: Fraction | int) -> Terms:
    """A polynomial of degree 0."""
    return {(0,) * size: Fraction(value)} if value else {}


def coordinate(size: int, index: int) -> Terms:
    """The polynomial that is one variable."""
    return {tuple(int(i == index) for i in range(size)): Fraction(1)}


def add(one: Terms, other: Terms, factor: Fraction | int = 1) -> Terms:
    """``one + factor·other``."""
    result = dict(one)
    for e, c in other.items():
        value = result.get(e, Fraction(0)) + factor * c
        if value:
            result[e] = value
        else:
            result.pop(e, None)
    return result


def multiply(one: Terms, other: Terms) -> Terms:
    """The product of two polynomials."""
    result: Terms = {}
    for e, c in one.items():
        for f, d in other.items():
            g = tuple(map(sum, zip(e, f, strict=True)))
            result[g] = result.get(g, Fraction(0)) + c * d
    return {e: c for e, c in result.items() if c}


def power(poly: Terms, exponent: int, size: int) -> Terms:
    """A power with a whole exponent."""
    result = constant(size, 1)
    for _ in range(exponent):
        result = multiply(result, poly)
    return result


def compose(poly: Terms, images: Sequence[Terms], size: int) -> Terms:
    """Every variable replaced by a polynomial in ``size`` new variables."""
    powers: dict[tuple[int, int], Terms] = {}
    result: Terms = {}
    for e, c in poly.items():
        term = constant(size, c)
        for index, exponent in enumerate(e):
            if exponent:
                if (index, exponent) not in powers:
                    powers[index, exponent] = power(images[index], exponent, size)
                term = multiply(term, powers[index, exponent])
        result = add(result, term)
    return result


def divide(poly: Terms, divisor: Terms) -> Terms:
    """The exact quotient.

    Raises:
        ValueError: it does not divide.
    """
    lead = max(divisor)
    quotient: Terms = {}
    while poly:
        top = max(poly)
        shift = tuple(a - b for a, b in zip(top, lead, strict=True))
        if min(shift, default=0) < 0:
            raise ValueError("the factor does not divide the generator")
        c = poly[top] / divisor[lead]
        quotient[shift] = c
        poly = add(poly, multiply({shift: c}, divisor), -1)
    return quotient


def derivative(poly: Terms, index: int) -> Terms:
    """The derivative by one variable."""
    return {
        (*e[:index], e[index] - 1, *e[index + 1 :]): c * e[index]
        for e, c in poly.items()
        if e[index]
    }


def monic(poly: Terms) -> Terms:
    """Leading coefficient (of the lexicographically largest monomial) 1."""
    lead = poly[max(poly)]
    return {e: c / lead for e, c in poly.items()}


def lowered(poly: Terms, by: Exponents) -> Terms:
    """Divided by the monomial with the exponents ``by``."""
    return {tuple(a - b for a, b in zip(e, by, strict=True)): c for e, c in poly.items()}


def least(polys: Sequence[Terms], index: int) -> int:
    """The least exponent of one variable, over all terms."""
    return min(e[index] for p in polys for e in p)


def degree(poly: Terms, index: int) -> int:
    """The degree in one variable."""
    return max((e[index] for e in poly), default=0)


def total_degree(poly: Terms) -> int:
    """The largest sum of exponents of a term."""
    return max(map(sum, poly))


def value(poly: Terms, point: Sequence[Fraction]) -> Fraction:
    """The value at a point."""
    total = Fraction(0)
    for e, c in poly.items():
        for x, exponent in zip(point, e, strict=True):
            c = c * x**exponent
        total += c
    return total


def substitute(
    poly: Terms, index: int, value_: Terms, slope: Terms, images: Sequence[Terms], size: int
) -> Terms:
    """``slope^d · poly`` with variable ``index`` replaced by ``value/slope``, d its degree there,
    the others by their images.
    """
    top = degree(poly, index)
    result: Terms = {}
    for e, c in poly.items():
        rest = compose({(*e[:index], 0, *e[index + 1 :]): c}, images, size)
        term = multiply(
            rest, multiply(power(value_, e[index], size), power(slope, top - e[index], size))
        )
        result = add(result, term)
    return result
