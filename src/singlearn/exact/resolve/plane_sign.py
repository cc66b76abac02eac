"""Whether a polynomial in two variables is ≥ 0 near the origin, decided."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from sympy import QQ, Expr, Poly, Rational, discriminant, factor_list, symbols

X, Y = symbols("x y")


def nonnegative_in_the_plane(terms: Mapping[tuple[int, ...], Fraction]) -> bool:
    r"""Whether :math:`K(x, y) \ge 0` on a neighbourhood of the origin.

    K changes sign near the origin exactly where a real half-branch of an irreducible factor of odd
    multiplicity leaves it. On a vertical line x = ±r the half-branches of a factor p are the real
    roots of :math:`p(\pm r, y)` between -δ and δ, if δ is below every other root of :math:`p(0, y)`
    and r below every root of the discriminant and of :math:`p(x, \pm δ)`: no root is born, meets
    another or leaves on the way. Without half-branches K has one sign, that of the odd factors at a
    point (r, 0).

    Args:
        terms: of K, exponents of x and y to coefficients.

    >>> circle, lines = (
    ...     {(2, 0): Fraction(1), (0, 2): Fraction(1)},
    ...     {(2, 0): Fraction(1), (0, 2): Fraction(-2)},
    ... )
    >>> nonnegative_in_the_plane(circle), nonnegative_in_the_plane(lines)
    (True, False)
    """
    content, factors = factor_list(
        Poly({e: QQ(c.numerator, c.denominator) for e, c in terms.items()}, X, Y, domain=QQ)
    )
    odd = [factor for factor, multiplicity in factors if multiplicity % 2]
    reach = Rational(1)
    for factor in odd:
        if factor.eval((0, 0)) != 0:
            reach = min(reach, lowest_root_bound(factor.as_expr().subs(Y, 0), X))
        elif factor.degree(Y) == 0:  # the line x = 0
            return False
        else:
            for direction in (1, -1):
                count, limit = _half_branches(factor.as_expr().subs(X, direction * X))
                if count:
                    return False
                reach = min(reach, limit)
    sign = 1 if content > 0 else -1
    for factor in odd:
        sign *= 1 if factor.eval((reach, 0)) > 0 else -1
    return sign > 0


def _half_branches(p: Expr) -> tuple[int, Rational]:
    """How many half-branches leave the origin to the right, and up to which x that count holds."""
    edge = lowest_root_bound(p.subs(X, 0), Y) / 2
    barrier = p.subs(Y, edge) * p.subs(Y, -edge)
    if Poly(p, Y).degree() > 1:
        barrier *= discriminant(p, Y)
    right = lowest_root_bound(barrier, X) / 2
    return int(Poly(p.subs(X, right), Y, domain=QQ).count_roots(-edge, edge)), right


def lowest_root_bound(p: Expr, variable: Expr) -> Rational:
    r"""A positive number, at most 1, below the size of every root but zero: Cauchy's
    :math:`|a_0|/(|a_0| + \max|a_i|)` of the lowest terms.

    >>> lowest_root_bound(X**3 - 2 * X**2, X)
    2/3
    """
    coefficients = [abs(c) for c in reversed(Poly(p, variable, domain=QQ).all_coeffs()) if c != 0]
    lowest = Rational(coefficients[0])
    return lowest / (lowest + max(map(Rational, coefficients[1:]), default=Rational(0)))
