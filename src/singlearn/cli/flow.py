"""``singlearn flow``: laws of a network, the ledger of a run, and symmetries through training."""

from __future__ import annotations

import argparse
from pathlib import Path

from singlearn.cli.arguments import Commands, Parser, add_command, positive
from singlearn.cli.figure_file import place, saved_or_why
from singlearn.cli.flow_timeline import run_timeline
from singlearn.cli.python_file import blaming, load_name
from singlearn.cli.torch_module import load_module, needed_torch
from singlearn.results.document import print_document


def add_arguments(commands: Commands) -> None:
    """Add the command, its actions and their arguments."""
    command = commands.add_parser(
        "flow",
        help="what training conserves, what moved it, and symmetries that are born and die",
        description="What training conserves, and which symmetries are born and die.",
    )
    actions = command.add_subparsers(
        dest="action", metavar="ACTION", title="actions", parser_class=Parser, required=True
    )
    laws = add_command(
        actions,
        "laws",
        "list what gradient flow of any loss of a PyTorch network conserves",
        "singlearn flow laws net.py:build",
        figures=False,
    )
    laws.add_argument(
        "model",
        metavar="FILE.py:NAME",
        help="NAME is a PyTorch module, or a function without arguments that builds it",
    )
    laws.add_argument(
        "--inputs",
        metavar="FILE.py:NAME",
        help="NAME is what the network is called with (default: random, of the shape that its "
        "first layer reads)",
    )
    laws.add_argument(
        "--cross-entropy",
        action="store_true",
        help="the loss sees differences of logits only: softmax cross-entropy",
    )
    ledger = add_command(
        actions,
        "ledger",
        "print and draw the books that flow.ledger(..., file=) wrote while a network was trained",
        "singlearn flow ledger book.jsonl",
        seed=False,
    )
    ledger.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        help="written by flow.ledger(model, optimizer, file=FILE)",
    )
    line = add_command(
        actions,
        "timeline",
        "say what every hidden node does at every checkpoint: births and deaths of symmetries",
        "singlearn flow timeline checkpoints/ --model net.py:build --data net.py:data",
    )
    line.add_argument(
        "checkpoints",
        metavar="DIR",
        type=Path,
        help="folder of state dictionaries with the step in their names: step_100.pt, …",
    )
    line.add_argument(
        "--model",
        required=True,
        metavar="FILE.py:NAME",
        help="NAME is a Sequential of Linear and ReLU, or a function without arguments that "
        "builds it",
    )
    line.add_argument(
        "--data",
        required=True,
        metavar="FILE.py:NAME",
        help="NAME is a pair of tensors (inputs, targets), a Dataset or a DataLoader, or a "
        "function that returns one",
    )
    line.add_argument(
        "--loss",
        metavar="FILE.py:NAME",
        help="NAME is a function loss(output, target) of per-sample losses",
    )
    line.add_argument(
        "--tolerance",
        type=positive,
        metavar="ε",
        help="change of an output that counts as none (default: 1 %% of the spread of the targets)",
    )
    line.add_argument(
        "--llc", action="store_true", help="measure λ̂ of every checkpoint's own function as well"
    )
    line.add_argument(
        "--folder",
        type=Path,
        metavar="DIR",
        help="keep finished checkpoints there; a timeline begun there is resumed",
    )


def run(options: argparse.Namespace) -> None:
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
        print(found.summary())


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
        print(f"{options.file}\n\n{book.summary()}\n\n  figure: {figure or 'not written'}")
    if not_drawn is not None:  # the answer is printed all the same
        raise not_drawn
