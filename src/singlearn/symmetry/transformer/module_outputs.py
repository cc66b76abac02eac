"""Does a PyTorch module give what was read from it?"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

CLOSE = {
    "torch.float64": 1e-4,
    "torch.float32": 1e-3,
    "torch.float16": 3e-2,
    "torch.bfloat16": 1e-1,
}
"""Of the largest output, by the numbers that a module computes with; the library rounds to single
precision inside double.
"""

EXACTER = {
    "torch.float64": 3e-5,
    "torch.float32": 3e-5,
    "torch.float16": 3e-2,
    "torch.bfloat16": 3e-2,
}
"""The same of a copy that computes in double precision; modules that were cast have kept rounded
rotary speeds.
"""

WRITING = ("wte", "wpe", "embed_tokens", "c_proj", "o_proj", "down_proj")

MOST_PARAMETERS = 20_000_000
"""Of a module that is copied; beyond, it takes much memory."""


def scrambled_copy(module: Any) -> tuple[Any, float] | None:
    """A copy in double precision with random weights of a size at which every setting matters, and
    how close its outputs should be.

    Initial weights are so small that attention is nearly even and activations nearly linear:
    outputs hardly tell settings apart.

    Returns:
        ``None`` for modules that are too large.
    """
    import torch

    kinds = {str(parameter.dtype) for parameter in module.parameters()}
    if sum(parameter.numel() for parameter in module.parameters()) > MOST_PARAMETERS:
        return None
    made = copy.deepcopy(module).double()
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            numbers = torch.randn(parameter.shape, generator=random, dtype=torch.float64)
            if parameter.ndim > 1:
                numbers *= 2 / parameter.shape[-1] ** 0.5
            else:
                numbers = 0.3 * numbers + (1.0 if name.endswith("weight") else 0.0)
            if any(part in name for part in WRITING):
                numbers *= 0.01  # a stream so small that the norms' epsilons matter
            parameter.copy_(numbers)
    return made, max(EXACTER.get(kind, 3e-2) for kind in kinds)


def require_agreement(
    module: Any, evaluated: Callable[[Any], Any], expected: np.ndarray, close: float | None = None
) -> None:
    """Refuse a module that computes something else than its settings and weights say.

    Settings can be changed after a module was made, or parts of it exchanged; its own outputs show
    it.

    Args:
        module: in any mode; it is evaluated without gradients and left as it was.
        evaluated: its outputs on some inputs, given PyTorch.
        expected: what was read gives on them.
        close: share of the largest output; by the numbers that the module computes with, if not
            given.

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
    if close is None:
        close = max(CLOSE.get(str(parameter.dtype), 1e-1) for parameter in module.parameters())
    gap, largest = float(np.max(np.abs(found - expected))), float(np.max(np.abs(expected)))
    if not gap <= close * max(largest, 1e-30):
        raise ValueError(
            f"model: its outputs differ by {gap:.2g} (the largest is {largest:.2g}) from what its "
            f"settings and weights say; "
            "something in it was changed after it was made"
        )
