"""What :func:`singlearn.exact.rlct` returns."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import inf
from typing import Literal

from singlearn.exact.certificate import Certificate
from singlearn.results.prompt import Shown


@dataclass(frozen=True)
class ResolvedCoefficient(Shown):
    r"""The pair :math:`(λ, m)` of a polynomial, or bounds of it.

    Args:
        value: λ, a fraction, or ``inf`` if K has no real zero there; None if it is only known to
            lie between the bounds.
        multiplicity: m, 0 if λ is infinite; None if it is not known.
        status: ``"proved"`` when λ and m are both proved, otherwise ``"bounds"``.
        lower: λ is at least that, proved.
        upper: λ is at most that, proved; ``inf`` if no zero was found.
        reason: why it is only bounds; empty if proved.
        certificate: the proof as data, for :func:`singlearn.exact.verify`.
        words: the proof as text.
        short: the proof in a few lines, its charts counted up to symmetry.
        charts: the tree of charts as text.
    """

    value: Fraction | float | None
    multiplicity: int | None
    status: Literal["proved", "bounds"]
    lower: Fraction | float
    upper: Fraction | float
    reason: str
    certificate: Certificate
    words: str
    short: str
    charts: str

    def __float__(self) -> float:
        if self.value is None:
            raise ValueError(
                f"value: only known to lie between {self.lower} and {self.upper}, because "
                f"{self.reason}"
            )
        return float(self.value)

    def __str__(self) -> str:
        if self.value == inf:
            return f"λ = ∞ ({self.status}): no real zero there"
        if self.status == "proved":
            return f"λ = {self.value}, m = {self.multiplicity} (proved)"
        if self.value is not None:
            return f"λ = {self.value}, m not known (bounds: {self.reason})"
        return (
            f"{self.lower} ≤ λ ≤ {'∞' if self.upper == inf else self.upper} (bounds: {self.reason})"
        )

    def summary(self) -> str:
        """The proof in a few lines: the root, and how many charts of each kind, up to names and
        signs of coordinates.
        """
        return self.short

    def explain(self) -> str:
        """The proof in words."""
        return self.words

    def tree(self) -> str:
        """The charts of the resolution, one a line, indented under the chart from which they
        come.
        """
        return self.charts
