"""What answers about floats say of sizes, boxes and relations."""

from __future__ import annotations

import math
from decimal import MAX_EMAX, MIN_EMIN, Decimal, localcontext
from fractions import Fraction

from singlearn.symmetry.domain import Box, Domain
from singlearn.symmetry.trained.relation import Relation

MOST_LINES = 12
MIN_FLOAT, MAX_FLOAT = 1e-300, 1e300


def relations_in_words(relations: tuple[Relation, ...]) -> list[str]:
    """One line each, as far as there is room."""
    lines = [f"  {relation}" for relation in relations[:MOST_LINES]]
    return lines + (
        [f"  and {len(relations) - MOST_LINES} more"] if len(relations) > MOST_LINES else []
    )


def rounded_up(value: Fraction) -> str:
    """Two digits, never below the value.

    >>> rounded_up(Fraction(1, 3)), rounded_up(Fraction(0)), rounded_up(Fraction(1, 3 * 10**400))
    ('0.34', '0', '3.4e-401')
    """
    if not value:
        return "0"
    exponent = math.floor(math.log10(abs(value.numerator)) - math.log10(value.denominator)) - 1
    while value / Fraction(10) ** exponent >= 100:
        exponent += 1
    digits = -(-value // Fraction(10) ** exponent)
    above = digits * Fraction(10) ** exponent
    small = above < Fraction(MIN_FLOAT) or above > Fraction(MAX_FLOAT)
    return f"{digits / 10:.1f}e{exponent + 1}" if small else f"{float(above):.2g}"


def described(domain: Domain) -> str:
    """Where, in words."""
    if not isinstance(domain, Box):
        return "on the domain"
    sides = set(zip(domain.lower, domain.upper, strict=True))
    if len(sides) == 1:
        low, high = next(iter(sides))
        power = f"^{domain.inputs}" if domain.inputs > 1 else ""
        return f"on the box {_side(low, high)}{power}"
    if len(sides) <= 3:
        return "on the box " + " × ".join(
            _side(low, high) for low, high in zip(domain.lower, domain.upper, strict=True)
        )
    return "on the box"


def _side(low: Fraction, high: Fraction) -> str:
    """Both ends, with as many digits as it takes to tell them apart.

    >>> _side(Fraction(-1, 3), Fraction(1, 3)), _side(Fraction(10**10), Fraction(10**10 + 1))
    ('[-0.3333, 0.3333]', '[1e+10, 10000000001]')
    """
    apart = max(abs(low), abs(high)) / (high - low)
    digits = max(4, len(str(int(apart))) + 1)
    return f"[{_end(low, digits)}, {_end(high, digits)}]"


def _end(value: Fraction, digits: int) -> str:
    with localcontext() as context:
        context.prec, context.Emax, context.Emin = digits, MAX_EMAX, MIN_EMIN
        number = (Decimal(value.numerator) / Decimal(value.denominator)).normalize()
    return (
        f"{number:g}"
        if digits > 4 or not MIN_FLOAT < abs(number) < MAX_FLOAT
        else f"{float(number):.4g}"
    )
