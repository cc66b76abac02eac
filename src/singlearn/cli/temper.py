"""``singlearn temper``."""

from __future__ import annotations

import argparse
import runpy
import sys
import traceback
from pathlib import Path

from singlearn import plot
from singlearn.cli.document import print_document
from singlearn.cli.figure_file import folder, save_figure
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
    file, colon, name = where.rpartition(":")
    if not colon or not file or not name.isidentifier():
        raise Refusal(f"FILE.py:NAME: got {where!r}; it should be file, colon, name, such as model.py:triple")
    path = Path(file)
    if not path.is_file():
        raise Refusal(f"FILE.py:NAME: {file} is no file; it should be a Python file that defines {name}")
    # As for `python FILE.py`: the file may import its neighbours.
    sys.path.insert(0, str(path.absolute().parent))
    try:
        names = runpy.run_path(str(path), run_name="singlearn_user_file")
        if name not in names:
            triples = sorted(key for key, value in names.items() if isinstance(value, Triple))
            raise Refusal(
                f"{file}: it defines no {name!r}" + (f"; its triples are {', '.join(triples)}" if triples else "")
            )
        found = names[name]
        triple = found() if callable(found) and not isinstance(found, Triple) else found
    except Refusal:
        raise
    except Exception as error:
        raise Refusal(f"{file}{_line(error, path)}: {type(error).__name__}: {error}") from error
    finally:
        sys.path.pop(0)
    if not isinstance(triple, Triple):
        raise Refusal(
            f"{where}: it is {type(triple).__name__}; it should be a singlearn.Triple, or a function that returns one"
        )
    return triple, name


def _line(error: Exception, path: Path) -> str:
    """The deepest line of the user's own file that the exception passed through."""
    if isinstance(error, SyntaxError) and error.lineno is not None:
        return f", line {error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f", line {lines[-1]}" if lines else ""
