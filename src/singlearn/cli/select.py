"""``singlearn select``."""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path
from typing import TYPE_CHECKING

from singlearn.cli.arguments import (
    Commands,
    add_command,
    add_replicates,
    at_least,
    one_of,
    yes_or_no,
)
from singlearn.cli.figure_file import place, saved_or_why
from singlearn.cli.python_file import blaming, load_name
from singlearn.results.document import print_document
from singlearn.results.refusal import RefusalError

if TYPE_CHECKING:
    from singlearn.selection.families import Family
    from singlearn.triple import Triple


def add_arguments(commands: Commands) -> None:
    """Add the command and its arguments."""
    command = add_command(
        commands,
        "select",
        "compare the models of a family by free energy",
        "singlearn select yields.csv --model reduced-rank --response yield,purity --max 2",
    )
    command.add_argument(
        "data",
        metavar="DATA",
        help="galaxies, a CSV file of numbers (a header is optional), or FILE.py:NAME, a function "
        "of K that returns a Triple",
    )
    command.add_argument(
        "--model",
        choices=["mixture", "reduced-rank"],
        help="the family (default mixture); FILE.py:NAME is one by itself",
    )
    command.add_argument(
        "--max",
        type=at_least(1),
        metavar="K",
        help="compare K = 1 … K: components (default 6), rank (default: the largest there is), or "
        "what FILE.py:NAME takes (default 3)",
    )
    command.add_argument(
        "--columns",
        metavar="COL,COL",
        help="use only these columns, by name or number (default: all)",
    )
    command.add_argument(
        "--response",
        metavar="COL,COL",
        help="reduced-rank: the columns that are y; the others are x (default: the last)",
    )
    add_replicates(command, 512)
    table = command.add_argument_group("how to read the CSV file, where it does not tell itself")
    table.add_argument(
        "--header",
        type=yes_or_no,
        metavar="yes|no",
        help="whether the first line has the names of the columns",
    )
    table.add_argument(
        "--index",
        metavar="COL",
        help="leave this column out, by name or number; none: every column is data",
    )
    table.add_argument(
        "--delimiter",
        type=one_of(",;\t| "),
        metavar="SIGN",
        help="between columns: , ; | tab or space",
    )
    table.add_argument(
        "--decimal", type=one_of(".,"), metavar="SIGN", help="decimal sign of its numbers: . or ,"
    )
    table.add_argument(
        "--thousands",
        type=one_of(",.'_ "),
        metavar="SIGN",
        help="between thousands: , . _ apostrophe or space",
    )


def run(options: argparse.Namespace) -> None:
    """Read data, temper each K, print the table, draw the figure."""
    started = time.monotonic()
    family = _family(options)
    largest = options.max or family.largest
    out = place(options.out)
    # Only now: a file that cannot be read is refused before JAX is imported.
    from singlearn import plot
    from singlearn.selection import select

    with blaming(*([] if family.file is None else [family.file])):
        selection = select(
            family.triple,
            range(1, largest + 1),
            particles=options.particles,
            replicates=options.replicates,
            seed=options.seed,
            name=family.name,
            description=f"{family.description}, K = 1–{largest}"
            if largest > 1
            else family.description,
        )
    figure, not_written = saved_or_why(plot.selection(selection, family.x_label), out, family.name)
    seconds = time.monotonic() - started
    if options.json:
        settings = {
            "particles": options.particles,
            "replicates": options.replicates,
            "seed": options.seed,
        }
        more = {"note": family.note or None, "figure": figure, "seconds": seconds}
        print_document({"command": "select", **selection.to_dict(), **settings, **more})
    else:
        note = f"\n\n  {family.note}" if family.note else ""
        print(
            f"{selection.summary()}{note}\n\n  figure: {figure or 'not written'}   {seconds:.0f} s"
        )
    if not_written is not None:
        raise not_written


def _family(options: argparse.Namespace) -> Family:
    # Without JAX: a file that cannot be read is refused before it is imported.
    from singlearn.selection.csv_table import Dialect, read_csv
    from singlearn.selection.families import galaxies_family, mixture_family, reduced_rank_family

    if options.response is not None and options.model != "reduced-rank":
        raise RefusalError(
            f"--response: got {options.response!r} for --model {options.model or 'mixture'}; only "
            "--model reduced-rank has responses"
        )
    of_table = {
        "--header": options.header,
        "--index": options.index,
        "--delimiter": options.delimiter,
        "--decimal": options.decimal,
        "--thousands": options.thousands,
    }
    is_python = ".py:" in options.data and not Path(options.data).exists()
    if (options.data == "galaxies" or is_python) and any(v is not None for v in of_table.values()):
        raise RefusalError(
            f"{options.data}: it is not a table; --header, --index, --delimiter, --decimal and "
            "--thousands are for CSV files"
        )
    if is_python:
        return _own_family(options)
    if options.data == "galaxies":
        if options.model not in (None, "mixture") or options.columns is not None:
            raise RefusalError(
                "galaxies: it is one column of velocities; it should be used with --model mixture "
                "and without --columns"
            )
        return galaxies_family()
    path = Path(options.data)
    if not path.exists():
        raise RefusalError(
            f"DATA: got {options.data!r}, which is not a file; it should be a CSV file, "
            "FILE.py:NAME or galaxies"
        )
    dialect = Dialect(
        options.header, options.delimiter, options.decimal, options.thousands, options.index
    )
    table = read_csv(path, _names(options.columns, "--columns"), dialect)
    if options.model != "reduced-rank":
        return mixture_family(table)
    family = reduced_rank_family(table, _names(options.response, "--response"))
    if options.max is not None and options.max > family.largest:
        raise RefusalError(
            f"--max: got {options.max}; these columns have at most rank {family.largest}, and a "
            "larger K gives the same functions"
        )
    return family


def _own_family(options: argparse.Namespace) -> Family:
    """The family that ``FILE.py:NAME`` names.

    Raises:
        RefusalError: no such file or name, no function, or options that are for data.
    """
    from singlearn.selection.families import Family

    where = options.data
    if options.model is not None or options.columns is not None:
        raise RefusalError(
            f"{where}: it is a family by itself; --model and --columns are for CSV files"
        )
    function = load_name(where, "DATA", "model.py:family")
    if not callable(function):
        raise RefusalError(
            f"{where}: it is {type(function).__name__}; it should be a function of K that returns "
            f"a Triple"
        )
    file, _, name = where.rpartition(":")

    def triple(size: int) -> Triple:
        from singlearn.triple import Triple

        found = function(size)
        if not isinstance(found, Triple):
            raise RefusalError(
                f"{where}: K = {size} gives {type(found).__name__}; it should be a singlearn.Triple"
            )
        return found

    return Family(name, f"{name} of {Path(file).name}", "", triple, 3, file=Path(file))


def _names(listed: str | None, option: str) -> list[str] | None:
    """The names in a list; one with a comma in it stands in double quotes."""
    if listed is None:
        return None
    names = [
        name.strip()
        for row in csv.reader([listed], skipinitialspace=True)
        for name in row
        if name.strip()
    ]
    if not names:
        raise RefusalError(f"{option}: got {listed!r}; it should list at least one column")
    return names
