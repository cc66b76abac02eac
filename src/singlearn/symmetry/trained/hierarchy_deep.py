"""The hierarchy of a deep network, layer by layer, with bounds on the change of the outputs."""

from __future__ import annotations

from singlearn.symmetry.deep import DeepReLU
from singlearn.symmetry.domain import Box, Domain
from singlearn.symmetry.trained.hierarchy_of_layer import DeepHierarchy, layer_hierarchy
from singlearn.symmetry.trained.snapping_deep import amplification, reading_box
from singlearn.symmetry.two_layer.network import TwoLayerReLU


def hierarchy_deep(net: DeepReLU, domain: Domain) -> DeepHierarchy:
    r"""One hierarchy per hidden layer, each with the other layers as they are.

    A hidden layer and the one after it are a two-layer network on the box that bounds the layer
    before it on the domain. A change of its outputs by δ changes the network's outputs by at most
    :math:`δ \prod_{l' > l + 1} \max_i \sum_j |W^{l'}_{ij}|`, because ReLU does not enlarge
    differences.

    Args:
        net: the network.
        domain: a ``Box``.

    Raises:
        ValueError: the domain is no box, or of another dimension; a network without hidden layers.
    """
    if not isinstance(domain, Box):
        raise ValueError(
            f"domain: got {type(domain).__name__}; the hierarchy of a deep network is measured on "
            f"a Box"
        )
    if domain.inputs != net.widths[0]:
        raise ValueError(
            f"domain: it has dimension {domain.inputs}; the network has {net.widths[0]} inputs"
        )
    if not net.hidden_layers:
        raise ValueError("net: it has no hidden layer; the hierarchy is one of hidden nodes")
    layers, factors = [], []
    for layer in range(net.hidden_layers):
        own = TwoLayerReLU(
            net.weights[layer], net.biases[layer], net.weights[layer + 1], net.biases[layer + 1]
        )
        box = reading_box(net, domain, layer)
        factor = amplification(net, layer)
        layers.append(layer_hierarchy(own, box, layer=layer, factor=factor, with_fibre=False))
        factors.append(factor)
    return DeepHierarchy(tuple(layers), tuple(factors))
