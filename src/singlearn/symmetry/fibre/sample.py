"""Random parameters of one component, in exact rationals."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from singlearn.numbers.rational import Vector
from singlearn.symmetry.fibre.balance import Pattern, SlopeBalance
from singlearn.symmetry.fibre.components import Classification, Component, ComponentKind
from singlearn.symmetry.fibre.strata import NodeStratum, Pair, arrangement
from singlearn.symmetry.two_layer.kink_form import KinkForm, boundary, kink_form
from singlearn.symmetry.two_layer.network import Node, TwoLayerReLU

ZERO = Fraction(0)


def random_stratum(parts: Classification, index: int, rng: Random) -> NodeStratum:
    """A stratum of one component: the nodes beyond one per kink are spread at random, as far as the
    slope can be balanced.

    Args:
        parts: the classification.
        index: of the component in it.
        rng: source of randomness.
    """
    component = parts.components[index]
    if component.kind is not ComponentKind.FREE:
        pair = Pair.LINEAR if component.kind is ComponentKind.LINEAR_PAIR else Pair.NONE
        return _single(parts.balance, component.patterns[0], pair, 0)
    for _ in range(200):
        start = _random_pattern(parts, component, rng)
        sides = [[int(sign > 0) for sign in start], [int(sign < 0) for sign in start]]
        pair = rng.choice(list(Pair)) if parts.excess >= 2 else Pair.NONE
        degenerate = [0, 0]
        for _ in range(parts.excess - (0 if pair is Pair.NONE else 2)):
            place = rng.choice([degenerate, sides] if start else [degenerate])
            if place is degenerate:
                degenerate[rng.randrange(2)] += 1
            else:
                sides[rng.randrange(2)][rng.randrange(len(start))] += 1
        found = arrangement(parts.balance, tuple(sides[0]), tuple(sides[1]), pair, *degenerate)
        if found is not None and parts.index_of(found.pattern) == index:
            return found
    start = component.patterns[0] if component.patterns else _random_pattern(parts, component, rng)
    if any(parts.balance.residual(start)):
        return _single(parts.balance, start, Pair.LINEAR, parts.excess - 2)
    return _single(parts.balance, start, Pair.NONE, parts.excess)


def _single(balance: SlopeBalance, pattern: Pattern, pair: Pair, idle: int) -> NodeStratum:
    """One node per kink and orientation, ``idle`` nodes with q = 0."""
    found = arrangement(
        balance,
        tuple(int(s >= 0) for s in pattern),
        tuple(int(s <= 0) for s in pattern),
        pair,
        idle,
        0,
    )
    assert found is not None
    return found


def _random_pattern(parts: Classification, component: Component, rng: Random) -> Pattern:
    if component.takes_every_pattern:
        return tuple(rng.choice((1, -1)) for _ in parts.balance.planes)
    return rng.choice(component.patterns)


def random_parameter(
    net: TwoLayerReLU, form: KinkForm, stratum: NodeStratum, rng: Random
) -> TwoLayerReLU:
    """A parameter of a stratum: amounts, scales, free hyperplanes and the numbering of the nodes
    drawn at random.

    Args:
        net: any network of the function, for its number of inputs and outputs.
        form: the kink form of the function.
        stratum: the arrangement.
        rng: source of randomness.
    """
    balance = SlopeBalance.of(form)
    slopes = _split_slopes(balance, stratum, rng)
    nodes = []
    for k, (plane, total, along, against) in enumerate(
        zip(balance.planes, balance.totals, stratum.along, stratum.against, strict=True)
    ):
        share = slopes[k] if along and against else total / 2 if along else -total / 2
        for sign, count in ((1, along), (-1, against)):
            for amount in split(total / 2 + sign * share, count, rng):
                nodes.append(
                    Node(
                        tuple(Fraction(sign * n) for n in plane.normal),
                        Fraction(sign * plane.offset),
                        (amount,),
                    )
                )
    nodes += _pair(balance, form, stratum.pair, _remaining(balance, stratum, slopes), rng)
    nodes = [node.scaled(Fraction(rng.randint(1, 12), rng.randint(1, 4))) for node in nodes]
    inputs = len(balance.slope)
    nodes += [
        Node(direction(inputs, rng), number(rng), (ZERO,)) for _ in range(stratum.outgoing_zero)
    ]
    nodes += [
        Node((ZERO,) * inputs, number(rng), (number(rng),)) for _ in range(stratum.incoming_zero)
    ]
    rng.shuffle(nodes)
    moved = net.replaced(nodes, (ZERO,))
    result = moved.replaced(nodes, (form.constant[0] - kink_form(moved).constant[0],))
    assert kink_form(result) == form
    return result


def _split_slopes(balance: SlopeBalance, stratum: NodeStratum, rng: Random) -> dict[int, Fraction]:
    """Random v_k on the kinks with both orientations, none that leaves a single node without
    amount.
    """
    both = [k for k, sign in enumerate(stratum.pattern) if not sign]
    splits = balance.splits(stratum.pattern) if stratum.pair is not Pair.LINEAR else None
    while True:
        if splits is None:
            values = [number(rng) for _ in both]
        else:
            values = list(splits.particular)
            for direction in splits.directions:
                step = number(rng)
                values = [v + step * d for v, d in zip(values, direction, strict=True)]
        slopes = dict(zip(both, values, strict=True))
        has_amounts = all(
            not (stratum.along[k] == 1 and v == -balance.totals[k] / 2)
            and not (stratum.against[k] == 1 and v == balance.totals[k] / 2)
            for k, v in slopes.items()
        )
        if has_amounts and (
            stratum.pair is not Pair.LINEAR or any(_remaining(balance, stratum, slopes))
        ):
            return slopes


def _remaining(balance: SlopeBalance, stratum: NodeStratum, slopes: dict[int, Fraction]) -> Vector:
    """V, the slope that is left for a linear pair."""
    rest = list(balance.residual(stratum.pattern))
    for k, v in slopes.items():
        rest = [r - v * n for r, n in zip(rest, balance.normals[k], strict=True)]
    return tuple(rest)


def _pair(
    balance: SlopeBalance, form: KinkForm, pair: Pair, slope: Vector, rng: Random
) -> list[Node]:
    """Two nodes on a random hyperplane without kink."""
    if pair is Pair.NONE:
        return []
    while True:
        w = slope if pair is Pair.LINEAR else direction(len(slope), rng)
        b = number(rng)
        amount = Fraction(1) if pair is Pair.LINEAR else number(rng)
        node = Node(w, b, (amount,))
        if boundary(node)[0] not in form.kinks:
            opposite = (
                Node(tuple(-v for v in w), -b, (-amount,))
                if pair is Pair.LINEAR
                else Node(w, b, (-amount,))
            )
            return [node, opposite]


def split(total: Fraction, count: int, rng: Random) -> list[Fraction]:
    """Non-zero numbers with a given sum."""
    while count:
        parts = [number(rng) for _ in range(count - 1)]
        last = total - sum(parts, ZERO)
        if last:
            return [*parts, last]
    return []


def number(rng: Random) -> Fraction:
    """A short fraction, not zero."""
    return Fraction(rng.choice((-1, 1)) * rng.randint(1, 12), rng.randint(1, 4))


def direction(inputs: int, rng: Random) -> Vector:
    """Short fractions, not all zero."""
    while True:
        values = tuple(Fraction(rng.randint(-6, 6), rng.randint(1, 3)) for _ in range(inputs))
        if any(values):
            return values
