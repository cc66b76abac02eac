"""``singlearn catalogue``: proven formulas, listed, or one of them evaluated."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NoReturn, get_type_hints

from singlearn.cli.arguments import Commands, add_command
from singlearn.results.document import print_document
from singlearn.results.refusal import RefusalError

if TYPE_CHECKING:
    from singlearn.exact.catalogue import Entry


def add_arguments(commands: Commands) -> None:
    """Add the command and its arguments."""
    command = add_command(
        commands,
        "catalogue",
        "list the models whose learning coefficient is proven, or evaluate one of the formulas",
        "singlearn catalogue reduced-rank --inputs 4 --outputs 3 --hidden 3 --rank 1",
        seed=False,
        figures=False,
    )
    command.add_argument(
        "name", nargs="?", metavar="FORMULA", help="such as reduced-rank; without it, list them all"
    )
    # What follows the name depends on it, so it is read when the name is known.
    command.add_argument(
        "arguments",
        nargs=argparse.REMAINDER,
        metavar="--ARGUMENT VALUE",
        help="of the formula; FORMULA --help lists them",
    )


def run(options: argparse.Namespace) -> None:
    """Print the table, one of its rows, or the value of a formula at the arguments given."""
    from singlearn.exact.catalogue import table

    formulas = table()
    if options.name is None:
        if options.json:
            print_document({"command": "catalogue", "formulas": formulas.rows()})
        else:
            print(
                f"{formulas.details()}\n\nevaluate one:  singlearn catalogue reduced-rank "
                f"--inputs 4 "
                f"--outputs 3 --hidden 3 --rank 1"
            )
        return
    if options.name not in formulas:
        raise RefusalError(
            f"FORMULA: got {options.name!r}; it should be one of {', '.join(formulas)}"
        )
    entry = formulas[options.name]
    given = _parser(entry).parse_args(options.arguments)
    arguments = {name: getattr(given, name) for name in entry.arguments}
    found = entry.function(**arguments)
    if options.json or given.json:
        print_document(
            {
                "command": "catalogue",
                "name": entry.name,
                "arguments": arguments,
                "learning_coefficient": str(found.value),
                "multiplicity": found.multiplicity,
                "status": found.status,
                "source": found.source,
                "reference": list(entry.reference),
                "conditions": found.conditions,
            }
        )
    else:
        print(f"{entry.model}\n  {found}\n  if: {found.conditions}")


class _FormulaParser(argparse.ArgumentParser):
    """Errors are the user's, and are told like all others."""

    def error(self, message: str) -> NoReturn:
        raise RefusalError(f"{self.prog.rsplit(' ', 1)[-1]}: {message}")


def _parser(entry: Entry) -> argparse.ArgumentParser:
    """A parser whose options are the arguments of the formula."""
    parser = _FormulaParser(
        prog=f"singlearn catalogue {entry.name}",
        description=f"{entry}\n\n{inspect.getdoc(entry.function)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    hints = get_type_hints(entry.function)
    for name, parameter in inspect.signature(entry.function).parameters.items():
        flag, required = f"--{name.replace('_', '-')}", parameter.default is inspect.Parameter.empty
        if hints[name] is bool:
            parser.add_argument(flag, action="store_true")
            continue
        read, metavar = _READERS.get(hints[name], (_fraction, "NUMBER"))
        parser.add_argument(
            flag,
            type=read,
            metavar=metavar,
            required=required,
            default=None if required else parameter.default,
        )
    parser.add_argument("--json", action="store_true")
    return parser


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"got {text!r}; it should be a whole number") from None


def _whole_numbers(text: str) -> list[int]:
    return [_whole_number(part) for part in text.split(",")]


def _fraction(text: str) -> Fraction:
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(
            f"got {text!r}; it should be a number such as 1/2 or 0.5"
        ) from None


def _word(text: str) -> str:
    return text.replace("-", "_")


_READERS: dict[Any, tuple[Callable[[str], Any], str]] = {
    int: (_whole_number, "N"),
    str: (_word, "NAME"),
    Sequence[int]: (_whole_numbers, "N,N,…"),
}
