"""A ledger that was written to disk, without the network and the optimiser that it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from singlearn.flow.law import Law
from singlearn.flow.ledger_books import Book, Books, Digits
from singlearn.flow.ledger_file import read_lines
from singlearn.flow.ledger_forms import Form, Products


@dataclass(frozen=True)
class StoredLaw(Law):
    """The name of a law in a file."""

    def values(self, parameters: Mapping[str, Any]) -> Any:
        """Not known."""
        raise ValueError("laws: a file has their names and values only")

    def differentials(self, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Not known."""
        raise ValueError("laws: a file has their names and values only")


class _StoredForm(Form):
    def __init__(self, formula: str) -> None:
        self.law = StoredLaw(formula, "", "not stored", "always")
        self.parameters, self.degree = (), 2

    def value(self, products: Products, label: str) -> Any:
        return self.law.values({})

    def size(self, products: Products, label: str) -> float:
        return 0.0


class StoredLedger(Books):
    """Books that were read from a file: accounts, table, plot and ``to_dict`` as of the ledger that
    wrote them.

    Made by :func:`read_ledger`.
    """

    def __init__(self, head: Mapping[str, Any], lines: list[dict[str, Any]]) -> None:
        self.without, self.optimiser, self.every, self.file, self.read = (
            (),
            head["optimizer"],
            head["every"],
            None,
            True,
        )
        start = (
            {label: np.asarray(lines[0][label]["before"]) for label in head["laws"]}
            if lines
            else {}
        )
        self.books = [
            Book(_StoredForm(label), start.get(label, np.zeros(()))) for label in head["laws"]
        ]
        self.turning, self.digits, self.notes, self.diverged, self.steps = (
            [],
            Digits(0.0, 0.0),
            {},
            None,
            0,
        )
        self._take_up(lines)


def read_ledger(path: Path | str) -> StoredLedger:
    """The books in a file that a ledger wrote; a line that was cut off is left out.

    Args:
        path: of the file.

    Returns:
        The entries as they were written, which print and draw themselves as a live ledger does.

    Raises:
        ValueError: it is not the file of a ledger.
    """
    head, lines = read_lines(Path(path))
    return StoredLedger(head, lines)
