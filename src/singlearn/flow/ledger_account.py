"""What a ledger says of one law."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from singlearn.flow.law import Law
from singlearn.flow.ledger_forms import largest
from singlearn.flow.ledger_step import ENTRIES
from singlearn.results.result import Answer

MEANS_SOMETHING = 1e-9
"""Part of the bound on rounding. The bound adds up the steps; true rounding grows like their root,
so this is far below it.
"""


@dataclass(frozen=True)
class Account(Answer):
    """One law along a training run.

    Attributes:
        law: what gradient flow would keep.
        before: its values at the start.
        after: its values now.
        entries: sums over all recorded steps, by kind; every one has the shape of the law.
        rounding: what rounding of the weights may have added to the rest, in the units of the law.
        gradient_rounding: what rounding of weights and gradients may have added to the violation.
        asymmetry: Σ|⟨w, g⟩_σ| over Σ|w||g|, row by row, the largest: about the last digit of the
            gradients where the network has the symmetry, whatever the optimiser does with them;
            None where no gradient was large enough to tell.
    """

    law: Law
    before: Any
    after: Any
    entries: Mapping[str, Any]
    rounding: float
    gradient_rounding: float
    asymmetry: float | None

    @property
    def change(self) -> Any:
        """What the law moved by, recorded or not."""
        return self.after - self.before

    @property
    def unrecorded(self) -> Any:
        """What it moved by outside recorded steps."""
        return self.change - sum(
            list(self.entries.values())[1:], start=next(iter(self.entries.values()))
        )

    @property
    def drowned(self) -> bool:
        """Whether rounding, which is what a rest within its bound is, exceeds all that the
        optimiser did to the law on purpose.

        A rest far below the bound moves no digit of the law: it is the rounding of numbers that are
        themselves rounding.
        """
        rest = largest(self.entries["rest"])
        within = MEANS_SOMETHING * self.rounding < rest <= self.rounding
        return within and max(largest(self.entries[name]) for name in ENTRIES[:4]) < rest

    def summary(self) -> str:
        """All of it, for people."""
        parts = "  ".join(f"{name} {largest(self.entries[name]):.3g}" for name in ENTRIES)
        note = "; rounding exceeds what the steps do to it" if self.drowned else ""
        return (
            f"{self.law.formula}: moved by {largest(self.change):.3g}; {parts}; rounding "
            f"{self.rounding:.1g}{note}"
        )

    def row(self) -> dict[str, Any]:
        """Largest absolute values, for a table."""
        sizes = {name: largest(self.entries[name]) for name in ENTRIES}
        more = {
            "unrecorded": largest(self.unrecorded),
            "rounding": self.rounding,
            "below rounding": self.drowned,
        }
        return {"law": self.law.formula, "moved": largest(self.change), **sizes, **more}

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        entries = {name: value.tolist() for name, value in self.entries.items()}
        values = {
            "before": self.before.tolist(),
            "after": self.after.tolist(),
            "unrecorded": self.unrecorded.tolist(),
        }
        sizes = {
            "rounding": self.rounding,
            "gradient_rounding": self.gradient_rounding,
            "asymmetry": self.asymmetry,
        }
        return {
            "law": self.law.formula,
            **values,
            "entries": entries,
            **sizes,
            "below_rounding": self.drowned,
        }
