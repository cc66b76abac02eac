"""Whether the first line of a table has the names of its columns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from singlearn.results.refusal import RefusalError
from singlearn.selection.csv_table.number import WHOLE, Kind, Notation

LEAST_ROWS = 5
"""Fewer rows say too little about what the numbers of a column look like."""


def has_header(rows: Sequence[tuple[int, Sequence[str]]], notation: Notation, path: Path) -> bool:
    """Whether the first row has names: it has, if it has names only; it has not, if it has numbers
    like those below it.

    Args:
        rows: line numbers and entries.
        notation: how numbers are written.
        path: for the sentence.

    Raises:
        RefusalError: the first row may be either: a broken or missing value, names among numbers,
            or numbers unlike those below.
    """
    line, first = rows[0]
    body = [cells for _, cells in rows[1:]]
    kinds = [notation.kind(cell) for cell in first]
    where = f"{path}, line {line}"
    if Kind.NUMBER in kinds:
        return _numbers_are_names(first, kinds, body, notation, where)
    confused = all(notation.is_confused(cell) for cell in first)
    for column, (cell, kind) in enumerate(zip(first, kinds, strict=True), start=1):
        # Na is sodium among names of other elements, and a missing value alone.
        missing = kind is Kind.MISSING and not (cell == "Na" and Kind.NAME in kinds)
        if missing or kind is Kind.BROKEN or (confused and kind is Kind.NAME):
            trouble = notation.trouble(cell)
            raise RefusalError(
                f"{where}, column {column}: {trouble}; if the line is a header: --header yes"
            )
    return True


def _numbers_are_names(
    first: Sequence[str],
    kinds: Sequence[Kind],
    body: Sequence[Sequence[str]],
    notation: Notation,
    where: str,
) -> bool:
    at = [column for column, kind in enumerate(kinds) if kind is Kind.NUMBER]
    numbers = [first[column] for column in at]
    listed = ", ".join(numbers[:6]) + (", …" if len(numbers) > 6 else "")
    if (
        kinds[0] is Kind.EMPTY
        and len(at) == len(first) - 1
        and all(cells[0] for cells in body if cells)
    ):
        if numbers == [str(i) for i in range(len(numbers))]:
            return True  # the names that pandas gives to columns without names, above its index
        raise RefusalError(
            f"{where}: {listed} may be names of columns or data: --header yes or --header no"
        )
    for column, kind in enumerate(kinds):
        below = [cells[column] for cells in body if column < len(cells)]
        if kind is Kind.NAME and below and all(notation.value(cell) is not None for cell in below):
            raise RefusalError(
                f"{where}, column {column + 1}: got {first[column]!r} above numbers; it should be "
                "a number; "
                "if the line is a header: --header yes"
            )
    columns = [[cells[column] for cells in body if column < len(cells)] for column in at]
    if _unlike_the_rest(numbers, columns, notation):
        raise RefusalError(
            f"{where}: {listed} may be a header (years, numbers of columns) or data: --header yes "
            "or --header no"
        )
    return False


def _unlike_the_rest(
    first: Sequence[str], columns: Sequence[Sequence[str]], notation: Notation
) -> bool:
    """Whether numbers in the first row are written otherwise than those below, count the columns,
    or are far from all below.
    """
    below = [cell for cells in columns for cell in cells if notation.value(cell) is not None]
    whole = all(WHOLE.fullmatch(cell) for cell in first)
    years = whole and all(1500 <= int(cell) < 2200 for cell in first)
    enough = years or len(below) >= LEAST_ROWS * len(first)
    if whole and below and enough and not any(WHOLE.fullmatch(cell) for cell in below):
        return True
    if len(first) >= 3 and any(
        list(first) == [str(i + start) for i in range(len(first))] for start in (0, 1)
    ):
        return True
    return (len(first) > 1 or years) and all(
        _is_far(cell, cells, notation) for cell, cells in zip(first, columns, strict=True)
    )


def _is_far(cell: str, below: Sequence[str], notation: Notation) -> bool:
    values = [value for value in map(notation.value, below) if value is not None]
    own = notation.value(cell)
    if own is None or len(values) < LEAST_ROWS:
        return False
    low, high = min(values), max(values)
    return high > low and max(own - high, low - own) > high - low
