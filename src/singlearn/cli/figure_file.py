"""Where a command writes: ``--out`` is a folder or the name of a file, and no file is replaced."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from singlearn.results.refusal import RefusalError
from singlearn.running.whole_files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURES = (".png", ".pdf", ".svg")
"""Endings by which ``--out`` is known to be the name of a picture."""


def is_picture(out: Path) -> bool:
    """Whether ``--out`` names a picture, not a folder.

    >>> is_picture(Path("proof.PDF")), is_picture(Path("figures"))
    (True, False)
    """
    return out.suffix.lower() in PICTURES and not out.is_dir()


def place(out: Path) -> Path:
    """The folder for a figure, made if need be, or the file that it is to be, which is new.

    Asked before a run, not after.

    Raises:
        RefusalError: the folder cannot be made, or the file is there already.
    """
    if not is_picture(out):
        return folder(out)
    folder(out.parent)
    return new_file("--out", out)


def folder(out: Path) -> Path:
    """The folder for figures, made if need be; asked before a run, not after.

    Raises:
        RefusalError: it cannot be made, or it is the name of a picture.
    """
    if is_picture(out):
        raise RefusalError(
            f"--out: got {out}; several files are written here, so it should be a folder"
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RefusalError(
            f"--out: {out} cannot be made a folder ({error.strerror}); it should be one that can "
            f"be written to, or a new file that ends in {', '.join(PICTURES)}"
        ) from None
    return out


def new_file(option: str, path: Path) -> Path:
    """The path, if there is no such file yet.

    Raises:
        RefusalError: there is one.
    """
    if path.is_file():
        raise RefusalError(
            f"{option}: {path} already exists, and is not replaced; give another name, or remove it"
        )
    return path


def free_name(path: Path) -> Path:
    """The path, or where it is taken the next one with a number: ``exact.png``, ``exact-2.png``."""
    number, free = 2, path
    while free.exists():
        free, number = path.with_name(f"{path.stem}-{number}{path.suffix}"), number + 1
    return free


def save_figure(figure: Figure, out: Path, name: str) -> Path:
    """Save a figure where :func:`place` says, under a name that is not taken.

    Args:
        figure: to be saved.
        out: a folder, or the file itself.
        name: in the folder, without its ending.

    Returns:
        The file.

    Raises:
        OSError: it cannot be written; the message has the path and the bytes that are needed.
    """
    path = free_name(out if is_picture(out) else out / f"{name}.png")
    picture = io.BytesIO()
    figure.savefig(picture, format=path.suffix[1:].lower(), dpi=150)
    write_whole(path, picture.getbuffer())
    return path


def saved_or_why(figure: Figure, out: Path, name: str) -> tuple[Path | None, OSError | None]:
    """The file of a figure, or why there is none: what a long run found is to be printed all the
    same.
    """
    try:
        return save_figure(figure, out, name), None
    except OSError as error:
        return None, error
