"""Two activations that are one function in other units: sigmoid and tanh, SiLU of one sharpness and
of another.
"""

from __future__ import annotations

from fractions import Fraction

from singlearn.symmetry.smooth.activation import Activation
from singlearn.symmetry.smooth.network import TwoLayerSmooth
from singlearn.symmetry.two_layer.network import Node


def in_base(net: TwoLayerSmooth) -> TwoLayerSmooth:
    r"""The same function with tanh instead of sigmoid, with sharpness 1 instead of τ, exactly.

    .. math:: \mathrm{sigmoid}(u) = \tfrac12 + \tfrac12\tanh(u/2), \qquad
              \mathrm{SiLU}_τ(u) = \mathrm{SiLU}_1(τu)/τ.

    Returns:
        The same network where there is nothing to change.

    >>> one = in_base(TwoLayerSmooth("sigmoid", [[4]], [2], [6], 1))
    >>> str(one), str(one.nodes[0].q[0]), str(one.c[0])
    ('two-layer tanh network, 1 → 1 → 1', '3', '4')
    """
    own = net.activation
    if own.name == "sigmoid":
        half = Fraction(1, 2)
        nodes = [scaled(node, half, half) for node in net.nodes]
        c = tuple(
            d + sum((node.q[j] for node in net.nodes), Fraction(0)) * half
            for j, d in enumerate(net.c)
        )
        return net.replaced(nodes, c, Activation("tanh"))
    if own.sharpness != 1:
        nodes = [scaled(node, own.sharpness, 1 / own.sharpness) for node in net.nodes]
        return net.replaced(nodes, net.c, Activation(own.name))
    return net


def scaled(node: Node, inner: Fraction, outer: Fraction) -> Node:
    """(w, b) times ``inner`` and q times ``outer``."""
    return Node(tuple(inner * v for v in node.w), inner * node.b, tuple(outer * v for v in node.q))
