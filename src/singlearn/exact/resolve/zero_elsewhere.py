"""Whether K visibly vanishes at another point than the one that was given, with a smaller λ."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from singlearn.exact.read.inputs import Function
from singlearn.exact.read.ring import Poly, factors_of, terms_of
from singlearn.exact.resolve.witness import Point, value_at

MOST_TERMS, HIGHEST_DEGREE = 80, 30
"""Of a polynomial that is factored for this; larger ones are left alone."""

SAMPLES = 300
GRID = 64
HALVINGS = 30


@dataclass(frozen=True)
class ZeroElsewhere:
    """A real zero of a factor of K, and what it says about λ there.

    Args:
        factor: an irreducible factor that changes sign there, as text.
        place: a point within 1e-6 of a zero, as text.
        at_most: λ at some point there is at most that.
    """

    factor: str
    place: str
    at_most: Fraction

    def __str__(self) -> str:
        return f"λ ≤ {self.at_most} near {self.place}, where {self.factor} = 0"


def zero_elsewhere(function: Function, known: Fraction | float) -> ZeroElsewhere | None:
    r"""A factor of K whose zeros have a smaller λ than the point that was given.

    Where an irreducible factor f with :math:`K = f^k h` changes sign, its zeros have codimension
    one, so that λ at some of them is at most that of :math:`|f|^k`, :math:`1/k`.

    Args:
        function: K.
        known: λ at the point, or ``inf``.

    Returns:
        The factor with the smallest bound, or ``None`` if no factor with a bound below ``known``
        was seen to change sign. K may vanish elsewhere all the same.

    >>> from singlearn.exact.read.inputs import read_function
    >>> print(zero_elsewhere(read_function("x^2*(x - 1)^4"), Fraction(1, 2)))
    λ ≤ 1/4 near x = 1, where x - 1 = 0
    >>> zero_elsewhere(read_function("x^2*(x^2 + 1)^4"), Fraction(1, 2)) is None
    True
    """
    sizes = [(len(terms_of(g)), g.total_degree()) for g in function.generators]
    if max(n for n, _ in sizes) > MOST_TERMS or max(d for _, d in sizes) > HIGHEST_DEGREE:
        return None
    common = function.generators[0]
    for generator in function.generators[1:]:
        common = common.gcd(generator)
    for factor, times in sorted(factors_of(common), key=lambda found: -found[1]):
        at_most = Fraction(1, times * function.power)
        if at_most >= known:
            return None
        point = _zero(factor, len(function.variables))
        if point is not None:
            return ZeroElsewhere(str(factor), _in_words(function.variables, point), at_most)
    return None


def _zero(poly: Poly, size: int) -> Point | None:
    """A point near a zero at which the polynomial changes sign, close to the origin if one is seen
    there; ``None`` if samples have one sign. Signs are those of exact values.
    """
    generator = random.Random(0)
    ends: dict[bool, Point] = {}
    for index in range(SAMPLES):
        scale = Fraction(2) ** (8 * index // SAMPLES - 2)
        point = tuple(scale * Fraction(generator.randint(-GRID, GRID), GRID) for _ in range(size))
        value = value_at(poly, point)
        if value:
            ends.setdefault(value > 0, point)
        if len(ends) == 2:
            break
    else:
        return None
    low, high = ends[False], ends[True]
    for _ in range(HALVINGS):
        middle = tuple((a + b) / 2 for a, b in zip(low, high, strict=True))
        low, high = (low, middle) if value_at(poly, middle) > 0 else (middle, high)
    return high


def _in_words(variables: Sequence[str], point: Point) -> str:
    rounded = [float(f"{float(x):.3g}") + 0.0 for x in point]
    return ", ".join(f"{name} = {x:g}" for name, x in zip(variables, rounded, strict=True))
