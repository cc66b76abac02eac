"""How a file separates its columns, and where that cannot be told."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from singlearn.results.refusal import RefusalError
from singlearn.selection.csv_table.number import WHOLE, Notation

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
DIGITS = re.compile(r"\d+", re.ASCII)
QUOTED = re.compile('"[^"]*"')
# One comma between digits: 5,251 may be two columns, a decimal comma or a thousands separator.
ONE_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?", re.ASCII)
# Commas before groups of three digits, as in 1,234,567 and 1,234.50 or 12,34,567 in India: columns
# or thousands separators.
THOUSANDS = re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d{1,2}(,\d{2})+,\d{3})(\.\d*)?", re.ASCII)


@dataclass(frozen=True)
class Dialect:
    r"""What a user says about a file; ``None``: read it off the file, or refuse where it does not
    tell.

    Attributes:
        header: whether the first line has the names of the columns.
        delimiter: ``","``, ``";"``, ``"\t"``, ``"|"`` or ``" "`` (any blanks).
        decimal: ``"."`` or ``","``.
        thousands: what separates thousands.
        index: name or number of a column to leave out; ``"none"``: every column is data.
    """

    header: bool | None = None
    delimiter: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    index: str | None = None

    def notation(self) -> Notation:
        """How its numbers are written.

        Returns:
            The decimal sign, and what separates thousands.

        Raises:
            RefusalError: one sign for both decimals and thousands.
        """
        thousands, decimal = (
            self.thousands or "",
            self.decimal or ("," if self.thousands == "." else "."),
        )
        if thousands == decimal:
            raise RefusalError(
                f"--thousands: got {thousands!r}, which is the decimal sign too; they should be "
                "different"
            )
        return Notation(decimal, thousands)

    @property
    def comma_is_in_numbers(self) -> bool:
        """Whether a comma is part of numbers and does not separate columns."""
        notation = self.notation()
        return "," in (notation.decimal, notation.thousands)


def find_delimiter(lines: Sequence[tuple[int, str]], dialect: Dialect, path: Path) -> str:
    """The sign that separates columns; a comma if nothing does.

    Args:
        lines: number and text of every line that is neither blank nor a comment.
        dialect: what was said.
        path: for the sentence.

    Raises:
        RefusalError: several signs could be it, or commas in a file without a header may separate
            columns or belong to numbers.
    """
    if dialect.delimiter is not None:
        return dialect.delimiter
    bare = [(number, QUOTED.sub("", line)) for number, line in lines]
    possible = [sign for sign in DELIMITERS if not (sign == "," and dialect.comma_is_in_numbers)]
    present = [sign for sign in possible if any(sign in line for _, line in bare)]
    regular = [sign for sign in present if len({line.count(sign) for _, line in bare}) == 1]
    # Where a comma and another sign are as regular, the comma belongs to the numbers.
    better = [sign for sign in regular if sign != ","]
    if len(present) > 1 and len(better) != 1 and regular != [","]:
        names = " and ".join(DELIMITERS[sign] for sign in present)
        raise RefusalError(
            f"{path}: {names} could each separate its columns; say which: --delimiter"
        )
    # In a file of one column any sign will do that is in none of its numbers.
    alone = ";" if dialect.comma_is_in_numbers else ","
    found = present[0] if len(present) == 1 else better[0] if len(better) == 1 else alone
    if found == "," and present:
        _refuse_ambiguous_commas(lines, path)
    return found


def refuse_decimal_commas_in_pairs(cells: Sequence[Sequence[str]], line: int, path: Path) -> None:
    """Raise ``RefusalError`` where a comma in a file without a header may separate columns as well
    as decimals.

    Then every other column has digits only: always as many, or beginning with a zero, as 083 in
    5,251,5,083.

    Args:
        cells: the columns of data, entry by entry.
        line: the first of them.
        path: for the sentence.
    """
    if len(cells) % 2 or not cells:
        return
    for whole, digits in zip(cells[::2], cells[1::2], strict=True):
        if not all(WHOLE.fullmatch(cell) for cell in whole):
            return
        if not all(DIGITS.fullmatch(cell) for cell in digits):
            return
        widths = {len(cell) for cell in digits}
        as_many = len(digits) > 1 and len(widths) == 1 and widths != {1}
        if not (as_many or any(len(cell) > 1 and cell[0] == "0" for cell in digits)):
            return
    first = ",".join(column[0] for column in cells)
    raise RefusalError(
        f"{path}, line {line}: {first!r} may be {len(cells)} columns, or {len(cells) // 2} with "
        "decimal commas; say --delimiter , if the commas separate columns, or write decimals with "
        "a point or columns with a semicolon"
    )


def _refuse_ambiguous_commas(lines: Sequence[tuple[int, str]], path: Path) -> None:
    data = [(number, line.strip()) for number, line in lines]
    # A name with a comma in it, as in "velocity, km/s", is no two names.
    if len(data) > 1 and re.fullmatch(r"[^,\d\"]+,\s+[^,\d\"]+", data[0][1]):
        data = data[1:]
    number, first = data[0]
    if all(THOUSANDS.fullmatch(line) for _, line in data) or all(
        ONE_COMMA.fullmatch(line) for _, line in data
    ):
        columns = first.count(",") + 1
        one = (
            ["--decimal , if it is one number with a decimal comma"]
            if ONE_COMMA.fullmatch(first)
            else []
        )
        one += (
            ["--thousands , if it is one number with a thousands separator"]
            if THOUSANDS.fullmatch(first)
            else []
        )
        raise RefusalError(
            f"{path}, line {number}: got {first!r}, and the other lines are like it; say what the "
            f"comma is: {', '.join(one)}, "
            f"--delimiter , if these are {columns} columns"
        )
