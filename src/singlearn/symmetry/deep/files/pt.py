"""PyTorch's .pt: a state dictionary, loaded as weights only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def read_pt(path: Path) -> dict[str, np.ndarray]:
    """The state dictionary in the file; nothing in it is executed.

    Raises:
        ImportError: PyTorch is not installed.
        ValueError: not a state dictionary of tensors.
    """
    torch = _torch(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file fails in the unpickler in any way at all
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path}: it is not a PyTorch file of weights ({reason})") from None
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ValueError(f"{path}: it should hold a state dictionary; write one with torch.save(module.state_dict(), ...)")
    return {str(name): tensor.detach().double().numpy() for name, tensor in state.items()}


def write_pt(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write a state dictionary in double precision.

    Raises:
        ImportError: PyTorch is not installed.
    """
    torch = _torch(path)
    torch.save({name: torch.from_numpy(array.copy()) for name, array in arrays.items()}, path)


def _torch(path: Path) -> Any:
    try:
        import torch
    except ImportError:
        raise ImportError(f"{path}: .pt files need PyTorch; install it, or use .safetensors, .npz or .json") from None
    return torch
