"""Writing a figure where the user asked for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from singlearn.cli.refusal import Refusal

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def folder(out: Path) -> Path:
    """The folder for figures, made if need be. Raises ``Refusal`` if it cannot be; asked before a run, not after."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refusal(
            f"--out: {out} cannot be made a folder ({error.strerror}); it should be one that can be written to"
        ) from None
    return out


def save_figure(figure: Figure, out: Path, name: str) -> Path:
    """Save as ``NAME.png`` in the folder; returns where."""
    path = out / f"{name}.png"
    figure.savefig(path, dpi=150)
    return path
