"""Writing a figure where the user asked for it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from singlearn.results.refusal import RefusalError
from singlearn.running.whole_files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def folder(out: Path) -> Path:
    """The folder for figures, made if need be. Raises ``RefusalError`` if it cannot be; asked
    before a run, not after.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RefusalError(
            f"--out: {out} cannot be made a folder ({error.strerror}); it should be one that can "
            f"be written to"
        ) from None
    return out


def save_figure(figure: Figure, out: Path, name: str) -> Path:
    """Save as ``NAME.png`` in the folder; returns where. Raises ``OSError`` with path and bytes
    where it cannot be written.
    """
    path = out / f"{name}.png"
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=150)
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
