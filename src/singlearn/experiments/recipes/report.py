"""What all recipes hand back: rows, doubts, a table and one figure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from singlearn.experiments.experiment import ExperimentResult
from singlearn.plot.panels import finished
from singlearn.results.caution import Caution
from singlearn.results.estimate import Estimate
from singlearn.results.table import aligned_rows, wrapped

DOUBTS = 6
"""Doubts that are printed; all of them are in the result."""


def doubts_of(cautions: Iterable[tuple[Mapping[str, Any], Caution]]) -> list[dict[str, Any]]:
    """Cautions with the row each belongs to.

    >>> from singlearn.results.caution import Reason
    >>> doubts_of([({"step": 3}, Caution(Reason.POOR_MIXING, "chains disagree"))])
    [{'step': 3, 'reason': 'poor_mixing', 'message': 'chains disagree'}]
    """
    return [
        {**where, "reason": str(caution.reason), "message": caution.message}
        for where, caution in cautions
    ]


def number(value: float) -> float | None:
    """``None`` for what is withheld.

    >>> number(math.nan), number(1.5)
    (None, 1.5)
    """
    return float(value) if math.isfinite(value) else None


def cell(value: float | None, error: float | None = None) -> str:
    """A number for people, with its error if there is one.

    >>> cell(None), cell(1.234, 0.02), cell(0.25)
    ('withheld', '1.23 ± 0.02', '0.25')
    """
    if value is None:
        return "withheld"
    return f"{value:.4g}" if error is None else str(Estimate(value, error))


def report(
    rows: list[dict[str, Any]],
    doubts: list[dict[str, Any]],
    title: str,
    table: Sequence[Sequence[str]],
    notes: Sequence[str],
    figure: Figure,
    path: Path,
) -> ExperimentResult:
    """Save the figure and put all of it together.

    Args:
        rows: for machines.
        doubts: about single rows.
        title: one line above the table.
        table: rows of text, the first the heads.
        notes: sentences beneath it.
        figure: of the recipe.
        path: where it goes.

    Returns:
        The result of the experiment.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    finished(figure).savefig(path, dpi=120)
    lines = [title, "", *aligned_rows(table), ""]
    for note in notes:
        lines += wrapped(note)
    for doubt in doubts[:DOUBTS]:
        where = ", ".join(f"{k} {v}" for k, v in doubt.items() if k not in ("reason", "message"))
        lines += wrapped(f"warning: {where}{': ' * bool(where)}{doubt['message']}")
    if len(doubts) > DOUBTS:
        lines += wrapped(f"… and {len(doubts) - DOUBTS} more warnings, in --json")
    return ExperimentResult(rows, doubts, "\n".join(lines), [path])
