"""Paths between two parameters of one component: both are brought to the same arrangement of
nodes.
"""

from __future__ import annotations

from collections import deque
from fractions import Fraction

from singlearn.symmetry.fibre.balance import Pattern, parallel
from singlearn.symmetry.fibre.components import Classification, Component, ComponentKind
from singlearn.symmetry.fibre.segments import FibrePath, simplified
from singlearn.symmetry.fibre.walk import PAIR, ZERO, Seat, Walk, oriented
from singlearn.symmetry.two_layer.kink_form import KinkForm
from singlearn.symmetry.two_layer.network import TwoLayerReLU


def connect(
    a: TwoLayerReLU, b: TwoLayerReLU, form: KinkForm, parts: Classification, component: Component
) -> FibrePath:
    """A path between two parameters that lie in the same connected component.

    Args:
        a, b: parameters of ``component``, with the same numbering of nodes if it is not FREE.
        form: their kink form.
        parts: the classification ``component`` belongs to.
        component: where both lie.
    """
    first, last = Walk(a, form), Walk(b, form)
    if component.kind is ComponentKind.FREE and parts.excess == 2:
        _to_pattern(last, parts, None)
        target = _nearest_balanced(last.pattern, parts)
        _reverse_along(last, parts, target)
        _to_pattern(first, parts, target)
        _reverse_along(first, parts, target)
        if last.has_pair:
            kink = next(k for k, _ in parts.reversals(target))
            dock(last, kink)
            dock(first, kink)
    elif component.kind is ComponentKind.FREE and parts.excess >= 3:
        _to_single(last, None)
        _to_single(first, last.pattern)
        for k, sign in enumerate(last.pattern):
            if first.pattern[k] != sign:
                turn(first, k)
        for walk in (first, last):
            if walk.has_pair and not any(walk.balance.residual(walk.pattern)):
                walk.close_pair()
    first.exchange(last.seats)
    first.finish(last)
    return FibrePath(form, a, b, simplified([*first.knots, *reversed(last.knots[:-1])]))


def dock(walk: Walk, k: int) -> None:
    """The linear pair, its slope parallel to n_k, lies down on kink k: then the kink has two
    opposite nodes and one node is idle.

    Without a linear pair, an idle node takes the seat against the kink's orientation, with amount
    zero.
    """
    sign = walk.pattern[k]
    if not walk.has_pair:
        walk.sit(walk.idle[0], (k, -sign))
        return
    plane, total = walk.balance.planes[k], walk.balance.totals[k]
    slope = walk.net.nodes[walk.seats[PAIR, 1]].w
    lead = next(i for i, n in enumerate(plane.normal) if n)
    size = slope[lead] / plane.normal[lead]
    walk.move(walk.pair_nodes(slope, size * plane.offset))
    along = 1 if size > 0 else -1
    positive, negative = walk.seats.pop((PAIR, 1)), walk.seats.pop((PAIR, -1))
    same, other, amount = (
        (positive, negative, abs(size)) if along == sign else (negative, positive, -abs(size))
    )
    walk.move({i: walk.net.nodes[i].scaled(1 / abs(size)) for i in (same, other)})
    walk.move(
        {
            same: oriented(plane, sign, ZERO),
            walk.seats[k, sign]: oriented(plane, sign, total + amount),
        }
    )
    walk.idle.append(same)
    walk.seats[k, -sign] = other


def release(walk: Walk, k: int, sign: int) -> None:
    """One of two opposite nodes on kink k keeps the whole kink, the other leaves it with an idle
    node as a linear pair.
    """
    surplus = walk.amount((k, sign)) - walk.balance.totals[k]
    if not surplus:
        walk.stand_up((k, -sign))
        return
    plane = walk.balance.planes[k]
    helper, other = walk.idle.pop(0), walk.seats.pop((k, -sign))
    walk.move({helper: oriented(plane, sign, ZERO)})
    walk.move(
        {
            helper: oriented(plane, sign, surplus),
            walk.seats[k, sign]: oriented(plane, sign, walk.balance.totals[k]),
        }
    )
    walk.seats[PAIR, 1], walk.seats[PAIR, -1] = (helper, other) if surplus > 0 else (other, helper)
    walk.move({i: walk.net.nodes[i].scaled(abs(surplus)) for i in (helper, other)})


def slide(walk: Walk) -> None:
    """Opposite nodes on kinks with dependent normals exchange slope until one of them has amount
    zero.
    """
    both = walk.shared
    splits = walk.balance.splits(walk.pattern)
    assert splits is not None and splits.directions
    direction = splits.directions[0]
    now = [walk.amount((k, 1)) - walk.balance.totals[k] / 2 for k in both]
    steps = [
        (end * walk.balance.totals[k] / 2 - v) / d
        for k, v, d in zip(both, now, direction, strict=True)
        if d
        for end in (1, -1)
    ]
    step = min(steps, key=abs)
    amounts: dict[Seat, Fraction] = {}
    for k, v, d in zip(both, now, direction, strict=True):
        half = walk.balance.totals[k] / 2
        amounts |= {(k, 1): half + v + step * d, (k, -1): half - v - step * d}
    walk.set_amounts(amounts)
    for seat, amount in amounts.items():
        if not amount:
            walk.stand_up(seat)


def turn(walk: Walk, k: int) -> None:
    """Reverse kink k with an idle node, the linear pair balancing the slope."""
    if not walk.has_pair:
        walk.open_pair()
    sign = walk.pattern[k]
    walk.sit(walk.idle[0], (k, -sign))
    _hand_over(walk, k, -sign)


def _hand_over(walk: Walk, k: int, sign: int) -> None:
    """The node with orientation ``sign`` takes all of kink k, the linear pair balancing the
    slope.
    """
    moved = walk.amount((k, -sign))  # v_k changes by sign * moved
    pair = walk.net.nodes[walk.seats[PAIR, 1]]
    slope = tuple(
        v - sign * moved * n for v, n in zip(pair.w, walk.balance.planes[k].normal, strict=True)
    )
    walk.set_amounts(
        {(k, sign): walk.balance.totals[k], (k, -sign): Fraction(0)}, walk.pair_nodes(slope, pair.b)
    )
    walk.stand_up((k, -sign))


def _to_pattern(walk: Walk, parts: Classification, target: Pattern | None) -> None:
    """Excess 2: until every kink has one orientation."""
    while walk.shared:
        if not walk.idle:
            slide(walk)
        else:
            k = walk.shared[0]
            release(walk, k, target[k] if target else 1)


def _to_single(walk: Walk, target: Pattern | None) -> None:
    """Excess 3 or more: until every kink has one orientation."""
    while walk.shared:
        k = walk.shared[0]
        sign = target[k] if target else 1
        if walk.has_pair:
            _hand_over(walk, k, sign)
        elif len(walk.idle) >= 2:
            walk.open_pair()
        elif walk.idle:
            release(walk, k, sign)
        else:
            slide(walk)


def _nearest_balanced(start: Pattern, parts: Classification) -> Pattern:
    """The pattern with R_s = 0 that takes fewest reversals, or the start if its class has none."""
    return next((s for s in _ancestors(start, parts) if not any(parts.balance.residual(s))), start)


def _reverse_along(walk: Walk, parts: Classification, target: Pattern) -> None:
    """Excess 2: reverse one kink after another by laying the linear pair on it."""
    ancestors = _ancestors(target, parts)
    while walk.pattern != target:
        after = ancestors[walk.pattern]
        assert after is not None
        k = next(i for i, (x, y) in enumerate(zip(walk.pattern, after, strict=True)) if x != y)
        assert parallel(walk.balance.residual(walk.pattern), walk.balance.normals[k])
        dock(walk, k)
        release(walk, k, after[k])


def _ancestors(start: Pattern, parts: Classification) -> dict[Pattern, Pattern | None]:
    """Breadth first: every pattern of the class, nearest first, with its neighbour on a shortest
    way to ``start``.
    """
    found: dict[Pattern, Pattern | None] = {start: None}
    queue = deque([start])
    while queue:
        pattern = queue.popleft()
        for _, other in parts.reversals(pattern):
            if other not in found:
                found[other] = pattern
                queue.append(other)
    return found
