"""Which hidden nodes are dead on a box, and which are always active (bypassed)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Float

from singlearn.results.result import Answer
from singlearn.symmetry.deep.crossing import search_crossings
from singlearn.symmetry.deep.linear_relaxation import Bounds, preactivation_bounds
from singlearn.symmetry.deep.milp import balance, encode, largest_value
from singlearn.symmetry.deep.network import DeepReLU, require_deep
from singlearn.symmetry.deep.rounding import evaluation_error
from singlearn.symmetry.domain import DomainLike, as_box

LARGEST_PROGRAM = 200
"""Crossing nodes below the one in question; with more, a mixed-integer program does not end in any
reasonable time.
"""


class NodeState(StrEnum):
    """What a hidden node does on a box."""

    DEAD = "dead"
    BYPASSED = "bypassed"
    CROSSING = "crossing"
    UNKNOWN = "unknown"


class Proof(StrEnum):
    """How a state is known.

    ``bounds``: interval bounds and linear relaxation, valid in exact arithmetic. ``points``: an
    input where the node is active and one where it is not. ``milp``: HiGHS, with a margin of ten
    times what its tolerances (1e-6) can do to the node.
    """

    BOUNDS = "bounds"
    POINTS = "points"
    MILP = "milp"
    NONE = "none"


@dataclass(frozen=True, eq=False)
class NodeStates(Answer):
    """The states of all hidden nodes.

    Attributes:
        states: for each hidden layer, one :class:`NodeState` per node, proven on the box.
        proofs: for each hidden layer, one :class:`Proof` per node.
        bounds: proven ranges of all pre-activations.
        observed: for each hidden layer, the share of the data on which the node is active; ``None``
            without data. It proves nothing about the box.
    """

    states: tuple[tuple[NodeState, ...], ...]
    proofs: tuple[tuple[Proof, ...], ...]
    bounds: Bounds
    observed: tuple[np.ndarray, ...] | None

    def nodes(self, layer: int, state: NodeState) -> list[int]:
        """The numbers of the nodes of hidden layer ``layer`` in ``state``."""
        return [node for node, own in enumerate(self.states[layer]) if own is state]


def node_states(
    net: DeepReLU,
    domain: DomainLike,
    *,
    data: Float[np.ndarray, "points inputs"] | None = None,
    milp_seconds: float = 10.0,
    seed: int = 0,
) -> NodeStates:
    r"""Prove for every hidden node that it is dead (:math:`u ≤ 0`), bypassed (:math:`u ≥ 0`) or
    crossing on the box.

    Interval bounds and linear relaxation first; then a search for points of both signs; then
    mixed-integer programming for the nodes that remain, as long as time is left and no more than
    200 gates are involved. What is still open is ``unknown``.

    Args:
        domain: a ``Box``, or (lower, upper), numbers or one number per input.
        data: inputs on which to observe the nodes, kept apart from the proofs.
        milp_seconds: for all programs together; 0 for none.

    Returns:
        The state of every node with the proof that decided it, and the bounds of its
        pre-activation.

    Raises:
        ValueError: a box that is not bounded or has no interior, or data of another width.

    >>> net = DeepReLU([[[1.0], [1.0], [1.0]], [[1.0, 1.0, 1.0]]], [[1.0, -2.0, -0.5], [0.0]])
    >>> print(*node_states(net, (0, 1)).states[0])
    bypassed dead crossing
    """
    require_deep(net, "node_states")
    corners = as_box(domain, net.widths[0]).corners
    bounds = preactivation_bounds(net, corners)
    states: list[list[NodeState]] = []
    proofs: list[list[Proof]] = []
    for lower, upper in zip(bounds.lower[:-1], bounds.upper[:-1], strict=True):
        # A node that is both (identically 0) counts as dead.
        states.append([_by_bounds(low, high) for low, high in zip(lower, upper, strict=True)])
        proofs.append(
            [Proof.NONE if state is NodeState.UNKNOWN else Proof.BOUNDS for state in states[-1]]
        )
    open_nodes = [
        np.array([state is NodeState.UNKNOWN for state in layer], dtype=bool) for layer in states
    ]
    if any(layer.any() for layer in open_nodes):
        seen = search_crossings(net, corners, open_nodes, seed)
        for layer, nodes in enumerate(open_nodes):
            for node in np.flatnonzero(nodes & seen.on[layer] & seen.off[layer]).tolist():
                states[layer][node], proofs[layer][node] = NodeState.CROSSING, Proof.POINTS
        deadline = time.monotonic() + milp_seconds
        for layer in range(1, len(states)):
            left = [node for node, state in enumerate(states[layer]) if state is NodeState.UNKNOWN]
            if not left or time.monotonic() >= deadline:
                continue
            for node, state in _by_program(
                net, bounds, layer, left, seen.on[layer], seen.off[layer], deadline
            ).items():
                states[layer][node], proofs[layer][node] = state
    observed = None
    if data is not None:
        observed = tuple((value > 0).mean(axis=0) for value in net.preactivations(data)[:-1])
    return NodeStates(tuple(map(tuple, states)), tuple(map(tuple, proofs)), bounds, observed)


def _by_bounds(lower: float, upper: float) -> NodeState:
    if upper <= 0:
        return NodeState.DEAD
    return NodeState.BYPASSED if lower >= 0 else NodeState.UNKNOWN


def _by_program(
    net: DeepReLU,
    bounds: Bounds,
    layer: int,
    nodes: list[int],
    on: np.ndarray,
    off: np.ndarray,
    deadline: float,
) -> dict[int, tuple[NodeState, Proof]]:
    crossing = sum(
        int(np.sum((bounds.lower[below] < 0) & (bounds.upper[below] > 0))) for below in range(layer)
    )
    if crossing > LARGEST_PROGRAM:
        return {}
    units = balance(net, bounds)
    encoding = encode(units.net, units.bounds, layer)
    found: dict[int, tuple[NodeState, Proof]] = {}
    for node in nodes:
        active = {1.0: bool(on[node]), -1.0: bool(off[node])}
        row, bias = units.net.weights[layer][node], float(units.net.biases[layer][node])
        for sign, state in ((1.0, NodeState.DEAD), (-1.0, NodeState.BYPASSED)):
            left = deadline - time.monotonic()
            if active[sign] or left <= 0:
                continue
            largest, variables = largest_value(encoding, sign * row, sign * bias, left)
            if largest <= -float(units.violation[layer][node]):
                found[node] = state, Proof.MILP
                break
            if variables is not None:
                point = np.clip(variables[: net.widths[0]] * units.input_scale, *bounds.box)[None]
                value, error = (
                    net.preactivations(point)[layer][0, node],
                    evaluation_error(net, point)[layer][0, node],
                )
                active[sign] = bool(sign * value > error)
        if all(active.values()):
            found[node] = NodeState.CROSSING, Proof.POINTS
    return found
