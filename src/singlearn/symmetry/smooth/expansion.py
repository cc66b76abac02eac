"""A sum of hidden nodes, a line and a constant: what a network is while its nodes are moved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from singlearn.numbers.rational import Matrix
from singlearn.symmetry.smooth.activation import Activation
from singlearn.symmetry.smooth.constant import Constant
from singlearn.symmetry.smooth.form import SmoothForm, form_of
from singlearn.symmetry.smooth.network import TwoLayerSmooth
from singlearn.symmetry.two_layer.network import Node


@dataclass(frozen=True)
class SmoothExpansion:
    """``f(x) = constant + linear x + Σ q σ(<w, x> + b)``; a network where ``linear`` is zero.

    Attributes:
        activation: σ.
        nodes: the hidden nodes.
        linear: M rows of N numbers.
        constant: M numbers.
    """

    activation: Activation
    nodes: tuple[Node, ...]
    linear: Matrix
    constant: tuple[Constant, ...]

    @classmethod
    def of(cls, net: TwoLayerSmooth) -> SmoothExpansion:
        """A network, which has no linear part."""
        return cls(net.activation, net.nodes, ((Fraction(0),) * net.inputs,) * net.outputs, net.c)

    def with_node(self, index: int, *nodes: Node) -> SmoothExpansion:
        """With the node at ``index`` replaced by the given ones (none removes it).

        Raises:
            ValueError: there is no such node.
        """
        if not 0 <= index < len(self.nodes):
            raise ValueError(f"index: got {index}; there are {len(self.nodes)} nodes")
        return replace(self, nodes=(*self.nodes[:index], *nodes, *self.nodes[index + 1 :]))

    def form(self) -> SmoothForm:
        """Its form."""
        return form_of(self.activation, self.nodes, self.linear, self.constant)
