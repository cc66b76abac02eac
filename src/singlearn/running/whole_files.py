"""Files that appear whole or not at all, and errors that say what a full disk lacks."""

from __future__ import annotations

import os
import shutil
import uuid
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """Write under a name of its own, then rename: whoever reads sees the old content or the new,
    and writers do not meet.

    Raises:
        OSError: it cannot be written; the message has the path and the bytes that are needed. What
            was there before is unchanged.
    """
    partial = partial_name(path)
    try:
        with partial.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise not_written(path, len(content), error) from error
    except BaseException:  # stopped from outside
        with suppress(OSError):
            partial.unlink()
        raise


def create_whole(path: Path, content: bytes) -> bool:
    """Write a file that is not there yet; ``False`` if it is, also if somebody was quicker by a
    moment.

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
    """Make a folder with its parents; returns those that were made, the innermost first."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
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
    sentence = f"{path}: it cannot be written ({reason}): {size:,} bytes of disk space are needed{room}{was}"
    return OSError(error.errno, sentence) if error.errno is not None else OSError(sentence)
