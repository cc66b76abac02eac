"""A network with the slide of one of its nodes as one more input."""

from __future__ import annotations

import numpy as np

from singlearn.symmetry.deep.network import DeepReLU


def sliding_network(net: DeepReLU, layer: int, node: int, side: str, sense: float) -> DeepReLU:
    r"""A network of the inputs and a slide :math:`s ≥ 0` that computes ``net`` with node i of ``layer`` slid by ``sense`` · s.

    The slide is handed up by a node of its own in each layer, active because s ≥ 0. ``active``: :math:`b_i → b_i + σ s`.
    ``inactive``: in addition :math:`b_j → b_j - W_{ji} σ s` for the readers j, so that they see :math:`\max(u_i, -σ s)`.

    >>> net = DeepReLU([[[1.0]], [[2.0]]], [[0.0], [0.0]])
    >>> sliding_network(net, 0, 0, "active", 1.0)(np.array([[1.0, 0.5]]))
    array([[3.]])
    >>> sliding_network(net, 0, 0, "inactive", 1.0)(np.array([[1.0, 0.5], [-2.0, 0.5]]))
    array([[ 2.], [-1.]])
    """
    weights, biases = list(net.weights), list(net.biases)
    for below in range(layer + 1):
        carried = np.zeros((weights[below].shape[0] + 1, weights[below].shape[1] + 1))
        carried[:-1, :-1], carried[-1, -1] = weights[below], 1.0
        weights[below], biases[below] = carried, np.append(biases[below], 0.0)
    weights[layer][node, -1] = sense
    correction = -sense * weights[layer + 1][:, [node]] if side == "inactive" else np.zeros((len(weights[layer + 1]), 1))
    weights[layer + 1] = np.concatenate([weights[layer + 1], correction], axis=1)
    return DeepReLU(weights, biases)
