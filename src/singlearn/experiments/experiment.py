"""What an experiment is: a published table or figure that can be run by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from singlearn.results.prompt import Shown


@dataclass(frozen=True)
class ExperimentResult(Shown):
    """What an experiment found.

    Attributes:
        rows: of its table, each keyed by the table's column names; numbers, strings or ``None``.
        warnings: ``{"reason": …, "message": …}`` each, and whatever says which row it belongs to.
        table: the same rows for people.
        figures: files that were written.
    """

    rows: list[dict[str, Any]]
    warnings: list[dict[str, Any]]
    table: str
    figures: list[Path] = field(default_factory=list)

    def __str__(self) -> str:
        return self.table

    def to_dict(self) -> dict[str, Any]:
        """Everything but the table, for machines."""
        return {
            "rows": self.rows,
            "warnings": self.warnings,
            "figures": [str(path) for path in self.figures],
        }


@dataclass(frozen=True)
class Experiment:
    """A published table or figure, and the function that makes it again.

    Attributes:
        name: by which the command line calls it.
        summary: one line.
        run: ``run(quick, seed, out, progress)``; ``quick`` trades precision for minutes, figures go
            to the folder ``out``, ``progress`` shows a progress bar on standard error (``None``: if
            that is a terminal).
        versions: other ways to run it, by the name of their option; empty if there is one way only.
    """

    name: str
    summary: str
    run: Callable[[bool, int, Path, bool | None], ExperimentResult]
    versions: Mapping[str, Callable[[bool, int, Path, bool | None], ExperimentResult]] = field(
        default_factory=dict
    )
