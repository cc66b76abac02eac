"""``singlearn temper``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from singlearn.cli.arguments import Commands, add_command, add_replicates, positive
from singlearn.cli.figure_file import place, saved_or_why
from singlearn.cli.python_file import load_name
from singlearn.results.document import print_document
from singlearn.results.refusal import RefusalError

if TYPE_CHECKING:
    from singlearn.tempering import Run
    from singlearn.triple import Triple


def add_arguments(commands: Commands) -> None:
    """Add the command and its arguments."""
    command = add_command(
        commands,
        "temper",
        "temper a model of your own and read its free energy and λ",
        "singlearn temper model.py:triple --beta-max 1 --save run.nc",
    )
    command.add_argument(
        "triple",
        metavar="FILE.py:NAME",
        help="NAME is a Triple, or a function without arguments that returns one",
    )
    command.add_argument(
        "--beta-max",
        type=positive,
        default=1.0,
        metavar="β",
        help="largest inverse temperature (default 1, the posterior)",
    )
    add_replicates(command, 1024)
    command.add_argument(
        "--checkpoint",
        type=Path,
        metavar="DIR",
        help="write every rung there; a run begun there is resumed",
    )
    command.add_argument(
        "--save",
        type=Path,
        metavar="PATH",
        help="write the run as NetCDF, or as Zarr if PATH ends in .zarr",
    )


def run(options: argparse.Namespace) -> None:
    """Load the triple, temper it, print the summary, draw the thermodynamics."""
    from singlearn import plot
    from singlearn.tempering import temper

    triple, name = load_triple(options.triple)
    out = place(options.out)
    if options.save is not None and not options.save.absolute().parent.is_dir():
        raise RefusalError(
            f"--save: the folder {options.save.parent} does not exist; it should, before the run "
            f"begins"
        )
    run = temper(
        triple,
        beta_max=options.beta_max,
        particles=options.particles,
        replicates=options.replicates,
        seed=options.seed,
        checkpoint=options.checkpoint,
    )
    saved, not_saved = _saved_or_why(run, options.save)
    figure, not_drawn = saved_or_why(plot.thermodynamics(run), out, name)
    if options.json:
        print_document({"command": "temper", **run.to_dict(), "figure": figure, "saved": saved})
    else:
        beside = "" if options.save is None else f"   run: {saved or 'not written'}"
        print(f"{run.summary()}\n\n  figure: {figure or 'not written'}{beside}")
    # A full disk, say: the answer took long, and is printed all the same.
    for error in (not_saved, not_drawn):
        if error is not None:
            raise error


def _saved_or_why(run: Run, path: Path | None) -> tuple[Path | None, OSError | None]:
    if path is None:
        return None, None
    try:
        run.save(path)
    except OSError as error:
        return None, error
    return path, None


def load_triple(where: str) -> tuple[Triple, str]:
    """The triple that ``FILE.py:NAME`` names, and NAME.

    Raises:
        RefusalError: no such file or name, the file or the function raises an exception, or what it
            gives is not a triple.
    """
    from singlearn.triple import Triple

    triple = load_name(where, "FILE.py:NAME", "model.py:triple", call=True, kind=Triple)
    if not isinstance(triple, Triple):
        raise RefusalError(
            f"{where}: it is {type(triple).__name__}; it should be a singlearn.Triple, or a "
            f"function that returns one"
        )
    return triple, where.rpartition(":")[2]
