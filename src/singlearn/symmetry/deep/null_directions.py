"""Directions in parameter space along which a network's function does not change."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from singlearn.symmetry.deep.network import DeepReLU, check_layer, check_nodes


def scaling_fields(net: DeepReLU) -> Float[np.ndarray, "hidden parameters"]:
    r"""Lemma 1 of the paper [wei2022deep]_: one field for every hidden node j of every layer l,

    .. math:: \sum_k w^l_{jk} \frac{∂}{∂w^l_{jk}} + b^l_j \frac{∂}{∂b^l_j}
              - \sum_i w^{l+1}_{ij} \frac{∂}{∂w^{l+1}_{ij}},

    which annihilates f everywhere, so that the Fisher information is degenerate at every parameter.

    Returns:
        One field per row, in the order of ``DeepReLU.vector``.

    >>> scaling_fields(DeepReLU([[[2.0]], [[3.0]]], [[1.0], [0.0]]))
    array([[ 2.,  1., -3.,  0.]])
    """
    return np.concatenate(
        [np.zeros((0, net.parameters))]
        + [
            linear_fields(net, layer, [node])
            for layer in range(net.hidden_layers)
            for node in range(len(net.weights[layer]))
        ]
    )


def linear_fields(
    net: DeepReLU, layer: int, nodes: Sequence[int]
) -> Float[np.ndarray, "fields parameters"]:
    r"""The GL(k) fields of k nodes B of a layer that are active at the same inputs: for each
    elementary matrix :math:`T = E_{ij}`,

    .. math:: δW^l_B = T W^l_B, \qquad δb^l_B = T b^l_B, \qquad δW^{l+1}_B = -W^{l+1}_B T,

    with :math:`W^{l+1}_B` the columns that read B. Where all of B is active the nodes act as
    :math:`W^{l+1}_B (W^l_B h + b^l_B)`, which :math:`W^l_B → e^{sT} W^l_B, \; W^{l+1}_B → W^{l+1}_B
    e^{-sT}` leaves alone; for bypassed nodes, always active, these are finite symmetries as long as
    the new nodes stay active. One node gives its scaling field.

    Args:
        layer: of the hidden layer.
        nodes: B, k of them; k² fields are returned, :math:`E_{00}, E_{01}, …`

    Returns:
        One field per row, in the order of ``DeepReLU.vector``.

    Raises:
        ValueError: no such layer or nodes.
    """
    check_nodes(net, layer, nodes)
    incoming_at, bias_at = net.slices(layer)
    outgoing_at, _ = net.slices(layer + 1)
    fields = np.zeros((len(nodes) ** 2, net.parameters))
    for row, (i, j) in enumerate((i, j) for i in nodes for j in nodes):
        incoming, bias = np.zeros_like(net.weights[layer]), np.zeros_like(net.biases[layer])
        outgoing = np.zeros_like(net.weights[layer + 1])
        incoming[i], bias[i] = net.weights[layer][j], net.biases[layer][j]
        outgoing[:, j] = -net.weights[layer + 1][:, i]
        fields[row, incoming_at], fields[row, bias_at], fields[row, outgoing_at] = (
            incoming.ravel(),
            bias,
            outgoing.ravel(),
        )
    return fields


def shift_fields(
    net: DeepReLU, layer: int, nodes: Sequence[int]
) -> Float[np.ndarray, "nodes parameters"]:
    r"""For each bypassed node j: :math:`δb^l_j = 1, \; δb^{l+1} = -W^{l+1}_j`, a shift that the
    next biases take back.

    With the GL(k) fields of :func:`linear_fields` they make up the affine group of the bypassed
    nodes.

    Returns:
        One field per row, in the order of ``DeepReLU.vector``.

    Raises:
        ValueError: no such layer or nodes.
    """
    check_nodes(net, layer, nodes)
    fields = np.zeros((len(nodes), net.parameters))
    for row, node in enumerate(nodes):
        fields[row, net.slices(layer)[1].start + node] = 1.0
        fields[row, net.slices(layer + 1)[1]] = -net.weights[layer + 1][:, node]
    return fields


def unread_fields(
    net: DeepReLU, layer: int, nodes: Sequence[int]
) -> Float[np.ndarray, "fields parameters"]:
    r"""For nodes B that are active at the same inputs and whose outgoing weights are dependent,
    :math:`W^{l+1}_B v = 0`:

    .. math:: δ(W^l, b^l)_B = v η^T

    for every η. One node with zero outgoing weights gives all changes of its incoming ones. To
    first order always; for finite steps as long as the nodes of B stay active at the same inputs.

    Returns:
        One field per row, in the order of ``DeepReLU.vector``.

    Raises:
        ValueError: no such layer or nodes.
    """
    check_nodes(net, layer, nodes)
    kernel = null_space(net.weights[layer + 1][:, nodes])
    weights_at, bias_at = net.slices(layer)
    inputs = net.weights[layer].shape[1]
    fields = np.zeros((kernel.shape[1] * (inputs + 1), net.parameters))
    row = 0
    for direction in kernel.T:
        for entry in range(inputs + 1):
            for node, part in zip(nodes, direction, strict=True):
                place = (
                    weights_at.start + node * inputs + entry
                    if entry < inputs
                    else bias_at.start + node
                )
                fields[row, place] = part
            row += 1
    return fields


def unspanned_fields(
    net: DeepReLU, layer: int, x: Float[np.ndarray, "points inputs"]
) -> Float[np.ndarray, "fields parameters"]:
    r"""Changes of one row :math:`(w_j, b_j)` of a layer that keep :math:`⟨w_j, h⟩ + b_j` at all
    inputs where the node is active.

    These are the null directions of the matrix of :math:`(h_{l-1}(x), 1)` over those inputs. A node
    dead on ``x`` is free altogether; the outgoing weights of a dead node are free; those of two
    proportional nodes, or of a constant one, trade against each other or the bias.

    Args:
        layer: 0 to the number of hidden layers; the last is the output layer, whose rows always
            count as active.

    Returns:
        One field per row, in the order of ``DeepReLU.vector``.

    Raises:
        ValueError: no such layer.
    """
    if layer != net.hidden_layers:
        check_layer(net, layer)
    values = net.preactivations(x)
    reads = np.maximum(values[layer - 1], 0.0) if layer else x
    rows = np.concatenate([reads, np.ones((len(x), 1))], axis=1)
    active = (
        values[layer] > 0 if layer < net.hidden_layers else np.ones_like(values[layer], dtype=bool)
    )
    weights_at, bias_at = net.slices(layer)
    inputs = reads.shape[1]
    fields = [np.zeros((0, net.parameters))]
    known: dict[bytes, np.ndarray] = {}
    for node in range(active.shape[1]):
        pattern = active[:, node].tobytes()
        if pattern not in known:
            known[pattern] = null_space(rows[active[:, node]])
        kernel = known[pattern]
        block = np.zeros((kernel.shape[1], net.parameters))
        block[:, weights_at.start + node * inputs : weights_at.start + (node + 1) * inputs] = (
            kernel[:-1].T
        )
        block[:, bias_at.start + node] = kernel[-1]
        fields.append(block)
    return np.concatenate(fields)


def null_space(matrix: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "columns kernel"]:
    """An orthonormal basis of the null space: columns brought to norm 1, singular values below
    1e-10 of the largest taken as 0.
    """
    columns = matrix.shape[1]
    if matrix.shape[0] == 0:
        return np.eye(columns)
    size = np.linalg.norm(matrix, axis=0)
    scale = np.where(size > 0, size, 1.0)
    _, singular, right = np.linalg.svd(matrix / scale)
    rank = int(np.sum(singular > 1e-10 * max(float(singular[0]), 1e-300))) if np.any(size) else 0
    basis, _ = np.linalg.qr(right[rank:].T / scale[:, None])
    return basis
