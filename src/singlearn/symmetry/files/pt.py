"""PyTorch's .pt: a state dictionary, loaded as weights only."""

from __future__ import annotations

import re
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from singlearn.symmetry.files.content import Content

ADVICE = "it should hold a state dictionary; write one with torch.save(module.state_dict(), ...)"


def read_pt(path: Path) -> Content:
    """The state dictionary in the file, in the order of its module; nothing in it is executed.

    Raises:
        ImportError: PyTorch is not installed.
        ValueError: not a state dictionary of dense tensors of real numbers.
    """
    torch = _torch(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file fails in the unpickler in any way at all
        reason = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip().splitlines() or [
            type(error).__name__
        ]
        if "weights" in reason[0].lower():
            raise ValueError(
                f"{path}: it holds a whole module or other Python objects, which are not loaded; "
                f"{ADVICE}"
            ) from None
        raise ValueError(
            f"{path}: it is not a PyTorch file of weights ({reason[0][:200]})"
        ) from None
    if not isinstance(state, dict):
        raise ValueError(f"{path}: it holds a {type(state).__name__}; {ADVICE}")
    other = [str(name) for name, value in state.items() if not isinstance(value, torch.Tensor)]
    if other:
        nested = [name for name in other if isinstance(state.get(name), dict)]
        inside = f"; the one under {nested[0]!r} may be it" if nested else ""
        raise ValueError(
            f"{path}: {', '.join(map(repr, other[:4]))} are not tensors; {ADVICE}{inside}"
        )
    metadata = getattr(state, "_metadata", {})
    activation = metadata.get("", {}).get("activation") if isinstance(metadata, dict) else None
    return Content(
        {str(name): _numbers(tensor, str(name), path) for name, tensor in state.items()},
        activation,
        is_state_dict=True,
    )


def write_pt(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write a state dictionary in double precision.

    Raises:
        ImportError: PyTorch is not installed.
    """
    torch = _torch(path)
    state = OrderedDict((name, torch.from_numpy(array.copy())) for name, array in arrays.items())
    state._metadata = OrderedDict({"": {"version": 1, "activation": "relu"}})  # type: ignore[attr-defined]  # where torch keeps versions
    torch.save(state, path)


def _numbers(tensor: Any, name: str, path: Path) -> np.ndarray:
    """As NumPy has them; half and brain precision, which it may not have, widened."""
    if tensor.is_quantized or str(tensor.layout) != "torch.strided":
        raise ValueError(f"{path}: {name!r} is a quantised or sparse tensor; dense ones are read")
    plain = tensor.detach().resolve_conj().resolve_neg()
    wide = plain.double() if plain.is_floating_point() else plain
    return np.asarray(wide.numpy())


def _torch(path: Path) -> Any:
    try:
        import torch
    except ImportError:
        raise ImportError(
            f"{path}: .pt files need PyTorch; install it, or use .safetensors, .npz or .json"
        ) from None
    return torch
