"""Two-sided bounds on (λ, m), ordered as poles are: a smaller λ first, then a larger m."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import inf

Key = tuple[Fraction | float, int]
"""(λ, -m). The largest pole is the smallest key."""

NEVER: Key = (inf, 0)
"""No pole: the function does not vanish."""


@dataclass(frozen=True)
class Bound:
    """``low ≤ (λ, -m) ≤ high``, in the order of keys."""

    low: Key
    high: Key

    @property
    def proved(self) -> bool:
        """Whether both bounds meet."""
        return self.low == self.high

    def meet(self, other: Bound) -> Bound:
        """For the union of two sets of points."""
        return Bound(min(self.low, other.low), min(self.high, other.high))

    def plus(self, other: Bound) -> Bound:
        """For the sum of two functions of separate variables: λ adds, m - 1 adds."""
        return Bound(_add(self.low, other.low), _add(self.high, other.high))


def _add(one: Key, other: Key) -> Key:
    if inf in (one[0], other[0]):
        return NEVER
    return one[0] + other[0], one[1] + other[1] + 1
