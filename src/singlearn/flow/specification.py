"""Networks by their description, a dictionary as catalogues of laws hold it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from singlearn.flow.architecture import Architecture
from singlearn.flow.networks.attention import output_value, query_key, rotary
from singlearn.flow.networks.chain import linear_chain
from singlearn.flow.networks.convolution import convolution
from singlearn.flow.networks.recurrent import recurrent
from singlearn.flow.networks.relu import relu_network, relu_network_on_data
from singlearn.flow.networks.residual import residual_stream
from singlearn.flow.networks.small import (
    diagonal_network,
    difference_of_squares,
    gated_unit,
    gram_matrix,
    power_network,
    softmax_head,
)

KINDS: Mapping[str, Callable[..., Architecture]] = {
    "linear_chain": linear_chain,
    "relu_mlp": relu_network,
    "qk": query_key,
    "ov": output_value,
    "rope": rotary,
    "uut": gram_matrix,
    "conv": convolution,
    "residual": residual_stream,
    "rnn": recurrent,
    "glu": gated_unit,
    "power": power_network,
    "diagonal": diagonal_network,
    "uuvv": difference_of_squares,
    "softmax_head": softmax_head,
}
"""Kinds of networks; the other entries of a description are the function's arguments."""
ACTIVATIONS = {"relu": 0, "leaky_relu": 3, "linear": None}
"""What a closed gate lets through; the laws of leaky ReLU are the same whatever its slope, which is
a whole number here.
"""


def architecture(
    spec: Mapping[str, Any], weights: Sequence[Any] | None = None, inputs: Any = None
) -> Architecture:
    """The network that a description names.

    Args:
        spec: ``{"kind": …}`` and the arguments of its function; ``"act"`` is "relu", "leaky_relu"
            or "linear".
        weights: of a ReLU network with ``"gates": "data"``: the matrices, then biases as columns.
        inputs: of the same, one column for each.

    Returns:
        The architecture.

    Raises:
        ValueError: an unknown kind or entry, or data that are missing or that are not asked for.

    >>> architecture({"kind": "linear_chain", "widths": [2, 3, 2], "bias": False}).name
    'linear chain 2-3-2'
    """
    given = dict(spec)
    kind = given.pop("kind", None)
    if kind not in KINDS:
        raise ValueError(f"spec: its kind is {kind!r}; it should be one of {', '.join(KINDS)}")
    gates = given.pop("gates", "generic")
    if gates not in ("generic", "data"):
        raise ValueError(f"spec: its gates are {gates!r}; it should be 'generic' or 'data'")
    if "act" in given:
        act = given.pop("act")
        if act not in ACTIVATIONS:
            raise ValueError(
                f"spec: its act is {act!r}; it should be 'relu', 'leaky_relu' or 'linear'"
            )
        slope = ACTIVATIONS[act]
        if kind == "relu_mlp" and slope is None:
            raise ValueError(
                "spec: its act is 'linear'; a 'relu_mlp' without activation is a 'linear_chain'"
            )
        if kind != "relu_mlp":
            given["relu"] = slope is not None
        if slope:
            given["slope"] = slope
    if "T" in given:
        given["times"] = given.pop("T")
    unknown = set(given) - set(inspect.signature(KINDS[kind]).parameters)
    if unknown:
        raise ValueError(f"spec: {kind} does not take {', '.join(sorted(unknown))}")
    if gates == "generic":
        if weights is not None or inputs is not None:
            raise ValueError(
                "inputs: given, but the gates of this description are generic; say 'gates': 'data'"
            )
        return KINDS[kind](**given)
    if kind != "relu_mlp" or weights is None or inputs is None:
        raise ValueError("spec: 'gates': 'data' is for 'relu_mlp' with weights and inputs")
    layers = len(given["widths"]) - 1
    bias = given.get("bias", True)
    if len(weights) != (2 * layers if bias else layers):
        raise ValueError(
            f"weights: got {len(weights)} arrays; it should be {2 * layers if bias else layers}, "
            f"matrices then biases"
        )
    biases = [np.asarray(part).reshape(-1) for part in weights[layers:]] if bias else None
    matrices = [np.asarray(matrix) for matrix in weights[:layers]]
    found = relu_network_on_data(matrices, np.asarray(inputs).T, biases)
    widths = (np.asarray(inputs).shape[0], *(len(matrix) for matrix in matrices))
    if tuple(given["widths"]) != widths:
        raise ValueError(
            f"weights: they make a network {widths}; the description says {tuple(given['widths'])}"
        )
    return found
