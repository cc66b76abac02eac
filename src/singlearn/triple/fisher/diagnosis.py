"""What :func:`singlearn.diagnose` returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from jaxtyping import PyTree

from singlearn.results.caution import Caution
from singlearn.results.document import of_each
from singlearn.results.result import Answer
from singlearn.triple.fisher.information import FisherInformation

Status = Literal["regular", "singular", "cannot tell"]
MOST_POINTS, MOST_CAUTIONS, LONGEST_SENTENCE = 8, 4, 300


@dataclass(frozen=True)
class EqualParameters:
    """Two parameters of one density.

    Attributes:
        first, second: the parameters.
        how: how the second was found.
        distance: the largest difference of a coordinate, in standard deviations of the prior.
        difference: of the densities, as a share of their spread over the prior.
    """

    first: PyTree
    second: PyTree
    how: str
    distance: float
    difference: float


@dataclass(frozen=True, eq=False)
class Diagnosis(Answer):
    """Whether a model is regular: identifiable, with a positive definite Fisher information.

    Attributes:
        name: of the triple.
        dimension: d.
        status: ``"regular"`` is evidence, not proof: nothing was found at the parameters looked at.
            ``"singular"`` has a witness. Otherwise ``"cannot tell"``.
        reason: what decided.
        identifiable: ``False`` with a witness or by a kernel of constant rank; ``True`` when no
            other parameter
            was found; ``None`` when it could not be looked for.
        why_identifiable: the same in words.
        regular_at_truth: whether the Fisher information is positive definite at every true
            parameter that was
            looked at; λ is then d/2 there. ``None`` where no true parameter is known.
        points: the Fisher information at the truth, at true parameters found, at draws of the
            prior.
        witnesses: pairs of parameters of one density.
        cautions: what may be wrong with the verdict.
    """

    name: str
    dimension: int
    status: Status
    reason: str
    identifiable: bool | None
    why_identifiable: str
    regular_at_truth: bool | None
    points: tuple[FisherInformation, ...] = field(repr=False)
    witnesses: tuple[EqualParameters, ...] = field(repr=False)
    cautions: tuple[Caution, ...]

    @property
    def rank(self) -> int:
        """The largest rank that was seen: at almost all parameters."""
        return max((point.rank for point in self.points), default=0)

    @property
    def directions(self) -> tuple[dict[str, float], ...]:
        """The kernel at the first parameter that was looked at, as changes of named entries."""
        return self.points[0].directions if self.points else ()

    def __str__(self) -> str:
        lines = [f"{self.name}, d = {self.dimension}: {self.status}", f"  {_cut(self.reason)}"]
        word = {True: "no other parameter was found", False: "no", None: "not known"}[
            self.identifiable
        ]
        lines.append(
            f"  identifiable: {word}"
            + (f" ({_cut(self.why_identifiable)})" if self.why_identifiable else "")
        )
        if self.regular_at_truth is not None:
            lines.append(
                "  Fisher information at the true parameters looked at: "
                + (
                    f"positive definite, so that λ = d/2 = {self.dimension / 2:g} near each"
                    if self.regular_at_truth
                    else "degenerate at some"
                )
            )
        groups = _grouped(self.points)
        lines += [f"  {words}" for words in groups[:MOST_POINTS]]
        if len(groups) > MOST_POINTS:
            lines.append(f"  … {len(groups) - MOST_POINTS} more")
        shown = next((p for p in self.points if p.is_degenerate and p.directions), None)
        if shown is not None:
            lines += [f"  nothing changes along {w[:110]}" for w in shown.describe_directions()]
        lines += [f"  caution: {_cut(str(c))}" for c in self.cautions[:MOST_CAUTIONS]]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        return {
            "name": self.name,
            "dimension": self.dimension,
            "status": self.status,
            "reason": self.reason,
            "identifiable": self.identifiable,
            "why_identifiable": self.why_identifiable,
            "regular_at_truth": self.regular_at_truth,
            "rank": self.rank,
            "points": [point.to_dict() for point in self.points],
            "witnesses": [
                {"how": w.how, "distance": w.distance, "difference": w.difference}
                for w in self.witnesses
            ],
            "cautions": of_each(self.cautions),
        }


def _grouped(points: tuple[FisherInformation, ...]) -> list[str]:
    """One line for all parameters of one kind and rank: how many, and the least clear decision
    among them.
    """
    groups: dict[tuple[str, int, int, bool], list[FisherInformation]] = {}
    for p in points:
        groups.setdefault((p.where, p.rank, p.undecided, p.is_finite), []).append(p)
    lines = []
    for (where, rank, undecided, finite), own in groups.items():
        count = f" ({len(own)} of them)" if len(own) > 1 else ""
        if not finite:
            lines.append(f"rank not known at {where}{count}: scores are not finite")
            continue
        sure = f", {undecided} undecided," if undecided else ""
        kept, dropped = min(p.smallest_kept for p in own), max(p.largest_dropped for p in own)
        decides = (
            f"singular values from {kept:.1e} of the largest count"
            if rank
            else "every score is zero"
        )
        if dropped and rank:
            decides += f", the next is {dropped:.0e}"
        lines.append(f"rank {rank} of {own[0].dimension}{sure} at {where}{count}; {decides}")
    return lines


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_SENTENCE else text[: LONGEST_SENTENCE - 1] + "…"
