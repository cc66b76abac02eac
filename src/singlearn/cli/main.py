"""``singlearn``: run a command, and say what becomes of errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from singlearn.cli.parser import command_line
from singlearn.running.compilation_cache import offer_compilation_cache

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 1 for a "no" or a run that failed, 2 for an error
    of the user's, 130 for Ctrl-C.

    Returns:
        The exit status of the process.
    """
    parser = command_line()
    options = parser.parse_args(
        with_leading_minus(list(sys.argv[1:] if arguments is None else arguments))
    )
    if options.command is None:
        parser.print_help()
        return 0
    try:
        offer_compilation_cache()
        # Every command has a module of its name with a function run.
        status = import_module(f"singlearn.cli.{options.command}").run(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("singlearn: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has seen enough; without this the interpreter complains once more when it
        # closes standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OverflowError:
        print(
            f"singlearn {options.command}: a number that was given is beyond what float64 holds "
            f"(1.8e308); that is needed here",
            file=sys.stderr,
        )
        return 2
    except (ValueError, OSError) as error:
        print(f"singlearn {options.command}: {_sentence(error)}", file=sys.stderr)
        return 2
    except (
        RuntimeError,
        ImportError,
    ) as error:  # NoFiniteEnergyError, a ladder without end, an extra that is not installed
        print(f"singlearn {options.command}: {_sentence(error)}", file=sys.stderr)
        return 1
    return status or 0


def with_leading_minus(arguments: list[str]) -> list[str]:
    """Arguments in which a polynomial that begins with a minus is not taken for an option.

    >>> with_leading_minus(["exact", "-2*x*y + x^2 + y^2", "--at", "x=1"])
    ['exact', ' -2*x*y + x^2 + y^2', '--at', 'x=1']
    """
    if arguments[:1] != ["exact"]:
        return arguments
    # Options of this command are -h and words with two minus signs. What begins with a blank is no
    # option.
    return [
        f" {a}" if a.startswith("-") and a != "-h" and not a.startswith("--") and a != "-" else a
        for a in arguments
    ]


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
