"""``FILE.py:NAME``: something that a user's own file defines."""

from __future__ import annotations

import inspect
import runpy
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from singlearn.results.refusal import RefusalError


def load_name(
    where: str, argument: str, example: str, call: bool = False, kind: type | None = None
) -> Any:
    """What ``FILE.py:NAME`` names.

    Args:
        where: file, colon, name.
        argument: how the command line calls it.
        example: of what it should be.
        call: a function is called, without arguments, and what it returns is meant.
        kind: what is looked for; objects of it are never called, and are named when the name is not
            there.

    Raises:
        RefusalError: no such file or name, the file or the function raises an exception or ends the
            program, or the function returns nothing.

    Returns:
        The object, or what the function returned.
    """
    file, colon, name = where.rpartition(":")
    if not colon or not file or not name.isidentifier():
        raise RefusalError(
            f"{argument}: got {where!r}; it should be file, colon, name, such as {example}"
        )
    path = Path(file)
    if not path.is_file():
        raise RefusalError(
            f"{argument}: {file} is not a file; it should be a Python file that defines {name}"
        )
    # As for `python FILE.py`: the file may import its neighbours.
    sys.path.insert(0, str(path.absolute().parent))
    names: dict[str, Any] = {}
    try:
        # What the file prints is no part of the command's answer.
        with redirect_stdout(sys.stderr):
            names = runpy.run_path(str(path), run_name="singlearn_user_file")
            if name not in names and callable(
                names.get("__getattr__")
            ):  # a file may make its names when they are asked for
                names[name] = names["__getattr__"](name)
            if name in names:
                found = names[name]
                if call and callable(found) and not (kind is not None and isinstance(found, kind)):
                    found = found()
                    _refuse_nothing(found, where, argument)
                return found
    except RefusalError:
        raise
    except SystemExit as stop:
        raise RefusalError(f"{argument}: {_stopped(stop, (path,)) or file}") from stop
    except AttributeError as error:
        if "__getattr__" not in _last_function(error):
            raise RefusalError(
                f"{place_in(error, (path,)) or file}: {type(error).__name__}: {error}"
            ) from error
    except Exception as error:
        raise RefusalError(
            f"{place_in(error, (path,)) or file}: {type(error).__name__}: {error}"
        ) from error
    finally:
        sys.path.pop(0)
    known = sorted(
        key for key, value in names.items() if kind is not None and isinstance(value, kind)
    )
    listed = (
        f"; its {kind.__name__.lower()}s are {', '.join(known)}"
        if kind is not None and known
        else ""
    )
    raise RefusalError(f"{file}: it defines no {name!r}{listed}")


@contextmanager
def blaming(*paths: Path) -> Iterator[None]:
    """An exception that passed through one of these files of the user's becomes one sentence with
    the deepest such line.

    What these files print goes to standard error: it is not part of the command's answer.

    Raises:
        RefusalError: in place of that exception, or of an end of the program.
    """
    try:
        with redirect_stdout(sys.stderr):
            yield
    except RefusalError:
        raise
    except SystemExit as stop:
        said = _stopped(stop, paths)
        if said is None:
            raise
        raise RefusalError(said) from stop
    except Exception as error:
        # What the library makes of a user's error has it as its cause.
        own = next((cause for cause in _causes(error) if place_in(cause, paths) is not None), None)
        if own is None:
            raise
        raise RefusalError(f"{place_in(own, paths)}: {type(own).__name__}: {own}") from error


def _causes(error: BaseException) -> list[BaseException]:
    """The first cause first, the error itself last."""
    found = [error]
    while (cause := found[0].__cause__) is not None and cause not in found:
        found.insert(0, cause)
    return found


def _refuse_nothing(found: Any, where: str, argument: str) -> None:
    """A function that forgot its return, or that gives its values one by one or later.

    Raises:
        RefusalError: such a thing.
    """
    if found is None:
        raise RefusalError(
            f"{argument}: {where} returns nothing; a return is missing at the end of the function"
        )
    if inspect.isgenerator(found) or inspect.iscoroutine(found) or inspect.isasyncgen(found):
        if inspect.iscoroutine(found):
            found.close()
        raise RefusalError(
            f"{argument}: {where} gives a {type(found).__name__}; it should return the thing "
            f"itself, by return and not by yield"
        )


def _stopped(stop: SystemExit, paths: Sequence[Path]) -> str | None:
    """What is said of a file that ends the program; ``None`` where none of these does."""
    place = place_in(stop, paths)
    if place is None:
        return None
    return (
        f"{place}: it ends the program (exit {stop.code}); what it runs as a script belongs under "
        'if __name__ == "__main__":'
    )


def _last_function(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return frames[-1].name if frames else ""


def place_in(error: BaseException, paths: Sequence[Path]) -> str | None:
    """File and line of the deepest of these files that an error passed through, or ``None`` if it
    is not theirs.
    """
    names = {str(path) for path in paths}
    if isinstance(error, SyntaxError) and error.filename in names and error.lineno is not None:
        return f"{error.filename}, line {error.lineno}"
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in names
    ]
    return f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else None
