"""``singlearn temper``."""

from __future__ import annotations

import argparse
from pathlib import Path

from singlearn import plot
from singlearn.cli.figure_file import place, saved_or_why
from singlearn.cli.python_file import load_name
from singlearn.results.document import print_document
from singlearn.results.refusal import RefusalError
from singlearn.tempering import Run, temper
from singlearn.triple import Triple


def run_temper(options: argparse.Namespace) -> None:
    """Load the triple, temper it, print the summary, draw the thermodynamics."""
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
            gives is no triple.
    """
    triple = load_name(where, "FILE.py:NAME", "model.py:triple", call=True, kind=Triple)
    if not isinstance(triple, Triple):
        raise RefusalError(
            f"{where}: it is {type(triple).__name__}; it should be a singlearn.Triple, or a "
            f"function that returns one"
        )
    return triple, where.rpartition(":")[2]
