"""Kinks that line up with their neighbours' pieces: invisible in the function, and free to
slide.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float
from scipy.optimize import LinearConstraint, milp
from scipy.sparse import csr_array, vstack

from singlearn.results.result import Answer
from singlearn.symmetry.deep.canonical import incoming_norms
from singlearn.symmetry.deep.gates import Gate, gates_that_hide
from singlearn.symmetry.deep.linear_relaxation import preactivation_bounds
from singlearn.symmetry.deep.milp import SOLVER_OPTIONS, balance, encode
from singlearn.symmetry.deep.network import DeepReLU, require_deep
from singlearn.symmetry.deep.parallel import parallel_groups
from singlearn.symmetry.deep.rounding import evaluation_error
from singlearn.symmetry.deep.sliding import sliding_network
from singlearn.symmetry.domain import DomainLike, as_box
from singlearn.symmetry.fibre.zero_sums import LARGEST_SET, MOST_SUMMED, nearly_zero_sums

SAFETY = 1e-5
"""The reach is shortened by this share of the largest slide considered, for the solver's
tolerances.
"""

SAME = 1e-12
"""Normals that agree this well are one boundary; kinks that add up to this little, compared with
their sizes, cancel.
"""

MOST_TOGETHER = 8
"""Nodes on one boundary, all of whose subsets are asked whether gates hide them together; of more,
pairs and all of them.
"""


@dataclass(frozen=True, eq=False)
class HiddenKink(Answer):
    r"""Nodes on one boundary whose kink does not show in the outputs, and the direction in which
    they can slide.

    Attributes:
        layer: of the nodes.
        nodes: one, or several that share an activation boundary and are hidden only together.
        side: ``active`` or ``inactive``: of the first node, where changing the nodes changes
            nothing; ``split``: for some readers one side, for others the other; ``both``: their
            kinks cancel, so that what is left of them is linear.
        direction: in parameter space, ordered as by ``DeepReLU.vector``; a unit moves the first
            node's bias by 1, and so the boundary by :math:`1/|w|` in the space that the nodes read.
        tilts: whether the boundary can also turn, to first order in any direction and without
            anything else moving.
        backward, forward: how far one can go against and along ``direction`` without changing the
            outputs anywhere on the box; ``inf`` if they never change. It may be further, unless
            ``ends`` says otherwise.
        stopped_by: the gates (layer, node) that switch at the end, backward and forward; ``None``
            where none was met.
        ends: whether an input was found, backward and forward, at which the outputs do change a
            little further on. Where not, what switched may itself be hidden by later layers, and
            the kink may slide further than stated.
    """

    layer: int
    nodes: tuple[int, ...]
    side: str
    direction: Float[np.ndarray, " parameters"]
    tilts: bool
    backward: float
    forward: float
    stopped_by: tuple[tuple[int, int] | None, tuple[int, int] | None]
    ends: tuple[bool, bool]

    @property
    def node(self) -> int:
        """The first of the nodes."""
        return self.nodes[0]

    @property
    def partner(self) -> int | None:
        """The other node, where there are two; else ``None``."""
        return self.nodes[1] if len(self.nodes) == 2 else None

    def __str__(self) -> str:
        who = (
            f"node {self.node}"
            if len(self.nodes) == 1
            else "nodes " + ", ".join(map(str, self.nodes))
        )
        it = "it" if len(self.nodes) == 1 else f"node {self.node}"
        why = {
            "both": "their kinks cancel",
            "active": f"without effect where {it} is active",
            "inactive": f"without effect where {it} is inactive",
            "split": "some readers are shut on one side of the boundary, the others on the other",
        }[self.side]
        ways = [
            _reach("down", self.backward, self.stopped_by[0]),
            _reach("up", self.forward, self.stopped_by[1]),
        ]
        if self.backward == self.forward == np.inf:
            ways = ["slides for ever"]
        return (
            f"hidden layer {self.layer}, {who}: {why}; "
            f"{', '.join(ways)}{', and turns' if self.tilts else ''}"
        )


class HiddenKinks(list[HiddenKink]):
    """Hidden kinks; ``incomplete`` says in words what was not looked at, and is empty where all
    was.
    """

    incomplete: tuple[str, ...] = ()


def _reach(way: str, length: float, gate: tuple[int, int] | None) -> str:
    if length == np.inf:
        return f"{way} for ever"
    return f"{way} by {length:.4g}" + (
        "" if gate is None else f", where node {gate[1]} of layer {gate[0]} switches"
    )


@dataclass(frozen=True)
class _Boundary:
    """Nodes on one boundary, ρ with :math:`(w_i, b_i) = ρ_i (w_1, b_1)`, and what the readers get
    from either orientation.
    """

    layer: int
    nodes: tuple[int, ...]
    factors: Float[np.ndarray, " nodes"]
    along: Float[np.ndarray, " readers"]
    against: Float[np.ndarray, " readers"]

    @classmethod
    def of(
        cls, net: DeepReLU, layer: int, nodes: tuple[int, ...], factors: Float[np.ndarray, " nodes"]
    ) -> _Boundary:
        factors = factors / factors[0]
        amounts = net.weights[layer + 1][:, list(nodes)] * np.abs(factors)
        return cls(
            layer,
            nodes,
            factors,
            amounts[:, factors > 0].sum(axis=1),
            amounts[:, factors < 0].sum(axis=1),
        )

    def direction(
        self, net: DeepReLU, taken_back: Float[np.ndarray, " readers"]
    ) -> Float[np.ndarray, " parameters"]:
        direction = np.zeros(net.parameters)
        direction[net.slices(self.layer)[1].start + np.array(self.nodes)] = self.factors
        direction[net.slices(self.layer + 1)[1]] = -taken_back
        return direction


@dataclass(frozen=True)
class _Hiding:
    """Why the kink of some nodes is hidden: β, what the next biases take back, and the gates that
    must stay as they are, where.
    """

    side: str
    taken_back: Float[np.ndarray, " readers"]
    gates: tuple[tuple[Gate, str], ...]


def hidden_polytopes(
    net: DeepReLU, domain: DomainLike, *, milp_seconds: float = 30.0, seed: int = 0
) -> HiddenKinks:
    r"""The hidden kinks of a network on a box.

    Two linear pieces of the outputs meet at an activation boundary :math:`u = 0`. Let S be nodes on
    it, :math:`(w_i, b_i) = ρ_i (w, b)`, :math:`a_i = q_i |ρ_i|` what a reader gets from each per
    unit of u, and :math:`A = \sum_S a_i` their kink. The pieces line up, and their common edge is
    redundant, when

    * :math:`A = 0`: the kinks **cancel**. What is left is the linear function :math:`α u`, with α
      the sum over the nodes along u. S slides for ever, the next biases taking back :math:`α s`;
      if α = 0, as for two nodes of equal orientation, S can also turn at will. Or
    * A has no influence where the first node is **active**: every path from there to the outputs
      is shut, or the open ones cancel, :math:`\sum_j G_j A_j = 0` over the readers that are active,
      with :math:`G_j` their gain. Or
    * A has no influence where that node is **inactive**; then the next biases change as well. Or
    * a part of A has none on one side and the rest has none on the other (**split**).

    In the last three cases sliding ends where a gate that hides the kink switches: the next edge of
    the shared polytope. That point is found by mixed-integer programming with the slide as a
    variable. In a network with one hidden layer there are no gates: a redundant vertex slides for
    ever.

    Only nodes whose boundary meets the box, and gates that are the same wherever they matter, are
    considered; so a kink that is hidden by different gates in different places is not found. Sets
    of nodes are minimal: none is hidden with fewer of its nodes.

    Args:
        net: the network.
        domain: a ``Box``, or (lower, upper), numbers or one number per input.
        milp_seconds: for all slides together; when it runs out, what was not finished is left out.
        seed: of the inputs at which gates are looked at.

    Returns:
        A list; its ``incomplete`` says what was not looked at, where more than 18 nodes share a
        boundary or time ran out.

    Raises:
        ValueError: a box that is not bounded or has no interior.

    >>> net = DeepReLU([[[1.0], [1.0], [1.0]], [[1.0, 1.0, -1.0]]], [[0.0, -0.25, -0.25], [0.0]])
    >>> print(*hidden_polytopes(net, (-1, 1)))
    hidden layer 0, nodes 1, 2: their kinks cancel; slides for ever, and turns
    """
    require_deep(net, "hidden_polytopes")
    lower, upper = as_box(domain, net.widths[0]).corners
    random = np.random.default_rng(seed)
    points = lower + (upper - lower) * random.random((2000, len(lower)))
    values = net.preactivations(points)
    read_bounds = preactivation_bounds(net, (lower, upper))
    deadline = time.monotonic() + milp_seconds
    found = HiddenKinks()
    incomplete: list[str] = []
    for layer in range(net.hidden_layers):
        groups = list(_groups(net, layer, *read_bounds.activations(layer)))
        cancelling = [
            one for group in groups for one in _cancelling(net, layer, *group, incomplete)
        ]
        found += cancelling
        if layer + 1 == net.hidden_layers:
            continue
        hidden = [set(kink.nodes) for kink in cancelling]
        for one in _candidates(net, layer, groups):
            active = values[layer][:, one.nodes[0]] > 0
            if not active.any() or active.all() or any(known <= set(one.nodes) for known in hidden):
                continue
            for hiding in _hidings(net, one, values, active):
                if time.monotonic() >= deadline:
                    continue
                kink = _slide(net, (lower, upper), one, hiding, points, deadline)
                if kink is not None:
                    found.append(kink)
                    hidden.append(set(one.nodes))
    if time.monotonic() >= deadline:
        incomplete.append(f"the {milp_seconds:g} seconds for slides ran out: some were left out")
    found.incomplete = tuple(incomplete)
    return found


def _groups(
    net: DeepReLU, layer: int, low: Float[np.ndarray, " inputs"], high: Float[np.ndarray, " inputs"]
) -> Iterator[tuple[list[int], Float[np.ndarray, " nodes"]]]:
    """Nodes that share a boundary, with their ρ; nodes that no node reads are left out.

    Two boundaries that look alike beside a large bias or a large weight need not be one where the
    inputs are, between ``low`` and ``high``: the differences are compared with the terms there.
    """
    weights, biases = net.weights[layer], net.biases[layer]
    norms = incoming_norms(weights, biases)
    reach = np.where(high > low, (high - low) / 2, 1.0)
    slopes = np.maximum(np.abs(weights) @ reach, 1e-300)
    seen = np.column_stack([weights * reach, biases + weights @ ((low + high) / 2)])
    seen /= slopes[:, None]
    terms = (np.abs(weights) @ np.maximum(np.abs(low), np.abs(high)) + np.abs(biases)) / slopes
    for same, opposite in parallel_groups(weights, biases, SAME):
        sign = {**dict.fromkeys(same, 1.0), **dict.fromkeys(opposite, -1.0)}
        left = sorted(i for i in sign if np.any(net.weights[layer + 1][:, i]))
        while left:
            first = left[0]
            apart = {i: np.abs(sign[i] * seen[i] - sign[first] * seen[first]).sum() for i in left}
            nodes = [i for i in left if apart[i] <= SAME * (terms[i] + terms[first])]
            left = [i for i in left if i not in nodes]
            if len(nodes) > 1 and np.any(weights[first]):
                yield nodes, np.array([sign[i] * norms[i] for i in nodes])


def _cancelling(
    net: DeepReLU,
    layer: int,
    nodes: list[int],
    factors: Float[np.ndarray, " nodes"],
    incomplete: list[str],
) -> Iterator[HiddenKink]:
    sets, complete = nearly_zero_sums((net.weights[layer + 1][:, nodes] * np.abs(factors)).T, SAME)
    if not complete:
        incomplete.append(
            f"hidden layer {layer}: {len(nodes)} nodes are on one boundary; of more than "
            f"{MOST_SUMMED}, only sets of up to {LARGEST_SET} were looked at"
        )
    for chosen in sets:
        one = _Boundary.of(net, layer, tuple(nodes[i] for i in chosen), factors[list(chosen)])
        sizes = np.abs(net.weights[layer + 1][:, list(one.nodes)] * np.abs(one.factors)).sum(axis=1)
        back = np.where(np.abs(one.along) > SAME * sizes, one.along, 0.0)
        yield HiddenKink(
            layer,
            one.nodes,
            "both",
            one.direction(net, back),
            not np.any(back),
            np.inf,
            np.inf,
            (None, None),
            (False, False),
        )


def _candidates(
    net: DeepReLU, layer: int, groups: list[tuple[list[int], np.ndarray]]
) -> Iterator[_Boundary]:
    """Single nodes, and subsets of nodes on one boundary, small ones first."""
    for node in range(len(net.weights[layer])):
        if np.any(net.weights[layer + 1][:, node]):
            yield _Boundary.of(net, layer, (node,), np.ones(1))
    for nodes, factors in groups:
        sizes = range(2, len(nodes) + 1) if len(nodes) <= MOST_TOGETHER else (2, len(nodes))
        for size in sizes:
            for chosen in combinations(range(len(nodes)), size):
                yield _Boundary.of(
                    net, layer, tuple(nodes[i] for i in chosen), factors[list(chosen)]
                )


def _hidings(
    net: DeepReLU, one: _Boundary, values: list[np.ndarray], active: np.ndarray
) -> Iterator[_Hiding]:
    kink = one.along + one.against
    size = (np.abs(net.weights[one.layer + 1][:, list(one.nodes)]) * np.abs(one.factors)).sum(
        axis=1
    )
    above = {
        "active": [value[active] > 0 for value in values],
        "inactive": [value[~active] > 0 for value in values],
    }
    found = False
    for side, back in (("active", -one.against), ("inactive", one.along)):
        gates = gates_that_hide(net, one.layer, kink, size, above[side])
        if gates is not None:
            found = True
            yield _Hiding(side, back, tuple((gate, side) for gate in gates))
    if found:
        return
    # What is shut where the node is inactive is left to that side, the rest must be hidden where it
    # is active.
    shut = ~above["inactive"][one.layer + 1].any(axis=0) & (kink != 0)
    rest = gates_that_hide(net, one.layer, np.where(shut, 0.0, kink), size, above["active"])
    if rest is not None and shut.any():
        closed = [
            (Gate(one.layer + 1, int(reader), False), "inactive") for reader in np.flatnonzero(shut)
        ]
        yield _Hiding(
            "split",
            np.where(shut, one.along, -one.against),
            (*closed, *((gate, "active") for gate in rest)),
        )


def _slide(
    net: DeepReLU,
    box: tuple[np.ndarray, np.ndarray],
    one: _Boundary,
    hiding: _Hiding,
    points: np.ndarray,
    deadline: float,
) -> HiddenKink | None:
    bounds = preactivation_bounds(net, box)
    layer, node, side = one.layer, one.nodes[0], hiding.side
    to_inactive, to_active = float(bounds.upper[layer][node]), float(-bounds.lower[layer][node])
    reach, stops, ends = [], [], []
    direction = one.direction(net, hiding.taken_back)
    for sense, length in ((-1.0, to_inactive), (1.0, to_active)):
        first = _first_switch(net, box, one, hiding, sense, length, deadline)
        if first is None:
            return None
        distance, gate, where = first
        # Once the side on which the node is free has left the box, or fills none of it, nothing can
        # change any more.
        leaves = side != "split" and (side == "active") == (sense < 0)
        reach.append(np.inf if gate is None and leaves else distance)
        stops.append(gate)
        beyond = net.with_vector(
            net.vector() + sense * (distance + 0.05 * max(distance, 0.1 * length)) * direction
        )
        at = points if where is None else np.concatenate([points, where[None]])
        changed = (
            np.abs(beyond(at) - net(at))
            > evaluation_error(beyond, at)[-1] + evaluation_error(net, at)[-1]
        )
        ends.append(bool(np.any(changed)))
    if max(reach) <= 0:
        return None
    tilts = not np.any(hiding.taken_back) and min(reach) > 0
    return HiddenKink(
        layer,
        one.nodes,
        side,
        direction,
        tilts,
        reach[0],
        reach[1],
        (stops[0], stops[1]),
        (ends[0], ends[1]),
    )


def _first_switch(
    net: DeepReLU,
    box: tuple[np.ndarray, np.ndarray],
    one: _Boundary,
    hiding: _Hiding,
    sense: float,
    length: float,
    deadline: float,
) -> tuple[float, tuple[int, int] | None, np.ndarray | None] | None:
    """The smallest slide up to ``length`` at which a gate switches where it matters, that gate and
    the input; ``None`` if time ran out.
    """
    layer, node = one.layer, one.nodes[0]
    sliding = sliding_network(net, layer, one.nodes, one.factors, hiding.taken_back, sense)
    wide = np.append(box[0], 0.0), np.append(box[1], length)
    units = balance(sliding, preactivation_bounds(sliding, wide))
    nearest, stop, where = length, None, None
    for gate, side in hiding.gates:
        encoding = encode(units.net, units.bounds, gate.layer)
        # The place matters: the node is on its free side. The gate has switched: its pre-activation
        # has the other sign.
        free = (
            units.net.weights[layer][node] @ encoding.reads[layer],
            -float(units.net.biases[layer][node]),
        )
        switched = (
            units.net.weights[gate.layer][gate.node] @ encoding.reads[gate.layer],
            -float(units.net.biases[gate.layer][gate.node]),
        )
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
            constraints=[conditions]
            if encoding.constraints is None
            else [encoding.constraints, conditions],
            bounds=encoding.variables,
            integrality=encoding.integrality,
            options={**SOLVER_OPTIONS, "time_limit": left},
        )
        if result.status == 2:
            continue
        if result.status != 0:
            return None
        smallest = min(float(result.fun), float(result.mip_dual_bound)) * float(
            units.input_scale[-1]
        )
        if smallest < nearest:
            nearest, stop = smallest, (gate.layer, gate.node)
            where = np.clip((result.x[: len(wide[0])] * units.input_scale)[:-1], *box)
    return max(nearest - SAFETY * length, 0.0), stop, where
