"""What the hidden nodes of a ReLU network do on data, up to a tolerance on the outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import Any

import numpy as np
from jaxtyping import Float

from singlearn.results.result import Answer
from singlearn.symmetry.deep import DeepReLU

NEAR = 0.3
"""Pre-activations of length one on the data that are this close may belong to one boundary; the
outputs decide."""
MOST_UNITS = 24
"""Boundaries of a layer, up to which triples are looked at for annihilation."""
BALANCED = 0.2
"""Slopes that annihilate: their sum is this much smaller than the largest of them, before the
outputs decide."""


class NodeRole(StrEnum):
    """What a node does on the data. All but the first are symmetries that the architecture does not
    have.
    """

    LIVE = "live"
    """Alone on its boundary, and needed."""
    DEAD = "dead"
    """Inactive on every input: exact."""
    SILENT = "silent"
    """What it adds to the outputs is below the tolerance (q = 0, w = 0, or both small)."""
    CONSTANT = "constant"
    """Active, and what it adds is a constant."""
    BYPASSED = "bypassed"
    """Active on every input, or a linear node would do."""
    DUPLICATE = "duplicate"
    """On one boundary with others of the same orientation: one node would do for all of them."""
    SHARED = "shared boundary"
    """On one boundary with a node of the opposite orientation."""
    CANCELLING = "cancelling"
    """On one boundary with others, and the total kink is zero: a hidden kink, free to slide."""
    ANNIHILATING = "annihilating"
    """Turning it round, with its partners, changes nothing: their slopes sum to zero."""


@dataclass(frozen=True)
class NodeAtCheckpoint(Answer):
    """One hidden node at one checkpoint.

    Attributes:
        layer, node: counted from 0.
        role: what it does.
        partners: nodes of the same layer that take part.
        change: by how much the outputs change on the data, at most, where the role is made exact;
            in their units. Of a live
            node: by how much they would without it.
    """

    layer: int
    node: int
    role: NodeRole
    partners: tuple[int, ...]
    change: float

    @property
    def name(self) -> str:
        """Layer and number."""
        return f"{self.layer}.{self.node}"

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        return {
            "layer": self.layer,
            "node": self.node,
            "role": str(self.role),
            "partners": list(self.partners),
            "change": self.change,
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> NodeAtCheckpoint:
        """What ``to_dict`` wrote."""
        return cls(
            plain["layer"],
            plain["node"],
            NodeRole(plain["role"]),
            tuple(plain["partners"]),
            plain["change"],
        )


def roles_on_data(
    net: DeepReLU, x: Float[np.ndarray, "points inputs"], tolerance: float
) -> tuple[NodeAtCheckpoint, ...]:
    r"""The role of every hidden node on the data, up to a tolerance.

    A role is given where the network that has it exactly computes outputs that differ by at most
    the tolerance on every input: a dead node is left out, a constant one replaced by its mean, a
    bypassed one by its pre-activation, nodes that share a boundary are moved onto one and the same,
    cancelling ones lose their kink, annihilating ones are turned round and a bias takes the
    constant that is left. Dead means inactive on all inputs, for which there is no tolerance. The
    first of these that holds, in this order, is the role; shared boundaries are looked for among
    the nodes that are left. Sets that annihilate are pairs, and triples where there are two inputs
    or more and at most 24 boundaries (on a line three slopes sum to zero by chance).

    Args:
        net: the network.
        x: inputs.
        tolerance: largest change of an output on an input, in units of the outputs.

    Returns:
        Nodes, layer by layer.

    >>> net = DeepReLU([[[1.0], [2.0], [1.0]], [[1.0, 1.0, 1e-9]]], [[0.0, 0.0, 0.5], [0.0]])
    >>> [str(node.role) for node in roles_on_data(net, np.linspace(-1, 1, 9)[:, None], 1e-6)]
    ['duplicate', 'duplicate', 'silent']
    """
    outputs = net(x)
    found: list[NodeAtCheckpoint] = []
    hidden = x
    for layer, before in enumerate(net.preactivations(x)[:-1]):
        found += _Layer(net, layer, before, outputs, tolerance, hidden.shape[1] > 1).nodes()
        hidden = np.maximum(before, 0.0)
    return tuple(found)


def boundaries(nodes: tuple[NodeAtCheckpoint, ...], layer: int) -> int:
    """Number of kinks of a layer: boundaries with a total kink that is not zero."""
    kinked = [node for node in nodes if node.layer == layer and node.role not in WITHOUT_KINK]
    shared = (NodeRole.DUPLICATE, NodeRole.SHARED)
    groups = {
        frozenset((node.node, *node.partners)) if node.role in shared else frozenset((node.node,))
        for node in kinked
    }
    return len(groups)


WITHOUT_KINK = (
    NodeRole.DEAD,
    NodeRole.SILENT,
    NodeRole.CONSTANT,
    NodeRole.BYPASSED,
    NodeRole.CANCELLING,
)


class _Layer:
    """One hidden layer, and how much the outputs change where its activations are replaced."""

    def __init__(
        self,
        net: DeepReLU,
        layer: int,
        before: np.ndarray,
        outputs: np.ndarray,
        tolerance: float,
        several_inputs: bool,
    ) -> None:
        self.layer, self.before, self.tolerance, self.triples = (
            layer,
            before,
            tolerance,
            several_inputs,
        )
        self.after = np.maximum(before, 0.0)
        self.outgoing = net.weights[layer + 1]
        self._net, self._outputs = net, outputs
        self._next = self.after @ self.outgoing.T + net.biases[layer + 1]

    def change(self, columns: Mapping[int, np.ndarray]) -> float:
        """Largest change of the outputs where nodes have other activations."""
        nodes = list(columns)
        other = np.stack([columns[node] for node in nodes], axis=1)
        return self.change_of_next((other - self.after[:, nodes]) @ self.outgoing[:, nodes].T)

    def change_of_next(self, difference: np.ndarray) -> float:
        """The same where the next layer's pre-activations change."""
        value = self._next + difference
        for layer in range(self.layer + 2, len(self._net.weights)):
            value = np.maximum(value, 0.0) @ self._net.weights[layer].T + self._net.biases[layer]
        return float(np.abs(value - self._outputs).max(initial=0.0))

    def nodes(self) -> list[NodeAtCheckpoint]:
        """The role of every node."""
        alone = [self._alone(node) for node in range(self.before.shape[1])]
        found = {node.node: node for node in alone if node.role is not NodeRole.LIVE}
        groups = self._groups([node.node for node in alone if node.role is NodeRole.LIVE])
        units: list[tuple[int, ...]] = []
        for members, signs, change in groups:
            hidden = (
                self.change({k: self._on_one(members, signs)[k] / 2 for k in members})
                if len(members) > 1
                else np.inf
            )
            if hidden <= self.tolerance:
                found |= {k: self._node(k, NodeRole.CANCELLING, members, hidden) for k in members}
                continue
            units.append(members)
            if len(members) > 1:
                for k, sign in zip(members, signs, strict=True):
                    role = NodeRole.DUPLICATE if signs.count(sign) > 1 else NodeRole.SHARED
                    found[k] = self._node(k, role, members, change)
        for members, change in self._annihilating(units):
            found |= {
                k: self._node(k, NodeRole.ANNIHILATING, members, change)
                for k in members
                if k not in found
            }
        return [found.get(node.node, node) for node in alone]

    def _node(
        self, node: int, role: NodeRole, members: tuple[int, ...], change: float
    ) -> NodeAtCheckpoint:
        return NodeAtCheckpoint(
            self.layer, node, role, tuple(k for k in members if k != node), change
        )

    def _alone(self, node: int) -> NodeAtCheckpoint:
        before, after = self.before[:, node], self.after[:, node]
        if not (before > 0).any():
            return self._node(node, NodeRole.DEAD, (), 0.0)
        without = self.change({node: np.zeros_like(after)})
        if without <= self.tolerance:
            return self._node(node, NodeRole.SILENT, (), without)
        mean = np.full_like(after, after.mean())
        for role, column in ((NodeRole.CONSTANT, mean), (NodeRole.BYPASSED, before)):
            change = self.change({node: column})
            if change <= self.tolerance:
                return self._node(node, role, (), change)
        return self._node(node, NodeRole.LIVE, (), without)

    def _on_one(self, members: tuple[int, ...], signs: list[int]) -> dict[int, np.ndarray]:
        """Pre-activations on one boundary, that of the sum weighed by the outgoing weights."""
        sizes = np.linalg.norm(self.outgoing[:, members], axis=0)
        common = self.before[:, members] @ (sizes * signs) / sizes.sum()
        length = float(common @ common)
        return {
            k: common * (float(self.before[:, k] @ common) / length if length else 0.0)
            for k in members
        }

    def _groups(self, nodes: list[int]) -> list[tuple[tuple[int, ...], list[int], float]]:
        """Nodes by boundary, with their orientation, and by how much the outputs change where they
        are moved onto one.
        """
        own: dict[int, tuple[tuple[int, ...], list[int], float]] = {
            k: ((k,), [1], 0.0) for k in nodes
        }
        length = np.linalg.norm(self.before, axis=0)
        direction = self.before / np.where(length > 0, length, 1.0)
        pairs = []
        for i, j in combinations(nodes, 2):
            cosine = float(direction[:, i] @ direction[:, j])
            distance = np.sqrt(max(2 - 2 * abs(cosine), 0.0))
            if distance < NEAR:
                pairs.append((distance, i, j, 1 if cosine > 0 else -1))
        for _, i, j, sign in sorted(pairs):
            one, other = own[i], own[j]
            if one is other:
                continue
            turn = sign * one[1][one[0].index(i)] * other[1][other[0].index(j)]
            members = one[0] + other[0]
            signs = one[1] + [turn * s for s in other[1]]
            change = self.change(
                {k: np.maximum(u, 0.0) for k, u in self._on_one(members, signs).items()}
            )
            if change <= self.tolerance:
                order = np.argsort(members)
                merged = (tuple(members[k] for k in order), [signs[k] for k in order], change)
                own |= dict.fromkeys(members, merged)
        return list({id(group): group for group in own.values()}.values())

    def _annihilating(self, units: list[tuple[int, ...]]) -> list[tuple[tuple[int, ...], float]]:
        """Sets of boundaries whose slopes sum to zero, smallest change first; every boundary in one
        of them at most.
        """
        slopes = []
        for members in units:
            linear = self.before[:, members] - self.before[:, members].mean(axis=0)
            slopes.append(linear @ self.outgoing[:, members].T)
        sizes = [float(np.abs(slope).max(initial=0.0)) for slope in slopes]
        most = 3 if self.triples and len(units) <= MOST_UNITS else 2
        sets = []
        for count in range(2, most + 1):
            for chosen in combinations(range(len(units)), count):
                total = np.sum([slopes[k] for k in chosen], axis=0)
                if np.abs(total).max(initial=0.0) > BALANCED * max(sizes[k] for k in chosen):
                    continue
                change = self.change_of_next(-total)
                if change <= self.tolerance:
                    sets.append((count, change, chosen))
        found: list[tuple[tuple[int, ...], float]] = []
        taken: set[int] = set()
        for _, change, chosen in sorted(sets):
            if not taken & set(chosen):
                taken |= set(chosen)
                found.append((tuple(k for unit in chosen for k in units[unit]), change))
        return found
