"""A learning coefficient that is known exactly."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from singlearn.results.prompt import Shown


@dataclass(frozen=True)
class ExactCoefficient(Shown):
    r"""The pair :math:`(λ, m)`: :math:`-λ` is the largest pole of :math:`ζ(z) = ∫ K(w)^z φ(w) dw`,
     :math:`m` its order.

    The convention is that :math:`λ` belongs to :math:`K`, the Kullback–Leibler divergence: :math:`K
    = w^2` has :math:`λ = 1/2`, a regular model :math:`λ = d/2, m = 1` (Watanabe 2009
    [watanabe2009algebraic]_).

    Args:
        value: λ > 0.
        multiplicity: m ≥ 1.
        source: where it is proved or claimed.
        conditions: on truth, inputs and prior, under which the pair is what the status says.
        status: ``"proved"``, ``"conjectured"``, or ``"bounds"`` when ``value`` is only an upper
            bound.

    >>> coefficient = ExactCoefficient(Fraction(3, 2), 1, "Watanabe 2009", "regular model with three parameters")
    >>> float(coefficient), str(coefficient)
    (1.5, 'λ = 3/2, m = 1 (proved: Watanabe 2009)')
    """

    value: Fraction
    multiplicity: int
    source: str
    conditions: str
    status: Literal["proved", "conjectured", "bounds"] = "proved"

    def __post_init__(self) -> None:
        if self.value <= 0:
            raise ValueError(f"value: got {self.value}; a learning coefficient should be positive")
        if self.multiplicity < 1:
            raise ValueError(
                f"multiplicity: got {self.multiplicity}; the order of a pole should be at least 1"
            )

    def __float__(self) -> float:
        return float(self.value)

    def __str__(self) -> str:
        relation = "≤" if self.status == "bounds" else "="
        multiplicity = "" if self.status == "bounds" else f", m = {self.multiplicity}"
        return f"λ {relation} {self.value}{multiplicity} ({self.status}: {self.source})"
