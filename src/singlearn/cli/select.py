"""``singlearn select``."""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path

from singlearn.cli.figure_file import place, saved_or_why
from singlearn.results.document import print_document
from singlearn.results.refusal import RefusalError
from singlearn.selection.csv_table import Dialect, read_csv
from singlearn.selection.families import (
    Family,
    galaxies_family,
    mixture_family,
    reduced_rank_family,
)


def run_select(options: argparse.Namespace) -> None:
    """Read data, temper each K, print the table, draw the figure."""
    started = time.monotonic()
    family = _family(options)
    largest = options.max or family.largest
    out = place(options.out)
    # Only now: a file that cannot be read is refused before JAX is imported.
    from singlearn import plot
    from singlearn.selection import select

    selection = select(
        family.triple,
        range(1, largest + 1),
        particles=options.particles,
        replicates=options.replicates,
        seed=options.seed,
        name=family.name,
        description=f"{family.description}, K = 1–{largest}" if largest > 1 else family.description,
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
        print(f"{selection}{note}\n\n  figure: {figure or 'not written'}   {seconds:.0f} s")
    if not_written is not None:
        raise not_written


def _family(options: argparse.Namespace) -> Family:
    if options.response is not None and options.model != "reduced-rank":
        raise RefusalError(
            f"--response: got {options.response!r} for --model {options.model}; only --model "
            "reduced-rank has responses"
        )
    if options.data == "galaxies":
        said = [
            options.header,
            options.index,
            options.delimiter,
            options.decimal,
            options.thousands,
        ]
        if any(value is not None for value in said):
            raise RefusalError(
                "galaxies: it is no file; --header, --index, --delimiter, --decimal and "
                "--thousands are for CSV files"
            )
        if options.model != "mixture" or options.columns is not None:
            raise RefusalError(
                "galaxies: it is one column of velocities; it should be used with --model mixture "
                "and without --columns"
            )
        return galaxies_family()
    path = Path(options.data)
    if not path.exists():
        raise RefusalError(
            f"DATA: got {options.data!r}, which is no file; it should be a CSV file or galaxies"
        )
    dialect = Dialect(
        options.header, options.delimiter, options.decimal, options.thousands, options.index
    )
    table = read_csv(path, _names(options.columns, "--columns"), dialect)
    if options.model == "mixture":
        return mixture_family(table)
    family = reduced_rank_family(table, _names(options.response, "--response"))
    if options.max is not None and options.max > family.largest:
        raise RefusalError(
            f"--max: got {options.max}; these columns have at most rank {family.largest}, and more "
            "changes no function"
        )
    return family


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
