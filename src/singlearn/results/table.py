"""Tables: columns that line up for people, and ``pandas.DataFrame`` for everything else."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any, Literal

from singlearn.results.estimate import Estimate

if TYPE_CHECKING:
    import pandas
    from rich.text import Text

WIDTH = 110
"""Columns of a terminal that sentences beneath a table take at most."""

MISSING = "–"
INDENT = "  "
BETWEEN = 3


@dataclass(frozen=True)
class Column:
    """One column of text.

    Attributes:
        head: its name.
        cells: its entries, as they are shown.
        unit: beneath the name; a table whose columns have none has no line for units.
        align: ``"left"`` or ``"right"``; ``"number"``: cells to the right among themselves, beneath
            a head to the left.
    """

    head: str
    cells: Sequence[str]
    unit: str = ""
    align: Literal["left", "right", "number"] = "left"


def aligned(columns: Sequence[Column]) -> list[str]:
    """Columns side by side, one line for each row.

    Returns:
        One line per row, heads first.

    >>> for line in aligned([Column("n", ["5", "50"], align="right"), Column("λ̂", ["0.5", "–"])]):
    ...     print(line)
       n   λ̂
       5   0.5
      50   –
    """
    heads = [column.head for column in columns]
    units = [column.unit for column in columns]
    cells = [
        padded(column.cells) if column.align == "number" else column.cells for column in columns
    ]
    rows = [*([units] if any(units) else []), *zip(*cells, strict=True)]
    return _rendered([heads, *rows], ["right" if c.align == "right" else "left" for c in columns])


def aligned_rows(
    rows: Sequence[Sequence[str]], others: Literal["left", "right"] = "right"
) -> list[str]:
    """Rows of text, the first the heads: the first column to the left, the others to the right.

    Returns:
        One line per row.

    >>> aligned_rows([("phase", "P"), ("a", "0.40"), ("bc", "0.6")])
    ['  phase      P', '  a       0.40', '  bc       0.6']
    """
    return _rendered(rows, ["left", *[others] * (len(rows[0]) - 1)])


def pairs(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Names and what belongs to them, without heads.

    Returns:
        One line per pair.

    >>> pairs([("n", "82"), ("WBIC", "3.1 ± 0.2 nats")])
    ['  n     82', '  WBIC  3.1 ± 0.2 nats']
    """
    return _rendered(rows, ["left", "left"], between=2)


def _rendered(
    rows: Sequence[Sequence[str]], sides: Sequence[str], between: int = BETWEEN
) -> list[str]:
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=None,
        show_header=False,
        pad_edge=False,
        padding=(0, between, 0, 0),
        collapse_padding=True,
    )
    for side in sides:
        # Not "ignore", with which rich 15 leaves every cell where it begins; nothing is cut off,
        # for the page is as wide as it takes.
        table.add_column(justify=side, no_wrap=True, overflow="crop")  # type: ignore[arg-type]
    for row in rows:
        cells: list[Text] = [Text(str(cell)) for cell in row]
        table.add_row(*cells)
    page = StringIO()
    # As wide as it takes: whoever prints it may scroll, and a file has no width.
    wide = sum(max(cell_len(str(row[k])) for row in rows) + between for k in range(len(sides))) + 1
    Console(file=page, width=wide, color_system=None, legacy_windows=False).print(table)
    return [INDENT + line.rstrip() for line in page.getvalue().split("\n")[: len(rows)]]


def wrapped(sentence: str) -> list[str]:
    """A sentence beneath a table, in lines of at most ``WIDTH``."""
    return textwrap.wrap(
        sentence,
        WIDTH,
        initial_indent=INDENT,
        subsequent_indent=3 * INDENT,
        break_on_hyphens=False,
    )


def padded(cells: Sequence[str]) -> list[str]:
    """Cells to the right, all as wide as the widest.

    Returns:
        The padded cells.

    >>> padded(["1.5", "10.5"])
    [' 1.5', '10.5']
    """
    from rich.cells import cell_len

    width = max(map(cell_len, cells), default=0)
    return [" " * (width - cell_len(cell)) + cell for cell in cells]


def estimates(values: Sequence[Estimate | None]) -> list[str]:
    """Estimates of one quantity with as many decimals as the smallest of their errors carries.

    Returns:
        One cell per estimate, all equally wide.

    >>> estimates([Estimate(246.14, 0.05), None, Estimate(27.1, 0.2)])
    ['246.14 ± 0.05', '            –', ' 27.10 ± 0.20']
    """
    errors = [
        v.standard_error
        for v in values
        if v is not None and math.isfinite(v.standard_error) and v.standard_error > 0
    ]
    decimals = max(0, min(4, -math.floor(math.log10(min(errors))))) if errors else 2
    cells = []
    for value in values:
        if value is None:
            cells.append(MISSING)
        elif math.isfinite(value.standard_error):
            cells.append(f"{value.value:.{decimals}f} ± {value.standard_error:.{decimals}f}")
        else:
            cells.append(f"{value.value:.{decimals}f}")
    return padded(cells)


def probabilities(values: Sequence[Estimate]) -> list[str]:
    """Probabilities with two decimals; what these cannot show is said to be near 0 or near 1.

    Returns:
        One cell per probability, all equally wide.

    >>> probabilities([Estimate(0.4, 0.03), Estimate(1e-9, 1e-10), Estimate(0.9999, 1e-5)])
    ['0.40 ± 0.03', '     < 0.01', '     > 0.99']
    """

    def cell(share: Estimate) -> str:
        if share.value + share.standard_error < 0.005:
            return "< 0.01"
        if share.value - share.standard_error > 0.995:
            return "> 0.99"
        return f"{share.value:.2f} ± {share.standard_error:.2f}"

    return padded([cell(share) for share in values])


def share_cell(share: Estimate) -> str:
    """A share for people: near 1 the digits that its tiny error carries say nothing.

    Returns:
        The cell.

    >>> [share_cell(Estimate(*s)) for s in ((0.4, 0.03), (0.9999, 1e-5), (3.2e-9, 1e-9))]
    ['0.40 ± 0.03', '> 0.99', '3.2e-09']
    """
    if share.value - share.standard_error > 0.995:
        return "> 0.99"
    return f"{share.value:.2g}" if share.value + share.standard_error < 0.005 else str(share)


def frame(rows: Iterable[Mapping[str, Any]]) -> pandas.DataFrame:
    """Rows as a ``pandas.DataFrame``; an estimate takes two columns, its value and its error.

    Returns:
        One row per mapping, in their order.

    >>> frame([{"K": 1, "F": Estimate(2.0, 0.1)}, {"K": 2, "F": None}]).columns.tolist()
    ['K', 'F', 'F standard error']
    """
    import pandas

    listed = [dict(row) for row in rows]
    measured = {name for row in listed for name, value in row.items() if _is_measured(value)}
    flat = []
    for row in listed:
        cells: dict[str, Any] = {}
        for name, value in row.items():
            if name in measured:
                cells[name] = math.nan if value is None else float(value.value)
                error = math.nan if value is None else float(value.standard_error)
                cells[f"{name} standard error"] = error
            else:
                cells[name] = value
        flat.append(cells)
    return pandas.DataFrame(flat)


def _is_measured(value: Any) -> bool:
    return hasattr(value, "value") and hasattr(value, "standard_error")
