"""NumPy's .npz."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """All arrays of the file; pickled objects are never loaded.

    Raises:
        ValueError: not an .npz file, or one with pickled objects.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (ValueError, zipfile.BadZipFile, AttributeError, EOFError) as error:
        raise ValueError(f"{path}: it is not an .npz file of plain arrays ({error})") from None


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write the arrays, compressed."""
    np.savez_compressed(path, allow_pickle=False, **arrays)
