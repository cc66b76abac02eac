"""The commands of ``singlearn``; each knows its arguments, and loads what it needs when it runs."""

from __future__ import annotations

import argparse
from importlib.metadata import PackageNotFoundError, version

from singlearn.cli import (
    benchmark,
    catalogue,
    exact,
    experiment,
    explore,
    flow,
    influence,
    llc,
    select,
    symmetry,
    temper,
)
from singlearn.cli.arguments import Parser

COMMANDS = (
    select,
    temper,
    llc,
    influence,
    flow,
    symmetry,
    explore,
    exact,
    catalogue,
    experiment,
    benchmark,
)
"""In the order in which help lists them."""


def command_line() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = Parser(
        prog="singlearn",
        description="How singular is a model, and which model do the data want?",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n"
        "  singlearn select galaxies                     how many groups are in 82 galaxy "
        "velocities?\n"
        "  singlearn select data.csv --max 4             the same for your own column of numbers\n"
        "  singlearn select model.py:family              the same for your own family of models\n"
        "  singlearn temper model.py:triple              free energy, WBIC, WAIC and λ of your own "
        "model\n"
        "  singlearn llc net.pt --model net.py:build --data net.py:data    how singular is a "
        "trained network?\n"
        "  singlearn influence net.pt --model net.py:build --data net.py:data    which samples "
        "help which?\n"
        "  singlearn flow timeline checkpoints/ --model net.py:build --data net.py:data    "
        "symmetries through training\n"
        "  singlearn symmetry equivalent A.npz B.npz     are two ReLU networks the same function?\n"
        "  singlearn explore                             why is a model singular? in a browser, "
        "by moving its parts\n"
        '  singlearn exact "(y^2 - x^3)^2"               λ and m of a polynomial, proved\n'
        "  singlearn catalogue                           which learning coefficients are proven?\n"
        "  singlearn experiment                          which published tables can be made again\n"
        "  singlearn benchmark list                      posteriors whose truth is known, for any "
        "sampler",
    )
    parser.add_argument("--version", action="version", version=f"singlearn {_version()}")
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", title="commands", parser_class=Parser
    )
    for command in COMMANDS:
        command.add_arguments(commands)
    return parser


def _version() -> str:
    try:
        return version("singlearn")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "(not installed)"
