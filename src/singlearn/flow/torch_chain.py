"""A PyTorch module that is a chain of linear layers, as a network whose laws are counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from torch import nn

from singlearn.flow.architecture import Architecture
from singlearn.flow.networks.chain import linear_chain
from singlearn.flow.networks.relu import relu_network, relu_network_on_data
from singlearn.flow.specification import ACTIVATIONS

PASSING = (nn.Identity, nn.Flatten)
BETWEEN: dict[type[nn.Module], str] = {nn.ReLU: "relu", nn.LeakyReLU: "leaky_relu"}


def chain_of_module(module: nn.Module, inputs: Any = None) -> Architecture:
    """The chain that a module is: Linear layers with nothing, ReLU or leaky ReLU between all of
    them.

    Args:
        module: a ``Sequential``, with others inside or not, or one ``Linear``.
        inputs: one row for each input; then the network at the module's weights on these data.

    Returns:
        The architecture, with parameters ``W1``, ``b1``, ….

    Raises:
        ValueError: any other layer, activations or biases in some places only, weights that are
            shared, frozen, parametrised or complex, or inputs for a network without ReLU.

    >>> chain_of_module(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))).name
    'ReLU network 2-3-1 with biases'
    """
    layers, between = _in_turn(module)
    kinds = set(between)
    if len(kinds) > 1:
        raise ValueError(
            f"network: it has {' and '.join(sorted(kinds))} between its layers; laws are counted "
            f"for one kind everywhere, "
            "others can be given as polynomials"
        )
    biased = {layer.bias is not None for layer in layers}
    if len(biased) > 1:
        raise ValueError(
            "network: some of its layers have biases and others none; laws are counted for all or "
            "none"
        )
    kind, bias = (kinds or {"linear"}).pop(), biased.pop()
    widths = [layers[0].in_features, *(layer.out_features for layer in layers)]
    if inputs is None:
        return (
            linear_chain(widths, bias)
            if kind == "linear"
            else relu_network(widths, bias, ACTIVATIONS[kind] or 0)
        )
    if kind != "relu":
        raise ValueError(
            f"inputs: given for a network of kind {kind!r}; laws of data are counted for ReLU"
        )
    weights = [layer.weight.detach().cpu().double().numpy() for layer in layers]
    biases = [layer.bias.detach().cpu().double().numpy() for layer in layers] if bias else None
    rows = inputs.detach().cpu().numpy() if hasattr(inputs, "detach") else np.asarray(inputs)
    return relu_network_on_data(weights, rows, biases)


def _in_turn(module: nn.Module) -> tuple[list[nn.Linear], list[str]]:
    """The layers, and what stands between each and the next."""
    layers: list[nn.Linear] = []
    between: list[str] = []
    open_ = True  # whether something may still stand behind the last layer
    seen: set[int] = set()
    for name, part in _parts(module, ""):
        if isinstance(part, PASSING):
            continue
        if type(part) is nn.Linear:
            if layers and open_:
                between.append("linear")
            _check(name, part, seen)
            if layers and layers[-1].out_features != part.in_features:
                raise ValueError(
                    f"network: {name or 'it'} reads {part.in_features} numbers where "
                    f"{layers[-1].out_features} are written"
                )
            layers.append(part)
            open_ = True
        elif type(part) in BETWEEN and layers and open_:
            between.append(BETWEEN[type(part)])
            open_ = False
        else:
            raise ValueError(
                f"network: {name or 'it'} is a {type(part).__name__}; laws of modules are counted "
                f"for chains of Linear with ReLU or "
                "LeakyReLU between them; flow.laws reads any module, and flow.count takes a "
                "description or polynomials"
            )
    if len(layers) < 2:
        raise ValueError(f"network: it has {len(layers)} Linear layers; a law is between two")
    if not open_:
        raise ValueError(
            "network: an activation stands behind its last layer, and the loss does not see that "
            "one as linear"
        )
    return layers, between


def _parts(module: nn.Module, prefix: str) -> Iterator[tuple[str, nn.Module]]:
    if type(module) is not nn.Sequential:
        yield prefix, module
        return
    for name, child in module.named_children():
        yield from _parts(child, f"{prefix}.{name}" if prefix else name)


def _check(name: str, layer: nn.Linear, seen: set[int]) -> None:
    if nn.utils.parametrize.is_parametrized(layer):
        raise ValueError(f"network: {name} has a parametrisation; its weights are not parameters")
    for which, parameter in layer.named_parameters():
        if parameter.is_complex():
            raise ValueError(f"network: {name}.{which} is complex; it should be real")
        if not parameter.requires_grad:
            raise ValueError(
                f"network: {name}.{which} is frozen; laws are counted where all weights move"
            )
        if id(parameter) in seen:
            raise ValueError(
                f"network: {name}.{which} is shared; laws are counted where every layer has its "
                f"own weights"
            )
        seen.add(id(parameter))
