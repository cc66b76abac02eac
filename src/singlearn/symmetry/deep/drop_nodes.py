"""Remove hidden nodes without effect: dead ones, constant ones, and those that no node reads."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

from singlearn.symmetry.deep.network import DeepReLU
from singlearn.symmetry.deep.reduction import Reduction, replace_layers
from singlearn.symmetry.deep.rounding import gamma


def drop_nodes(
    net: DeepReLU, layer: int, dead: Bool[np.ndarray, " nodes"]
) -> tuple[Reduction, Bool[np.ndarray, " nodes"]] | None:
    r"""Drop the ``dead`` nodes, nodes with zero outgoing weights, and nodes with :math:`w = 0`.

    A node with :math:`w = 0` is the constant :math:`\max(b, 0)`; it goes into the biases of the
    next layer.

    Returns:
        The step and which nodes stay; ``None`` if all stay.
    """
    weights, biases = net.weights[layer], net.biases[layer]
    unread = ~np.any(net.weights[layer + 1], axis=0)
    constant = ~np.any(weights, axis=1) & ~dead & ~unread
    unread = unread & ~dead
    keep = ~(dead | constant | unread)
    if np.all(keep):
        return None
    outgoing = net.weights[layer + 1]
    values = np.maximum(biases[constant], 0.0)
    offset = outgoing[:, constant] @ values + net.biases[layer + 1]
    size = np.abs(outgoing[:, constant]) @ values + np.abs(net.biases[layer + 1])
    change = gamma(int(constant.sum()) + 2) * size if np.any(constant) else np.zeros(len(offset))
    smaller = replace_layers(
        net, layer, [weights[keep], outgoing[:, keep]], [biases[keep], offset], 2
    )
    counts = [
        (int(mask.sum()), name)
        for mask, name in ((dead, "dead"), (constant, "constant"), (unread, "unread"))
    ]
    what = ", ".join(f"{count} {name}" for count, name in counts if count) + " removed"
    return Reduction(smaller, layer, what, int((~keep).sum()), layer + 1, change), keep


def collapse_empty(net: DeepReLU) -> Reduction | None:
    """When a hidden layer has no nodes left, the outputs are constant: one layer with zero weights
    says so.
    """
    empty = [layer for layer in range(net.hidden_layers) if len(net.weights[layer]) == 0]
    if not empty:
        return None
    activation = np.zeros(0)
    size = np.zeros(0)
    change = np.zeros(0)
    for matrix, bias in zip(net.weights[empty[-1] + 1 :], net.biases[empty[-1] + 1 :], strict=True):
        size = np.abs(matrix) @ np.maximum(activation, 0.0) + np.abs(bias)
        change = np.abs(matrix) @ change + gamma(matrix.shape[1] + 2) * size
        activation = matrix @ np.maximum(activation, 0.0) + bias
    constant = DeepReLU([np.zeros((net.widths[-1], net.widths[0]))], [activation])
    what = "no nodes left here: the network is constant"
    return Reduction(constant, empty[-1], what, sum(net.widths[1:-1]), 0, change)
