"""Networks in files of every format."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from singlearn.symmetry.deep.network import DeepReLU
from singlearn.symmetry.files.content import Content
from singlearn.symmetry.files.json_file import read_json, write_json
from singlearn.symmetry.files.named_arrays import arrays_of_network, network_from_arrays
from singlearn.symmetry.files.npz import read_npz, write_npz
from singlearn.symmetry.files.pt import read_pt, write_pt
from singlearn.symmetry.files.safetensors_file import read_safetensors, write_safetensors

T = TypeVar("T")

READERS: dict[str, Callable[[Path], Content]] = {
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


def read_network(
    path: str | Path, *, activation: str | None = None, order: Sequence[str] | None = None
) -> DeepReLU:
    """A network from a file of arrays named ``<layer>.weight`` and ``<layer>.bias``.

    A state dictionary does not say what stands between its layers. Files written by
    :func:`write_network` do; for others ReLU is assumed, with a warning, unless ``activation`` says
    it.

    Args:
        path: ending in .npz, .json, .safetensors or .pt (a state dictionary; needs PyTorch).
        activation: "relu", which says that ReLU stands between the layers.
        order: the layers' names from input to output, for files whose order is open.

    Returns:
        The network in float64.

    Raises:
        ValueError: another ending, an activation other than ReLU, or content that is no such
            network; the message names the file and what to change.
        FileNotFoundError: no such file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file")
    content = _by_ending(path, READERS)(path)
    said = activation if activation is not None else content.activation
    if (
        said is not None
        and content.activation is not None
        and said.lower() != content.activation.lower()
    ):
        raise ValueError(
            f"{path}: it says that its activation is {content.activation}, and activation= that it "
            f"is {said}"
        )
    try:
        net = network_from_arrays(
            content.arrays,
            activation=said,
            order=order,
            keeps_order=content.keeps_order,
            is_state_dict=content.is_state_dict,
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if said is None and net.hidden_layers:
        # One level up is read_network's caller, two is read's; the text names the file, so either
        # is of use.
        warnings.warn(
            f"{path}: ReLU between its layers is assumed, the file does not say; activation='relu' "
            f"says that it is so",
            stacklevel=2,
        )
    return net


def write_network(net: DeepReLU, path: str | Path) -> None:
    """Write ``net``, in double precision, so that :func:`read_network` gives the same network.

    Raises:
        ValueError: an ending other than .npz, .json, .safetensors and .pt.
    """
    path = Path(path)
    _by_ending(path, WRITERS)(path, arrays_of_network(net))


def _by_ending(path: Path, table: dict[str, T]) -> T:
    if path.suffix not in table:
        raise ValueError(
            f"{path}: the name ends in {path.suffix!r}; it should end in {', '.join(table)}"
        )
    return table[path.suffix]
