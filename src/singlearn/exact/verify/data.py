"""What a certificate says, read strictly: whatever has not the form that
``docs/certificate-format.md`` gives is refuted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from singlearn.exact.verify.polynomial import Exponents, Terms

RATIONAL = re.compile(r"-?[0-9]+(/[0-9]+)?")
"""As ``str(Fraction)`` writes it. Python reads much more, such as ``1e999999999``."""


class RefutedError(Exception):
    """The certificate claims something that is not so."""


def require(condition: bool, sentence: str) -> None:
    """The only way in which the checker refuses: where the condition does not hold, the sentence
    says what is wrong.
    """
    if not condition:
        raise RefutedError(sentence)


def fields(data: Any, names: set[str], what: str) -> Mapping[str, Any]:
    """A dictionary with these fields and no other; in a list of the same strings nothing can be
    looked up by name.
    """
    require(
        set(data) == names, f"{what} should have the fields {', '.join(sorted(names))} and no other"
    )
    result: Mapping[str, Any] = data
    return result


def listed(data: Any, what: str) -> list[Any]:
    """A list: not a string, in which Python would see a list of letters, nor a dictionary, in which
    it would see its keys.
    """
    require(isinstance(data, list), f"{what} should be a list")
    result: list[Any] = data
    return result


def whole(value: Any, low: int, high: int, what: str) -> int:
    """A whole number, ``low`` ≤ value < ``high``; true and false are none."""
    require(type(value) is int, f"{what} should be a whole number")
    require(low <= value < high, f"{what} should be from {low} to {high - 1}")
    result: int = value
    return result


def rational(text: Any) -> Fraction:
    """From ``"-3/4"`` or ``"2"``."""
    require(
        RATIONAL.fullmatch(text) is not None,
        "a number should be written as a fraction of whole numbers",
    )
    return Fraction(text)


def exponents(data: Any, size: int) -> Exponents:
    """Whole numbers ≥ 0, ``size`` of them."""
    require(len(listed(data, "exponents")) == size, "there should be one exponent per variable")
    return tuple(whole(v, 0, 1_000_000, "an exponent") for v in data)


def polynomial(data: Any, size: int) -> Terms:
    """From ``[["coefficient", [exponents]], …]``."""
    poly: Terms = {}
    for coefficient, monomial in listed(data, "a polynomial"):
        e = exponents(monomial, size)
        require(e not in poly, "a monomial occurs twice")
        poly[e] = rational(coefficient)
        require(bool(poly[e]), "a coefficient should not be 0")
    return poly
