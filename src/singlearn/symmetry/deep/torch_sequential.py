"""Networks to and from PyTorch; ``torch`` is imported only when a module is made."""

from __future__ import annotations

from typing import Any

import numpy as np

from singlearn.symmetry.deep.network import DeepReLU

PASSING = ("Identity", "Dropout", "Flatten")
"""Modules that do nothing to a row of inputs when the network is evaluated."""


def from_torch(module: Any) -> DeepReLU:
    """The network of ``Sequential(Linear, ReLU, …, Linear)``, recognised by the names of its modules.

    ``Identity``, ``Dropout`` (off, as in evaluation) and a leading ``Flatten`` are passed over.

    Raises:
        ValueError: a module of another kind, two ``Linear`` without a ``ReLU`` between them, or a ``ReLU`` at an end.
    """
    if not hasattr(module, "children"):
        raise ValueError(f"module: got {type(module).__name__}; it should be a torch Sequential")
    kinds: list[str] = []
    weights: list[np.ndarray] = []
    biases: list[np.ndarray] = []
    for child in module.children():
        kind = type(child).__name__
        if kind in PASSING and (kind != "Flatten" or not kinds):
            continue
        if kind not in ("Linear", "ReLU"):
            raise ValueError(f"module: it holds {kind}; only Linear and ReLU in turn are read")
        expected = "Linear" if len(kinds) % 2 == 0 else "ReLU"
        if kind != expected:
            raise ValueError(f"module: child {len(kinds)} is {kind} where {expected} is expected; Linear and ReLU should take turns")
        kinds.append(kind)
        if kind == "Linear":
            weights.append(_numbers(child.weight))
            biases.append(np.zeros(len(weights[-1])) if child.bias is None else _numbers(child.bias))
    if len(kinds) % 2 == 0:
        raise ValueError("module: it should begin and end with Linear")
    return DeepReLU(weights, biases)


def to_torch(net: DeepReLU) -> Any:
    """A ``Sequential(Linear, ReLU, …, Linear)`` in double precision.

    Raises:
        ImportError: PyTorch is not installed.
        ValueError: a layer without nodes.
    """
    import torch

    if 0 in net.widths:
        raise ValueError(f"net: {net} has a layer without nodes, which torch does not hold; compress it first")
    modules: list[Any] = []
    for matrix, bias in zip(net.weights, net.biases, strict=True):
        linear = torch.nn.Linear(matrix.shape[1], matrix.shape[0], dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(matrix.copy()))
            linear.bias.copy_(torch.from_numpy(bias.copy()))
        modules += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*modules[:-1])


def _numbers(tensor: Any) -> np.ndarray:
    return np.asarray(tensor.detach().cpu().double().numpy(), dtype=np.float64)
