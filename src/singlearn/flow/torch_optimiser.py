"""What a PyTorch optimiser says of itself: the update that its settings and its memory predict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Rule:
    r"""One step :math:`w^+ = (1 - η λ_d)\,w - η u` of a group of parameters.

    Attributes:
        rate: η.
        decoupled: λ_d, a decay that is no part of u.
        coupled: λ, a decay that is added to the gradient.
        memory: the coefficient of the memory before the step in u.
        fresh: the coefficient of the gradient, with coupled decay, in u.
        adaptive: whether u is divided entry by entry, so that its parts cannot be told apart.
    """

    rate: float
    decoupled: float
    coupled: float
    memory: float
    fresh: float
    adaptive: bool


def rule_of(optimiser: torch.optim.Optimizer, group: dict[str, Any], first: bool) -> Rule:
    """The rule of a group.

    Args:
        optimiser: SGD, Adam, AdamW or RMSprop.
        group: of its ``param_groups``.
        first: whether its memory is empty.

    Raises:
        ValueError: an optimiser or a setting that is not understood.
    """
    kind = type(optimiser)
    rate = float(group["lr"])
    decay = float(group.get("weight_decay", 0.0))
    if kind is torch.optim.SGD:
        momentum, damping = float(group["momentum"]), 0.0 if first else float(group["dampening"])
        memory, fresh = momentum, 1.0 - damping
        if group["nesterov"]:
            memory, fresh = momentum**2, 1.0 + momentum * fresh
        return Rule(rate, 0.0, decay, memory, fresh, False)
    if kind is torch.optim.AdamW:
        return Rule(rate, decay, 0.0, 0.0, 0.0, True)
    if kind is torch.optim.Adam:
        decoupled = bool(group.get("decoupled_weight_decay", False))
        return Rule(rate, decay if decoupled else 0.0, 0.0 if decoupled else decay, 0.0, 0.0, True)
    if kind is torch.optim.RMSprop:
        return Rule(rate, 0.0, decay, 0.0, 0.0, True)
    raise ValueError(f"optimizer: got {kind.__name__}; its step is not known here, SGD, Adam, AdamW and RMSprop are")


def memory_of(optimiser: torch.optim.Optimizer, parameter: torch.Tensor) -> torch.Tensor | None:
    """The momentum buffer of a parameter, None before the first step."""
    return optimiser.state.get(parameter, {}).get("momentum_buffer")


def adaptive_update(
    optimiser: torch.optim.Optimizer, group: dict[str, Any], parameter: torch.Tensor, gradient: torch.Tensor
) -> torch.Tensor:
    """u of an adaptive optimiser, from its memory after the step.

    Args:
        optimiser: Adam, AdamW or RMSprop.
        group: that the parameter is in.
        parameter: after the step.
        gradient: of the step, with coupled decay.
    """
    state = optimiser.state[parameter]
    if isinstance(optimiser, torch.optim.RMSprop):
        if group["momentum"] > 0:
            return state["momentum_buffer"]
        spread = state["square_avg"]
        if group["centered"]:
            spread = spread - state["grad_avg"] ** 2
        return gradient / (spread.sqrt() + group["eps"])
    first, second = group["betas"]
    steps = float(state["step"])
    spread = state["max_exp_avg_sq"] if group["amsgrad"] else state["exp_avg_sq"]
    denominator = (spread / (1 - second**steps)).sqrt() + group["eps"]
    return state["exp_avg"] / (1 - first**steps) / denominator
