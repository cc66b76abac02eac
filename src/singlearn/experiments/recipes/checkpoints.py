"""Train a module and keep its weights at some steps: what every recipe begins with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

    Weights = dict[str, torch.Tensor]
    Batch = tuple[torch.Tensor, torch.Tensor]


def log_steps(first: int, last: int, count: int) -> list[int]:
    """Whole numbers, even in log step, both ends included; fewer where they would coincide.

    >>> log_steps(1, 100, 3)
    [1, 10, 100]
    """
    return sorted({round(step) for step in np.geomspace(first, last, count)})


def trained(
    model: torch.nn.Module,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    batch: Callable[[int], Batch],
    optimiser: torch.optim.Optimizer,
    steps: Iterable[int],
) -> dict[int, Weights]:
    """Train a module in place, and keep its weights at some steps.

    Args:
        model: as it is at step 0.
        loss: per sample, of outputs and targets; its mean is minimised.
        batch: inputs and targets of every step.
        optimiser: of the module's parameters.
        steps: at which weights are kept, as they are after so many steps.

    Returns:
        State dictionaries by step, copies of their own.

    >>> import torch
    >>> layer = torch.nn.Linear(1, 1, bias=False)
    >>> layer.weight.data.fill_(1.0)
    tensor([[1.]])
    >>> x = torch.ones(2, 1)
    >>> def half(output, target): return 0.5 * ((output - target) ** 2).sum(-1)
    >>> descent = torch.optim.SGD(layer.parameters(), lr=0.5)
    >>> kept = trained(layer, half, lambda step: (x, 0 * x), descent, [0, 2])
    >>> {step: weights["weight"].item() for step, weights in kept.items()}
    {0: 1.0, 2: 0.25}
    """
    wanted = set(steps)
    kept: dict[int, Any] = {}
    for step in range(max(wanted) + 1):
        if step in wanted:
            kept[step] = {name: value.clone() for name, value in model.state_dict().items()}
        if step < max(wanted):
            optimiser.zero_grad()
            inputs, targets = batch(step)
            loss(model(inputs), targets).mean().backward()
            optimiser.step()
    return kept


def cross_entropy(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Of class labels, per sample, in nats."""
    import torch

    return torch.nn.functional.cross_entropy(output, target, reduction="none")
