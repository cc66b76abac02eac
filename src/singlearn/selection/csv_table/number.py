"""What an entry of a table says: a number, a missing value, a broken number, or a name."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from singlearn.results.refusal import RefusalError

MISSING = {
    "",
    "na",
    "n/a",
    "n.a.",
    "#n/a",
    "nan",
    "-nan",
    "null",
    "nil",
    "none",
    "missing",
    "?",
    ".",
    "-",
    "--",
    "---",
    "\\n",
    "<na>",
    "inf",
    "+inf",
    "-inf",
    "infinity",
    "-infinity",
    "#div/0!",
    "#value!",
    "#ref!",
    "#num!",
}
"""What is written where there is no finite number, in lower case."""

# Letters that are typed, or read by a machine, for digits.
CONFUSED = str.maketrans("lI|OoSB", "1110058")
PLAIN = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
BEGINS_LIKE_A_NUMBER = re.compile(r"[^\w]*\d")


class Kind(Enum):
    """What an entry is."""

    NUMBER = "number"
    EMPTY = "empty"
    MISSING = "missing"
    BROKEN = "broken"
    NAME = "name"


@dataclass(frozen=True)
class Notation:
    """How numbers are written: the decimal sign, and what separates thousands (nothing unless
    said).

    Only ASCII digits, one sign, one decimal sign and an exponent are a number. Python's ``float``
    takes much more: ``1_5``, ``inf``, digits of every script.

    >>> comma, thousands = Notation(decimal=","), Notation(thousands=",")
    >>> Notation().value("-1.5e3"), comma.value("5,251"), thousands.value("1,234.5")
    (-1500.0, 5.251, 1234.5)
    >>> Notation().value("1_5") is None, Notation(thousands=",").value("1,23") is None
    (True, True)
    """

    decimal: str = "."
    thousands: str = ""

    @cached_property
    def _grouped(self) -> re.Pattern[str]:
        separator, decimal = re.escape(self.thousands), re.escape(self.decimal)
        return re.compile(
            rf"[+-]?(\d+|\d{{1,3}}({separator}\d{{3}})+|\d{{1,2}}({separator}\d{{2}})+{separator}\d{{3}})"
            rf"({decimal}\d*)?([eE][+-]?\d+)?",
            re.ASCII,
        )

    def value(self, cell: str) -> float | None:
        """The number, which may be infinite or zero for want of digits, or ``None``."""
        if self.thousands:
            if self._grouped.fullmatch(cell):
                cell = cell.replace(self.thousands, "")
        elif self.decimal != "." and "." in cell:
            return None
        plain = cell if self.decimal == "." else cell.replace(self.decimal, ".")
        return float(plain) if PLAIN.fullmatch(plain) else None

    def kind(self, cell: str) -> Kind:
        """What an entry is, for the question whether a line is a header.

        >>> cells = ("5.2", "", "NA", "5.3x", "velocity", "x1", "l.5")
        >>> [Notation().kind(cell).value for cell in cells]
        ['number', 'empty', 'missing', 'broken', 'name', 'name', 'name']
        """
        if self.value(cell) is not None:
            return Kind.NUMBER
        if not cell:
            return Kind.EMPTY
        if cell.lower() in MISSING:
            return Kind.MISSING
        return Kind.BROKEN if BEGINS_LIKE_A_NUMBER.match(cell) else Kind.NAME

    def is_confused(self, cell: str) -> bool:
        """Whether letters for digits make it no number: ``l.5``, ``O.25``; ``O2`` and ``l1`` are
        names.

        >>> [Notation().is_confused(cell) for cell in ("l.5", "O2", "q0.5")]
        [True, False, False]
        """
        has_sign = self.decimal in cell and any(letter.isdigit() for letter in cell)
        return (
            has_sign
            and self.value(cell) is None
            and self.value(cell.translate(CONFUSED)) is not None
        )

    def number(self, cell: str, where: str) -> float:
        """The finite number that an entry is.

        Args:
            cell: without blanks around it.
            where: file, line and column, for the sentence.

        Raises:
            RefusalError: a value is missing, is no number, or does not fit into double precision.
        """
        value = self.value(cell)
        if value is None:
            raise RefusalError(f"{where}: {self.trouble(cell)}")
        if math.isinf(value):
            raise RefusalError(
                f"{where}: got {cell!r}, which is too large for double precision; it should be a "
                "finite number"
            )
        if value == 0 and any(digit in "123456789" for digit in re.split("[eE]", cell)[0]):
            raise RefusalError(
                f"{where}: got {cell!r}, which is too small for double precision and would become 0"
            )
        return value

    def trouble(self, cell: str) -> str:
        """Why an entry is not a number, and what decides where it may be one."""
        lower = cell.lower().lstrip("+-")
        if lower in ("inf", "infinity"):
            return f"got {cell!r}; it should be a finite number"
        if cell.lower() in MISSING:
            return (
                f"the value is missing ({cell!r}); it should be a number: drop the row or "
                "impute the value"
            )
        for letter in cell:
            if ord(letter) > 127 and (
                unicodedata.category(letter) in ("Nd", "Pd", "Zs", "Cf") or letter in "−٫٬’"
            ):
                name = unicodedata.name(letter, "unnamed")
                return (
                    f"got {cell!r}, with the character {name}; it should be a number in plain "
                    f"digits, '-' and {self.decimal!r}"
                )
        if "_" in cell:
            return (
                f"got {cell!r}, with an underscore; it should be a number (--thousands _ if "
                "it separates thousands)"
            )
        parts = cell.split()
        whole = all(WHOLE.fullmatch(part) for part in parts)
        if len(parts) > 1 and not whole and all(self.value(part) is not None for part in parts):
            return (
                f"got {cell!r}; it should be a number (--delimiter space if blanks separate "
                "the columns)"
            )
        if re.fullmatch(r"'[^']*'|\"[^\"]*\"|“[^”]*”", cell):
            return (
                f"got {cell!r} in quotation marks; it should be a number, bare or in double quotes"
            )
        signs = [
            sign
            for sign in (",", ".", "'", " ")
            if sign in cell and (sign != self.decimal or cell.count(sign) > 1)
        ]
        digits = "".join(letter for letter in cell if letter not in ",.' ")
        if signs and re.fullmatch(r"[+-]?\d+([eE][+-]?\d+)?", digits, re.ASCII):
            sign = "space" if signs[0] == " " else signs[0]
            decide = [f"--decimal {sign}"] if sign in ",." and cell.count(sign) == 1 else []
            decide += [f"--thousands {sign}"] + (["--delimiter space"] if sign == "space" else [])
            return (
                f"got {cell!r}; what its {sign if sign == 'space' else repr(sign)} means has "
                f"to be said: {' or '.join(decide)}"
            )
        return f"got {cell!r}; it should be a number"
