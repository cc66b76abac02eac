"""Bounds on the pole of a chart, and how those of its parts combine."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import inf
from typing import Any

Key = tuple[Fraction | float, int]
NEVER: Key = (inf, 0)


class Poles:
    """Lower and upper bound on (λ, -m), and whether K was shown to have one sign."""

    def __init__(self, low: Key, high: Key, even: bool) -> None:
        self.low, self.high, self.even = low, high, even

    def meet(self, other: Poles) -> Poles:
        """For the union of two sets of points."""
        return Poles(min(self.low, other.low), min(self.high, other.high), self.even and other.even)

    def claim(self) -> dict[str, list[Any]]:
        """As a certificate should state it."""
        return {"low": [str(self.low[0]), self.low[1]], "high": [str(self.high[0]), self.high[1]]}


NOTHING = Poles(NEVER, NEVER, True)
"""Of no point at all."""


def total(keys: Sequence[Key]) -> Key:
    """Of a sum of functions of different variables: the exponents add up."""
    if any(key[0] == inf for key in keys):
        return NEVER
    return sum((Fraction(key[0]) for key in keys), Fraction(0)), sum(key[1] for key in keys) + len(
        keys
    ) - 1
