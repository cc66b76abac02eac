"""Fold hidden nodes that are always active, and opposite pairs, into as few nodes as their linear
map needs.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from singlearn.symmetry.deep.canonical import incoming_norms
from singlearn.symmetry.deep.linear_relaxation import Bounds, functional_bounds
from singlearn.symmetry.deep.network import DeepReLU
from singlearn.symmetry.deep.parallel import parallel_groups
from singlearn.symmetry.deep.reduction import Reduction, replace_layers
from singlearn.symmetry.deep.rounding import gamma

SLACK = 1e-6
"""New always-active nodes stay above 0 by this share of their range, so that rounding cannot switch
them off.
"""


def fold_bypassed(
    net: DeepReLU,
    bounds: Bounds,
    layer: int,
    bypassed: Bool[np.ndarray, " nodes"],
    relative_tolerance: float,
) -> tuple[Reduction, Bool[np.ndarray, " new_nodes"]] | None:
    r"""Replace the always-active nodes B of a layer by as many as the rank of what they do.

    On the box they act linearly, :math:`W'_B (W_B h + b_B)`, with W' the next layer's weights. A
    layer that is all B is multiplied into the next one. Otherwise :math:`W'_B W_B = U V` with r =
    rank rows in V, and r new nodes :math:`V h + s` do the same, with s so large that they stay
    active and the next biases corrected by :math:`W'_B b_B - U s`. An opposite pair, :math:`(w_j,
    b_j) = -ρ (w_i, b_i)`, is one kink and a linear part, since :math:`\max(-u, 0) = \max(u, 0) -
    u`; it gives up a node where the linear part fits into U V.

    Args:
        bounds: of all layers below, for the shifts s.
        bypassed: the always-active nodes of the layer.

    Returns:
        The step and, for the new layer, which nodes are always active; ``None`` if nothing gets
        smaller.
    """
    if np.all(bypassed):
        return _multiply(net, bounds, layer), np.ones(0, dtype=bool)
    outgoing = net.weights[layer + 1].copy()
    weights, biases = net.weights[layer], net.biases[layer]
    left, right, offset = outgoing[:, bypassed], weights[bypassed], biases[bypassed]
    keep = ~bypassed
    low, high = bounds.activations(layer)
    largest = np.maximum(np.abs(low), np.abs(high))
    change = np.zeros(len(outgoing))
    pairs = 0
    rank = _rank(left, right, relative_tolerance)
    for i, j in _opposite_pairs(weights, biases, keep, relative_tolerance):
        ratio = _ratio(weights, biases, i, j)
        wider = (
            np.concatenate([left, -ratio * outgoing[:, [j]]], axis=1),
            np.concatenate([right, weights[[i]]]),
        )
        kink = outgoing[:, i] + ratio * outgoing[:, j]
        vanishes = np.max(np.abs(kink)) <= relative_tolerance * np.max(np.abs(outgoing[:, i]))
        new_rank = _rank(*wider, relative_tolerance)
        if new_rank + (not vanishes) >= rank + 2:
            continue
        terms = np.abs(weights[i]) @ largest + abs(biases[i])
        mismatch = (
            np.abs(weights[j] + ratio * weights[i]) @ largest
            + abs(biases[j] + ratio * biases[i])
            + gamma(8) * ratio * terms
        )
        change += np.abs(outgoing[:, j]) * mismatch + (np.abs(kink) if vanishes else 0.0) * terms
        change += gamma(4) * (np.abs(outgoing[:, i]) + ratio * np.abs(outgoing[:, j])) * terms
        left, right, offset, rank = *wider, np.append(offset, biases[i]), new_rank
        outgoing[:, i] = kink
        keep[j], keep[i] = False, not vanishes
        pairs += 1
    removed = len(biases) - int(keep.sum()) - rank
    if removed == 0:
        return None
    new_left, new_right = _factor(left, right, rank)
    lower, upper = functional_bounds(net, bounds, layer, new_right, np.zeros(rank))
    shift = SLACK * (np.abs(lower) + np.abs(upper)) - lower
    size = np.abs(left) @ np.abs(right)
    new_size = np.abs(new_left) @ np.abs(new_right)
    error = (
        np.abs(left @ right - new_left @ new_right)
        + gamma(left.shape[1] + 4) * size
        + gamma(rank + 4) * new_size
    )
    next_bias = net.biases[layer + 1] + left @ offset - new_left @ shift
    terms = (
        np.abs(net.biases[layer + 1])
        + np.abs(left) @ np.abs(offset)
        + np.abs(new_left) @ np.abs(shift)
    )
    change += error @ largest + gamma(left.shape[1] + rank + 6) * terms
    smaller = replace_layers(
        net,
        layer,
        [
            np.concatenate([weights[keep], new_right]),
            np.concatenate([outgoing[:, keep], new_left], axis=1),
        ],
        [np.concatenate([biases[keep], shift]), next_bias],
        2,
    )
    what = (
        f"{int(bypassed.sum())} always active"
        + (f" and {pairs} opposite pairs" if pairs else "")
        + f" folded into {rank}"
    )
    always = np.concatenate([np.zeros(int(keep.sum()), dtype=bool), np.ones(rank, dtype=bool)])
    return Reduction(smaller, layer, what, removed, layer + 1, change), always


def _multiply(net: DeepReLU, bounds: Bounds, layer: int) -> Reduction:
    weights, biases, outgoing = net.weights[layer], net.biases[layer], net.weights[layer + 1]
    low, high = bounds.activations(layer)
    size = np.abs(outgoing) @ (
        np.abs(weights) @ np.maximum(np.abs(low), np.abs(high)) + np.abs(biases)
    ) + np.abs(net.biases[layer + 1])
    smaller = replace_layers(
        net, layer, [outgoing @ weights], [outgoing @ biases + net.biases[layer + 1]], 2
    )
    change = 2 * gamma(sum(weights.shape) + 4) * size
    what = f"all {len(biases)} always active: the layer is multiplied into the next"
    return Reduction(smaller, layer, what, len(biases), layer, change)


def _opposite_pairs(
    weights: np.ndarray, biases: np.ndarray, among: np.ndarray, relative_tolerance: float
) -> list[tuple[int, int]]:
    nodes = np.flatnonzero(among)
    groups = parallel_groups(weights[nodes], biases[nodes], relative_tolerance)
    return [
        (int(nodes[i]), int(nodes[j]))
        for same, opposite in groups
        for i, j in zip(same, opposite, strict=False)
    ]


def _ratio(weights: np.ndarray, biases: np.ndarray, i: int, j: int) -> float:
    size = incoming_norms(weights[[i, j]], biases[[i, j]])
    return float(size[1] / size[0])


def _core(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, ...]:
    """Orthonormal bases of both sides and the singular value decomposition of the small matrix
    between them.
    """
    left_basis, left_rest = np.linalg.qr(left)
    right_basis, right_rest = np.linalg.qr(right.T)
    u, singular, v = np.linalg.svd(left_rest @ right_rest.T)
    return left_basis @ u[:, : len(singular)], singular, v[: len(singular)] @ right_basis.T


def _rank(
    left: Float[np.ndarray, "out nodes"],
    right: Float[np.ndarray, "nodes in"],
    relative_tolerance: float,
) -> int:
    if left.shape[1] == 0 or 0 in left.shape or 0 in right.shape:
        return 0
    singular = _core(left, right)[1]
    floor = (
        max(relative_tolerance, 1e-13)
        * np.linalg.norm(left, axis=0)
        @ np.linalg.norm(right, axis=1)
    )
    return int(np.sum(singular > floor))


def _factor(left: np.ndarray, right: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray]:
    if rank == 0:
        return np.zeros((left.shape[0], 0)), np.zeros((0, right.shape[1]))
    u, singular, v = _core(left, right)
    root = np.sqrt(singular[:rank])
    return u[:, :rank] * root, root[:, None] * v[:rank]
