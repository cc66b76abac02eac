"""What a PyTorch optimiser says of itself: the update that its settings and its memory predict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from singlearn.flow.ledger_step import ParameterMotion

Group = Mapping[str, Any]
State = Mapping[str, Any]


def is_known(optimiser: torch.optim.Optimizer) -> bool:
    """Whether the step of this very class is known; a subclass may do anything."""
    return type(optimiser) is torch.optim.SGD or type(optimiser) in ADAPTIVE


def check_known(optimiser: torch.optim.Optimizer) -> None:
    """Refuse an optimiser whose step is not known.

    Raises:
        ValueError: by its name.
    """
    if not is_known(optimiser):
        known = ", ".join(sorted(["SGD", *(kind.__name__ for kind in ADAPTIVE)]))
        raise ValueError(
            f"optimizer: got {type(optimiser).__name__}; its step is not known here, those of "
            f"{known} are; unread='split' splits "
            "steps of any other into what is of first and of second order"
        )


def memory_name(optimiser: torch.optim.Optimizer) -> str:
    """Under which name the state keeps the memory of gradients."""
    return (
        "momentum_buffer"
        if isinstance(optimiser, (torch.optim.SGD, torch.optim.RMSprop))
        else "exp_avg"
    )


def memory_factor(optimiser: torch.optim.Optimizer, group: Group) -> float:
    """By which the memory of gradients shrinks in a step; 0 where there is none."""
    if "betas" in group:
        return float(group["betas"][0])
    return float(group.get("momentum", 0.0))


def is_heavy_ball(optimiser: torch.optim.Optimizer, group: Group) -> bool:
    """Whether a step is :math:`v^+ = μ v + g`, :math:`w^+ = w - η v^+`."""
    return type(optimiser) is torch.optim.SGD and not group["nesterov"]


def motion(optimiser: torch.optim.Optimizer, group: Group, first: bool) -> ParameterMotion:
    """How a parameter moves; for adaptive steps the update itself comes from
    :func:`adaptive_update`.

    Args:
        optimiser: one that is known.
        group: that the parameter is in.
        first: whether its memory is empty.
    """
    kind, rate = type(optimiser), float(group["lr"])
    decay = float(group.get("weight_decay", 0.0))
    if kind is torch.optim.SGD:
        momentum, damping = float(group["momentum"]), 0.0 if first else float(group["dampening"])
        memory, fresh = momentum, 1.0 - damping
        if group["nesterov"]:
            memory, fresh = momentum**2, 1.0 + momentum * fresh
        memories = {"v": rate * memory} if memory and not first else {}
        return ParameterMotion(1.0, rate * fresh, rate * fresh * decay, memories)
    decoupled = kind is torch.optim.AdamW or bool(group.get("decoupled_weight_decay", False))
    return ParameterMotion(keep=1.0 - rate * decay if decoupled else 1.0, whole=True, rate=rate)


def coupled_decay(optimiser: torch.optim.Optimizer, group: Group) -> float:
    """The decay that an adaptive optimiser adds to the gradient."""
    decoupled = type(optimiser) is torch.optim.AdamW or bool(
        group.get("decoupled_weight_decay", False)
    )
    return 0.0 if decoupled else float(group.get("weight_decay", 0.0))


def adaptive_update(
    optimiser: torch.optim.Optimizer, group: Group, state: State, gradient: torch.Tensor
) -> torch.Tensor:
    """What an adaptive optimiser subtracts, rate and all, from its memory after the step, in
    float64.

    Args:
        optimiser: one of ``ADAPTIVE``.
        group: that the parameter is in.
        state: of the parameter, after the step.
        gradient: of the step, with coupled decay.
    """
    wide = {
        name: value.double() if isinstance(value, torch.Tensor) else value
        for name, value in state.items()
    }
    return float(group["lr"]) * ADAPTIVE[type(optimiser)](group, wide, gradient.double())


def _rmsprop(group: Group, state: State, gradient: torch.Tensor) -> torch.Tensor:
    if group["momentum"] > 0:
        found: torch.Tensor = state["momentum_buffer"]
        return found
    spread = state["square_avg"]
    if group["centered"]:
        spread = spread - state["grad_avg"] ** 2
    found = gradient / (spread.sqrt() + group["eps"])
    return found


def _adam(group: Group, state: State, gradient: torch.Tensor) -> torch.Tensor:
    first, second = map(float, group["betas"])
    steps = float(state["step"])
    spread = state["max_exp_avg_sq"] if group["amsgrad"] else state["exp_avg_sq"]
    denominator = (spread / (1 - second**steps)).sqrt() + group["eps"]
    found: torch.Tensor = state["exp_avg"] / (1 - first**steps) / denominator
    return found


def _nadam(group: Group, state: State, gradient: torch.Tensor) -> torch.Tensor:
    first, second = map(float, group["betas"])
    steps = float(state["step"])
    now, next_one = (
        first * (1 - 0.5 * 0.96 ** (k * group["momentum_decay"])) for k in (steps, steps + 1)
    )
    product = float(state["mu_product"])
    denominator = (state["exp_avg_sq"] / (1 - second**steps)).sqrt() + group["eps"]
    found: torch.Tensor = (
        (1 - now) / (1 - product) * gradient
        + next_one / (1 - product * next_one) * state["exp_avg"]
    ) / denominator
    return found


def _adamax(group: Group, state: State, gradient: torch.Tensor) -> torch.Tensor:
    first = float(group["betas"][0])
    found: torch.Tensor = state["exp_avg"] / (1 - first ** float(state["step"])) / state["exp_inf"]
    return found


def _adagrad(group: Group, state: State, gradient: torch.Tensor) -> torch.Tensor:
    steps = float(state["step"])
    found: torch.Tensor = (
        gradient
        / (1 + (steps - 1) * float(group["lr_decay"]))
        / (state["sum"].sqrt() + group["eps"])
    )
    return found


ADAPTIVE: dict[
    type[torch.optim.Optimizer], Callable[[Group, State, torch.Tensor], torch.Tensor]
] = {
    torch.optim.Adam: _adam,
    torch.optim.AdamW: _adam,
    torch.optim.NAdam: _nadam,
    torch.optim.Adamax: _adamax,
    torch.optim.Adagrad: _adagrad,
    torch.optim.RMSprop: _rmsprop,
}
"""Optimisers whose updates are divided entry by entry, and the formulas of their updates."""
