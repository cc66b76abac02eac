"""``singlearn``: the parser, and what becomes of errors."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NoReturn

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 1 if a run failed, 2 for an error of the user's, 130 for Ctrl-C."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 0
    try:
        if options.command == "select":
            from singlearn.cli.select import run_select

            run_select(options)
        elif options.command == "temper":
            from singlearn.cli.temper import run_temper

            run_temper(options)
        else:
            from singlearn.cli.experiment import run_experiment

            run_experiment(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("singlearn: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has seen enough; without this the interpreter complains once more when it closes standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError) as error:
        print(f"singlearn {options.command}: {_sentence(error)}", file=sys.stderr)
        return 2
    except RuntimeError as error:  # NoFiniteEnergy, a ladder without end: the arguments were fine, the run was not
        print(f"singlearn {options.command}: {_sentence(error)}", file=sys.stderr)
        return 1
    return 0


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _version() -> str:
    try:
        return version("singlearn")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "(not installed)"


def _at_least(lowest: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"got {text!r}; it should be a whole number") from None
        if value < lowest:
            raise argparse.ArgumentTypeError(f"got {value}; it should be at least {lowest}")
        return value

    return number


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"got {text!r}; it should be a positive number")
    return value


class _Parser(argparse.ArgumentParser):
    """Errors are one sentence, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="singlearn",
        description="How singular is a model, and which model do the data want?",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n"
        "  singlearn select galaxies                     how many groups are in 82 galaxy velocities?\n"
        "  singlearn select data.csv --max 4             the same for your own column of numbers\n"
        "  singlearn temper model.py:triple              free energy, WBIC, WAIC and λ of your own model\n"
        "  singlearn experiment                          which published tables can be made again",
    )
    parser.add_argument("--version", action="version", version=f"singlearn {_version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", parser_class=_Parser)
    _add_select(commands)
    _add_temper(commands)
    _add_experiment(commands)
    return parser


def _add(commands: argparse._SubParsersAction, name: str, summary: str, example: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common = command.add_argument_group("for every command")
    common.add_argument("--seed", type=_at_least(0), default=0, metavar="N", help="same seed, same numbers (default 0)")
    common.add_argument("--out", type=Path, default=Path("."), metavar="DIR", help="folder for figures (default: here)")
    common.add_argument("--json", action="store_true", help="print one JSON document instead of the table")
    return command


def _add_populations(command: argparse.ArgumentParser, particles: int) -> None:
    command.add_argument(
        "--particles",
        type=_at_least(16),
        default=particles,
        metavar="N",
        help=f"of each replicate (default {particles})",
    )
    command.add_argument(
        "--replicates",
        type=_at_least(1),
        default=4,
        metavar="N",
        help="independent populations; errors are their spread (default 4)",
    )


def _add_select(commands: argparse._SubParsersAction) -> None:
    command = _add(
        commands,
        "select",
        "compare the models of a family by free energy",
        "singlearn select yields.csv --model reduced-rank --response yield,purity --max 2",
    )
    command.add_argument("data", metavar="DATA", help="galaxies, or a CSV file of numbers; a header is optional")
    command.add_argument(
        "--model", choices=["mixture", "reduced-rank"], default="mixture", help="the family (default mixture)"
    )
    command.add_argument(
        "--max", type=_at_least(1), metavar="K",
        help="compare K = 1 … K: components (default 6) or rank (default: the largest there is)",
    )  # fmt: skip
    command.add_argument(
        "--columns", metavar="COL,COL", help="use only these columns, by name or number (default: all)"
    )
    command.add_argument(
        "--response",
        metavar="COL,COL",
        help="reduced-rank: the columns that are y; the others are x (default: the last)",
    )
    _add_populations(command, 512)


def _add_temper(commands: argparse._SubParsersAction) -> None:
    command = _add(
        commands,
        "temper",
        "temper a model of your own and read its free energy and λ",
        "singlearn temper model.py:triple --beta-max 1 --save run.nc",
    )
    command.add_argument(
        "triple", metavar="FILE.py:NAME", help="NAME is a Triple, or a function without arguments that returns one"
    )
    command.add_argument(
        "--beta-max",
        type=_positive,
        default=1.0,
        metavar="β",
        help="largest inverse temperature (default 1, the posterior)",
    )
    _add_populations(command, 1024)
    command.add_argument(
        "--checkpoint", type=Path, metavar="DIR", help="write every rung there; a run begun there is resumed"
    )
    command.add_argument(
        "--save", type=Path, metavar="PATH", help="write the run as NetCDF, or as Zarr if PATH ends in .zarr"
    )


def _add_experiment(commands: argparse._SubParsersAction) -> None:
    command = _add(
        commands,
        "experiment",
        "make a published table again; without a name, list them",
        "singlearn experiment table2 --quick",
    )
    command.add_argument("name", nargs="?", metavar="NAME", help="of the experiment")
    command.add_argument("--quick", action="store_true", help="under a minute instead of the published precision")
