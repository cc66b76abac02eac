"""Layers from arrays with names, the way state dictionaries keep them."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from singlearn.symmetry.deep.network import DeepReLU


def network_from_arrays(arrays: Mapping[str, np.ndarray]) -> DeepReLU:
    """A network from arrays named ``<layer>.weight`` and ``<layer>.bias``, layers in natural order (2 before 10).

    A layer without a bias gets a zero one.

    Raises:
        ValueError: a name that does not end so, a bias without weights, or shapes that do not chain.

    >>> network_from_arrays({"10.weight": np.ones((1, 2)), "2.weight": np.ones((2, 3)), "2.bias": np.ones(2)})
    DeepReLU(3-2-1)
    """
    weights: dict[str, np.ndarray] = {}
    biases: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        layer, _, kind = name.rpartition(".")
        if kind not in ("weight", "bias"):
            raise ValueError(f"array {name!r}: names should be '<layer>.weight' and '<layer>.bias', such as '0.weight'")
        (weights if kind == "weight" else biases)[layer] = array
    if not weights:
        raise ValueError("arrays: found no '<layer>.weight'; a network has at least one layer")
    alone = sorted(set(biases) - set(weights))
    if alone:
        raise ValueError(f"array '{alone[0]}.bias': there is no '{alone[0]}.weight'")
    order = sorted(weights, key=_natural)
    for layer in order:
        if weights[layer].ndim != 2:
            raise ValueError(
                f"array '{layer}.weight': got shape {weights[layer].shape}; only fully connected layers, with a weight matrix, are read"
            )
    return DeepReLU([weights[name] for name in order], [biases.get(name, np.zeros(len(weights[name]))) for name in order])


def arrays_of_network(net: DeepReLU) -> dict[str, np.ndarray]:
    """The arrays of ``net`` under the names of ``Sequential(Linear, ReLU, Linear, …)``: 0.weight, 0.bias, 2.weight, …"""
    arrays: dict[str, np.ndarray] = {}
    for layer, (matrix, bias) in enumerate(zip(net.weights, net.biases, strict=True)):
        arrays[f"{2 * layer}.weight"], arrays[f"{2 * layer}.bias"] = matrix, bias
    return arrays


def _natural(name: str) -> list[tuple[int, int, str]]:
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]
