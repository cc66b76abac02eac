"""Merge hidden nodes with proportional incoming weights."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

from singlearn.symmetry.deep.canonical import incoming_norms
from singlearn.symmetry.deep.linear_relaxation import Bounds
from singlearn.symmetry.deep.network import DeepReLU
from singlearn.symmetry.deep.parallel import parallel_groups
from singlearn.symmetry.deep.reduction import Reduction, replace_layers
from singlearn.symmetry.deep.rounding import gamma


def merge_duplicates(
    net: DeepReLU, bounds: Bounds, layer: int, relative_tolerance: float
) -> tuple[Reduction, Bool[np.ndarray, " nodes"]] | None:
    r"""If :math:`(w_j, b_j) = ρ (w_i, b_i)` with ρ > 0, node j is ρ times node i: :math:`q_i ← q_i
    + ρ q_j` and j goes.

    Returns:
        The step and which nodes stay; ``None`` if there are no such nodes.
    """
    weights, biases = net.weights[layer], net.biases[layer]
    outgoing = net.weights[layer + 1].copy()
    size = incoming_norms(weights, biases)
    low, high = bounds.activations(layer)
    largest = np.maximum(np.abs(low), np.abs(high))
    keep = np.ones(len(biases), dtype=bool)
    change = np.zeros(len(outgoing))
    for same, opposite in parallel_groups(weights, biases, relative_tolerance):
        for group in (same, opposite):
            for other in group[1:]:
                first = group[0]
                ratio = size[other] / size[first]
                mismatch = np.abs(weights[other] - ratio * weights[first]) @ largest + abs(
                    biases[other] - ratio * biases[first]
                )
                terms = np.abs(weights[other]) @ largest + abs(biases[other])
                change += (
                    np.abs(outgoing[:, other]) * (mismatch + gamma(8) * terms)
                    + gamma(4) * np.abs(outgoing[:, first]) * terms / ratio
                )
                outgoing[:, first] += ratio * outgoing[:, other]
                keep[other] = False
    if np.all(keep):
        return None
    smaller = replace_layers(
        net, layer, [weights[keep], outgoing[:, keep]], [biases[keep], net.biases[layer + 1]], 2
    )
    removed = int((~keep).sum())
    return Reduction(
        smaller, layer, f"{removed} merged with a duplicate", removed, layer + 1, change
    ), keep
