"""Columns that number the rows, which are not data."""

from __future__ import annotations

import re
from collections.abc import Sequence

from singlearn.selection.csv_table.number import WHOLE, Kind, Notation

INDEX_NAMES = {
    "#",
    "case",
    "i",
    "id",
    "idx",
    "index",
    "level_0",
    "line",
    "n",
    "no",
    "no.",
    "nr",
    "nr.",
    "num",
    "number",
    "obs",
    "observation",
    "row",
    "row.names",
    "row_id",
    "rowid",
    "row_names",
    "rownames",
    "x.1",
}
"""Names of columns that say so themselves, in lower case."""
IDENTIFIES = re.compile(r"(.*[\s_.-])?(id|idx|index|key|uuid)|.*[a-z](Id|ID)", re.ASCII)
"""Names of columns of different numbers that stand for something else, in whatever order."""


def counts(cells: Sequence[str]) -> bool:
    """Whether entries are consecutive whole numbers, upwards in the order of the file.

    >>> counts(["0", "1", "2"]), counts(["10", "11"]), counts(["1", "3"]), counts(["1.0", "2.0"])
    (True, True, False, True)
    """
    numbers = whole_numbers(cells)
    return numbers is not None and numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def counts_in_steps(cells: Sequence[str]) -> bool:
    """Whether entries are whole numbers with equal steps between them, as seconds on a clock are.

    >>> [counts_in_steps(c) for c in (["0", "10", "20"], ["3", "2", "1"], ["5", "5", "5"])]
    [True, True, False]
    """
    numbers = whole_numbers(cells)
    if numbers is None or len(numbers) < 2 or numbers[1] == numbers[0]:
        return False
    step = numbers[1] - numbers[0]
    return numbers == [numbers[0] + step * i for i in range(len(numbers))]


def numbers_each_once(cells: Sequence[str]) -> bool:
    """Whether entries are 0 … n-1 or 1 … n in any order."""
    numbers = whole_numbers(cells)
    return numbers is not None and any(
        sorted(numbers) == list(range(start, start + len(numbers))) for start in (0, 1)
    )


def labels_rows(cells: Sequence[str], notation: Notation) -> bool:
    """Whether a column without a name can only be an index: different whole numbers, or text."""
    numbers = whole_numbers(cells)
    if numbers is not None:
        return len(set(numbers)) == len(numbers)
    return all(notation.kind(cell) in (Kind.NAME, Kind.BROKEN) for cell in cells)


def whole_numbers(cells: Sequence[str]) -> list[int] | None:
    """The entries as whole numbers, or ``None`` if one is none."""
    plain = [cell.removesuffix(".0") for cell in cells]
    return (
        [int(cell) for cell in plain]
        if plain and all(WHOLE.fullmatch(cell) for cell in plain)
        else None
    )


def looks_like_an_index(name: str | None, cells: Sequence[str]) -> bool:
    """Whether a column may number the rows: one without a name that counts, one that counts from
    0 or 1 and is called so, or one that is called an identifier and has no number twice.

    Args:
        name: ``None`` in a file without a header.
        cells: its entries.
    """
    if len(cells) < 3:
        return False
    if name is None:
        if counts(cells):
            return True
        return len(cells) >= 8 and (counts_in_steps(cells) or numbers_each_once(cells))
    if IDENTIFIES.fullmatch(name) or IDENTIFIES.fullmatch(name.lower()):
        numbers = whole_numbers(cells)
        return numbers is not None and len(set(numbers)) == len(numbers)
    return name.lower() in INDEX_NAMES and counts(cells) and int(float(cells[0])) in (0, 1)
