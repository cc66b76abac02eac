"""One representative for all networks that differ by scaling and permutation of hidden nodes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from singlearn.results.result import Answer
from singlearn.symmetry.deep.network import DeepReLU, require_deep
from singlearn.symmetry.deep.scale_permutation import ScalePermutation

TIE = 1e-9
"""Keys closer than this count as equal, and the next key decides."""

DIRECTIONS = 3
"""Keys taken from the incoming weights before the outgoing ones are asked."""


@dataclass(frozen=True, eq=False)
class CanonicalForm(Answer):
    """What :func:`canonical` found.

    Attributes:
        network: the representative.
        transformation: the scaling and permutation that leads from ``silence(net)`` to it.
        separation: no order changes as long as every normalised node moves by less than half of
            this (Euclidean norm).
        ties: how many pairs of neighbouring nodes no key could tell apart; their order is that of
            the given network.
    """

    network: DeepReLU
    transformation: ScalePermutation
    separation: float
    ties: int


def canonical(net: DeepReLU) -> CanonicalForm:
    r"""The canonical representative of ``net`` under positive scaling and permutation of hidden
    nodes.

    Scale: from the first hidden layer on, every node's incoming :math:`(w, b)` is given Euclidean
    norm 1 and the factor goes into the outgoing weights. A node with :math:`(w, b) = 0` is always
    0; its outgoing weights, which scaling can make as small as one likes, are set to 0. Order: by
    keys that do not depend on the order of later layers, namely the projections of :math:`(w, b)`
    on fixed directions, then of the sorted outgoing weights; a key decides where two nodes differ
    in it by more than 1e-9.

    Guaranteed: the function is that of ``net`` up to rounding; the result is deterministic; and if
    ``ties`` is 0, every network that scaling and permutation make of ``net`` has the same
    representative, up to rounding much smaller than ``separation``. No order can be stable under
    all noise, because nodes can be moved into each other's place; ``separation`` says how much this
    one bears. When ``ties`` is not 0 (equal incoming weights and outgoing weights that agree as
    multisets), :func:`equivalent_deep` still decides, this function does not.

    Returns:
        The representative, the transformation that leads to it, and how well its order is
        separated.

    >>> a = DeepReLU([[[3.0], [-1.0]], [[1.0, 2.0]]], [[1.0, 0.0], [0.5]])
    >>> b = ScalePermutation([np.array([1, 0])], [np.array([5.0, 0.1])]).apply(a)
    >>> np.allclose(
    ...     canonical(a).network.vector(), canonical(b).network.vector(), rtol=0, atol=1e-15
    ... )
    True
    """
    require_deep(net, "canonical")
    scaled, scaling = normalise(silence(net))
    orders: list[np.ndarray] = []
    separation, ties = np.inf, 0
    current = scaled
    for layer in range(net.hidden_layers):
        order, margin, equal = _order(_keys(current, layer))
        step = [np.arange(width) for width in net.widths[1:-1]]
        step[layer] = order
        current = ScalePermutation(step, [np.ones(len(one)) for one in step]).apply(current)
        orders.append(order)
        separation, ties = min(separation, margin), ties + equal
    reorder = ScalePermutation(orders, [np.ones(len(order)) for order in orders])
    return CanonicalForm(current, scaling.then(reorder), float(separation), ties)


def silence(net: DeepReLU) -> DeepReLU:
    """Set the outgoing weights of hidden nodes with :math:`(w, b) = 0` to 0; the function stays
    exactly the same.
    """
    weights = [matrix.copy() for matrix in net.weights]
    for layer in range(net.hidden_layers):
        silent = ~np.any(weights[layer], axis=1) & (net.biases[layer] == 0)
        weights[layer + 1][:, silent] = 0.0
    return DeepReLU(weights, net.biases)


def normalise(net: DeepReLU) -> tuple[DeepReLU, ScalePermutation]:
    """Give every hidden node with :math:`(w, b) ≠ 0` incoming norm 1; the network and the scaling
    that makes it.

    Raises:
        ValueError: weights so large or small that float64 does not hold the scaled ones.
    """
    weights, scales = list(net.weights), []
    biases = list(net.biases)
    for layer in range(net.hidden_layers):
        size = incoming_norms(weights[layer], biases[layer])
        size[size == 0] = 1.0
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            weights[layer], biases[layer] = weights[layer] / size[:, None], biases[layer] / size
            weights[layer + 1] = weights[layer + 1] * size
            scales.append(1 / size)
        if not (
            np.all(np.isfinite(scales[-1]))
            and np.all(scales[-1] > 0)
            and np.all(np.isfinite(weights[layer + 1]))
        ):
            extreme = size[np.argmax(np.abs(np.log(size)))]
            raise ValueError(
                f"net: weights of size {extreme:.3g} into hidden layer {layer} cannot be scaled to "
                f"1 in float64"
            )
    return DeepReLU(weights, biases), ScalePermutation(
        [np.arange(len(scale)) for scale in scales], scales
    )


def incoming_norms(
    matrix: Float[np.ndarray, "nodes inputs"], bias: Float[np.ndarray, " nodes"]
) -> Float[np.ndarray, " nodes"]:
    """Euclidean norms of the rows :math:`(w, b)`, computed without overflow or underflow."""
    rows = np.concatenate([matrix, bias[:, None]], axis=1)
    largest = np.max(np.abs(rows), axis=1)
    safe = np.where(largest > 0, largest, 1.0)
    found: Float[np.ndarray, " nodes"] = largest * np.linalg.norm(rows / safe[:, None], axis=1)
    return found


def outgoing_profiles(net: DeepReLU, layer: int) -> Float[np.ndarray, "nodes readers"]:
    """For each node of a hidden layer, its outgoing weights in a form that does not depend on scale
    and order of later layers.

    The readers' rows are brought to norm 1 and the weights of each node sorted; at the last hidden
    layer they are taken as they are.
    """
    matrix = net.weights[layer + 1]
    if layer + 1 == net.hidden_layers:
        return matrix.T
    size = incoming_norms(matrix, net.biases[layer + 1])
    return np.sort((matrix / np.where(size > 0, size, 1.0)[:, None]).T, axis=1)


def _keys(net: DeepReLU, layer: int) -> Float[np.ndarray, "nodes keys"]:
    incoming = np.concatenate([net.weights[layer], net.biases[layer][:, None]], axis=1)
    outgoing = outgoing_profiles(net, layer)
    return np.concatenate(
        [
            incoming @ _directions(incoming.shape[1], DIRECTIONS),
            outgoing @ _directions(outgoing.shape[1], DIRECTIONS),
        ],
        axis=1,
    )


def _directions(size: int, count: int) -> Float[np.ndarray, "size count"]:
    """Fixed unit vectors without structure (no random generator: their streams may change between
    versions).
    """
    raw = np.sin(
        np.outer(1.0 + np.arange(size), 1.0 + np.arange(count)) * 2.399963229728653
        + np.arange(size)[:, None] ** 2
    )
    found: Float[np.ndarray, "size count"] = raw / np.linalg.norm(raw, axis=0)
    return found


def _order(keys: Float[np.ndarray, "nodes keys"]) -> tuple[np.ndarray, float, int]:
    r"""Sort by the first key, equal ones (gaps up to TIE) by the next: the order, the smallest
    \|gap − TIE\|, ties left.
    """
    margin, ties = np.inf, 0

    def split(nodes: np.ndarray, key: int) -> list[np.ndarray]:
        nonlocal margin, ties
        if len(nodes) < 2:
            return [nodes]
        if key == keys.shape[1]:
            ties += len(nodes) - 1
            return [nodes]
        ranked = nodes[np.argsort(keys[nodes, key], kind="stable")]
        gaps = np.diff(keys[ranked, key])
        margin = min(margin, float(np.min(np.abs(gaps - TIE))))
        return [
            part
            for group in np.split(ranked, np.flatnonzero(gaps > TIE) + 1)
            for part in split(np.sort(group), key + 1)
        ]

    parts = split(np.arange(len(keys)), 0)
    return (np.concatenate(parts) if parts else np.arange(0)), margin, ties
