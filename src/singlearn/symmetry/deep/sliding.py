"""A network with the slide of some of its nodes as one more input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from singlearn.symmetry.deep.network import DeepReLU


def sliding_network(
    net: DeepReLU,
    layer: int,
    nodes: Sequence[int],
    factors: Float[np.ndarray, " nodes"],
    taken_back: Float[np.ndarray, " readers"],
    sense: float,
) -> DeepReLU:
    r"""A network of the inputs and a slide :math:`s ≥ 0` that computes ``net`` with nodes of
    ``layer`` slid by ``sense`` · s.

    The slide is handed up by a node of its own in each layer, active because s ≥ 0: :math:`b_i →
    b_i + ρ_i σ s` for the nodes i, and :math:`b_j → b_j - β_j σ s` for their readers j.

    Args:
        net: the network.
        layer: of the nodes.
        nodes: on one boundary; their numbers.
        factors: ρ, their :math:`(w, b)` in units of that of the first.
        taken_back: β.
        sense: σ.

    >>> net = DeepReLU([[[1.0]], [[2.0]]], [[0.0], [0.0]])
    >>> sliding_network(net, 0, [0], np.ones(1), np.zeros(1), 1.0)(np.array([[1.0, 0.5]]))
    array([[3.]])
    >>> sliding_network(net, 0, [0], np.ones(1), np.array([2.0]), 1.0)(
    ...     np.array([[1.0, 0.5], [-2.0, 0.5]])
    ... )
    array([[ 2.], [-1.]])
    """
    weights, biases = list(net.weights), list(net.biases)
    for below in range(layer + 1):
        carried = np.zeros((weights[below].shape[0] + 1, weights[below].shape[1] + 1))
        carried[:-1, :-1], carried[-1, -1] = weights[below], 1.0
        weights[below], biases[below] = carried, np.append(biases[below], 0.0)
    weights[layer][list(nodes), -1] = sense * factors
    weights[layer + 1] = np.concatenate([weights[layer + 1], -sense * taken_back[:, None]], axis=1)
    return DeepReLU(weights, biases)
