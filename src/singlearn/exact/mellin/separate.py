"""A polynomial taken apart into functions of separate variables, as far as products and sums go."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from flint import fmpq, fmpq_poly

from singlearn.exact.mellin.combined import Product, Scaled, Sum, Zeta
from singlearn.exact.mellin.one_variable import line
from singlearn.exact.read.ring import Poly, terms_of

Ends = Mapping[str, tuple[float, float]]
EXTRA = 1.6
"""Poles of summands are found this much further left, so that what is left of Z(N) decays
quickly.
"""


class NotSeparableError(ValueError):
    """The variables do not separate, or a factor is beyond what is integrated here."""


def zeta_of(
    K: Poly,
    variables: tuple[str, ...],
    ends: Ends,
    prior: Mapping[str, tuple[Any, int]],
    left: float,
) -> Zeta:
    """The zeta function of K on a box.

    Args:
        K: a polynomial ≥ 0 on the box.
        variables: of its ring.
        ends: of the box.
        prior: by variable a polynomial factor and the exponent of a further |x|.
        left: down to where poles are wanted.

    Returns:
        A product or sum of zeta functions of one variable.

    Raises:
        NotSeparableError: variables do not separate.
        ValueError: K or the prior is negative on the box.
    """
    used = [v for v, d in zip(variables, K.degrees(), strict=True) if int(d) > 0]
    unused = [v for v in variables if v not in used]
    mass = float(np.prod([_mass(ends[v], prior[v]) for v in unused]))
    found = _block(K, variables, tuple(used), ends, prior, left)
    return Scaled(found, 1.0, mass) if unused else found


def _mass(ends: tuple[float, float], prior: tuple[Any, int]) -> float:
    one = line(np.array([1.0]), [], np.zeros(0), ends, _floats(prior[0]), prior[1])
    return float(np.real(one.value(np.zeros(1, complex))[0]))


def _block(
    K: Poly,
    names: tuple[str, ...],
    used: tuple[str, ...],
    ends: Ends,
    prior: Mapping[str, tuple[Any, int]],
    left: float,
) -> Zeta:
    if len(used) == 1:
        return _one(K, names, used[0], ends, prior)
    constant, factors = K.factor()
    groups = _connected([(f ** int(e), _names(f, names)) for f, e in factors])
    if len(groups) > 1:
        parts = []
        for polys, own in groups:
            whole = polys[0]
            for p in polys[1:]:
                whole = whole * p
            parts.append(_signed(whole, names, own, ends))
        sign = float(np.prod([s for _, s, _ in parts]))
        if float(constant) * sign < 0:
            raise ValueError("K: it is negative somewhere in the box; it should be ≥ 0 there")
        blocks = [_block(p * round(s), names, own, ends, prior, left) for p, s, own in parts]
        return Scaled(Product(tuple(blocks)), abs(float(constant)))
    return _sum(K, names, used, ends, prior, left)


def _signed(
    poly: Poly, names: tuple[str, ...], own: tuple[str, ...], ends: Ends
) -> tuple[Poly, float, tuple[str, ...]]:
    """The polynomial, and the sign with which it is ≥ 0, from one point of the box."""
    point = {v: ends[v][0] + 0.4142135623 * (ends[v][1] - ends[v][0]) for v in own}
    value = sum(
        float(c)
        * float(np.prod([point[v] ** int(e) for v, e in zip(names, powers, strict=True) if int(e)]))
        for powers, c in terms_of(poly).items()
    )
    return poly, 1.0 if value > 0 else -1.0, own


def _names(poly: Poly, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(v for v, d in zip(names, poly.degrees(), strict=True) if int(d) > 0)


def _connected(parts: list[tuple[Any, tuple[str, ...]]]) -> list[tuple[list[Any], tuple[str, ...]]]:
    """Parts that share variables, together."""
    groups: list[tuple[list[Any], tuple[str, ...]]] = []
    for item, own in parts:
        touching = [g for g in groups if set(g[1]) & set(own)]
        groups = [g for g in groups if g not in touching]
        items = [item for g in touching for item in g[0]] + [item]
        names = tuple(dict.fromkeys([v for g in touching for v in g[1]] + list(own)))
        groups.append((items, names))
    return groups


def _sum(
    K: Poly,
    names: tuple[str, ...],
    used: tuple[str, ...],
    ends: Ends,
    prior: Mapping[str, tuple[Any, int]],
    left: float,
) -> Zeta:
    context = K.context()
    terms = terms_of(K)
    constant = terms.pop((0,) * len(names), fmpq(0))
    found = [
        (context.from_dict({e: c}), tuple(v for v, k in zip(names, e, strict=True) if int(k)))
        for e, c in terms.items()
    ]
    groups = _connected(found)
    if len(groups) == 1:
        raise NotSeparableError(f"the variables {', '.join(used)} do not separate")
    rest = Fraction(int(constant.p), int(constant.q))
    shifted = []
    for polys, own in groups:
        whole = polys[0]
        for p in polys[1:]:
            whole = whole + p
        if len(own) == 1:
            least = _least(whole, names, own[0], ends[own[0]])
            if least is None:
                raise NotSeparableError(f"the least value of {whole} is not a rational number")
            whole, rest = whole - fmpq(least.numerator, least.denominator), rest + least
        shifted.append((whole, own))
    if rest < 0:
        raise ValueError("K: it is negative somewhere in the box; it should be ≥ 0 there")
    size = float(rest) + sum(_bound(p, names, own, ends) for p, own in shifted)
    blocks = [
        Scaled(_block(p, names, own, ends, prior, left - EXTRA), 1 / size) for p, own in shifted
    ]
    return Scaled(Sum(tuple(blocks), float(rest) / size, left - EXTRA), size)


def _bound(poly: Poly, names: tuple[str, ...], own: tuple[str, ...], ends: Ends) -> float:
    """An upper bound of a polynomial on the box, term by term."""
    corner = {v: max(abs(ends[v][0]), abs(ends[v][1])) for v in own}
    return sum(
        abs(float(c))
        * float(np.prod([corner[v] ** int(k) for v, k in zip(names, e, strict=True) if int(k)]))
        for e, c in terms_of(poly).items()
    )


def _univariate(poly: Poly, names: tuple[str, ...], name: str) -> fmpq_poly:
    place = names.index(name)
    coefficients: dict[int, Any] = {int(e[place]): c for e, c in terms_of(poly).items()}
    return fmpq_poly([coefficients.get(k, 0) for k in range(max(coefficients, default=0) + 1)])


def _floats(poly: Any) -> np.ndarray:
    return np.array([float(Fraction(int(c.p), int(c.q))) for c in poly.coeffs()] or [0.0])


def _least(
    poly: Poly, names: tuple[str, ...], name: str, ends: tuple[float, float]
) -> Fraction | None:
    """The least value of a polynomial in one variable on an interval, where it is rational."""
    p = _univariate(poly, names, name)
    slope = p.derivative()
    candidates: list[tuple[float, Fraction | None]] = [
        (float(_at(p, Fraction(e))), Fraction(e)) for e in ends
    ]
    for root, exact in _real_roots(slope):
        if ends[0] < root < ends[1]:
            candidates.append((float(np.polynomial.polynomial.polyval(root, _floats(p))), exact))
    lowest = min(value for value, _ in candidates)
    for value, exact in candidates:
        if value <= lowest + 1e-12 * (1 + abs(lowest)) and exact is not None:
            return _at(p, exact)
    # p - c has a double root: try the value itself as a simple fraction.
    guess = Fraction(lowest).limit_denominator(10**6)
    shifted = p - fmpq(guess.numerator, guess.denominator)
    return guess if shifted.gcd(slope).degree() > 0 else None


def _at(p: fmpq_poly, x: Fraction) -> Fraction:
    value = p(fmpq(x.numerator, x.denominator))
    return Fraction(int(value.p), int(value.q))


def _real_roots(p: fmpq_poly) -> list[tuple[float, Fraction | None]]:
    return [(r.real, exact) for r, exact, _ in _roots(p) if r.imag == 0]


def _roots(p: fmpq_poly) -> list[tuple[complex, Fraction | None, int]]:
    """All complex roots: value, the value exactly where it is rational, multiplicity."""
    if p.degree() < 1:
        return []
    found: list[tuple[complex, Fraction | None, int]] = []
    _, factors = p.factor()
    for factor, multiplicity in factors:
        if factor.degree() == 1:
            c = factor.coeffs()
            root = -c[0] / c[1]
            exact = Fraction(int(root.p), int(root.q))
            found.append((complex(float(exact)), exact, int(multiplicity)))
            continue
        # An irreducible factor has simple roots; certified balls say which are real.
        roots: Any = factor.numer().complex_roots()
        for ball, _ in roots:
            real, imag = float(ball.real), float(ball.imag)
            if ball.imag == 0:
                imag = 0.0
            found.append((complex(real, imag), None, int(multiplicity)))
    return found


def _one(
    K: Poly, names: tuple[str, ...], name: str, ends: Ends, prior: Mapping[str, tuple[Any, int]]
) -> Zeta:
    p = _univariate(K, names, name)
    low, high = ends[name]
    zeros, others = [], []
    for root, _, multiplicity in _roots(p):
        if root.imag == 0 and low - 1e-14 <= root.real <= high + 1e-14:
            inside = low + 1e-14 < root.real < high - 1e-14
            if inside and multiplicity % 2:
                raise ValueError(
                    f"K: it changes sign at {name} = {root.real:.6g}, inside the box; it should "
                    "be ≥ 0 there"
                )
            zeros.append((min(max(root.real, low), high), multiplicity))
        else:
            others.append(root)
    coefficients = _floats(p)
    grid = low + (high - low) * (np.arange(1, 8) / 8 + 0.0123)
    if np.polynomial.polynomial.polyval(grid, coefficients).min() < -1e-12:
        raise ValueError(f"K: it is negative for some {name} in the box; it should be ≥ 0 there")
    factor, weight = prior[name]
    density = _floats(factor)
    for root, _, multiplicity in _roots(factor):
        if root.imag == 0 and low < root.real < high and multiplicity % 2:
            raise ValueError(
                f"prior: it changes sign at {name} = {root.real:.6g}, inside the box; it should "
                "be ≥ 0 there"
            )
    if np.polynomial.polynomial.polyval(grid, density).sum() < 0:
        raise ValueError(
            f"prior: it is negative for some {name} in the box; it should be ≥ 0 there"
        )
    return line(coefficients, zeros, np.array(others, complex), (low, high), density, weight)


def prior_by_variable(
    weights: tuple[int, ...], factor: Poly, names: tuple[str, ...]
) -> dict[str, tuple[Any, int]]:
    """A prior that is a product over variables, by variable.

    Raises:
        NotSeparableError: a factor of it has several variables.
    """
    constant, factors = factor.factor()
    found: dict[str, Any] = {name: fmpq_poly([1]) for name in names}
    for f, e in factors:
        own = _names(f, names)
        if len(own) != 1:
            raise NotSeparableError(f"the prior's factor {f} has several variables")
        found[own[0]] = found[own[0]] * _univariate(f, names, own[0]) ** int(e)
    first = names[0]
    found[first] = found[first] * constant
    # Signs of factors may cancel between variables: each is made positive in the middle by its own.
    return {name: (found[name], weights[i]) for i, name in enumerate(names)}
