r"""Directions in which nodes that cancel on one boundary can leave it together, the function
staying as it is.

A set S of nodes on one hyperplane :math:`u = 0` whose amounts :math:`a_i = q_i|ρ_i|` add up to zero
has no kink: what is left of it is the linear function :math:`α_S u` with :math:`α_S = \sum_{S,
\text{along}} a_i`. So S can move to any other hyperplane :math:`u + tη` as long as something takes
back the slope :math:`t α_S η^T`; the output bias takes back constants.

- :math:`α_S = 0`, as for two nodes of equal orientation: S is free to go anywhere.
- :math:`α_S ≠ 0`: S slides parallel to itself; it turns where other sets that cancel, opposite
  nodes on some boundary or nodes that are always active carry the slope.

Nodes that leave a boundary at different speeds fall into sets that each add up to zero in the
limit. So, up to the sums of directions, there is no other way: what else is null on a boundary is
null to first order only. Several linear sets can balance each other's slope if they are on
different boundaries, or disjoint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, islice, product

import numpy as np
from jaxtyping import Float

from singlearn.numbers.rational import Vector
from singlearn.symmetry.fibre.zero_sums import zero_sums
from singlearn.symmetry.two_layer.kink_form import boundary
from singlearn.symmetry.two_layer.network import TwoLayerReLU
from singlearn.symmetry.two_layer.parameters import ParameterLayout
from singlearn.symmetry.two_layer.roles import Roles

MOST_FAMILIES = 64
"""Choices of disjoint sets that are tried one by one for slopes that balance each other."""

MOST_PAIRED = 64
"""Sets that are tried in pairs."""

NEGLIGIBLE = 1e-9


@dataclass(frozen=True)
class CancellingSet:
    """Nodes on one boundary whose kinks cancel, none of which cancels with fewer.

    Attributes:
        nodes: their numbers.
        factors: ρ of each, with ``(w, b) = ρ (normal, offset)``, and 1 or -1 for the first.
        slope: α, per unit of the same normal; zero if what is left of them is nothing.
    """

    nodes: tuple[int, ...]
    factors: Vector
    slope: Vector


@dataclass(frozen=True)
class Slide:
    """One direction; ``nodes`` leave their boundary, others balance the slope."""

    nodes: tuple[int, ...]
    direction: Float[np.ndarray, " parameters"]


@dataclass(frozen=True)
class _Move:
    """A direction that changes the function by a linear one, its constant taken back by c: the
    slope, M rows of N numbers as one vector.
    """

    direction: Float[np.ndarray, " parameters"]
    slope: Float[np.ndarray, " entries"]


def cancelling_sets(
    net: TwoLayerReLU, own: Roles, on_domain: bool
) -> tuple[list[list[CancellingSet]], bool]:
    """For every boundary the minimal sets of nodes that cancel, nodes with q = 0 among them, and
    whether these are all.

    On all of R^N the nodes with w = 0, b ≠ 0 share one boundary as well, the one at infinity.

    Args:
        net: the network.
        own: what its nodes do.
        on_domain: whether that was found on a bounded domain.
    """
    groups: list[dict[int, Fraction]] = [
        {i: boundary(net.nodes[i])[1] for same in members.values() for i, _ in same}
        for members in own.sides.values()
    ]
    if not on_domain:
        groups.append({i: node.b for i, node in enumerate(net.nodes) if not any(node.w) and node.b})
    found, complete = [], True
    for group in groups:
        nodes = list(group)
        amounts = [tuple(q * abs(group[i]) for q in net.nodes[i].q) for i in nodes]
        if len(nodes) < 2 and all(map(any, amounts)):
            continue
        sets, all_of_them = zero_sums(amounts)
        complete = complete and all_of_them
        here = []
        for chosen in sets:
            along = [amounts[position] for position in chosen if group[nodes[position]] > 0]
            slope = (
                tuple(sum(entries, Fraction(0)) for entries in zip(*along, strict=True))
                if along
                else (Fraction(0),) * net.outputs
            )
            members = tuple(nodes[position] for position in chosen)
            # The integer normal of floats is huge: the first node's own (w, b) is the better unit.
            size = abs(group[members[0]])
            factors = tuple(group[i] / size for i in members)
            here.append(CancellingSet(members, factors, tuple(v / size for v in slope)))
        if here:
            found.append(here)
    return found, complete


def slides(net: TwoLayerReLU, own: Roles, on_domain: bool) -> tuple[list[Slide], list[Slide], bool]:
    """The slides of cancelling sets; other exchanges of slope, between opposite nodes and always
    active ones; whether these are all.

    Args:
        net: the network.
        own: what its nodes do.
        on_domain: whether that was found on a bounded domain, where nodes that are always active
            can carry slopes.
    """
    layout = ParameterLayout.of(net)
    by_boundary, complete = cancelling_sets(net, own, on_domain)
    if not by_boundary and not any(members[1] and members[-1] for members in own.sides.values()):
        return [], [], complete
    carriers = _carriers(net, layout, own, on_domain)
    found: list[Slide] = []
    linear: list[list[CancellingSet]] = []
    for here in by_boundary:
        for one in here:
            found.append(Slide(one.nodes, _shift(layout, one)))
            if not any(one.slope):
                found += [
                    Slide(one.nodes, _tilt(layout, one, axis).direction)
                    for axis in range(layout.inputs)
                ]
        linear.append([one for one in here if any(one.slope)])
    linear = [here for here in linear if here]
    basis = _span(carriers, layout)
    families, all_families = _chosen(linear, layout, len(basis))
    complete = complete and all_families
    for family in families:
        tilts = [_tilt(layout, one, axis) for one in family for axis in range(layout.inputs)]
        nodes = tuple(sorted({i for one in family for i in one.nodes}))
        found += [Slide(nodes, direction) for direction in _balanced(tilts, carriers, basis)]
    return found, _exchanges(layout, own, carriers) if on_domain and own.bypassed else [], complete


def _chosen(
    linear: Sequence[Sequence[CancellingSet]], layout: ParameterLayout, rank: int
) -> tuple[list[tuple[CancellingSet, ...]], bool]:
    """Families of disjoint sets whose balanced tilts span all balanced tilts, and whether they do.

    Where the carriers take every slope, single sets do. With one output two sets balance each other
    or not at all, so that pairs do. Otherwise the largest families do.
    """
    sets = [one for here in linear for one in here]
    if rank == layout.outputs * layout.inputs or len(sets) < 2:
        return [(one,) for one in sets], True
    if layout.outputs == 1 and len(sets) <= MOST_PAIRED:
        pairs = [(a, b) for a, b in combinations(sets, 2) if set(a.nodes).isdisjoint(b.nodes)]
        return [*((one,) for one in sets), *pairs], True
    families = list(islice(_families(linear), MOST_FAMILIES + 1))
    return families[:MOST_FAMILIES], len(families) <= MOST_FAMILIES


def _families(linear: Sequence[Sequence[CancellingSet]]) -> Iterator[tuple[CancellingSet, ...]]:
    """Choices of disjoint sets that no further set could join, on every boundary at the same
    time.
    """
    if not linear:
        return
    for choice in product(*(_disjoint(here, 0, ()) for here in linear)):
        yield tuple(one for chosen in choice for one in chosen)


def _disjoint(
    sets: Sequence[CancellingSet], start: int, chosen: tuple[CancellingSet, ...]
) -> list[tuple[CancellingSet, ...]]:
    taken = {i for one in chosen for i in one.nodes}
    if all(not taken.isdisjoint(one.nodes) for one in sets):
        return [chosen]
    result: list[tuple[CancellingSet, ...]] = []
    for position in range(start, len(sets)):
        if taken.isdisjoint(sets[position].nodes):
            result += _disjoint(sets, position + 1, (*chosen, sets[position]))
            if len(result) > MOST_FAMILIES:
                break
    return result


def _shift(layout: ParameterLayout, one: CancellingSet) -> Float[np.ndarray, " parameters"]:
    direction = np.zeros(layout.size)
    for i, factor in zip(one.nodes, one.factors, strict=True):
        direction[layout.b(i)] = float(factor)
    direction[layout.c] = [-float(v) for v in one.slope]
    return direction


def _tilt(layout: ParameterLayout, one: CancellingSet, axis: int) -> _Move:
    direction, slope = np.zeros(layout.size), np.zeros((layout.outputs, layout.inputs))
    for i, factor in zip(one.nodes, one.factors, strict=True):
        direction[layout.w(i).start + axis] = float(factor)
    slope[:, axis] = [float(v) for v in one.slope]
    return _Move(direction, slope.ravel())


def _carriers(
    net: TwoLayerReLU, layout: ParameterLayout, own: Roles, on_domain: bool
) -> list[_Move]:
    """What can take a slope: amounts of opposite nodes that turn round, and on a domain all that
    always active nodes do.
    """
    w, b, q, _ = net.arrays()
    moves = []
    for members in own.sides.values():
        if not (members[1] and members[-1]):
            continue
        (up, high), (down, low) = members[1][0], members[-1][0]
        for output in range(layout.outputs):
            direction, slope = np.zeros(layout.size), np.zeros((layout.outputs, layout.inputs))
            direction[layout.q(up).start + output * layout.width] = 1.0
            direction[layout.q(down).start + output * layout.width] = -high / low
            direction[layout.c.start + output] = -b[up]
            slope[output] = w[up]
            moves.append(_Move(direction, slope.ravel()))
    for i in own.bypassed if on_domain else ():
        for axis in range(layout.inputs):
            direction, slope = np.zeros(layout.size), np.zeros((layout.outputs, layout.inputs))
            direction[layout.w(i).start + axis] = 1.0
            slope[:, axis] = q[:, i]
            moves.append(_Move(direction, slope.ravel()))
        for output in range(layout.outputs):
            direction, slope = np.zeros(layout.size), np.zeros((layout.outputs, layout.inputs))
            direction[layout.q(i).start + output * layout.width] = 1.0
            direction[layout.c.start + output] = -b[i]
            slope[output] = w[i]
            moves.append(_Move(direction, slope.ravel()))
    return moves


def _span(moves: Sequence[_Move], layout: ParameterLayout) -> Float[np.ndarray, "rank entries"]:
    """An orthonormal basis of the slopes that the moves can make."""
    slopes = [move.slope / np.linalg.norm(move.slope) for move in moves if np.any(move.slope)]
    if not slopes:
        return np.zeros((0, layout.outputs * layout.inputs))
    _, singular, right = np.linalg.svd(np.array(slopes), full_matrices=False)
    found: Float[np.ndarray, "rank entries"] = right[singular > NEGLIGIBLE * singular[0]]
    return found


def _balanced(
    tilts: Sequence[_Move], carriers: Sequence[_Move], basis: Float[np.ndarray, "rank entries"]
) -> list[np.ndarray]:
    """Combinations of tilts whose slope the carriers take back, each with what the carriers do."""
    tilts, carriers = [_per_slope(move) for move in tilts], [_per_slope(move) for move in carriers]
    slopes = np.array([tilt.slope for tilt in tilts])
    rest = slopes - slopes @ basis.T @ basis
    _, singular, right = np.linalg.svd(rest.T, full_matrices=True)
    rank = int(np.sum(singular > NEGLIGIBLE * np.linalg.norm(slopes)))
    result = []
    for combination in right[rank:]:
        direction = combination @ np.array([tilt.direction for tilt in tilts])
        if carriers:
            owed = combination @ slopes
            paid, *_ = np.linalg.lstsq(
                np.array([move.slope for move in carriers]).T, -owed, rcond=NEGLIGIBLE
            )
            direction = direction + paid @ np.array([move.direction for move in carriers])
        result.append(direction / np.max(np.abs(direction)))
    return result


def _per_slope(move: _Move) -> _Move:
    """The same move in such units that its slope has length one, if it has any."""
    size = float(np.linalg.norm(move.slope))
    return _Move(move.direction / size, move.slope / size) if size else move


def _exchanges(layout: ParameterLayout, own: Roles, carriers: Sequence[_Move]) -> list[Slide]:
    """Amounts of opposite nodes turn round, and always active nodes take the slope."""
    both = [members for members in own.sides.values() if members[1] and members[-1]]
    turns, active = carriers[: len(both) * layout.outputs], carriers[len(both) * layout.outputs :]
    if not turns:
        return []
    nodes = tuple(
        sorted({*own.bypassed, *(members[sign][0][0] for members in both for sign in (1, -1))})
    )
    return [
        Slide(nodes, direction) for direction in _balanced(turns, active, _span(active, layout))
    ]
