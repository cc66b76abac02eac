"""What an experiment is: a published table or figure that can be run by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singlearn.results.caution import Caution, Reason
from singlearn.results.document import of_each, plain
from singlearn.results.result import Answer
from singlearn.results.table import frame

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class ExperimentResult(Answer):
    """What an experiment found.

    Attributes:
        rows: of its table, each keyed by the table's column names; numbers, strings or ``None``.
        doubts: about single rows: ``{"reason": …, "message": …}`` each, and whatever says which row
            it belongs to.
        text: the same rows for people.
        figures: files that were written.
    """

    rows: list[dict[str, Any]]
    doubts: list[dict[str, Any]]
    text: str
    figures: list[Path] = field(default_factory=list)

    def summary(self) -> str:
        """All of it, for people."""
        return self.text

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """The doubts, each with the row it belongs to before its message."""
        keys = set(map(str, Reason))
        found = []
        for doubt in self.doubts:
            key = str(doubt.get("reason", ""))
            row = [f"{k} {v}" for k, v in doubt.items() if k not in ("reason", "message")]
            reason = Reason(key) if key in keys else Reason.DOUBTFUL_FIT
            found.append(Caution(reason, ", ".join(row) + ": " * bool(row) + doubt["message"]))
        return tuple(found)

    def table(self) -> pandas.DataFrame:
        """The rows as a ``pandas.DataFrame``."""
        return frame(self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the text, for machines."""
        return {
            "rows": plain(self.rows),
            "doubts": plain(self.doubts),
            "cautions": of_each(self.cautions),
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
