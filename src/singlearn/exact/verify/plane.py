"""The sign of a polynomial in two variables near the origin, decided on horizontal lines; the
search uses vertical ones.
"""

from __future__ import annotations

import sympy

from singlearn.exact.verify.polynomial import Terms


def keeps_its_sign(terms: Terms) -> bool:
    """Whether the polynomial is nowhere negative, or nowhere positive, near the origin.

    Its square-free part of odd multiplicity, q, is cut with lines y = ±h. It has no branch through
    the origin except along y = 0 exactly when, for all small h, q(x, ±h) has no small root: the
    roots move continuously, so it is enough to look once below every h at which two of them meet or
    one crosses the ends of the segment.
    """
    x, y = sympy.symbols("x y")
    whole = sympy.Add(
        *(
            sympy.Rational(c.numerator, c.denominator) * x ** e[0] * y ** e[1]
            for e, c in terms.items()
        )
    )
    _, parts = sympy.sqf_list(whole, x, y)
    odd = sympy.Mul(*(part for part, times in parts if times % 2))
    if odd.subs(y, 0) == 0:
        return False  # y divides it once: the sign changes across the axis
    if not odd.has(x):
        return True
    end = _below_roots(sympy.Poly(odd.subs(y, 0), x))
    events = odd.subs(x, end) * odd.subs(x, -end)
    if sympy.degree(odd, x) > 1:
        events *= sympy.resultant(odd, sympy.diff(odd, x), x)
    height = _below_roots(sympy.Poly(events, y))
    lines = [sympy.Poly(odd.subs(y, sign * height), x) for sign in (1, -1)]
    return all(line.count_roots(-end, end) == 0 for line in lines)


def _below_roots(poly: sympy.Poly) -> sympy.Rational:
    """A positive number smaller than the size of every root that is not zero, found by isolating
    the roots.
    """
    sizes = [
        min(abs(a), abs(b))
        for (a, b), _ in poly.intervals(eps=sympy.Rational(1, 1000))
        if a * b > 0
    ]
    near = [
        root
        for (a, b), _ in poly.intervals(eps=sympy.Rational(1, 1000))
        if a * b <= 0
        for root in (a, b)
        if root
    ]
    while near:
        # An interval that touches zero without being the root zero: look closer.
        finer = sympy.Rational(1, 1000) * min(abs(v) for v in near)
        near = [r for (a, b), _ in poly.intervals(eps=finer) if a * b <= 0 for r in (a, b) if r]
        sizes += [min(abs(a), abs(b)) for (a, b), _ in poly.intervals(eps=finer) if a * b > 0]
    return min([*sizes, sympy.Integer(1)]) / 2
