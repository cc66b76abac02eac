"""The table in a CSV file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from singlearn.results.prompt import Shown
from singlearn.results.refusal import RefusalError
from singlearn.selection.csv_table.dialect import (
    Dialect,
    find_delimiter,
    refuse_decimal_commas_in_pairs,
)
from singlearn.selection.csv_table.header import has_header
from singlearn.selection.csv_table.index import labels_rows, looks_like_an_index
from singlearn.selection.csv_table.number import Notation
from singlearn.selection.csv_table.text import read_text

Row = tuple[int, list[str]]

# #N/A, #DIV/0!, … are missing values, no comments.
ERROR_OF_A_SPREADSHEET = re.compile(r"#(N/A|[A-Z0-9/]+[!?])")

# Numbers that are written where there is none.
CODES = (
    *(sign * (10.0**k - 1) for sign in (-1, 1) for k in range(2, 9)),
    *(
        sign * number
        for sign in (-1, 1)
        for number in (1e20, 1e30, 9.96921e36, 9.969209968386869e36)
    ),
    *(-8888.0, -888.0, -88.0, -9.0, -7777.0, -999.25, -9999.25, -99.9, -999.9),
)
# What a row says that sums up the others, in lower case.
TOTALS = {
    "total",
    "totals",
    "sum",
    "subtotal",
    "sub-total",
    "grand total",
    "mean",
    "average",
    "avg",
    "median",
    "std",
    "stdev",
    "min",
    "max",
    "count",
    "summe",
    "mittelwert",
    "gesamt",
    "moyenne",
    "somme",
    "promedio",
    "suma",
    "media",
    "totale",
    "gemiddelde",
    "totaal",
}


@dataclass(frozen=True)
class Table(Shown):
    """Columns of numbers.

    Attributes:
        path: where they were read.
        columns: their names; ``column 1``, ``column 2``, … in a file without a header.
        positions: their places in the file, from 1.
        values: the numbers.
        notes: how the file was understood, in words.
    """

    path: Path
    columns: tuple[str, ...]
    positions: tuple[int, ...]
    values: Float[np.ndarray, "rows columns"]
    notes: tuple[str, ...]

    def indices(self, names: Sequence[str], option: str) -> list[int]:
        """Where columns are in ``values``, by name or by place in the file.

        Returns:
            Places from 0.

        Raises:
            RefusalError: one is not there, or is listed twice.
        """
        return _chosen(self.columns, self.positions, names, option, self.path)


def read_csv(
    path: Path, only: Sequence[str] | None = None, dialect: Dialect | None = None
) -> Table:
    """The table in a CSV file.

    Args:
        path: UTF-8, or UTF-16 with a byte-order mark; separated by commas, semicolons, tabs or
            bars; lines that begin with ``#`` are comments; entries may stand in double quotes (RFC
            4180).
        only: names (or places, from 1) of the columns to read; the others may hold anything.
        dialect: what the user says about the file.

    Returns:
        Columns of numbers with their names, and how the file was understood, in words.

    Raises:
        RefusalError: the file cannot be read, is empty, lacks a column, can be understood in two
            ways, or an entry is missing or is no number; says in which line and column, and which
            option decides.
    """
    dialect = dialect or Dialect()
    notation = dialect.notation()
    lines, skipped, dialect = _lines(read_text(path), dialect)
    written = [(number, line) for number, line in lines if line.strip()]
    if not written:
        raise RefusalError(
            f"{path}: it has comments only; it should have at least one row of numbers"
        )
    delimiter = find_delimiter(written, dialect, path)
    rows = _without_empty_ends(list(_rows([line for _, line in lines], delimiter, path)))
    header = has_header(rows, notation, path) if dialect.header is None else dialect.header
    _refuse_ragged(rows, delimiter, dialect, path)
    body = rows[1:] if header else rows
    if not body:
        raise RefusalError(
            f"{path}: it has a header and no rows; it should have at least one row of numbers"
        )
    names = [
        (name if header else "") or f"column {i}" for i, name in enumerate(rows[0][1], start=1)
    ]
    given = [name if header else None for name in rows[0][1]]
    places = list(range(1, len(names) + 1))
    notes = [_note_on_header(rows[0], header, len(body), given)]
    left_out = _index(names, places, given, body, notation, only, dialect.index, path)
    notes += [f"column {i + 1} numbers or labels the rows and is left out" for i in left_out]
    if only is None:
        chosen = [i for i in range(len(names)) if i not in left_out]
        _refuse_same_names([names[i] for i in chosen], path)
    else:
        chosen = _chosen(names, places, only, "--columns", path)
    if not header and delimiter == "," and dialect.delimiter is None and notation == Notation():
        columns = [[cells[column] for _, cells in body] for column in chosen]
        refuse_decimal_commas_in_pairs(columns, body[0][0], path)
    _refuse_totals(body, chosen, path)
    if not chosen:
        raise RefusalError(
            f"{path}: no column is left; it should have at least one column of numbers"
        )
    for what, numbers in skipped.items():
        between = [str(number) for number in numbers if number < rows[-1][0]]
        if between:
            listed = ", ".join(between[:3]) + (", …" if len(between) > 3 else "")
            notes.append(f"{what} skipped: {len(between)} (line {listed})")
    values = np.empty((len(body), len(chosen)))
    for i, (line, cells) in enumerate(body):
        for j, column in enumerate(chosen):
            values[i, j] = notation.number(
                cells[column], f"{path}, line {line}, column {column + 1} ({names[column]})"
            )
    notes += _notes_on_codes(body, chosen, names, values)
    return Table(
        path,
        tuple(names[i] for i in chosen),
        tuple(places[i] for i in chosen),
        values,
        tuple(notes),
    )


def _lines(
    text: str, dialect: Dialect
) -> tuple[list[tuple[int, str]], dict[str, list[int]], Dialect]:
    """Lines by the numbers an editor shows, comments made blank; which were blank or comments; what
    Excel's ``sep=`` says.
    """
    lines: list[tuple[int, str]] = []
    skipped: dict[str, list[int]] = {"blank lines": [], "comments": []}
    # \r, \n and \r\n end a line; str.splitlines would end it at a form feed or U+2028 too.
    for number, line in enumerate(io.StringIO(text, newline=""), start=1):
        separator = re.fullmatch(r'"?sep=(.)"?\s*', line) if number == 1 else None
        comment = line.lstrip().startswith("#") and not ERROR_OF_A_SPREADSHEET.match(line.lstrip())
        if separator:
            dialect = replace(dialect, delimiter=dialect.delimiter or separator[1])
        elif comment or not line.strip():
            skipped["comments" if comment else "blank lines"].append(number)
        lines.append((number, "\n" if separator or comment else line))
    return lines, skipped, dialect


def _rows(lines: Sequence[str], delimiter: str, path: Path) -> Iterator[Row]:
    """Line numbers and entries of every line that is not blank."""
    if delimiter == " ":
        yield from (
            (number, line.split()) for number, line in enumerate(lines, start=1) if line.strip()
        )
        return
    # Blanks behind the last quotation mark of a line are no part of the table.
    clean = [line.rstrip(" \r\n") + "\n" for line in lines]
    reader = csv.reader(clean, delimiter=delimiter, strict=True, skipinitialspace=delimiter != "\t")
    begin = 1
    try:
        for row in reader:
            # An empty entry in quotation marks is a missing value, a blank line is nothing.
            if "".join(lines[begin - 1 : reader.line_num]).strip():
                yield begin, [cell.strip() for cell in row]
            begin = reader.line_num + 1
    except csv.Error as error:
        raise RefusalError(
            f"{path}, line {begin}: its quotation marks cannot be read ({error}); is another sign "
            "the --delimiter?"
        ) from None


def _without_empty_ends(rows: list[Row]) -> list[Row]:
    """Without last columns that are empty in every row, which separators at the ends of lines
    leave.
    """
    width = max(len(cells) for _, cells in rows)
    while (
        width > 1
        and all(len(cells) < width or not cells[width - 1] for _, cells in rows)
        and _full(rows[1:] or rows, width)
    ):
        width -= 1
    return [(line, cells[:width]) for line, cells in rows]


def _full(rows: Sequence[Row], width: int) -> bool:
    return all(len(cells) >= width for _, cells in rows)


def _refuse_ragged(rows: Sequence[Row], delimiter: str, dialect: Dialect, path: Path) -> None:
    expected = len(rows[0][1])
    for line, cells in rows:
        if len(cells) != expected:
            hint = ""
            if all(len(others) == expected + 1 for _, others in rows[1:]):
                hint = "; a name may be missing in the first line"
            if delimiter == "," and dialect.delimiter is None and max(expected, len(cells)) > 1:
                hint += "; a comma within numbers needs --decimal , or --thousands ,"
            raise RefusalError(
                f"{path}, line {line}: it has {len(cells)} entries; it should have {expected}, as "
                f"the first line has{hint}"
            )
        if not any(cells):
            raise RefusalError(
                f"{path}, line {line}: all its values are missing; delete the line or impute them"
            )


def _refuse_totals(body: Sequence[Row], chosen: Sequence[int], path: Path) -> None:
    """Raise ``RefusalError`` for a row that says beside its numbers that it sums up the others."""
    for line, cells in body:
        for i, cell in enumerate(cells):
            if i not in chosen and cell.lower().rstrip(":") in TOTALS:
                raise RefusalError(
                    f"{path}, line {line}: it says {cell!r} in column {i + 1}, and sums up other "
                    "rows; delete it, so that every row is one observation"
                )


def _notes_on_codes(
    body: Sequence[Row],
    chosen: Sequence[int],
    names: Sequence[str],
    values: Float[np.ndarray, "rows columns"],
) -> list[str]:
    """A word where a number far from all others is one that is written for missing values."""
    notes = []
    for j, column in enumerate(chosen):
        codes = np.isin(values[:, j], CODES)
        if not codes.any() or codes.all():
            continue
        others = values[~codes, j]
        low, high = float(others.min()), float(others.max())
        code = float(values[codes, j][0])
        if max(code - high, low - code) > high - low:
            line = body[int(np.argmax(codes))][0]
            notes.append(
                f"caution: line {line}, column {column + 1} ({names[column]}) is {code:g}, which "
                f"often stands for a missing value, and all others lie from {low:g} to {high:g}; "
                "it was taken for a number"
            )
    return notes


def _note_on_header(first: Row, header: bool, rows: int, given: Sequence[str | None]) -> str:
    if not header:
        return f"no header, {_rows_in_words(rows)} from line {first[0]} on"
    listed = ", ".join(repr(name) for name in given[:4]) + (", …" if len(given) > 4 else "")
    return f"line {first[0]} is the header ({listed}), {_rows_in_words(rows)} below it"


def _rows_in_words(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows} rows"


def _index(
    names: Sequence[str],
    places: Sequence[int],
    given: Sequence[str | None],
    body: Sequence[Row],
    notation: Notation,
    only: Sequence[str] | None,
    said: str | None,
    path: Path,
) -> list[int]:
    """Which columns are an index and left out; names are ``None`` in ``given`` without a header,
    empty where it has none.
    """
    if said is not None:
        return [] if said.lower() == "none" else _chosen(names, places, [said], "--index", path)
    if only is not None or len(names) == 1:
        return []
    left_out: list[int] = []
    for i, name in enumerate(given):
        cells = [row[i] for _, row in body]
        decide = f"--index {i + 1} leaves it out, --index none keeps it"
        if name is not None and (not name or name.lower().startswith("unnamed: ")):
            # pandas writes its index so, and once more when that file is read and written.
            if i > len(left_out) or not labels_rows(cells, notation):
                raise RefusalError(
                    f"{path}, column {i + 1}: it has no name in the header; is it an index or "
                    f"data? {decide}"
                )
            left_out.append(i)
        elif looks_like_an_index(name, cells):
            listed = ", ".join(cells[:3])
            raise RefusalError(
                f"{path}, column {i + 1} ({names[i]}): {listed}, … number the rows as an index "
                f"does; {decide}"
            )
    return left_out


def _refuse_same_names(names: Sequence[str], path: Path) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise RefusalError(
            f"{path}: {names.count(twice)} columns have the duplicate name {twice!r}; choose "
            "columns by number: --columns"
        )


def _chosen(
    names: Sequence[str], places: Sequence[int], asked: Sequence[str], option: str, path: Path
) -> list[int]:
    chosen: list[int] = []
    for name in asked:
        if names.count(name) > 1:
            raise RefusalError(
                f"{option}: {names.count(name)} columns of {path} have the duplicate name "
                f"{name!r}; choose by number"
            )
        if name in names:
            found = names.index(name)
        elif name.isascii() and name.isdigit() and int(name) in places:
            found = places.index(int(name))
        else:
            listed = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
            raise RefusalError(f"{path}: it has no column {name!r}; its columns are {listed}")
        if found in chosen:
            raise RefusalError(
                f"{option}: column {names[found]!r} is listed twice; each column should be listed "
                "once"
            )
        chosen.append(found)
    return chosen
