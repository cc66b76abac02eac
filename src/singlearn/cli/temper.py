"""``singlearn temper``."""

from __future__ import annotations

import argparse

from singlearn import plot
from singlearn.cli.document import print_document
from singlearn.cli.figure_file import folder, save_figure
from singlearn.cli.python_file import load_name
from singlearn.cli.refusal import Refusal
from singlearn.tempering import temper
from singlearn.triple import Triple


def run_temper(options: argparse.Namespace) -> None:
    """Load the triple, temper it, print the summary, draw the thermodynamics."""
    triple, name = load_triple(options.triple)
    out = folder(options.out)
    if options.save is not None and not options.save.absolute().parent.is_dir():
        raise Refusal(f"--save: the folder {options.save.parent} does not exist; it should, before the run begins")
    run = temper(
        triple,
        beta_max=options.beta_max,
        particles=options.particles,
        replicates=options.replicates,
        seed=options.seed,
        checkpoint=options.checkpoint,
    )
    if options.save is not None:
        run.save(options.save)
    figure = save_figure(plot.thermodynamics(run), out, name)
    if options.json:
        print_document({"command": "temper", **run.to_dict(), "figure": figure, "saved": options.save})
    else:
        saved = "" if options.save is None else f"   run: {options.save}"
        print(f"{run.summary()}\n\n  figure: {figure}{saved}")


def load_triple(where: str) -> tuple[Triple, str]:
    """The triple that ``FILE.py:NAME`` names, and NAME.

    Raises:
        Refusal: no such file or name, the file or the function raises an exception, or what it gives is no triple.
    """
    triple = load_name(where, "FILE.py:NAME", "model.py:triple", call=True, kind=Triple)
    if not isinstance(triple, Triple):
        raise Refusal(
            f"{where}: it is {type(triple).__name__}; it should be a singlearn.Triple, or a function that returns one"
        )
    return triple, where.rpartition(":")[2]
