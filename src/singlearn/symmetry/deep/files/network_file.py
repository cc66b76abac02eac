"""One door to all formats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from singlearn.symmetry.deep.files.json_file import read_json, write_json
from singlearn.symmetry.deep.files.named_arrays import arrays_of_network, network_from_arrays
from singlearn.symmetry.deep.files.npz import read_npz, write_npz
from singlearn.symmetry.deep.files.pt import read_pt, write_pt
from singlearn.symmetry.deep.files.safetensors_file import read_safetensors, write_safetensors
from singlearn.symmetry.deep.network import DeepReLU

T = TypeVar("T")

READERS: dict[str, Callable[[Path], dict[str, np.ndarray]]] = {
    ".npz": read_npz,
    ".json": read_json,
    ".safetensors": read_safetensors,
    ".pt": read_pt,
}
WRITERS: dict[str, Callable[[Path, dict[str, np.ndarray]], None]] = {
    ".npz": write_npz,
    ".json": write_json,
    ".safetensors": write_safetensors,
    ".pt": write_pt,
}


def read_network(path: str | Path) -> DeepReLU:
    """A network from a file of arrays named ``<layer>.weight`` and ``<layer>.bias``.

    Args:
        path: ending in .npz, .json, .safetensors or .pt (a state dictionary; needs PyTorch).

    Raises:
        ValueError: another ending, or content that is no such network; the message names the file and what to change.
        FileNotFoundError: no such file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file")
    arrays = _by_ending(path, READERS)(path)
    try:
        return network_from_arrays(arrays)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def write_network(net: DeepReLU, path: str | Path) -> None:
    """Write ``net``, in double precision, so that :func:`read_network` gives the same network.

    Raises:
        ValueError: an ending other than .npz, .json, .safetensors and .pt.
    """
    path = Path(path)
    _by_ending(path, WRITERS)(path, arrays_of_network(net))


def _by_ending(path: Path, table: dict[str, T]) -> T:
    if path.suffix not in table:
        raise ValueError(f"{path}: the name ends in {path.suffix!r}; it should end in {', '.join(table)}")
    return table[path.suffix]
