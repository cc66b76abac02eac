"""A sum of hidden nodes and an affine part: what a network is while its nodes are being moved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from singlearn.numbers.rational import Matrix, Vector
from singlearn.symmetry.domain import Domain
from singlearn.symmetry.two_layer.kink_form import KinkForm, kink_form
from singlearn.symmetry.two_layer.network import Node, TwoLayerReLU


@dataclass(frozen=True)
class Expansion:
    """``f(x) = constant + linear x + Σ q ReLU(<w, x> + b)``; a network when ``linear`` is zero.

    Attributes:
        nodes: the hidden nodes.
        linear: M rows of N numbers.
        constant: M numbers.
    """

    nodes: tuple[Node, ...]
    linear: Matrix
    constant: Vector

    @classmethod
    def of(cls, net: TwoLayerReLU) -> Expansion:
        """A network, which has no linear part."""
        return cls(net.nodes, ((Fraction(0),) * net.inputs,) * net.outputs, net.c)

    def plus_affine(self, node: Node, sign: int = 1) -> Expansion:
        """With ``sign · q (<w, x> + b)`` added."""
        linear = tuple(
            tuple(value + sign * q * w for value, w in zip(row, node.w, strict=True))
            for row, q in zip(self.linear, node.q, strict=True)
        )
        constant = tuple(d + sign * q * node.b for d, q in zip(self.constant, node.q, strict=True))
        return replace(self, linear=linear, constant=constant)

    def with_node(self, index: int, *nodes: Node) -> Expansion:
        """With the node at ``index`` replaced by the given ones (none removes it)."""
        return replace(self, nodes=(*self.nodes[:index], *nodes, *self.nodes[index + 1 :]))

    def form(self, like: TwoLayerReLU, domain: Domain | None) -> KinkForm:
        """Its kink form; ``like`` says how many inputs and outputs there are."""
        own = kink_form(like.replaced(self.nodes, self.constant), domain)
        linear = tuple(
            tuple(a + b for a, b in zip(row, extra, strict=True))
            for row, extra in zip(own.linear, self.linear, strict=True)
        )
        return replace(own, linear=linear)
