"""Networks to and from PyTorch; ``torch`` is imported only when a module is made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from singlearn.symmetry.deep.float64 import float64_array
from singlearn.symmetry.deep.network import DeepReLU, require_deep

PASSING = ("Identity", "Dropout", "Flatten")
"""Modules that do nothing to a row of inputs when the network is evaluated."""


def from_torch(module: Any) -> DeepReLU:
    r"""The network of ``Sequential(Linear, ReLU, …, Linear)``, recognised by the names of its
    modules.

    Sequentials inside are read in their place. ``Identity``, ``Dropout`` (off, as in evaluation)
    and a leading ``Flatten`` are passed over. A ``BatchNorm1d`` in evaluation mode is an affine
    map, :math:`h ↦ γ (h - μ)/\sqrt{σ^2 + ε} + β`, and is multiplied into the ``Linear`` before it,
    or behind a ReLU into the one after it; that rounds every weight once or twice in double
    precision.

    Returns:
        The network in float64, and in the order of its modules.

    Raises:
        ValueError: a module that is not a Sequential (its children do not say what its forward pass
            does), a child of another kind, two ``Linear`` without a ``ReLU`` between them, a
            ``ReLU`` at an end, hooks, complex weights, or a ``BatchNorm1d`` that is in training
            mode or keeps no running statistics.
    """
    if not hasattr(module, "children"):
        raise ValueError(f"module: got {type(module).__name__}; it should be a torch Sequential")
    layers: list[tuple[np.ndarray, np.ndarray]] = []
    pending: tuple[np.ndarray, np.ndarray] | None = (
        None  # a BatchNorm behind a ReLU, before its Linear
    )
    last, position = "", 0
    for child in _in_turn(module):
        kind = type(child).__name__
        if any(getattr(child, hooks, None) for hooks in ("_forward_hooks", "_forward_pre_hooks")):
            raise ValueError(
                f"module: {kind} {position} has hooks, which may change what it computes; remove "
                f"them first"
            )
        if kind in PASSING and (
            kind != "Flatten" or (not last and (child.start_dim, child.end_dim) == (1, -1))
        ):
            continue
        if kind == "BatchNorm1d":
            factor, shift = _batch_norm(child)
            if last == "Linear":
                layers[-1] = _scaled_rows(*layers[-1], factor, shift)
            elif pending is None:
                pending = factor, shift
            else:
                pending = factor * pending[0], factor * pending[1] + shift
            continue
        if kind not in ("Linear", "ReLU"):
            raise ValueError(
                f"module: it holds {kind}; only Linear and ReLU in turn, with BatchNorm1d between "
                f"them, are read"
            )
        expected = "ReLU" if last == "Linear" else "Linear"
        if kind != expected or (kind == "ReLU" and pending is not None):
            raise ValueError(
                f"module: child {position} is {kind} where {expected} is expected; Linear and ReLU "
                f"should take turns"
            )
        if kind == "Linear":
            weight, bias = (
                _numbers(child.weight),
                None if child.bias is None else _numbers(child.bias),
            )
            bias = np.zeros(len(weight)) if bias is None else bias
            if pending is not None:
                weight, bias = weight * pending[0], bias + weight @ pending[1]
                pending = None
            layers.append((weight, bias))
        last, position = kind, position + 1
    if last != "Linear" or pending is not None:
        raise ValueError("module: it should begin and end with Linear")
    return DeepReLU([weight for weight, _ in layers], [bias for _, bias in layers])


def to_torch(net: DeepReLU) -> Any:
    """A ``Sequential(Linear, ReLU, …, Linear)`` in double precision.

    Returns:
        A ``torch.nn.Sequential`` in float64.

    Raises:
        ImportError: PyTorch is not installed.
        ValueError: a layer without nodes.
    """
    require_deep(net, "to_torch")
    import torch

    if 0 in net.widths:
        raise ValueError(
            f"net: {net} has a layer without nodes, which torch does not hold; compress it first"
        )
    modules: list[Any] = []
    for matrix, bias in zip(net.weights, net.biases, strict=True):
        linear = torch.nn.Linear(matrix.shape[1], matrix.shape[0], dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(matrix.copy()))
            linear.bias.copy_(torch.from_numpy(bias.copy()))
        modules += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*modules[:-1])


def _in_turn(module: Any) -> Iterator[Any]:
    """The modules in the order in which they are applied; one that stands at two places comes
    twice.
    """
    kind = type(module).__name__
    if kind == "Sequential":
        # children() would leave out a ReLU that is used again.
        for child in module._modules.values():
            if type(child).__name__ == "Sequential":
                yield from _in_turn(child)
            else:
                yield child
    elif kind == "Linear":
        yield module
    else:
        raise ValueError(
            f"module: got {kind}; the children of a module do not say what its forward pass does "
            f"with them, so give a Sequential"
        )


def _batch_norm(child: Any) -> tuple[np.ndarray, np.ndarray]:
    """Factor and shift of a batch normalisation that is evaluated."""
    if child.running_mean is None or child.running_var is None:
        raise ValueError(
            "module: BatchNorm1d keeps no running statistics, so its outputs depend on the batch"
        )
    if child.training:
        raise ValueError(
            "module: BatchNorm1d is in training mode, where its outputs depend on the batch; call "
            "module.eval() first"
        )
    factor = 1 / np.sqrt(_numbers(child.running_var) + child.eps)
    if child.weight is not None:
        factor = _numbers(child.weight) * factor
    shift = -_numbers(child.running_mean) * factor
    return factor, shift if child.bias is None else shift + _numbers(child.bias)


def _scaled_rows(
    weight: np.ndarray, bias: np.ndarray, factor: np.ndarray, shift: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    return weight * factor[:, None], bias * factor + shift


def _numbers(tensor: Any) -> np.ndarray:
    plain = tensor.detach().cpu()
    return float64_array(
        (plain.double() if plain.is_floating_point() else plain.resolve_conj()).numpy(), "module"
    )
