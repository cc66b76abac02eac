"""What the tables of both staircases have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from singlearn.results.estimate import Estimate

if TYPE_CHECKING:
    from singlearn.exact.coefficient import ExactCoefficient


@runtime_checkable
class Climb(Protocol):
    """What both trainings have that climb the stairs."""

    @property
    def times(self) -> Float[np.ndarray, " steps"]:
        """The times at which it was measured."""
        ...

    @property
    def modes(self) -> Float[np.ndarray, "steps d"]:
        """The size of every mode at those times."""
        ...

    @property
    def loss(self) -> Float[np.ndarray, " steps"]:
        """The loss at those times."""
        ...

    @property
    def predicted(self) -> tuple[float, ...]:
        """The times at which theory has every mode rise."""
        ...

    @property
    def measured(self) -> tuple[float, ...]:
        """The times at which every mode rose."""
        ...

    def plateau(self, rank: int) -> int:
        """The step at which the plateau of this rank is measured."""
        ...


LARGEST_ERROR = 0.1
"""Of λ, beyond which an agreement within two standard errors means nothing."""


def plateau_row(
    training: Climb,
    values: tuple[float, ...],
    rank: int,
    own: Any,
    exact: ExactCoefficient,
) -> dict[str, Any]:
    """One plateau: loss, exit and λ̂ of the network's own function, each beside theory."""
    step, d = training.plateau(rank), len(values)
    known, error = float(exact.number()), own.standard_error
    agrees = abs(own.value - known) <= max(0.05 * known, 2 * error)
    return {
        "rank": rank,
        "time": float(training.times[step]),
        "loss": float(training.loss[step]),
        "loss of the plateau": 0.5 * sum(s**2 for s in values[rank:]),
        "exit predicted": training.predicted[rank] if rank < d else None,
        "exit measured": training.measured[rank] if rank < d else None,
        "λ̂": own.value,
        "standard error": error,
        "status": str(own.status),
        "exact λ": str(exact.value),
        "m": exact.multiplicity,
        "within 5 % or 2 s.e.": bool(agrees and error <= LARGEST_ERROR * known),
        "λ of width r alone": rank * (2 * d - rank) / 2,
    }


def warnings_of(found: list[Any]) -> list[dict[str, Any]]:
    """What every λ̂ is to be doubted for, by the rank of its plateau."""
    return [
        {"rank": rank, "reason": str(caution.reason), "message": caution.message}
        for rank, own in enumerate(found)
        for caution in own.cautions
    ]


def cells(row: dict[str, Any]) -> tuple[str, str, str, str]:
    """Loss, exit, λ̂ and exact λ of one plateau, each beside theory."""
    out = (
        ""
        if row["exit measured"] is None
        else f"{row['exit measured']:.3f} ({row['exit predicted']:.3f})"
    )
    loss = f"{row['loss']:.4f} ({row['loss of the plateau']:.3f})"
    exact = row["exact λ"] + (f" (m {row['m']})" if row["m"] > 1 else "")
    return loss, out, str(Estimate(row["λ̂"], row["standard error"])), exact


def ending(rows: list[dict[str, Any]], warnings: list[dict[str, Any]]) -> list[str]:
    """How many plateaus are right, and what is to be doubted."""
    good = sum(row["within 5 % or 2 s.e."] for row in rows)
    lines = [f"\n  {good} of {len(rows)} plateaus within 5 % or 2 standard errors of the exact λ"]
    return lines + [f"  warning: rank {w['rank']}: {w['message']}" for w in warnings]
