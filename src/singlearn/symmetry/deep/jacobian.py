"""Derivatives of a network's outputs by its parameters."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from singlearn.symmetry.deep.network import DeepReLU


def parameter_jacobian(
    net: DeepReLU, x: Float[np.ndarray, "points inputs"]
) -> Float[np.ndarray, "points outputs parameters"]:
    r""":math:`∂f(x)/∂θ` at every input, parameters ordered as by ``DeepReLU.vector``; ReLU's
    derivative at 0 is taken as 0.

    .. math:: \frac{∂f}{∂W_l} = g_l h_{l-1}^T, \quad \frac{∂f}{∂b_l} = g_l, \quad
              g_{l-1} = g_l W_l \mathrm{diag}(u_{l-1} > 0), \quad g_L = 1.

    Returns:
        One matrix of outputs × parameters per input.

    >>> net = DeepReLU([[[2.0]], [[3.0]]], [[1.0], [0.0]])
    >>> parameter_jacobian(net, np.array([[1.0]]))  # by w, b, q, c of q max(w x + b, 0) + c
    array([[[3., 3., 3., 1.]]])
    """
    values = net.preactivations(x)
    points, outputs = values[-1].shape
    jacobian = np.empty((points, outputs, net.parameters))
    gain = np.broadcast_to(np.eye(outputs), (points, outputs, outputs))
    for layer in range(net.hidden_layers, -1, -1):
        weights, biases = net.slices(layer)
        reads = np.maximum(values[layer - 1], 0.0) if layer else x
        jacobian[:, :, weights] = (gain[..., None] * reads[:, None, None, :]).reshape(
            points, outputs, -1
        )
        jacobian[:, :, biases] = gain
        if layer:
            gain = (gain @ net.weights[layer]) * (values[layer - 1] > 0)[:, None, :]
    return jacobian
