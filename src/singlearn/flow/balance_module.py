"""A torch module as balancing needs it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from singlearn.flow import balance_torch
from singlearn.flow.balance_torch import DROPOUTS

PROBES = 64
PLAIN = (nn.Linear, nn.ReLU, nn.LeakyReLU, nn.PReLU, nn.Tanh, nn.Identity, *DROPOUTS)
ROUNDING = {
    torch.float64: 2.0**-53,
    torch.float32: 2.0**-24,
    torch.float16: 2.0**-11,
    torch.bfloat16: 2.0**-8,
}


class ModuleSubject:
    """Parameters, gradients and outputs of a module, as arrays.

    Args:
        module: a ``Sequential``, a ``MultiheadAttention`` or a ``TransformerEncoderLayer``.
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.chains, self.without = balance_torch.chains_of(module)
        self.arrays = balance_torch.arrays_of(module)
        self.rounding = max(ROUNDING.get(p.dtype, 2.0**-24) for p in module.parameters())

    def gradients(self, loss: Any, given: Any) -> tuple[float | None, dict[str, np.ndarray]]:
        """Of a loss, or by name."""
        if given is None:
            return balance_torch.gradients_of(self.module, loss)
        try:
            grads = {
                name: np.asarray(
                    given[name].detach().double().cpu()
                    if hasattr(given[name], "detach")
                    else given[name],
                    dtype=float,
                )
                for name in self.arrays
            }
        except (KeyError, TypeError):
            raise ValueError(
                f"gradients: it should be a mapping with {', '.join(self.arrays)}"
            ) from None
        wrong = [name for name, a in self.arrays.items() if grads[name].shape != a.shape]
        if wrong:
            raise ValueError(
                f"gradients: {wrong[0]} has shape {grads[wrong[0]].shape}; it should be "
                f"{self.arrays[wrong[0]].shape}"
            )
        return None, grads

    def evaluate(self, network: Any, loss: Any) -> tuple[float, dict[str, np.ndarray]] | None:
        """Loss and gradients of another module."""
        return balance_torch.gradients_of(network, loss)

    def rebuilt(self, arrays: dict[str, np.ndarray]) -> tuple[Any, dict[str, np.ndarray]]:
        """A copy with these parameters, and the parameters as they were rounded."""
        made = balance_torch.with_arrays(self.module, arrays)
        return made, balance_torch.arrays_of(made)

    def compared(
        self, network: Any, arrays: dict[str, np.ndarray], inputs: Any
    ) -> tuple[float, float, int] | None:
        """Largest difference of an output, largest output, number of inputs."""
        x = balance_torch.probe(self.module, self.chains, PROBES) if inputs is None else inputs
        if x is None:
            return None
        old, new = balance_torch.outputs(self.module, x), balance_torch.outputs(network, x)
        first = x[0] if isinstance(x, tuple) else x
        count = (
            first.shape[0]
            if isinstance(self.module, nn.Sequential)
            else int(np.prod(first.shape[:-1]))
        )
        return float((new - old).abs().max()), float(old.abs().max()), int(count)

    def plain(self) -> bool:
        """Whether it is a chain of matrices and activations with slopes of at most 1, and nothing
        else.
        """
        if not isinstance(self.module, nn.Sequential):
            return False
        parts = [part for _, part in balance_torch._flat(self.module, "")]
        return all(isinstance(part, PLAIN) for part in parts) and isinstance(
            parts[0], (nn.Linear, *DROPOUTS, nn.Identity)
        )
