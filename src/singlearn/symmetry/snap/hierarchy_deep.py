"""The hierarchy of a deep network, layer by layer, with bounds on the change of the outputs."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from singlearn.symmetry.deep import DeepReLU
from singlearn.symmetry.deep.linear_relaxation import preactivation_bounds
from singlearn.symmetry.deep.rounding import gamma
from singlearn.symmetry.domain import Box, Domain
from singlearn.symmetry.network import TwoLayerReLU
from singlearn.symmetry.snap.hierarchy import DeepHierarchy, layer_hierarchy

NARROWEST = 2.0**-40
"""Of a box that dead nodes would make flat."""


def hierarchy_deep(net: DeepReLU, domain: Domain) -> DeepHierarchy:
    r"""One hierarchy per hidden layer, each with the other layers as they are.

    A hidden layer and the one after it are a two-layer network on the box that bounds the layer before it on the domain. A change of
    its outputs by δ changes the network's outputs by at most
    :math:`δ \prod_{l' > l + 1} \max_i \sum_j |W^{l'}_{ij}|`, because ReLU does not enlarge differences.

    Args:
        net: the network.
        domain: a ``Box``.

    Raises:
        ValueError: the domain is no box, or of another dimension.
    """
    if not isinstance(domain, Box):
        raise ValueError(
            f"domain: got {type(domain).__name__}; the hierarchy of a deep network is measured on a Box"
        )
    if domain.inputs != net.widths[0]:
        raise ValueError(
            f"domain: it has dimension {domain.inputs}; the network has {net.widths[0]} inputs"
        )
    from singlearn.symmetry.any_depth import corners

    bounds = preactivation_bounds(net, corners(domain))
    layers, factors = [], []
    for layer in range(net.hidden_layers):
        own = TwoLayerReLU(
            net.weights[layer], net.biases[layer], net.weights[layer + 1], net.biases[layer + 1]
        )
        box = domain if layer == 0 else _wide_enough(*bounds.activations(layer))
        factor = amplification(net, layer)
        layers.append(layer_hierarchy(own, box, layer=layer, factor=factor, with_fibre=False))
        factors.append(factor)
    return DeepHierarchy(tuple(layers), tuple(factors))


def amplification(net: DeepReLU, layer: int) -> float:
    """By how much a change of the preactivations after a hidden layer can grow until the outputs, in the largest entry."""
    factor = 1.0
    for weight in net.weights[layer + 2 :]:
        factor *= float(np.abs(weight).sum(axis=1).max()) * (1 + gamma(weight.shape[1] + 2))
    return factor


def _wide_enough(low: Float[np.ndarray, " nodes"], high: Float[np.ndarray, " nodes"]) -> Box:
    return Box(low, np.maximum(high, low + NARROWEST * np.maximum(1.0, low)))
