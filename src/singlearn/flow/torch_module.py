"""The laws of a PyTorch module, read from its layers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from singlearn.flow.law import Gram, Law, gram_law
from singlearn.flow.networks.chain import GENERAL_LINEAR
from singlearn.flow.networks.relu import SCALING
from singlearn.results.prompt import Shown

HOMOGENEOUS = (nn.ReLU, nn.LeakyReLU, nn.PReLU)
STRAIGHT = (nn.Identity,)
MASKS = (nn.Dropout,)
WITHOUT_SCALING = (nn.Tanh, nn.Sigmoid, nn.GELU, nn.SiLU, nn.ELU, nn.SELU, nn.Softplus, nn.Mish, nn.Softsign, nn.Hardtanh, nn.ReLU6)


@dataclass(frozen=True)
class Laws(Shown):
    """The laws of a module, and where there are none.

    Attributes:
        laws: their parameters have the module's names.
        without: for every pair of layers that has no law, a sentence why.
    """

    laws: tuple[Law, ...]
    without: tuple[str, ...]

    def __str__(self) -> str:
        lines = [str(law) for law in self.laws] or ["no law"]
        return "\n".join([*lines, *self.without])


@dataclass(frozen=True)
class _Layer:
    """A linear layer and what stands between it and the next."""

    name: str
    module: nn.Linear
    after: list[tuple[str, nn.Module]]


def module_laws(module: nn.Module) -> Laws:
    """What the gradient flow of every loss of a chain of layers keeps.

    Args:
        module: a ``Sequential``, nested or not, of ``Linear`` and activations, or one ``Linear``.

    Returns:
        One law for every two neighbouring linear layers between which there is a symmetry.

    Raises:
        ValueError: a layer that is not understood, one whose parameters are shared, frozen in part, or changed by
            a parametrisation.

    >>> net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> print(module_laws(net))
    |0.weight rows|² + |0.bias rows|² - |2.weight columns|²   (from scaling of a node, (a, 1/a))
    """
    layers = _layers(module)
    _check_parameters(module, layers)
    laws: list[Law] = []
    without: list[str] = []
    for before, after in pairwise(layers):
        entries, symmetry, why = _between(before)
        if entries is None:
            without.append(f"{before.name} and {after.name}: no law, {why}")
            continue
        terms = [Gram(_parameter(before.name, "weight"), 0)]
        if before.module.bias is not None:
            terms.append(Gram(_parameter(before.name, "bias"), 0))
        terms.append(Gram(_parameter(after.name, "weight"), 1, -1))
        laws.append(gram_law(terms, entries, symmetry))
    return Laws(tuple(laws), tuple(without))


def _between(layer: _Layer) -> tuple[Any, str, str]:
    """Entries of the law and its symmetry, or why there is none."""
    kinds = [part for _, part in layer.after if not isinstance(part, STRAIGHT)]
    curved = next((part for part in kinds if isinstance(part, WITHOUT_SCALING)), None)
    if curved is not None:
        return None, "", f"{type(curved).__name__} has no continuous symmetry"
    if not kinds:
        return "symmetric", GENERAL_LINEAR.format(width=layer.module.out_features), ""
    return "diagonal", SCALING, ""


def _layers(module: nn.Module) -> list[_Layer]:
    """Linear layers in the order in which a Sequential calls them."""
    found: list[_Layer] = []
    for name, part in _flat(module, ""):
        if isinstance(part, nn.Linear):
            found.append(_Layer(name, part, []))
        elif isinstance(part, (*HOMOGENEOUS, *STRAIGHT, *MASKS, *WITHOUT_SCALING, nn.Flatten)):
            if isinstance(part, nn.Flatten) and found:
                raise ValueError(f"model: {name} flattens what a linear layer made; it should stand before the first layer")
            if isinstance(part, nn.PReLU) and part.num_parameters > 1 and not found:
                raise ValueError(f"model: {name} stands before the first linear layer; its slopes have laws that are not known here")
            if found:
                found[-1].after.append((name, part))
        else:
            raise ValueError(
                f"model: {name or 'it'} is a {type(part).__name__}, whose laws are not known here; it should be a Sequential of Linear "
                "layers and activations"
            )
    if not found:
        raise ValueError("model: it has no Linear layer")
    return found


def _flat(module: nn.Module, prefix: str) -> list[tuple[str, nn.Module]]:
    if not isinstance(module, nn.Sequential):
        return [(prefix.removesuffix("."), module)]
    # named_children() leaves out a module that stands there twice.
    children = [(name, part) for name, part in module._modules.items() if part is not None]
    return [pair for name, part in children for pair in _flat(part, f"{prefix}{name}.")]


def _parameter(layer: str, name: str) -> str:
    return f"{layer}.{name}" if layer else name


def _check_parameters(module: nn.Module, layers: list[_Layer]) -> None:
    seen: dict[int, str] = {}
    for layer in layers:
        if hasattr(layer.module, "parametrizations"):
            raise ValueError(f"model: {layer.name} has a parametrisation; its flow is that of other parameters")
        for name, parameter in layer.module.named_parameters():
            whole = _parameter(layer.name, name)
            if id(parameter) in seen:
                raise ValueError(f"model: {whole} is shared with {seen[id(parameter)]}; shared weights have laws of their own")
            seen[id(parameter)] = whole
            if not parameter.requires_grad:
                raise ValueError(f"model: {whole} is frozen; the law of a layer holds where all its weights move")
            if not torch.is_floating_point(parameter):
                raise ValueError(f"model: {whole} is {parameter.dtype}; it should be real")
