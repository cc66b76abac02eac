"""``singlearn flow``: laws of a network, the ledger of a run, and symmetries through training."""

from __future__ import annotations

import argparse
from pathlib import Path

from singlearn.cli.figure_file import place, saved_or_why
from singlearn.cli.flow_timeline import run_timeline
from singlearn.cli.python_file import blaming, load_name
from singlearn.cli.torch_module import load_module, needed_torch
from singlearn.results.document import print_document


def run_flow(options: argparse.Namespace) -> None:
    """Run one of the actions."""
    {"laws": _laws, "ledger": _ledger, "timeline": run_timeline}[options.action](options)


def _laws(options: argparse.Namespace) -> None:
    """Print what gradient flow of any loss of the network conserves."""
    needed_torch("flow laws")
    from singlearn.flow import laws

    module = load_module(options.model, "MODEL")
    inputs = None
    if options.inputs is not None:
        inputs = load_name(options.inputs, "--inputs", "net.py:inputs", call=True)
    files = [
        Path(where.rpartition(":")[0])
        for where in (options.model, options.inputs)
        if where is not None
    ]
    loss = "cross_entropy" if options.cross_entropy else None
    with blaming(*files):
        found = laws(module, inputs, loss=loss, seed=options.seed)
    if options.json:
        print_document({"command": "flow laws", "model": options.model, **found.to_dict()})
    else:
        print(found)


def _ledger(options: argparse.Namespace) -> None:
    """Print the books in a file that a ledger wrote, and draw them."""
    from singlearn import plot
    from singlearn.flow import read_ledger

    out = place(options.out)
    book = read_ledger(options.file)
    name = f"{options.file.stem}-ledger"
    figure, not_drawn = saved_or_why(plot.ledger(book), out, name)
    if options.json:
        document = {"command": "flow ledger", "file": options.file, **book.to_dict()}
        print_document({**document, "figure": figure})
    else:
        print(f"{options.file}\n\n{book}\n\n  figure: {figure or 'not written'}")
    if not_drawn is not None:  # the answer is printed all the same
        raise not_drawn
