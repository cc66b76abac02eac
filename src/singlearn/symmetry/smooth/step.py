"""The elementary symmetries of a smooth two-layer network, each of which a reader can check by
hand.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from fractions import Fraction

from singlearn.numbers.rational import Vector
from singlearn.symmetry.smooth.constant import Constant
from singlearn.symmetry.smooth.expansion import SmoothExpansion
from singlearn.symmetry.two_layer.kink_form import short
from singlearn.symmetry.two_layer.network import Node


class SmoothStep(ABC):
    """One rewriting of an expansion that leaves the function unchanged."""

    @abstractmethod
    def apply(self, expansion: SmoothExpansion) -> SmoothExpansion:
        """The rewritten expansion.

        Raises:
            ValueError: the step is not valid there.
        """

    @abstractmethod
    def __str__(self) -> str: ...


@dataclass(frozen=True)
class Turn(SmoothStep):
    r"""``(w, b) → (-w, -b)``: q changes its sign for tanh, sigmoid and erf; for SiLU and GELU it
    stays and :math:`q u` is left behind.

    With :math:`σ(u) = α + βu + γ(u)`: :math:`qσ(u) = ±qσ(-u) + 2q(α + βu)`, + where γ is even.
    """

    index: int

    def apply(self, expansion: SmoothExpansion) -> SmoothExpansion:
        whole, node = expansion.with_node(self.index), expansion.nodes[self.index]
        kind, even = expansion.activation.kind, expansion.activation.is_even
        turned = Node(
            tuple(-v for v in node.w), -node.b, node.q if even else tuple(-q for q in node.q)
        )
        constant = tuple(
            d + 2 * q * (kind.offset + kind.slope * node.b)
            for d, q in zip(whole.constant, node.q, strict=True)
        )
        linear = tuple(
            tuple(v + 2 * kind.slope * q * w for v, w in zip(row, node.w, strict=True))
            for row, q in zip(whole.linear, node.q, strict=True)
        )
        return replace(expansion.with_node(self.index, turned), linear=linear, constant=constant)

    def __str__(self) -> str:
        return f"turn node {self.index} round"


@dataclass(frozen=True)
class SmoothMerge(SmoothStep):
    """Two nodes with equal (w, b) become one; the outgoing weights add up. Node ``index`` is
    removed.
    """

    into: int
    index: int

    def apply(self, expansion: SmoothExpansion) -> SmoothExpansion:
        if self.into == self.index:
            raise ValueError("index: a node does not merge with itself")
        expansion.with_node(self.index), expansion.with_node(self.into)
        one, other = expansion.nodes[self.into], expansion.nodes[self.index]
        if (one.w, one.b) != (other.w, other.b):
            raise ValueError(f"index: nodes {self.into} and {self.index} have different (w, b)")
        q = tuple(a + b for a, b in zip(one.q, other.q, strict=True))
        return expansion.with_node(self.into, replace(one, q=q)).with_node(self.index)

    def __str__(self) -> str:
        return f"merge node {self.index} into node {self.into}"


@dataclass(frozen=True)
class SmoothSplit(SmoothStep):
    """A node becomes two of equal (w, b): ``q - part`` stays, ``part`` goes to a new node at the
    end.
    """

    index: int
    part: Vector

    def apply(self, expansion: SmoothExpansion) -> SmoothExpansion:
        expansion.with_node(self.index)
        node = expansion.nodes[self.index]
        rest = replace(node, q=tuple(a - b for a, b in zip(node.q, self.part, strict=True)))
        whole = expansion.with_node(self.index, rest)
        return replace(whole, nodes=(*whole.nodes, replace(node, q=self.part)))

    def __str__(self) -> str:
        return (
            f"split node {self.index}: outgoing weight {', '.join(map(short, self.part))} goes "
            f"to a new node"
        )


@dataclass(frozen=True)
class Remove(SmoothStep):
    """Take away a node with q = 0, or one with w = 0, whose value joins the constant."""

    index: int

    def apply(self, expansion: SmoothExpansion) -> SmoothExpansion:
        rest, node = expansion.with_node(self.index), expansion.nodes[self.index]
        return replace(rest, constant=_plus_idle(expansion, node, Fraction(1)))

    def __str__(self) -> str:
        return f"remove node {self.index}, which is constant"


@dataclass(frozen=True)
class Add(SmoothStep):
    """Put a node with q = 0 or w = 0 at the end, and take its value from the constant."""

    node: Node

    def apply(self, expansion: SmoothExpansion) -> SmoothExpansion:
        constant = _plus_idle(expansion, self.node, Fraction(-1))
        return replace(expansion, nodes=(*expansion.nodes, self.node), constant=constant)

    def __str__(self) -> str:
        return "add a node with " + ("w = 0" if any(self.node.q) else "q = 0")


@dataclass(frozen=True)
class SmoothPermute(SmoothStep):
    """New node i is old node ``order[i]``."""

    order: tuple[int, ...]

    def apply(self, expansion: SmoothExpansion) -> SmoothExpansion:
        if sorted(self.order) != list(range(len(expansion.nodes))):
            last = len(expansion.nodes) - 1
            raise ValueError(f"order: got {self.order}; it should be a permutation of 0 … {last}")
        return replace(expansion, nodes=tuple(expansion.nodes[i] for i in self.order))

    def __str__(self) -> str:
        return f"permute: the nodes in the order {', '.join(map(str, self.order))}"


def _plus_idle(expansion: SmoothExpansion, node: Node, sign: Fraction) -> tuple[Constant, ...]:
    if any(node.q) and any(node.w):
        raise ValueError("node: it has q ≠ 0 and w ≠ 0, so it is not a constant")
    if not any(node.q):
        return expansion.constant
    value = expansion.activation.value(node.b) * sign
    return tuple(d + value * q for d, q in zip(expansion.constant, node.q, strict=True))
