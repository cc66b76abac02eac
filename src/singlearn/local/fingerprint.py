"""Fingerprints of arrays, to notice that weights or data are not those of an earlier run."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np


def digest(arrays: Mapping[str, Any]) -> str:
    """Sixteen hexadecimal digits that depend on names, shapes, types and every bit of arrays of NumPy, JAX or PyTorch.

    >>> digest({"w": np.zeros(2)}) == digest({"w": np.zeros(2)}), digest({"w": np.zeros(2)}) == digest({"w": np.zeros(3)})
    (True, False)
    """
    found = hashlib.blake2b(digest_size=8)
    for name in sorted(arrays):
        value = arrays[name]
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(value, torch.Tensor):
            # By bytes: NumPy has no bfloat16.
            bits = value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()
            found.update(f"{name} {tuple(value.shape)} {value.dtype} ".encode())
        else:
            bits = np.ascontiguousarray(value)
            found.update(f"{name} {bits.shape} {bits.dtype} ".encode())
        found.update(bits.tobytes())
    return found.hexdigest()
