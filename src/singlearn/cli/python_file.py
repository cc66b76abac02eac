"""``FILE.py:NAME``: something that a user's own file defines."""

from __future__ import annotations

import runpy
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from singlearn.cli.refusal import Refusal


def load_name(where: str, argument: str, example: str, call: bool = False, kind: type | None = None) -> Any:
    """What ``FILE.py:NAME`` names.

    Args:
        where: file, colon, name.
        argument: how the command line calls it.
        example: of what it should be.
        call: a function is called, without arguments, and what it returns is meant.
        kind: what is looked for; objects of it are never called, and are named when the name is not there.

    Raises:
        Refusal: no such file or name, or the file or the function raises an exception.
    """
    file, colon, name = where.rpartition(":")
    if not colon or not file or not name.isidentifier():
        raise Refusal(f"{argument}: got {where!r}; it should be file, colon, name, such as {example}")
    path = Path(file)
    if not path.is_file():
        raise Refusal(f"{argument}: {file} is no file; it should be a Python file that defines {name}")
    # As for `python FILE.py`: the file may import its neighbours.
    sys.path.insert(0, str(path.absolute().parent))
    try:
        names = runpy.run_path(str(path), run_name="singlearn_user_file")
        if name in names:
            found = names[name]
            return found() if call and callable(found) and not (kind is not None and isinstance(found, kind)) else found
    except Exception as error:
        raise Refusal(f"{_place(error, (path,)) or file}: {type(error).__name__}: {error}") from error
    finally:
        sys.path.pop(0)
    known = sorted(key for key, value in names.items() if kind is not None and isinstance(value, kind))
    listed = f"; its {kind.__name__.lower()}s are {', '.join(known)}" if kind is not None and known else ""
    raise Refusal(f"{file}: it defines no {name!r}{listed}")


@contextmanager
def blaming(*paths: Path) -> Iterator[None]:
    """An exception that passed through one of these files of the user's becomes one sentence with the deepest such line.

    Raises:
        Refusal: in place of that exception.
    """
    try:
        yield
    except Refusal:
        raise
    except Exception as error:
        place = _place(error, paths)
        if place is None:
            raise
        raise Refusal(f"{place}: {type(error).__name__}: {error}") from error


def _place(error: Exception, paths: tuple[Path, ...]) -> str | None:
    """File and line, or ``None`` if the error is not theirs."""
    names = {str(path) for path in paths}
    if isinstance(error, SyntaxError) and error.filename in names and error.lineno is not None:
        return f"{error.filename}, line {error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in names]
    return f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else None
