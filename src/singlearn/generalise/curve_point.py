"""One point of a learning curve: one method at one size, over all data sets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from singlearn.results.estimate import Estimate
from singlearn.results.result import Answer


@dataclass(frozen=True)
class CurvePoint(Answer):
    """One method at one n, over all data sets.

    Attributes:
        method: its name.
        n: sample size.
        errors: G of each data set in nats; infinite where a test point has predicted density zero,
            ``None`` where the method has no answer.
        notes: reasons and doubts, one for each data set, empty if none.
        readings: other numbers of each data set, by name (see ``Fitted``).
    """

    method: str
    n: int
    errors: tuple[float | None, ...]
    notes: tuple[str, ...]
    readings: Mapping[str, tuple[float, ...]]

    def to_dict(self) -> dict[str, Any]:
        """Everything, every data set's too, so that a point read back is the same."""
        # JSON has no infinity; as text it comes back.
        errors = [e if e is None or math.isfinite(e) else str(e) for e in self.errors]
        return {
            "method": self.method,
            "n": self.n,
            "errors": errors,
            "notes": list(self.notes),
            "readings": dict(self.readings),
        }

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> CurvePoint:
        """The inverse of ``to_dict``."""
        errors = tuple(None if e is None else float(e) for e in document["errors"])
        readings = {name: tuple(values) for name, values in document["readings"].items()}
        return cls(document["method"], document["n"], errors, tuple(document["notes"]), readings)

    @property
    def missing(self) -> int:
        """Data sets without a finite G."""
        return sum(e is None or not math.isfinite(e) for e in self.errors)

    @property
    def mean(self) -> Estimate | None:
        """E_n G(n) with the error the spread over data sets leaves; ``None`` if any data set has no
        finite G: survivors are not a sample.
        """
        return (
            None
            if self.missing
            else Estimate.from_replicates([float(e) for e in self.errors if e is not None])
        )

    def reading(self, name: str) -> Estimate | None:
        """The mean over data sets of one of the readings; ``None`` if the method has no such
        reading.

        Returns:
            Its mean, with the standard error over data sets.
        """
        return Estimate.from_replicates(self.readings[name]) if name in self.readings else None

    @property
    def why_missing(self) -> str:
        """How many data sets have no finite G and the first reason."""
        if not self.missing:
            return ""
        none = [note for e, note in zip(self.errors, self.notes, strict=True) if e is None]
        infinite = self.missing - len(none)
        parts = (
            [f"no answer for {len(none)} of {len(self.errors)} data sets: {none[0]}"]
            if none
            else []
        )
        parts += (
            [f"predicted density 0 at a test point in {infinite} of {len(self.errors)} data sets"]
            if infinite
            else []
        )
        return "; ".join(parts)
