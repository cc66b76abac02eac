"""Columns that number the rows, which are no data."""

from __future__ import annotations

from collections.abc import Sequence

from singlearn.cli.csv_table.number import WHOLE, Kind, Notation

INDEX_NAMES = {
    "#", "case", "i", "id", "idx", "index", "level_0", "line", "n", "no", "no.", "nr", "nr.", "num", "number", "obs", "observation",
    "row", "row.names", "row_id", "rowid", "row_names", "rownames", "x.1",
}  # fmt: skip
"""Names of columns that say so themselves, in lower case."""


def counts(cells: Sequence[str]) -> bool:
    """Whether entries are consecutive whole numbers, upwards in the order of the file.

    >>> counts(["0", "1", "2"]), counts(["10", "11"]), counts(["1", "3"]), counts(["1.0", "2.0"])
    (True, True, False, True)
    """
    numbers = whole_numbers(cells)
    return numbers is not None and numbers == list(range(numbers[0], numbers[0] + len(numbers)))


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
    """Whether a column may number the rows: one without a name that counts, or one that counts from
    0 or 1 and is called so.

    Args:
        name: ``None`` in a file without a header.
        cells: its entries.
    """
    if name is None:
        return (len(cells) >= 3 and counts(cells)) or (len(cells) >= 8 and numbers_each_once(cells))
    return (
        name.lower() in INDEX_NAMES
        and len(cells) >= 3
        and counts(cells)
        and int(float(cells[0])) in (0, 1)
    )
