"""Whether two kinds of change happen together: counts, and what chance would give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from singlearn.results.result import Answer

SHARE = 0.8
"""Of the total variation of a curve, that its steep intervals carry."""


@dataclass(frozen=True)
class IntervalAgreement(Answer):
    """Intervals between checkpoints, counted.

    Attributes:
        both: a symmetry and the quantity change.
        symmetry_only, quantity_only, neither: likewise.
        unknown: intervals in which the change of the quantity is not known, and which are not
            counted.
        by_chance: expected number of ``both``, were the changes put into intervals at random.
        p_value: probability of at least ``both`` then (hypergeometric). Neighbouring intervals are
            not independent, so that it is a yardstick and no test.
    """

    both: int
    symmetry_only: int
    quantity_only: int
    neither: int
    unknown: int
    by_chance: float
    p_value: float

    def __add__(self, other: IntervalAgreement) -> IntervalAgreement:
        """Of two training runs together."""
        counts = [
            getattr(self, name) + getattr(other, name)
            for name in ("both", "symmetry_only", "quantity_only", "neither", "unknown")
        ]
        return _of_counts(*counts)

    def summary(self) -> str:
        """All of it, for people."""
        left_out = f", {self.unknown} intervals not known" if self.unknown else ""
        return (
            f"{self.both} of {self.both + self.symmetry_only} intervals with a birth or death and "
            f"{self.both} of {self.both + self.quantity_only} with a change of it have both; by "
            f"chance {self.by_chance:.1f} "
            f"(p = {self.p_value:.2g}){left_out}"
        )

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        return dict(vars(self))


def agreement(symmetries: Sequence[bool], changes: Sequence[bool | None]) -> IntervalAgreement:
    """Count intervals.

    Args:
        symmetries: whether a symmetry changed.
        changes: whether the quantity did; ``None``: not known.

    >>> print(agreement([True, False, False, True], [True, False, False, True]))
    2 of 2 intervals with a birth or death and 2 of 2 with a change of it have both; by chance 1.0
    (p = 0.17)
    """
    pairs = [(s, c) for s, c in zip(symmetries, changes, strict=True) if c is not None]
    both = sum(s and c for s, c in pairs)
    one, other = sum(s for s, _ in pairs), sum(bool(c) for _, c in pairs)
    return _of_counts(
        both,
        one - both,
        other - both,
        len(pairs) - one - other + both,
        len(symmetries) - len(pairs),
    )


def _of_counts(
    both: int, symmetry_only: int, quantity_only: int, neither: int, unknown: int
) -> IntervalAgreement:
    from scipy.stats import hypergeom

    total = both + symmetry_only + quantity_only + neither
    one, other = both + symmetry_only, both + quantity_only
    chance = one * other / total if total else 0.0
    p_value = float(hypergeom.sf(both - 1, total, one, other)) if total else 1.0
    return IntervalAgreement(both, symmetry_only, quantity_only, neither, unknown, chance, p_value)


def steep(values: Sequence[float | None]) -> list[bool | None]:
    """The fewest intervals that carry 80 % of the total variation.

    >>> steep([3.0, 2.9, 1.0, 0.9])
    [False, True, False]
    """
    if any(value is None or not np.isfinite(value) for value in values):
        return [None] * (len(values) - 1)
    sizes = np.abs(np.diff(np.array(values, dtype=float)))
    total = sizes.sum()
    found = np.zeros(len(sizes), dtype=bool)
    if total > 0:
        order = np.argsort(-sizes, kind="stable")
        count = int(np.searchsorted(np.cumsum(sizes[order]), SHARE * total)) + 1
        found[order[:count]] = True
    return [bool(f) for f in found]
