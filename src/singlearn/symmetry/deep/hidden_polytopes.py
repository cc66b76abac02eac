"""Kinks that line up with their neighbours' pieces: invisible in the function, and free to slide for some way."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.optimize import LinearConstraint, milp
from scipy.sparse import csr_array, vstack

from singlearn.results.prompt import Shown
from singlearn.symmetry.deep.box import box_corners
from singlearn.symmetry.deep.canonical import incoming_norms
from singlearn.symmetry.deep.gates import Gate, gates_that_hide
from singlearn.symmetry.deep.linear_relaxation import preactivation_bounds
from singlearn.symmetry.deep.milp import SOLVER_OPTIONS, balance, encode
from singlearn.symmetry.deep.network import DeepReLU, require_deep
from singlearn.symmetry.deep.parallel import parallel_groups
from singlearn.symmetry.deep.rounding import evaluation_error
from singlearn.symmetry.deep.sliding import sliding_network

SAFETY = 1e-5
"""The reach is shortened by this share of the largest slide considered, for the solver's tolerances."""


@dataclass(frozen=True, eq=False)
class HiddenKink(Shown):
    r"""A node whose kink does not show in the outputs, and the direction in which it can slide.

    Attributes:
        layer, node: whose activation boundary it is.
        side: ``active`` or ``inactive``: where changing the node changes nothing; ``both`` for a cancelling pair.
        partner: the other node of a cancelling pair, else ``None``.
        direction: in parameter space, ordered as by :meth:`DeepReLU.vector`; a unit moves the node's bias by 1, and so its boundary
            by :math:`1/|w|` in the space that the node reads.
        backward, forward: how far one can go against and along ``direction`` without changing the outputs anywhere on the box; ``inf``
            if they never change. It may be further, unless ``ends`` says otherwise.
        stopped_by: the gates (layer, node) that switch at the end, backward and forward; ``None`` where none was met.
        ends: whether an input was found, backward and forward, at which the outputs do change a little further on. Where not, what
            switched may itself be hidden by later layers, and the kink may slide further than stated.
    """

    layer: int
    node: int
    side: str
    partner: int | None
    direction: Float[np.ndarray, " parameters"]
    backward: float
    forward: float
    stopped_by: tuple[tuple[int, int] | None, tuple[int, int] | None]
    ends: tuple[bool, bool]


def hidden_polytopes(net: DeepReLU, box: tuple[Any, Any], *, milp_seconds: float = 30.0, seed: int = 0) -> list[HiddenKink]:
    r"""The hidden kinks of a network on a box.

    Two linear pieces of the outputs meet at the activation boundary :math:`u_i = 0` of a node. They line up, and their common
    edge is redundant, when the node has no influence on one side of it: either

    * where it is active, every path from it to the outputs is shut or the open ones cancel,
      :math:`\sum_j G_j W_{ji} = 0` over the readers that are active, with :math:`G_j` their gain. Then :math:`b_i` can change alone; or
    * where it is inactive, the same holds for the readers active there. Then :math:`b_i → b_i + s` together with
      :math:`b_j → b_j - W_{ji} s` changes the node only where it does not matter.

    Sliding ends where a gate that hides the node switches: the next edge of the shared polytope. That point is found by
    mixed-integer programming with the slide as a variable. Or, third,

    * two nodes are opposite and their jumps cancel, :math:`(w_j, b_j) = -ρ (w_i, b_i)` and :math:`q_i + ρ q_j = 0`: what is left is the
      linear function :math:`q_i u_i`, and both can slide together for ever, the next biases taking back :math:`q_i s`.

    Only nodes whose boundary meets the box, and gates that are the same wherever they matter, are considered; so a kink that is
    hidden by different gates in different places is not found.

    Args:
        milp_seconds: for all slides together; when it runs out, what was not finished is left out.

    Raises:
        ValueError: a box that is not bounded or has no interior.
    """
    require_deep(net, "hidden_polytopes")
    lower, upper = box_corners(box, net.widths[0])
    found = _cancelling_pairs(net)
    paired = {(kink.layer, node) for kink in found for node in (kink.node, kink.partner)}
    random = np.random.default_rng(seed)
    points = lower + (upper - lower) * random.random((2000, len(lower)))
    values = net.preactivations(points)
    deadline = time.monotonic() + milp_seconds
    for layer in range(net.hidden_layers):
        for node in range(len(net.weights[layer])):
            if (layer, node) in paired or not np.any(net.weights[layer + 1][:, node]):
                continue
            active = values[layer][:, node] > 0
            for side, inside in (("active", active), ("inactive", ~active)):
                if not inside.any() or inside.all():
                    continue
                gates = gates_that_hide(net, layer, node, [value[inside] > 0 for value in values])
                if gates is None or time.monotonic() >= deadline:
                    continue
                kink = _slide(net, (lower, upper), layer, node, side, gates, points, deadline)
                if kink is not None:
                    found.append(kink)
    return found


def _slide(
    net: DeepReLU,
    box: tuple[np.ndarray, np.ndarray],
    layer: int,
    node: int,
    side: str,
    gates: list[Gate],
    points: np.ndarray,
    deadline: float,
) -> HiddenKink | None:
    bounds = preactivation_bounds(net, box)
    to_inactive, to_active = float(bounds.upper[layer][node]), float(-bounds.lower[layer][node])
    reach, stops, ends = [], [], []
    direction = np.zeros(net.parameters)
    direction[net.slices(layer)[1].start + node] = 1.0
    if side == "inactive":
        direction[net.slices(layer + 1)[1]] = -net.weights[layer + 1][:, node]
    for sense, length in ((-1.0, to_inactive), (1.0, to_active)):
        first = _first_switch(net, box, layer, node, side, sense, length, gates, deadline)
        if first is None:
            return None
        distance, gate, where = first
        # Once the side on which the node is free has left the box, or fills none of it, nothing can change any more.
        leaves = (side == "active") == (sense < 0)
        reach.append(np.inf if gate is None and leaves else distance)
        stops.append(gate)
        beyond = net.with_vector(net.vector() + sense * (distance + 0.05 * max(distance, 0.1 * length)) * direction)
        at = points if where is None else np.concatenate([points, where[None]])
        changed = np.abs(beyond(at) - net(at)) > evaluation_error(beyond, at)[-1] + evaluation_error(net, at)[-1]
        ends.append(bool(np.any(changed)))
    if max(reach) <= 0:
        return None
    return HiddenKink(layer, node, side, None, direction, reach[0], reach[1], (stops[0], stops[1]), (ends[0], ends[1]))


def _first_switch(
    net: DeepReLU,
    box: tuple[np.ndarray, np.ndarray],
    layer: int,
    node: int,
    side: str,
    sense: float,
    length: float,
    gates: list[Gate],
    deadline: float,
) -> tuple[float, tuple[int, int] | None, np.ndarray | None] | None:
    """The smallest slide up to ``length`` at which a gate switches where it matters, that gate and the input; ``None`` if time ran out."""
    sliding = sliding_network(net, layer, node, side, sense)
    wide = np.append(box[0], 0.0), np.append(box[1], length)
    units = balance(sliding, preactivation_bounds(sliding, wide))
    nearest, stop, where = length, None, None
    for gate in gates:
        encoding = encode(units.net, units.bounds, gate.layer)
        # The place matters: the node is on its free side. The gate has switched: its pre-activation has the other sign.
        free = units.net.weights[layer][node] @ encoding.reads[layer], -float(units.net.biases[layer][node])
        switched = units.net.weights[gate.layer][gate.node] @ encoding.reads[gate.layer], -float(units.net.biases[gate.layer][gate.node])
        rows = [free, switched]
        above = [side == "active", not gate.open]
        conditions = LinearConstraint(
            vstack([csr_array(row[None]) for row, _ in rows]),
            [offset if up else -np.inf for (_, offset), up in zip(rows, above, strict=True)],
            [np.inf if up else offset for (_, offset), up in zip(rows, above, strict=True)],
        )
        objective = np.zeros(len(encoding.integrality))
        objective[len(box[0])] = 1.0
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        result = milp(
            objective,
            constraints=[conditions] if encoding.constraints is None else [encoding.constraints, conditions],
            bounds=encoding.variables,
            integrality=encoding.integrality,
            options={**SOLVER_OPTIONS, "time_limit": left},
        )
        if result.status == 2:
            continue
        if result.status != 0:
            return None
        smallest = min(float(result.fun), float(result.mip_dual_bound)) * float(units.input_scale[-1])
        if smallest < nearest:
            nearest, stop = smallest, (gate.layer, gate.node)
            where = np.clip((result.x[: len(wide[0])] * units.input_scale)[:-1], *box)
    return max(nearest - SAFETY * length, 0.0), stop, where


def _cancelling_pairs(net: DeepReLU) -> list[HiddenKink]:
    found = []
    for layer in range(net.hidden_layers):
        weights, biases, outgoing = net.weights[layer], net.biases[layer], net.weights[layer + 1]
        size = incoming_norms(weights, biases)
        for same, opposite in parallel_groups(weights, biases, 1e-12):
            if len(same) != 1 or len(opposite) != 1:
                continue
            i, j = same[0], opposite[0]
            ratio = size[j] / size[i]
            if np.max(np.abs(outgoing[:, i] + ratio * outgoing[:, j])) > 1e-12 * np.max(np.abs(outgoing[:, i])):
                continue
            direction = np.zeros(net.parameters)
            at = net.slices(layer)[1].start
            direction[at + i], direction[at + j] = 1.0, -ratio
            direction[net.slices(layer + 1)[1]] = -outgoing[:, i]
            found.append(HiddenKink(layer, i, "both", j, direction, np.inf, np.inf, (None, None), (False, False)))
    return found
