"""NumPy's .npz."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from singlearn.symmetry.files.content import Content

COMMENT = b"activation: relu"
"""The comment of the archive in files of ours; its arrays stay those of a state dictionary."""


def read_npz(path: Path) -> Content:
    """All arrays of the file, in its order; pickled objects are never loaded.

    Raises:
        ValueError: not an .npz file, one with pickled objects, or a name twice.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            if len(set(file.files)) < len(file.files):
                raise ValueError("a name appears twice")
            arrays = {name: file[name] for name in file.files}
            activation = "relu" if file.zip.comment == COMMENT else None
    except (ValueError, zipfile.BadZipFile, AttributeError, EOFError, OSError) as error:
        raise ValueError(f"{path}: it is not an .npz file of plain arrays ({error})") from None
    if (
        "activation" in arrays
        and arrays["activation"].dtype.kind == "U"
        and arrays["activation"].size == 1
    ):
        activation = str(arrays.pop("activation").item())
    return Content(arrays, activation)


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write the arrays, compressed."""
    np.savez_compressed(path, allow_pickle=False, **arrays)
    with zipfile.ZipFile(path, "a") as file:
        file.comment = COMMENT
