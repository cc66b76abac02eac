"""What the arguments of several commands share; nothing heavy is imported to print help."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[Any]
else:  # generic for type checkers only
    Commands = argparse._SubParsersAction

SIGNS = {
    "comma": ",",
    "semicolon": ";",
    "tab": "\t",
    "\\t": "\t",
    "bar": "|",
    "space": " ",
    "apostrophe": "'",
    "point": ".",
}
"""Signs that a shell makes awkward, by name."""


def at_least(lowest: int) -> Callable[[str], int]:
    """A reader of whole numbers from ``least`` on, for argparse."""

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"got {text!r}; it should be a whole number") from None
        if value < lowest:
            raise argparse.ArgumentTypeError(f"got {value}; it should be at least {lowest}")
        return value

    return number


def positive(text: str) -> float:
    """A positive number, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"got {text!r}; it should be a positive number")
    return value


def relative_tolerance(text: str) -> float | str:
    """A relative size from 0 to 0.5, or "rounding", for argparse."""
    if text == "rounding":
        return text
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 0.5:
        raise argparse.ArgumentTypeError(
            f'got {text!r}; it should be a relative size from 0 to 0.5, or "rounding"'
        )
    return value


def as_number(text: str) -> int | float | str:
    """A whole or other number, or the text as it is."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def one_of(signs: str) -> Callable[[str], str]:
    """A reader of one sign, or of its name, for argparse."""
    names = [name for name, sign in SIGNS.items() if sign in signs and name != "\\t"]
    allowed = [sign for sign in signs if sign not in (" ", "\t")]

    def sign(text: str) -> str:
        found = SIGNS.get(text, text)
        if len(found) != 1 or found not in signs:
            raise argparse.ArgumentTypeError(
                f"got {text!r}; it should be one of {' '.join(allowed)} or {', '.join(names)}"
            )
        return found

    return sign


def yes_or_no(text: str) -> bool:
    """Whether the answer is yes, for argparse."""
    if text.lower() not in ("yes", "no"):
        raise argparse.ArgumentTypeError(f"got {text!r}; it should be yes or no")
    return text.lower() == "yes"


class Parser(argparse.ArgumentParser):
    """Errors are one sentence, without the usage before it; ``-1,-2`` and ``-1/3`` are numbers, not
    options.
    """

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        # argparse has no public way to say what a negative number looks like.
        self._negative_number_matcher = re.compile(r"^-[\d.][\d.,/eE+-]*$")

    def error(self, message: str) -> NoReturn:
        """End the program with one sentence and the status 2."""
        self.exit(2, f"{self.prog}: {message}\n")


def add_command(
    commands: Commands,
    name: str,
    summary: str,
    example: str,
    *,
    seed: bool = True,
    figures: bool = True,
) -> argparse.ArgumentParser:
    """A command with ``--json``, and with ``--seed`` and ``--out`` where it has a use for them."""
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common = command.add_argument_group("as for other commands")
    if seed:
        common.add_argument(
            "--seed",
            type=at_least(0),
            default=0,
            metavar="N",
            help="same seed, same numbers (default 0)",
        )
    if figures:
        common.add_argument(
            "--out",
            type=Path,
            default=Path("."),
            metavar="PATH",
            help="folder for figures (default: here), or the name of the figure, ending in .png, "
            ".pdf or .svg; no file is replaced",
        )
    common.add_argument(
        "--json", action="store_true", help="print one JSON document instead of the table"
    )
    return command


def add_replicates(command: argparse.ArgumentParser, particles: int) -> None:
    """Add ``--particles`` and ``--replicates``."""
    command.add_argument(
        "--particles",
        type=at_least(16),
        default=particles,
        metavar="N",
        help=f"of each replicate (default {particles})",
    )
    command.add_argument(
        "--replicates",
        type=at_least(1),
        default=4,
        metavar="N",
        help="independent sets of particles; errors are their spread (default 4)",
    )


def add_network_file(command: argparse.ArgumentParser) -> None:
    """What a file of a network may leave open."""
    command.add_argument(
        "--activation",
        metavar="NAME",
        help="the activation between the layers: relu, or with one hidden layer tanh, sigmoid, "
        "erf, silu, gelu; a state dictionary does not name it, and relu is assumed, with a warning",
    )
    command.add_argument(
        "--order",
        metavar="LAYER,LAYER,...",
        help="the layers from input to output, where a file leaves their order open",
    )
