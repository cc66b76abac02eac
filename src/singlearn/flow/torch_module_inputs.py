"""Inputs with which a PyTorch module runs, where none are given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

SIDES = (8, 16, 28, 32, 12, 24, 64, 20, 48, 96, 128, 224, *range(1, 41))
"""Lengths and widths of pictures that are tried."""
POINTS = 3


def example_inputs(model: nn.Module) -> tuple[Any, ...]:
    """Random inputs that the module accepts. Its laws depend on what it does, not on them.

    Args:
        model: whose first layer says what shape is needed.

    Returns:
        Positional arguments.

    Raises:
        ValueError: none of the shapes that were tried runs.
    """
    for inputs in _candidates(model):
        try:
            with torch.no_grad(), quietly(model):
                model(*inputs)
        except Exception:  # whatever a module raises, these are no inputs for it
            continue
        return inputs
    raise ValueError(
        f"inputs: the shape that {type(model).__name__} reads is not known; it should be given, as "
        f"the arguments of a call"
    )


def _candidates(model: nn.Module) -> Iterator[tuple[Any, ...]]:
    parameter = next(model.parameters(), None)
    options: dict[str, Any] = {} if parameter is None else {"device": parameter.device}
    floats = options | (
        {"dtype": parameter.dtype}
        if parameter is not None and parameter.is_floating_point()
        else {}
    )
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(**floats)

    if isinstance(model, nn.MultiheadAttention):
        x = normal(POINTS, 2, model.embed_dim)
        yield (
            x,
            normal(POINTS, 2, model.kdim or model.embed_dim),
            normal(POINTS, 2, model.vdim or model.embed_dim),
        )
    if isinstance(model, nn.TransformerDecoderLayer):
        yield (
            normal(POINTS, 2, model.linear1.in_features),
            normal(POINTS, 2, model.linear1.in_features),
        )
    for part in model.modules():
        if isinstance(part, nn.Embedding):
            index = torch.randint(0, part.num_embeddings, (2, 4), generator=generator)
            yield (index.to(**options),)
            return
        if isinstance(part, nn.Linear):
            yield (normal(POINTS, part.in_features),)
            yield (normal(2, POINTS, part.in_features),)
            return
        if isinstance(part, (nn.Conv1d, nn.ConvTranspose1d)):
            yield from ((normal(2, part.in_channels, side),) for side in SIDES)
            return
        if isinstance(part, (nn.Conv2d, nn.ConvTranspose2d)):
            yield from ((normal(2, part.in_channels, side, side),) for side in SIDES)
            return
        if isinstance(part, (nn.Conv3d, nn.ConvTranspose3d)):
            yield from ((normal(2, part.in_channels, side, side, side),) for side in SIDES[:8])
            return
        if isinstance(part, nn.RNNBase):
            yield (normal(POINTS, 2, part.input_size),)
            return
        if isinstance(part, (nn.RNNCellBase,)):
            yield (normal(POINTS, part.input_size),)
            return
        if isinstance(part, nn.MultiheadAttention):
            yield (normal(POINTS, 2, part.embed_dim),)
            return
        if isinstance(part, nn.BatchNorm1d):
            yield (normal(POINTS, part.num_features),)
            return
        if isinstance(part, nn.LayerNorm):
            yield (normal(2, POINTS, *part.normalized_shape),)
            return


@contextmanager
def quietly(model: nn.Module) -> Iterator[None]:
    """Run a module and leave its buffers and the random numbers as they were."""
    kept = {name: buffer.clone() for name, buffer in model.named_buffers()}
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        with torch.no_grad():
            for name, buffer in model.named_buffers():
                if name in kept and buffer.shape == kept[name].shape:
                    buffer.copy_(kept[name])
