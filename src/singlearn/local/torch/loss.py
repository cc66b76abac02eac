"""How a loss is called: with an output and what comes after the inputs, or with the model and a
batch.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch.func import functional_call

from singlearn.local.torch.data import Parts, Samples

MODELS = ("model", "net", "network", "module")
"""Names of a first argument that say that a loss wants the model."""
TOLD_APART = (
    "a loss is called as loss(model, batch) if its first argument is called "
    f"{', '.join(MODELS[:-1])} or {MODELS[-1]} or annotated as a "
    "torch.nn.Module, and else as loss(output, target)"
)


def model_form(loss: Callable[..., Any]) -> bool:
    """Whether it is ``loss(model, batch)`` and not ``loss(output, target)``: see
    :data:`TOLD_APART`.

    >>> model_form(lambda net, batch: 0), model_form(lambda output, target: 0)
    (True, False)
    """
    arguments = _arguments(loss)
    if not arguments:
        return False
    kind = arguments[0].annotation
    if isinstance(kind, str):
        return arguments[0].name in MODELS or kind.rsplit(".", 1)[-1] == "Module"
    return arguments[0].name in MODELS or (
        inspect.isclass(kind) and issubclass(kind, torch.nn.Module)
    )


def _arguments(loss: Callable[..., Any]) -> list[inspect.Parameter]:
    """Those without a default, as far as Python can say."""
    function = (
        loss.forward
        if isinstance(loss, torch.nn.Module)
        else getattr(loss, "_torchdynamo_orig_callable", loss)
    )
    try:
        every = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in every):
        return []
    return [p for p in every if p.kind in by_place and p.default is inspect.Parameter.empty]


class LossOfSamples:
    """A module and a loss as one function of parameters and a batch.

    ``loss(output, target)`` gets the output for all parts of the data but the last, and the last.
    ``loss(output, target, weight)`` gets the last two, and so on. ``loss(model, batch)`` gets the
    module itself, with the parameters of the chain in it, and the batch as the data set has it.

    Args:
        module: a copy that is ours.
        loss: the caller's.
        samples: as brought.

    Raises:
        ValueError: data and arguments that do not fit together.
    """

    def __init__(self, module: torch.nn.Module, loss: Callable[..., Any], samples: Samples) -> None:
        self.module = module
        # What torch.compile made of a function has no rule for vmap.
        self.loss = getattr(loss, "_torchdynamo_orig_callable", loss)
        self.whole_model = model_form(loss)
        self._as_brought = samples.as_brought
        self._within = _WithinLoss(module, self.loss, samples.as_brought)
        self._raw = getattr(self.loss, "raw", self.loss)
        self._within_raw = _WithinLoss(module, self._raw, samples.as_brought)
        arguments, parts = _arguments(loss), samples.parts
        self._inputs = 0
        if self.whole_model:
            if len(arguments) != 2:
                raise ValueError(
                    f"loss: it takes {_listed(arguments)}; loss(model, batch) takes two "
                    f"arguments ({TOLD_APART})"
                )
            return
        if isinstance(parts, dict):
            raise ValueError(
                f"data: they are a dict of {', '.join(map(str, parts))}, which does not say what "
                "is input and what target; write "
                f"loss(model, batch), or give a tuple of inputs and target ({TOLD_APART})"
            )
        after = (len(arguments) or 2) - 1
        self._inputs = len(parts) - after
        if self._inputs < 1:
            raise ValueError(
                f"data: they have {len(parts)} part{'s' if len(parts) > 1 else ''}, and the loss "
                f"takes {_listed(arguments)}; there should "
                f"be at least one input besides what the loss takes after the output ({TOLD_APART})"
            )
        self._fits(len(parts))

    def _fits(self, parts: int) -> None:
        try:
            signature = inspect.signature(self.module.forward)
        except (TypeError, ValueError):
            return
        try:
            signature.bind(*range(self._inputs))
        except TypeError:
            taken = ", ".join(str(p) for p in signature.parameters.values()) or "nothing"
            raise ValueError(
                f"data: they have {parts} parts, of which the model gets the first "
                f"{self._inputs} and the loss the rest, but the model's "
                f"forward takes ({taken}); weights of samples go to a loss with three arguments, "
                "loss(output, target, weight)"
            ) from None

    def inputs(self, batch: Parts) -> tuple[Any, ...]:
        """The parts that the model gets; not for ``loss(model, batch)``."""
        assert isinstance(batch, tuple)
        return batch[: self._inputs]

    def targets(self, batch: Parts) -> tuple[Any, ...]:
        """The parts that the loss gets after the output."""
        assert isinstance(batch, tuple)
        return batch[self._inputs :]

    def output(self, values: dict[str, torch.Tensor], batch: Parts) -> Any:
        """The output of the model with these parameters and buffers."""
        return functional_call(self.module, values, self.inputs(batch))

    def of_output(self, output: Any, batch: Parts) -> Any:
        """What the loss says of an output."""
        return self.loss(output, *self.targets(batch))

    def __call__(self, values: dict[str, torch.Tensor], batch: Parts) -> Any:
        """What the loss says of the model with these parameters and buffers."""
        if self.whole_model:
            return functional_call(
                self._within, {f"module.{name}": value for name, value in values.items()}, (batch,)
            )
        return self.of_output(self.output(values, batch), batch)

    def by_token(self, values: dict[str, torch.Tensor], batch: Parts) -> Any:
        """The same, before what it says of tokens becomes one number per sample."""
        if self.whole_model:
            inside = {f"module.{name}": value for name, value in values.items()}
            return functional_call(self._within_raw, inside, (batch,))
        return self._raw(self.output(values, batch), *self.targets(batch))


class _WithinLoss(torch.nn.Module):
    """A loss that is called while the parameters of a chain are in the module: it may look at all
    of them.
    """

    def __init__(
        self, module: torch.nn.Module, loss: Callable[..., Any], as_brought: Callable[[Parts], Any]
    ) -> None:
        super().__init__()
        self.module = module
        self._loss_and_batch = loss, as_brought
        self.eval()

    def forward(self, batch: Parts) -> Any:
        loss, as_brought = self._loss_and_batch
        return loss(self.module, as_brought(batch))


def _listed(arguments: list[inspect.Parameter]) -> str:
    return f"({', '.join(p.name for p in arguments)})"
