r"""How few units a network near a given one has: an upper bound of the proximate rank, with the
network that shows it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from singlearn.numbers.rational import Number, Vector, rational
from singlearn.results.result import Answer
from singlearn.symmetry.smooth.form import smooth_form
from singlearn.symmetry.smooth.network import TwoLayerSmooth, require_smooth
from singlearn.symmetry.two_layer.kink_form import short
from singlearn.symmetry.two_layer.network import Node

Cluster = list[int]


@dataclass(frozen=True)
class ProximateRank(Answer):
    """An upper bound of the proximate rank.

    Attributes:
        bound: the number of units of ``nearest``.
        rank: the number of units of the network itself.
        eps: how far every parameter may move.
        nearest: a network whose parameters are all within ``eps``, exact.
        distance: the largest move that it makes.
    """

    bound: int
    rank: int
    eps: Fraction
    nearest: TwoLayerSmooth
    distance: Fraction

    def __int__(self) -> int:
        return self.bound

    def __str__(self) -> str:
        return (
            f"rank {self.rank}, at most {self.bound} within {short(self.eps)} of the parameters "
            f"(largest move {short(self.distance)})"
        )


def proximate_rank(net: TwoLayerSmooth, eps: Number) -> ProximateRank:
    r"""An upper bound of the least rank among all networks whose parameters differ by at most ε,
    each, from these.

    The rank of a tanh network is its number of units, the minimal width of its function. Whether
    one of rank at most r is within ε is NP-complete [farrugiaroberts2023computational]_; that paper
    bounds the proximate rank by putting w within ε of zero to zero, merging greedily what lies
    within ε of one node, up to its sign, and dropping a group of k nodes whose outgoing weights add
    up to at most kε. Here every comparison is exact, so nodes at exactly ε count; a second
    partition, in which the members of a group need only have a common point within ε of all of them
    (boxes meet when they do in pairs, so 2ε from each other), is tried beside it; and the network
    that reaches the bound is built and checked. The function may change by more than ε.

    Args:
        net: a network of tanh, sigmoid or erf.
        eps: ε ≥ 0, in units of the parameters.

    Returns:
        The bound, the network that reaches it, and how far that is in the largest parameter.

    Raises:
        ValueError: SiLU or GELU, where the rank is not the number of units; or a negative ε.

    >>> net = TwoLayerSmooth("tanh", [[1], [-1.25], [0.125]], [0, 0, 1], [1, 2, 1], 0)
    >>> print(proximate_rank(net, 0.125))
    rank 3, at most 1 within 1/8 of the parameters (largest move 1/8)
    """
    require_smooth(net, "proximate_rank")
    if net.activation.is_even:
        raise ValueError(
            f"net: its activation is {net.activation}; the proximate rank is defined for tanh, "
            f"sigmoid and erf here"
        )
    allowed = rational(eps, "eps")
    if allowed < 0:
        raise ValueError(f"eps: got {eps}; it should be at least 0")
    kept = [i for i, node in enumerate(net.nodes) if max(abs(v) for v in node.w) > allowed]
    scale = math.lcm(
        allowed.denominator,
        *(v.denominator for i in kept for v in (*net.nodes[i].w, net.nodes[i].b)),
    )
    points = {i: _point(net.nodes[i], scale) for i in kept}
    reach = int(allowed * scale)
    tried = [
        _built(net, kept, partition(kept, points, reach), scale, allowed)
        for partition in (_by_first, _by_boxes)
    ]
    ranks = [len(smooth_form(one).units) for one in tried]
    best = ranks.index(min(ranks))
    distance = max(
        (_move(a, b) for a, b in zip(net.nodes, tried[best].nodes, strict=True)),
        default=Fraction(0),
    )
    if distance > allowed:
        raise AssertionError("the network found lies further away than allowed")
    return ProximateRank(ranks[best], len(smooth_form(net).units), allowed, tried[best], distance)


Whole = tuple[int, ...]
"""(w, b) in units of one over a common denominator: whole numbers compare fast and exactly."""


def _point(node: Node, scale: int) -> Whole:
    """(w, b) of the unit's orientation that has its largest w positive: a small w may have either
    sign nearby.
    """
    largest = max(range(len(node.w)), key=lambda i: abs(node.w[i]))
    sign = -1 if node.w[largest] < 0 else 1
    return tuple(int(sign * v * scale) for v in (*node.w, node.b))


def _by_first(
    kept: Sequence[int], points: dict[int, Whole], eps: int
) -> list[tuple[Whole, Cluster]]:
    """Every node joins the first group whose first member is within ε of it, up to sign: the
    published greedy partition.

    Twice the centres are returned, whole numbers here too.
    """
    groups: list[tuple[Whole, Cluster]] = []
    for i in kept:
        own = points[i]
        for centre, members in groups:
            if any(
                all(-eps <= x - sign * y <= eps for x, y in zip(centre, own, strict=True))
                for sign in (1, -1)
            ):
                members.append(i)
                break
        else:
            groups.append((own, [i]))
    return [(tuple(2 * v for v in centre), members) for centre, members in groups]


def _by_boxes(
    kept: Sequence[int], points: dict[int, Whole], eps: int
) -> list[tuple[Whole, Cluster]]:
    """Every node joins the first group with which it has a point in common that is within ε of all;
    twice the centres.
    """
    groups: list[tuple[list[int], list[int], Cluster]] = []
    for i in kept:
        own = points[i]
        for low, high, members in groups:
            sign = next((s for s in (1, -1) if _meets(low, high, own, s, eps)), 0)
            if sign:
                low[:] = [max(a, sign * v - eps) for a, v in zip(low, own, strict=True)]
                high[:] = [min(b, sign * v + eps) for b, v in zip(high, own, strict=True)]
                members.append(i)
                break
        else:
            groups.append(([v - eps for v in own], [v + eps for v in own], [i]))
    return [
        (tuple(a + b for a, b in zip(low, high, strict=True)), members)
        for low, high, members in groups
    ]


def _meets(low: list[int], high: list[int], point: Whole, sign: int, eps: int) -> bool:
    bounds = zip(low, high, point, strict=True)
    return all(a <= sign * v + eps and sign * v - eps <= b for a, b, v in bounds)


def _built(
    net: TwoLayerSmooth,
    kept: Sequence[int],
    groups: list[tuple[Whole, Cluster]],
    scale: int,
    eps: Fraction,
) -> TwoLayerSmooth:
    """The network with w = 0 where it is near, groups on their centres, and outgoing weights that
    cancel where they can.
    """
    nodes = list(net.nodes)
    zero, held = (Fraction(0),) * net.inputs, set(kept)
    for i, node in enumerate(nodes):
        if i not in held:
            nodes[i] = Node(zero, node.b, node.q)
    for doubled, members in groups:
        centre = tuple(Fraction(v, 2 * scale) for v in doubled)
        signs = {}
        for i in members:
            own = (*nodes[i].w, nodes[i].b)
            near = _far(centre, own) <= _far(_signed(centre, -1), own)
            signs[i] = 1 if near else -1
        total = [
            sum((signs[i] * nodes[i].q[j] for i in members), Fraction(0))
            for j in range(net.outputs)
        ]
        share = [
            v / len(members) if all(abs(t) <= eps * len(members) for t in total) else Fraction(0)
            for v in total
        ]
        for i in members:
            place = _signed(centre, signs[i])
            q = tuple(own - signs[i] * part for own, part in zip(nodes[i].q, share, strict=True))
            nodes[i] = Node(place[:-1], place[-1], q)
    return net.replaced(nodes)


def _signed(point: Vector, sign: int) -> Vector:
    return tuple(sign * v for v in point)


def _far(a: Vector, b: Vector) -> Fraction:
    return max(abs(x - y) for x, y in zip(a, b, strict=True))


def _move(a: Node, b: Node) -> Fraction:
    return _far((*a.w, a.b, *a.q), (*b.w, b.b, *b.q))
