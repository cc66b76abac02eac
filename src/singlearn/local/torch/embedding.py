"""Embeddings whose options act on gradients or write to weights, as the function that they stand
for.
"""

from __future__ import annotations

import torch
from torch.nn import functional


class WithinNorm(torch.nn.Embedding):
    """An embedding that shortens rows longer than ``longest``, which ``Embedding(max_norm=…)`` does
    by writing to its weights.

    The outputs are the same; the weights stay where the chains have them.
    """

    longest: float

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Rows of the weights, none longer than ``longest``."""
        rows = functional.embedding(input, self.weight)
        norm = torch.linalg.vector_norm(rows, ord=self.norm_type, dim=-1, keepdim=True)
        # As PyTorch has it, with its small number.
        return rows * torch.where(
            norm > self.longest, self.longest / (norm + 1e-7), torch.ones_like(norm)
        )


def with_true_gradients(module: torch.nn.Module) -> dict[str, int]:
    """Change embeddings so that their gradient is the derivative of their outputs. Outputs stay the
    same.

    ``padding_idx`` keeps the gradient of a row at zero, ``scale_grad_by_freq`` divides it,
    ``sparse`` stores it in another way, and ``max_norm`` writes to the weights.

    Args:
        module: a copy that is ours; it is changed.

    Returns:
        Names of weights that have a padding row, with its number: training leaves that row as it
            is. Not of weights that the module uses elsewhere too, where they have a gradient.

    Raises:
        ValueError: an ``EmbeddingBag`` with ``max_norm``, or a class of the caller's own.
    """
    users: dict[int, int] = {}
    for part in module.modules():
        for parameter in part._parameters.values():
            if parameter is not None:
                users[id(parameter)] = users.get(id(parameter), 0) + 1
    padded = {}
    for name, part in module.named_modules():
        if not isinstance(part, torch.nn.Embedding | torch.nn.EmbeddingBag):
            continue
        part.sparse = part.scale_grad_by_freq = False
        if part.max_norm is not None:
            if type(part) is not torch.nn.Embedding:
                raise ValueError(
                    f"model: {name or 'it'}, {type(part).__name__}(max_norm={part.max_norm}), "
                    "writes to its weights at every "
                    "call; set max_norm=None if no row is longer"
                )
            longest = float(part.max_norm)
            part.__class__, part.max_norm = WithinNorm, None
            part.longest = longest  # type: ignore[assignment]
        if isinstance(part, torch.nn.Embedding) and part.padding_idx is not None:
            if isinstance(part.weight, torch.nn.Parameter) and users.get(id(part.weight)) == 1:
                padded[f"{name}.weight" if name else "weight"] = int(part.padding_idx)
            part.padding_idx = None
    return padded
