"""The elementary symmetries of a two-layer ReLU network, each of which a reader can check by
hand.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from singlearn.numbers.rational import Vector
from singlearn.symmetry.domain import Domain
from singlearn.symmetry.two_layer.expansion import Expansion
from singlearn.symmetry.two_layer.kink_form import boundary, short
from singlearn.symmetry.two_layer.network import Node


class Idle(StrEnum):
    """Why a node adds no kink."""

    NO_OUTGOING = "q = 0"
    NO_INCOMING = "w = 0"
    DEAD = "dead on the domain"
    BYPASSED = "always active on the domain"


class Step(ABC):
    """One rewriting of an expansion that leaves the function unchanged."""

    @abstractmethod
    def apply(self, expansion: Expansion, domain: Domain | None) -> Expansion:
        """The rewritten expansion.

        Raises:
            ValueError: the step is not valid there.
        """

    @abstractmethod
    def __str__(self) -> str: ...


@dataclass(frozen=True)
class Rescale(Step):
    """``(w, b, q) → (ρ w, ρ b, q/ρ)`` with ρ > 0."""

    index: int
    factor: Fraction

    def apply(self, expansion: Expansion, domain: Domain | None) -> Expansion:
        if self.factor <= 0:
            raise ValueError(f"factor: got {self.factor}; ReLU commutes with positive factors only")
        return expansion.with_node(self.index, expansion.nodes[self.index].scaled(self.factor))

    def __str__(self) -> str:
        return f"rescale node {self.index} by {short(self.factor)}"


@dataclass(frozen=True)
class Reverse(Step):
    """``q ReLU(v) = q ReLU(-v) + q v``: the node turns round and leaves an affine part behind."""

    index: int

    def apply(self, expansion: Expansion, domain: Domain | None) -> Expansion:
        node = expansion.nodes[self.index]
        turned = Node(tuple(-v for v in node.w), -node.b, node.q)
        return expansion.with_node(self.index, turned).plus_affine(node)

    def __str__(self) -> str:
        return f"reverse node {self.index}"


@dataclass(frozen=True)
class Merge(Step):
    """Two nodes with ``(w', b') = ρ (w, b)``, ρ > 0, become one with outgoing weight ``q + ρ q'``;
    the second disappears.
    """

    into: int
    index: int

    def apply(self, expansion: Expansion, domain: Domain | None) -> Expansion:
        kept, gone = expansion.nodes[self.into], expansion.nodes[self.index]
        (plane, own), (other_plane, other) = boundary(kept), boundary(gone)
        ratio = other / own
        if self.into == self.index or plane != other_plane or ratio <= 0:
            raise ValueError(
                f"index: nodes {self.into} and {self.index} do not share an oriented boundary"
            )
        merged = replace(kept, q=tuple(a + ratio * b for a, b in zip(kept.q, gone.q, strict=True)))
        nodes = list(expansion.nodes)
        nodes[self.into] = merged
        del nodes[self.index]
        return replace(expansion, nodes=tuple(nodes))

    def __str__(self) -> str:
        return (
            f"merge node {self.index} into node {self.into}, which has the same oriented boundary"
        )


@dataclass(frozen=True)
class Split(Step):
    """One node becomes two on the same oriented boundary: ``q - part`` stays, ``part`` goes to a
    new node at the end.
    """

    index: int
    part: Vector

    def apply(self, expansion: Expansion, domain: Domain | None) -> Expansion:
        node = expansion.nodes[self.index]
        rest = replace(node, q=tuple(a - b for a, b in zip(node.q, self.part, strict=True)))
        split = expansion.with_node(self.index, rest)
        return replace(split, nodes=(*split.nodes, replace(node, q=self.part)))

    def __str__(self) -> str:
        return (
            f"split node {self.index}: outgoing weight "
            f"{', '.join(short(v) for v in self.part)} goes to a new node"
        )


@dataclass(frozen=True)
class Fold(Step):
    """Remove a node that adds no kink; what it adds, a constant or an affine function, joins the
    rest.
    """

    index: int
    reason: Idle

    def apply(self, expansion: Expansion, domain: Domain | None) -> Expansion:
        node = expansion.nodes[self.index]
        require_idle(node, self.reason, domain)
        return joined(expansion.with_node(self.index), node, self.reason, 1)

    def __str__(self) -> str:
        return f"remove node {self.index}: {self.reason}"


@dataclass(frozen=True)
class Unfold(Step):
    """Add, at the end, a node that adds no kink, and take from the rest what it adds."""

    node: Node
    reason: Idle

    def apply(self, expansion: Expansion, domain: Domain | None) -> Expansion:
        require_idle(self.node, self.reason, domain)
        grown = replace(expansion, nodes=(*expansion.nodes, self.node))
        return joined(grown, self.node, self.reason, -1)

    def __str__(self) -> str:
        return f"add a node: {self.reason}"


@dataclass(frozen=True)
class Permute(Step):
    """New node i is old node ``order[i]``."""

    order: tuple[int, ...]

    def apply(self, expansion: Expansion, domain: Domain | None) -> Expansion:
        if sorted(self.order) != list(range(len(expansion.nodes))):
            raise ValueError(
                f"order: got {self.order}; it should be a permutation of 0 … "
                f"{len(expansion.nodes) - 1}"
            )
        return replace(expansion, nodes=tuple(expansion.nodes[i] for i in self.order))

    def __str__(self) -> str:
        return f"permute: the nodes in the order {', '.join(map(str, self.order))}"


def idleness(node: Node, domain: Domain | None) -> Idle | None:
    """Why a node adds no kink, or ``None`` if it does."""
    if not any(node.q):
        return Idle.NO_OUTGOING
    if not any(node.w):
        return Idle.NO_INCOMING
    if domain is not None:
        low, high = domain.span(node.w, node.b)
        if high <= 0:
            return Idle.DEAD
        if low >= 0:
            return Idle.BYPASSED
    return None


def require_idle(node: Node, reason: Idle, domain: Domain | None) -> None:
    """Raise ``ValueError`` unless ``reason`` is true of the node."""
    if reason is Idle.NO_OUTGOING:
        holds = not any(node.q)
    elif reason is Idle.NO_INCOMING:
        holds = not any(node.w)
    elif domain is None:
        holds = False
    else:
        low, high = domain.span(node.w, node.b)
        holds = high <= 0 if reason is Idle.DEAD else low >= 0
    if not holds:
        raise ValueError(f"reason: the node is not idle because {reason!r}")


def joined(expansion: Expansion, node: Node, reason: Idle, sign: int) -> Expansion:
    """With what an idle node adds on the domain added to (sign 1) or taken from (sign -1) the
    affine part.
    """
    if reason is Idle.BYPASSED or (reason is Idle.NO_INCOMING and node.b > 0):
        return expansion.plus_affine(node, sign)
    return expansion
