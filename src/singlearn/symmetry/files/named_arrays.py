"""Layers from arrays with names, the way state dictionaries keep them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from singlearn.symmetry.deep.float64 import float64_array
from singlearn.symmetry.deep.network import DeepReLU
from singlearn.symmetry.files.order import neighbours, order_of_layers

BATCH_NORM = ("running_mean", "running_var", "num_batches_tracked")
EMBEDDING = re.compile(
    r"(^|[._])(emb|embed|embedding|embeddings|embed_tokens|wte|wpe|tok_embeddings)\d*$",
    re.IGNORECASE,
)
"""Names that embeddings have; their arrays look like a layer without biases, but they are read by
the number of a row.
"""


def network_from_arrays(
    arrays: Mapping[str, Any],
    *,
    activation: str | None = None,
    order: Sequence[str] | None = None,
    keeps_order: bool = True,
    is_state_dict: bool = False,
) -> DeepReLU:
    """A network from arrays named ``<layer>.weight`` and ``<layer>.bias``.

    The layers follow each other as :func:`singlearn.symmetry.files.order.order_of_layers` says.
    Nothing in such arrays tells what stands between the layers: it is taken to be ReLU. A layer
    without a bias gets a zero one.

    Args:
        arrays: by name, in the order of the module.
        activation: "relu", where the caller knows it; ``None`` where it is assumed.
        order: the layers' names from input to output, where the caller knows it.
        keeps_order: whether the order of ``arrays`` may be that of the module.
        is_state_dict: whether ``arrays`` comes from a module itself.

    Raises:
        ValueError: a name that does not end so (normalisation, recurrent and other layers have
            such), a bias without weights, an embedding or a convolution, two layers with nothing
            between them, an open order, or shapes that do not chain.

    >>> network_from_arrays(
    ...     {"10.weight": np.ones((1, 2)), "2.weight": np.ones((2, 3)), "2.bias": np.ones(2)}
    ... )
    DeepReLU(3-2-1)
    """
    if activation is not None and activation.lower() != "relu":
        raise ValueError(
            f"activation: got {activation!r}; only networks with ReLU between their layers are "
            f"read, activation='relu'"
        )
    weights: dict[str, np.ndarray] = {}
    biases: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        layer, _, kind = name.rpartition(".")
        if kind in BATCH_NORM:
            raise ValueError(
                f"array {name!r}: {layer or 'it'} is a BatchNorm; the file says neither its eps "
                f"nor on which side of the ReLU it "
                "stands; read the module itself with from_torch(module), which folds it into its "
                "neighbour"
            )
        if kind not in ("weight", "bias"):
            raise ValueError(
                f"array {name!r}: names should be '<layer>.weight' and '<layer>.bias', such as "
                f"'0.weight'; only fully connected "
                "layers are read"
            )
        (weights if kind == "weight" else biases)[layer] = float64_array(array, f"array {name!r}")
    if not weights:
        raise ValueError("arrays: found no '<layer>.weight'; a network has at least one layer")
    alone = sorted(set(biases) - set(weights))
    if alone:
        raise ValueError(f"array '{alone[0]}.bias': there is no '{alone[0]}.weight'")
    for layer, matrix in weights.items():
        _refuse_other_layers(layer, matrix, biases.get(layer))
    shapes = {layer: matrix.shape for layer, matrix in weights.items()}
    layers = order_of_layers(
        shapes, list(arrays), keeps_order=keeps_order, is_state_dict=is_state_dict, given=order
    )
    direct = neighbours(layers)
    if direct is not None and activation is None:
        raise ValueError(
            f"layers {direct[0]!r} and {direct[1]!r}: in a Sequential these numbers leave no room "
            f"for an activation between them; if "
            "there is a ReLU, say activation='relu' (--activation relu on the command line)"
        )
    return DeepReLU(
        [weights[name] for name in layers],
        [biases.get(name, np.zeros(len(weights[name]))) for name in layers],
    )


def arrays_of_network(net: DeepReLU) -> dict[str, np.ndarray]:
    """The arrays of ``net`` under the names of ``Sequential(Linear, ReLU, Linear, …)``: 0.weight,
    0.bias, 2.weight, …
    """
    arrays: dict[str, np.ndarray] = {}
    for layer, (matrix, bias) in enumerate(zip(net.weights, net.biases, strict=True)):
        arrays[f"{2 * layer}.weight"], arrays[f"{2 * layer}.bias"] = matrix, bias
    return arrays


def _refuse_other_layers(layer: str, matrix: np.ndarray, bias: np.ndarray | None) -> None:
    name = f"array '{layer}.weight'" if layer else "array 'weight'"
    if EMBEDDING.search(layer):
        raise ValueError(
            f"{name}: by its name it is an embedding, which is not a layer of a ReLU network"
        )
    kind = {
        0: "a number",
        1: "a normalisation or a PReLU",
        3: "a convolution",
        4: "a convolution",
        5: "a convolution",
    }
    if matrix.ndim != 2:
        what = kind.get(matrix.ndim, "no matrix")
        raise ValueError(
            f"{name}: got shape {matrix.shape}, {what}; only fully connected layers, with a weight "
            f"matrix, are read"
        )
    if bias is not None and bias.shape != (len(matrix),):
        raise ValueError(
            f"array '{layer}.bias': got shape {bias.shape}; {name} has {len(matrix)} rows, one "
            f"bias each"
        )
