"""Files that appear whole or not at all, and errors that say what a full disk lacks."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """Write under a name of its own, then rename: whoever reads sees the old content or the new,
    and writers do not meet.

    Raises:
        OSError: it cannot be written; the message has the path and the bytes that are needed. What
            was there before is unchanged.
    """
    if path.exists() and not path.is_file():
        _write_through(path, content)
        return
    target = Path(os.path.realpath(path))  # of a link what it leads to
    partial = partial_name(target)
    try:
        with partial.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, target)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise not_written(path, len(content), error) from error
    except BaseException:  # stopped from outside
        with suppress(OSError):
            partial.unlink()
        raise


def _write_through(path: Path, content: bytes | memoryview) -> None:
    """Into a device or a pipe, which no file may replace; a folder is refused."""
    try:
        with path.open("wb") as stream:
            stream.write(content)
    except OSError as error:
        raise not_written(path, len(content), error) from error


def as_path(name: str, value: Any) -> Path:
    """A path that a caller gives.

    Args:
        name: what the caller calls it.
        value: what was given.

    Returns:
        ``value`` as a ``Path``.

    Raises:
        TypeError: no path.
        ValueError: an empty one.

    >>> as_path("folder", True)
    Traceback (most recent call last):
    TypeError: folder: got True; it should be a path, a string or a pathlib.Path
    """
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{name}: got {value!r}; it should be a path, a string or a pathlib.Path")
    if not os.fspath(value):
        raise ValueError(f"{name}: got an empty path; it should name a file or a folder")
    try:
        os.lstat(value)
    except ValueError:
        raise ValueError(
            f"{name}: got {value!r}; a path has no zero character, and no letters that its file "
            "system cannot write"
        ) from None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise OSError(
                error.errno,
                f"{name}: the path is too long for its file system: {str(value)[:80]!r} …",
            ) from None
    return Path(value)


def create_whole(path: Path, content: bytes) -> bool:
    """Write a file that is not there yet; ``False`` if it is, also if somebody was quicker by a
    moment.

    Returns:
        Whether the file was written.

    Raises:
        OSError: it cannot be written; the message has the path and the bytes that are needed.
    """
    partial = partial_name(path)
    try:
        partial.write_bytes(content)
        try:
            os.link(partial, path)
        except FileExistsError:
            return False
        except OSError:  # a file system without links
            try:
                with path.open("xb") as stream:
                    stream.write(content)
            except FileExistsError:
                return False
        return True
    except OSError as error:
        raise not_written(path, len(content), error) from error
    finally:
        with suppress(OSError):
            partial.unlink()


def make_folder(path: Path) -> list[Path]:
    """Make a folder with its parents; returns those that were made, the innermost first.

    Returns:
        The folders that were made.

    Raises:
        OSError: it cannot be made; the message has the path.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            error.errno, f"{path}: the folder cannot be made ({error.strerror})"
        ) from error
    return missing


def remove_if_empty(folders: list[Path]) -> None:
    """Remove folders, the innermost first, as far as they hold nothing."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


def partial_name(path: Path) -> Path:
    """Beside ``path``, hidden, and nobody else's."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")


def not_written(path: Path, size: int, error: OSError) -> OSError:
    """The error of a file or folder that could not be written, of the same number."""
    reason = error.strerror or str(error) or type(error).__name__
    folder = path.parent
    if not folder.is_dir():
        return type(error)(
            error.errno, f"{path}: it cannot be written, because the folder {folder} does not exist"
        )
    try:
        room = f", {shutil.disk_usage(folder).free:,} are free on its disk"
    except OSError:
        room = ""
    was = "; what was there before is unchanged" if path.exists() else ""
    sentence = (
        f"{path}: it cannot be written ({reason}): {size:,} bytes of disk space are "
        f"needed{room}{was}"
    )
    return OSError(error.errno, sentence) if error.errno is not None else OSError(sentence)
