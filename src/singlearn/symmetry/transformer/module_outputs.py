"""Does a PyTorch module give what was read from it?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

CLOSE = {"torch.float64": 1e-4, "torch.float32": 1e-3, "torch.float16": 3e-2, "torch.bfloat16": 1e-1}
"""Of the largest output, by the numbers that a module computes with; the library rounds to single precision inside double."""


def require_agreement(module: Any, evaluated: Callable[[Any], Any], expected: np.ndarray) -> None:
    """Refuse a module that computes something else than its settings and weights say.

    Settings can be changed after a module was made, or parts of it exchanged; its own outputs show it.

    Args:
        module: in any mode; it is evaluated without gradients and left as it was.
        evaluated: its outputs on some inputs, given PyTorch.
        expected: what was read gives on them.

    Raises:
        ValueError: the outputs are not close.
    """
    import torch

    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        with torch.no_grad():
            found = evaluated(torch).double().cpu().numpy()
    finally:
        for part, mode in modes.items():
            part.training = mode
    kinds = {str(parameter.dtype) for parameter in module.parameters()}
    close = max(CLOSE.get(kind, 1e-1) for kind in kinds)
    gap, largest = float(np.max(np.abs(found - expected))), float(np.max(np.abs(expected)))
    if not gap <= close * max(largest, 1e-30):
        raise ValueError(
            f"model: its outputs differ by {gap:.2g} (the largest is {largest:.2g}) from what its settings and weights say; "
            "something in it was changed after it was made"
        )
