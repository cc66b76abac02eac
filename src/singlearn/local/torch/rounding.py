"""What float32 costs a module's losses, and float64 where it costs too much."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from singlearn.local.checks.rounding import NOTICEABLE, rounding_of_mean
from singlearn.local.torch.data import take
from singlearn.results.caution import Caution, Reason

LOOKED_AT = 1024
"""Samples whose losses are computed in float64 as well, at most."""
BETTER = 0.1
"""What rounding should at most be in float64, in units of what it was: a module that casts gains
nothing.
"""


def measured_rounding(
    losses: Callable[[dict[str, torch.Tensor], Any], torch.Tensor],
    values: dict[str, torch.Tensor],
    data: Any,
    reference: torch.Tensor,
    at_once: int,
) -> float:
    """Error of L_n(w) - L_n(w*) by rounding, against float64 where the module computes in it.

    Args:
        losses: per sample, of parameters and buffers by name and a batch.
        values: at w*.
        data: all of it, in parts.
        reference: losses of all samples at w*.
        at_once: samples that fit into memory in float32.

    Returns:
        The error in units of the loss, as :func:`singlearn.local.checks.rounding.rounding_of_mean`
        defines it.
    """
    count = len(reference)
    some = min(LOOKED_AT, count, max(2, at_once // 2))
    index = torch.as_tensor(
        np.unique(np.linspace(0, count - 1, some).astype(np.int64)), device=reference.device
    )
    rounded, share = reference[index].double().cpu().numpy(), math.sqrt(len(index) / count)
    if reference.dtype is torch.float64:
        return rounding_of_mean(rounded, digit=2.0**-52) * share
    batch = take(data, index)
    try:
        with torch.no_grad():
            exact = losses(
                {name: _doubled(value) for name, value in values.items()}, doubled(batch)
            )
    except (
        RuntimeError,
        TypeError,
        ValueError,
    ):  # a module that makes numbers of a type of its own
        return rounding_of_mean(rounded) * share
    if exact.dtype is not torch.float64:
        return rounding_of_mean(rounded) * share
    return rounding_of_mean(rounded, exact.reshape(-1).cpu().numpy()) * share


def with_enough_digits(build: Callable[[bool], Any], nbeta: float | None) -> Any:
    """A target in the number type of its module, or in float64 where rounding would be seen in λ̂.

    Args:
        build: makes a :class:`~singlearn.local.torch.target.TorchTarget`, in float64 if its
            argument is true.
        nbeta: nβ; by default n / log n.

    Returns:
        The target; where float64 is no better, it is the first, and its ``rounding`` says what that
        costs.
    """
    found = build(False)
    cost = (found.samples / math.log(found.samples) if nbeta is None else nbeta) * found.rounding
    if not cost > NOTICEABLE * max(1.0, found.dimension / 100):
        return found
    try:
        finer = build(True)
    except (RuntimeError, TypeError, ValueError):
        return found
    if not finer.rounding < BETTER * found.rounding:
        return found
    finer.note(in_float64(cost))
    return finer


def in_float64(cost: float) -> Caution:
    """The note of a target that was built in float64."""
    return Caution(
        Reason.NUMBER_TYPE,
        f"float32 rounds the losses so coarsely that λ̂ would be off by about {cost:.2g}: chains "
        "and losses are computed in float64",
    )


def _doubled(value: torch.Tensor) -> torch.Tensor:
    return (
        value.double()
        if value.dtype is torch.float32
        else value.to(torch.complex128)
        if value.dtype is torch.complex64
        else value
    )


def doubled(batch: Any) -> Any:
    """Parts in float64 that were in float32."""
    return (
        {key: _doubled(part) for key, part in batch.items()}
        if isinstance(batch, dict)
        else tuple(_doubled(part) for part in batch)
    )
