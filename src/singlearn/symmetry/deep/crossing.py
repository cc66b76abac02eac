"""Inputs at which a node is active, and inputs at which it is not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from singlearn.symmetry.deep.network import DeepReLU
from singlearn.symmetry.deep.rounding import evaluation_error

SAMPLES = 512
ASCENTS = 12
"""Jumps to the best corner of the current linear piece, per node."""


@dataclass(frozen=True, eq=False)
class SeenSigns:
    """For every node of every hidden layer, a point where it is surely active and one where it is
    surely not.

    ``on[l][j]`` says whether ``on_points[l][j]`` makes the pre-activation positive by more than
    rounding; ``off`` likewise, negative.
    """

    on: tuple[np.ndarray, ...]
    off: tuple[np.ndarray, ...]
    on_points: tuple[np.ndarray, ...]
    off_points: tuple[np.ndarray, ...]


def search_crossings(
    net: DeepReLU, box: tuple[np.ndarray, np.ndarray], undecided: list[np.ndarray], seed: int
) -> SeenSigns:
    """Random points and corners for all nodes, then ascent and descent along linear pieces for the
    ``undecided`` ones.

    Args:
        undecided: for each hidden layer, which nodes are worth the ascent.
    """
    random = np.random.default_rng(seed)
    lower, upper = box
    inner = lower + (upper - lower) * random.random((SAMPLES // 2, len(lower)))
    corners = np.where(random.random((SAMPLES // 2, len(lower))) < 0.5, lower, upper)
    points = np.concatenate([inner, corners, [(lower + upper) / 2, lower, upper]])
    values, errors = net.preactivations(points)[:-1], evaluation_error(net, points)[:-1]
    results: tuple[list[np.ndarray], ...] = ([], [], [], [])
    for layer, (value, error) in enumerate(zip(values, errors, strict=True)):
        for sign, found, where in ((1.0, results[0], results[2]), (-1.0, results[1], results[3])):
            best = np.argmax(sign * value - error, axis=0)
            reached = np.take_along_axis(sign * value - error, best[None], axis=0)[0] > 0
            at = points[best]
            more = np.flatnonzero(~reached & undecided[layer])
            if len(more):
                reached[more], at[more] = _ascend(net, box, layer, more, at[more], sign)
            found.append(reached)
            where.append(at)
    return SeenSigns(*(tuple(part) for part in results))


def _ascend(
    net: DeepReLU,
    box: tuple[np.ndarray, np.ndarray],
    layer: int,
    nodes: np.ndarray,
    start: np.ndarray,
    sign: float,
) -> tuple[Bool[np.ndarray, " nodes"], Float[np.ndarray, "nodes inputs"]]:
    lower, upper = box
    net = DeepReLU(net.weights[: layer + 1], net.biases[: layer + 1])
    own = np.arange(len(nodes))
    best, score = start.copy(), np.full(len(nodes), -np.inf)
    point = start
    for _ in range(ASCENTS):
        values, errors = net.preactivations(point), evaluation_error(net, point)
        current = sign * values[layer][own, nodes] - errors[layer][own, nodes]
        better = current > score
        best[better], score[better] = point[better], current[better]
        if np.all(score > 0) or not np.any(better):
            break
        slope = sign * node_gradients(net, values, layer, nodes)
        point = np.where(slope > 0, upper, np.where(slope < 0, lower, best))
    return score > 0, best


def node_gradients(
    net: DeepReLU, preactivations: list[np.ndarray], layer: int, nodes: np.ndarray
) -> Float[np.ndarray, "nodes inputs"]:
    """Gradient by the input of the pre-activation of ``nodes[k]`` at the k-th point of
    ``preactivations``.
    """
    gradient = net.weights[layer][nodes]
    for below in range(layer - 1, -1, -1):
        gradient = (gradient * (preactivations[below] > 0)) @ net.weights[below]
    found: Float[np.ndarray, "nodes inputs"] = gradient
    return found
