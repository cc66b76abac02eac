"""The tensors of a checkpoint: from one file, from several with an index, or from a module; each is
used once or refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from singlearn.symmetry.files.pt import read_pt
from singlearn.symmetry.files.safetensors_file import read_safetensors

WHOLE = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
"""Files that hold the weights of a folder, in the order in which the library prefers them."""


class Tensors:
    """Arrays by name; what is taken is crossed out.

    Args:
        arrays: in float64.
        source: how messages call it, such as a path.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], source: str) -> None:
        self._left, self.source = dict(arrays), source

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def names(self) -> list[str]:
        """What has not been taken yet."""
        return list(self._left)

    def shape(self, name: str) -> tuple[int, ...]:
        """Of the array of that name.

        Raises:
            ValueError: there is none.
        """
        if name not in self._left:
            raise ValueError(f"{self.source}: the tensor {name!r} is missing")
        return self._left[name].shape

    def take(self, name: str, *shape: int, integers: bool = False) -> np.ndarray:
        """The array of that name.

        Args:
            name: of the tensor.
            shape: that it should have.
            integers: whether it may hold integers or truths; weights do so where they are
                quantised.

        Raises:
            ValueError: there is none, or it has another shape or another kind of numbers.
        """
        if name not in self._left:
            raise ValueError(f"{self.source}: the tensor {name!r} is missing")
        array = self._left.pop(name)
        if array.shape != shape:
            raise ValueError(
                f"{self.source}: {name!r} has shape {array.shape}; by the configuration it should "
                f"be {shape}"
            )
        if array.dtype.kind not in ("fiub" if integers else "f"):
            raise ValueError(
                f"{self.source}: {name!r} holds numbers of the kind {array.dtype}; weights should "
                f"be real, and not quantised"
            )
        return array

    def require_all_used(self) -> None:
        """Refuse tensors that were not read.

        Raises:
            ValueError: there are such.
        """
        if self._left:
            name = next(iter(self._left))
            more = f" and {len(self._left) - 1} more" if len(self._left) > 1 else ""
            raise ValueError(
                f"{self.source}: it holds {name!r}{more}, which the model that the configuration "
                f"describes does not have; "
                "a part of the function that is not understood is not passed over"
            )


def tensors_of_folder(folder: Path) -> Tensors:
    """The weights of a Hugging Face folder, from the file that the library would take.

    Raises:
        ValueError: a file is damaged, or an index names files or tensors that are not there.
        FileNotFoundError: there are no weights.
    """
    for name in WHOLE:
        if (folder / name).is_file():
            return tensors_of_file(folder / name)
    raise FileNotFoundError(f"{folder}: it holds none of {', '.join(WHOLE)}")


def tensors_of_file(path: Path) -> Tensors:
    """The weights in a file, or in those that an index names.

    Raises:
        ValueError: it is damaged, or an index names files or tensors that are not there.
        FileNotFoundError: there is no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file")
    return Tensors(_sharded(path) if path.name.endswith("index.json") else _arrays(path), str(path))


def tensors_of_module(module: Any) -> Tensors:
    """The weights of a PyTorch module.

    Raises:
        ValueError: numbers of a kind that is not read.
    """
    arrays = {}
    for name, tensor in module.state_dict().items():
        if (
            not hasattr(tensor, "is_floating_point")
            or tensor.is_quantized
            or str(tensor.device) == "meta"
        ):
            raise ValueError(
                f"model: {name!r} holds no plain numbers; quantised and offloaded weights are not "
                f"read"
            )
        plain = tensor.detach().cpu()
        arrays[name] = (plain.double() if plain.is_floating_point() else plain).numpy()
    return Tensors(arrays, "model")


def _arrays(path: Path) -> dict[str, np.ndarray]:
    return dict((read_safetensors if path.suffix == ".safetensors" else read_pt)(path).arrays)


def _sharded(index: Path) -> dict[str, np.ndarray]:
    try:
        weight_map = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        files = sorted({str(file) for file in weight_map.values()})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(
            f"{index}: it is not an index of weights; it should be JSON with a weight_map"
        ) from None
    arrays: dict[str, np.ndarray] = {}
    for file in files:
        path = index.parent / file
        if Path(file).name != file or not path.is_file():
            raise ValueError(f"{index}: it names the file {file!r}, which is not beside it")
        found = _arrays(path)
        wrong = [name for name in found if weight_map.get(name) != file]
        if wrong:
            raise ValueError(f"{path}: it holds {wrong[0]!r}, which the index does not place there")
        arrays.update(found)
    missing = [name for name in weight_map if name not in arrays]
    if missing:
        raise ValueError(f"{index}: {missing[0]!r} is in none of its files")
    return arrays
