"""The structure of a network at every distance from it, for one hidden layer or several."""

from __future__ import annotations

from singlearn.symmetry.deep import DeepReLU
from singlearn.symmetry.domain import DomainLike, as_bounded
from singlearn.symmetry.trained.hierarchy_deep import hierarchy_deep
from singlearn.symmetry.trained.hierarchy_of_layer import (
    DeepHierarchy,
    Hierarchy,
    layer_hierarchy,
)
from singlearn.symmetry.two_layer.network import TwoLayerReLU


def hierarchy(net: TwoLayerReLU | DeepReLU, domain: DomainLike) -> Hierarchy | DeepHierarchy:
    r"""At which distance from a network each relation among its nodes appears.

    From the network on, the relation that costs least is imposed, again and again: a node dies or
    becomes always active on the domain, two boundaries are joined, the kinks on a boundary cancel,
    a set of weights annihilates (as far as it is more than an accident). Every network on the way
    is exact, and its distance from the original is certified: the largest difference of the outputs
    for up to two inputs and a few dozen nodes, a proven bound beyond. The way is greedy: a level
    says that this much structure is within ε, not that no more is.

    Args:
        net: a two-layer network; in a deep one layer by layer, with bounds on the change of the
            outputs.
        domain: bounded; a ``Box`` for deep networks.

    Returns:
        Levels by distance, with the relations that appear at each; for a deep network layer by
        layer.

    Raises:
        ValueError: a domain of another dimension, or that is none.

    >>> from singlearn.symmetry import Box
    >>> net = TwoLayerReLU([[1.0], [1.0], [1.0]], [0.0, 0.001, -0.5], [1.0, 1.0, 1.0], 0.0)
    >>> [
    ...     (str(bar.relation.kind), f"{bar.birth:.3f}")
    ...     for bar in hierarchy(net, Box([-1], [1])).bars
    ... ][:2]
    [('boundaries coincide', '0.001'), ('dead on the domain', '0.501')]
    """
    domain = as_bounded(domain, net.widths[0] if isinstance(net, DeepReLU) else net.inputs)
    if isinstance(net, DeepReLU):
        return hierarchy_deep(net, domain)
    if domain.inputs != net.inputs:
        raise ValueError(
            f"domain: it has dimension {domain.inputs}; the network has {net.inputs} inputs"
        )
    return layer_hierarchy(net, domain)
