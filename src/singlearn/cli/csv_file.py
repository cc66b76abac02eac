"""Reading a table of numbers from a CSV file, or saying where it is not one."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from singlearn.cli.refusal import Refusal

MISSING = {"", "na", "n/a", "nan", "null", "none", "?", "."}


@dataclass(frozen=True)
class Table:
    """Columns of numbers by name; ``column 1``, ``column 2``, … in a file without a header."""

    columns: tuple[str, ...]
    values: Float[np.ndarray, "rows columns"]


def read_csv(path: Path, only: Sequence[str] | None = None) -> Table:
    """The table in a CSV file, whose first line may be a header.

    Args:
        path: comma, semicolon or tab separated, UTF-8.
        only: names (or numbers, from 1) of the columns to read; the others may hold anything.

    Raises:
        Refusal: the file cannot be read, is empty, lacks a column, or an entry is missing or is no number; says in
            which line and column.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Refusal(f"{path}: it cannot be read ({error.strerror}); it should be a CSV file") from None
    except UnicodeDecodeError:
        raise Refusal(f"{path}: it is not UTF-8 text; it should be a CSV file") from None
    reader = csv.reader(text.splitlines(), delimiter=_delimiter(text))
    # Line numbers are those an editor shows.
    rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(cell.strip() for cell in row)]
    if not rows:
        raise Refusal(f"{path}: it is empty; it should have at least one row of numbers")
    header = not any(_is_number(cell) for cell in rows[0][1])
    names = tuple(rows[0][1]) if header else tuple(f"column {i + 1}" for i in range(len(rows[0][1])))
    body = rows[1:] if header else rows
    if not body:
        raise Refusal(f"{path}: it has a header and no rows; it should have at least one row of numbers")
    chosen = range(len(names)) if only is None else [column_index(names, name, path) for name in only]
    values = np.empty((len(body), len(chosen)))
    for i, (line, cells) in enumerate(body):
        if len(cells) != len(names):
            raise Refusal(
                f"{path}, line {line}: it has {len(cells)} entries; it should have {len(names)}, as the first line has"
            )
        for j, column in enumerate(chosen):
            values[i, j] = _number(cells[column], f"{path}, line {line}, column {column + 1} ({names[column]})")
    return Table(tuple(names[column] for column in chosen), values)


def column_index(names: Sequence[str], name: str, path: Path) -> int:
    """Where a column is, by name or by its number from 1. Raises ``Refusal`` where there is none."""
    if name in names:
        return list(names).index(name)
    if name.isdigit() and 1 <= int(name) <= len(names):
        return int(name) - 1
    raise Refusal(f"{path}: it has no column {name!r}; its columns are {', '.join(names)}")


def _delimiter(text: str) -> str:
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(",;\t", key=first.count)


def _is_number(cell: str) -> bool:
    # A missing value in the first line of a file without header is still no header.
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _number(cell: str, where: str) -> float:
    if cell.lower() in MISSING:
        raise Refusal(
            f"{where}: the value is missing ({cell!r}); it should be a number: drop the row or impute the value"
        )
    try:
        value = float(cell)
    except ValueError:
        raise Refusal(f"{where}: got {cell!r}; it should be a number") from None
    if not math.isfinite(value):
        raise Refusal(f"{where}: got {cell!r}; it should be a finite number")
    return value
