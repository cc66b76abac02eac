"""The divergence of a PyTorch module from its own function at w*, as a loss and data of their
own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from singlearn.local.checks.own_function import UNKNOWN, Likelihood, likelihood_of
from singlearn.local.torch.coordinates import one_kind
from singlearn.local.torch.data import Samples, fitted, length, samples_of, take, widened
from singlearn.local.torch.loss import LossOfSamples
from singlearn.local.torch.module import copied
from singlearn.local.torch.one_function import one_evaluation
from singlearn.local.torch.probe import described
from singlearn.local.torch.random import random_numbers_kept

HALF = (torch.float16, torch.bfloat16)
AT_ONCE, FEW = 256, 4


def own_function(
    model: torch.nn.Module, loss: Callable[..., Any], data: Any, double: bool
) -> tuple[Callable[..., Any], tuple[torch.Tensor, ...]]:
    r"""A loss and data in which the targets are the module's own outputs at w*, so that w* is an
    exact minimum of value 0.

    Args:
        model: at w*.
        loss: ``loss(output, target)``; it says which divergence is meant.
        data: inputs and target.
        double: the module will be evaluated in float64.

    Returns:
        :math:`K(w) = c |f_w - f_{w^*}|^2` for a squared error, the Kullback-Leibler divergence for
        a classifier, per sample; and the inputs with :math:`f_{w^*}`.

    Raises:
        ValueError: a loss whose divergence is not known, outputs that are not a tensor.
    """
    with random_numbers_kept(), one_evaluation():
        module = copied(model).module
        device = next(module.parameters()).device
        half = any(p.dtype in HALF for p in module.parameters())
        if double:
            module.double()
        elif half:
            module._apply(lambda part: part.float() if part.dtype in HALF else part)
        brought = samples_of(data, device)
        if brought.alone:
            raise ValueError(
                UNKNOWN.format(why="a collate_fn pads the samples, and with them the outputs")
            )
        parts = fitted(widened(brought.parts, HALF) if half else brought.parts, one_kind(module))
        of_samples = LossOfSamples(module, loss, Samples(parts, brought.as_brought))
        if of_samples.whole_model or not isinstance(parts, tuple):
            raise ValueError(UNKNOWN.format(why="loss(model, batch) keeps its outputs to itself"))
        if len(of_samples.targets(parts)) != 1:
            raise ValueError(
                UNKNOWN.format(
                    why=f"it takes {len(of_samples.targets(parts))} parts of the data after the "
                    f"output"
                )
            )
        outputs = _outputs(module, of_samples, parts)
        (target,) = of_samples.targets(parts)
        found = likelihood_of(*_asked(of_samples, outputs, target))
    if found.kind == "squared error":
        return loss, (*of_samples.inputs(parts), outputs.reshape(target.shape))
    return divergence(found), (*of_samples.inputs(parts), outputs)


def _outputs(
    module: torch.nn.Module, of_samples: LossOfSamples, parts: tuple[torch.Tensor, ...]
) -> torch.Tensor:
    found = []
    with torch.no_grad():
        for start in range(0, length(parts), AT_ONCE):
            some = of_samples.inputs(take(parts, slice(start, start + AT_ONCE)))
            try:
                output = module(*some)
            except Exception as error:  # whatever a caller's module raises
                reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
                raise ValueError(
                    f"model: called with samples of the data, it failed ({reason}); it got "
                    f"{described(some)}"
                ) from error
            if not isinstance(output, torch.Tensor) or not output.is_floating_point():
                raise ValueError(
                    UNKNOWN.format(
                        why=f"the model gives {described(output)}, and not one tensor of real "
                        f"numbers"
                    )
                )
            found.append(output.detach().clone())
    return torch.cat(found)


def _asked(
    of_samples: LossOfSamples, outputs: torch.Tensor, target: torch.Tensor
) -> tuple[Any, np.ndarray, np.ndarray]:
    """The loss on arrays, and a few outputs and targets."""

    def loss_at(output: np.ndarray, aim: np.ndarray) -> np.ndarray:
        try:
            with torch.no_grad():
                said = of_samples.loss(
                    torch.as_tensor(output).to(outputs), torch.as_tensor(aim).to(target)
                )
        except Exception as error:  # whatever a caller's loss raises
            raise ValueError(
                UNKNOWN.format(why=f"it fails there: {' '.join(str(error).split())[:120]}")
            ) from error
        return (
            said.detach().double().cpu().numpy()
            if isinstance(said, torch.Tensor)
            else np.full(0, np.nan)
        )

    return loss_at, outputs[:FEW].cpu().numpy(), target[:FEW].cpu().numpy()


@lru_cache
def divergence(found: Likelihood) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """The Kullback-Leibler divergence between an output and another, per sample."""

    def labels(output: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        said, meant = F.log_softmax(output, found.axis), F.log_softmax(own, found.axis)
        return found.factor * (meant.exp() * (meant - said)).flatten(1).sum(1)

    def yes_or_no(output: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        said = torch.sigmoid(own) * (F.logsigmoid(own) - F.logsigmoid(output))
        other = torch.sigmoid(-own) * (F.logsigmoid(-own) - F.logsigmoid(-output))
        return found.factor * (said + other).reshape(len(output), -1).sum(1)

    return labels if found.kind == "class labels" else yes_or_no
