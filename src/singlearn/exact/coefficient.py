"""A learning coefficient that is known exactly, or between bounds that are proved."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import inf
from typing import Any, Literal

from singlearn.exact.certificate import Certificate
from singlearn.exact.known_number import KnownNumber
from singlearn.exact.marked_text import latex_of_formula
from singlearn.exact.resolution_proof import ResolutionProof
from singlearn.results.caution import Caution, Reason
from singlearn.results.document import of_each
from singlearn.results.result import Answer

PARTS = ("value", "proof", "charts")


@dataclass(frozen=True, eq=False)
class ExactCoefficient(KnownNumber, Answer):
    r"""The pair :math:`(λ, m)`: :math:`-λ` is the largest pole of :math:`ζ(z) = ∫ K(w)^z φ(w) dw`,
    :math:`m` its order.

    The convention is that :math:`λ` belongs to :math:`K`, the Kullback–Leibler divergence: :math:`K
    = w^2` has :math:`λ = 1/2`, a regular model :math:`λ = d/2, m = 1` (Watanabe 2009
    [watanabe2009algebraic]_).

    It is a number: ``Fraction(c)``, ``float(c)``, arithmetic, comparisons and SymPy take it as λ,
    and refuse it where only bounds are known. Two coefficients are equal if λ, its bounds and m
    are; a coefficient equals a number if its λ does.

    Args:
        value: λ > 0, a fraction, or ``inf`` if K has no real zero there; None if it is only known
            to lie between the bounds.
        multiplicity: m ≥ 1, 0 if λ is infinite; None if it is not known.
        source: where it is proved or claimed.
        conditions: on truth, inputs and prior, under which the pair is what the status says.
        status: ``"proved"`` when λ and m are both proved, ``"conjectured"``, or ``"bounds"``.
        lower: λ is at least that, proved; λ itself where it is known.
        upper: λ is at most that, proved; ``inf`` where no bound is known.
        reason: why it is only bounds; empty if it is not.
        certificate: the proof as data, for :func:`singlearn.exact.verify`, where there is one.
        proof: the same proof for people.
        elsewhere: where else K vanishes and λ is smaller, in words, if that was seen; empty where
            nothing was seen, or where λ is that of all points or of a box.

    Raises:
        ValueError: a value that is not positive, an m below 1, or fields that contradict each
            other.

    >>> coefficient = ExactCoefficient(
    ...     Fraction(3, 2), 1, "Watanabe 2009", "regular model with three parameters"
    ... )
    >>> float(coefficient), Fraction(coefficient), coefficient + 1, str(coefficient)
    (1.5, Fraction(3, 2), Fraction(5, 2), 'λ = 3/2, m = 1 (proved: Watanabe 2009)')
    >>> print(coefficient.latex())
    \lambda = \tfrac{3}{2},\ m = 1
    """

    value: Fraction | float | None
    multiplicity: int | None
    source: str
    conditions: str
    status: Literal["proved", "conjectured", "bounds"] = "proved"
    lower: Fraction | float | None = None
    upper: Fraction | float | None = None
    reason: str = ""
    certificate: Certificate | None = None
    proof: ResolutionProof | None = None
    elsewhere: str = ""

    def __post_init__(self) -> None:
        if self.value is not None and self.value <= 0:
            raise ValueError(f"value: got {self.value}; a learning coefficient should be positive")
        smallest = 0 if self.value == inf else 1
        if self.multiplicity is not None and self.multiplicity < smallest:
            raise ValueError(
                f"multiplicity: got {self.multiplicity}; the order of a pole should be at least 1"
            )
        known = self.value is not None and self.multiplicity is not None
        if known == (self.status == "bounds"):
            raise ValueError(
                f"status: got {self.status!r} with value {self.value} and multiplicity "
                f"{self.multiplicity}; both are given where λ and m are proved or conjectured, and "
                f"for 'bounds' lower and upper are, with value=None"
            )
        # Bounds of what is only conjectured are not proved.
        settled = self.value is not None and self.status != "conjectured"
        low = self.value if settled else Fraction(0)
        high = self.value if settled else inf
        object.__setattr__(self, "lower", low if self.lower is None else self.lower)
        object.__setattr__(self, "upper", high if self.upper is None else self.upper)
        if not self.lower <= self.upper:  # type: ignore[operator]
            raise ValueError(f"lower: got {self.lower}; it should not be above upper, {self.upper}")

    def number(self) -> Fraction | float:
        """λ.

        Returns:
            A fraction, or ``inf`` where K has no zero on the domain.

        Raises:
            ValueError: only bounds are known.
        """
        if self.value is None:
            because = f", because {self.reason}" if self.reason else ""
            raise ValueError(
                f"value: only known to lie between {self.lower} and {self.upper}{because}"
            )
        return self.value

    def __eq__(self, other: object) -> bool:
        if isinstance(other, ExactCoefficient):
            return self._pair() == other._pair()
        if self.value is None:
            return False
        if isinstance(other, (int, float, Fraction)) and not isinstance(other, bool):
            return self.value == other
        return NotImplemented

    def __hash__(self) -> int:
        # As that of the number to which it is equal.
        return hash(self._pair()) if self.value is None else hash(self.value)

    def _pair(self) -> tuple[Any, ...]:
        return self.value, self.lower, self.upper, self.multiplicity

    def __str__(self) -> str:
        if self.value == inf:
            beside = f"; elsewhere {self.elsewhere}" if self.elsewhere else ""
            return f"λ = ∞ ({self.status}): no real zero there{beside}"
        if self.value is not None:
            m = "m not known" if self.multiplicity is None else f"m = {self.multiplicity}"
            return f"λ = {self.value}, {m} ({self._why()})"
        high = "∞" if self.upper == inf else self.upper
        if self.lower == 0:
            return f"λ ≤ {high} ({self._why()})"
        return f"{self.lower} ≤ λ ≤ {high} ({self._why()})"

    def _why(self) -> str:
        """The status, and the reason or source; a proof with a certificate needs no source."""
        why = self.reason or ("" if self.certificate is not None else self.source)
        status = f"{self.status}: {why}" if why else self.status
        return f"{status}; elsewhere {self.elsewhere}" if self.elsewhere else status

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """What to know before the number is used: that it is a bound, or a conjecture, or that
        another point of K has a smaller λ.
        """
        found = []
        if self.status == "bounds":
            message = f"{self}; take the bounds, or give more time to rlct"
            found.append(Caution(Reason.ONLY_BOUNDS, message))
        if self.status == "conjectured":
            found.append(Caution(Reason.NOT_PROVED, f"{self}; no proof is known"))
        if self.elsewhere:
            message = f'this is λ at one point, and {self.elsewhere}; domain="all" takes all points'
            found.append(Caution(Reason.SMALLER_ELSEWHERE, message))
        return tuple(found)

    def summary(self) -> str:
        """The proof in a few lines: the root, and how many charts of each kind, up to names and
        signs of coordinates; source and conditions where there is no proof by charts.

        Returns:
            A few lines of text.
        """
        return self._cited() if self.proof is None else self.proof.summary()

    def explain(self) -> str:
        """The proof in words; source and conditions where there is none by charts."""
        return self._cited() if self.proof is None else self.proof.explain()

    def _cited(self) -> str:
        return f"{self.source}\nif: {self.conditions}"

    def tree(self) -> str:
        """The charts of the resolution, each under the chart from which it comes.

        Returns:
            One line per chart, indented by its depth.

        Raises:
            ValueError: the coefficient was not found by a resolution.
        """
        return self.resolution().tree()

    def resolution(self) -> ResolutionProof:
        """The proof by charts.

        Returns:
            Charts with their divisors, which can be drawn and printed.

        Raises:
            ValueError: the coefficient was not found by a resolution.
        """
        if self.proof is None:
            raise ValueError(
                f"proof: this coefficient is from {self.source}; only those of exact.rlct have "
                f"charts"
            )
        return self.proof

    def latex(self, of: str = "value") -> str:
        r"""LaTeX of λ and m (without dollars), of the proof in words, or of its charts.

        Args:
            of: ``"value"``, ``"proof"`` or ``"charts"``; the last two are nested lists.

        Returns:
            LaTeX source.

        Raises:
            ValueError: another word, or charts of a coefficient that was not found by a
                resolution.
        """
        if of not in PARTS:
            raise ValueError(f"of: got {of!r}; it should be one of {', '.join(PARTS)}")
        if of == "charts":
            return self.resolution().tree_latex()
        if of == "proof":
            return self.resolution().latex()
        if self.value is None:
            low = f"{self.lower} ≤ " if self.lower else ""
            high = "∞" if self.upper == inf else self.upper
            return latex_of_formula(f"{low}λ ≤ {high}")
        value = latex_of_formula(f"λ = {'∞' if self.value == inf else self.value}")
        if self.value == inf or self.multiplicity is None:
            return value
        return rf"{value},\ m = {self.multiplicity}"

    def _repr_latex_(self) -> str:
        return rf"${self.latex()}$"

    def to_dict(self) -> dict[str, Any]:
        """For machines; fractions are written as text, such as ``"3/4"``."""
        return {
            "value": None if self.value is None else str(self.value),
            "multiplicity": self.multiplicity,
            "status": self.status,
            "lower": str(self.lower),
            "upper": str(self.upper),
            "reason": self.reason,
            "source": self.source,
            "conditions": self.conditions,
            "elsewhere": self.elsewhere,
            "cautions": of_each(self.cautions),
            "certificate": None if self.certificate is None else self.certificate.to_dict(),
        }
