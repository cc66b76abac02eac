"""Moving the nodes of one network about without changing its function, one provable step at a
time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import TypeAlias

from singlearn.numbers.rational import Vector
from singlearn.symmetry.fibre.balance import Pattern, SlopeBalance
from singlearn.symmetry.fibre.segments import motion_between
from singlearn.symmetry.two_layer.kink_form import Hyperplane, KinkForm, boundary, kink_form
from singlearn.symmetry.two_layer.network import Node, TwoLayerReLU

Seat: TypeAlias = tuple[int, int]
"""(k, ±1): on kink k along or against its normal; (-1, ±1): the node of the linear pair with that
sign of q.
"""

ZERO, ONE = Fraction(0), Fraction(1)
PAIR = -1


class Walk:
    """A network that is moved about inside its fibre, the knots it passed, and which node now sits
    where.

    After construction every seat has one node with ``(w, b) = ±(n_k, o_k)``, or ``(w, b) = ±(V,
    o)`` and q = ±1 for a linear pair; the others are idle (q = 0).

    Attributes:
        knots: networks passed; a straight or a rescaling segment connects neighbours.
        seats: node index of every occupied seat.
        idle: indices of nodes with q = 0.
    """

    def __init__(self, net: TwoLayerReLU, form: KinkForm) -> None:
        self.form = form
        self.balance = SlopeBalance.of(form)
        self.knots = [net]
        self.seats: dict[Seat, int] = {}
        self.idle: list[int] = []
        self._gather()

    @property
    def net(self) -> TwoLayerReLU:
        """Where the walk is."""
        return self.knots[-1]

    @property
    def pattern(self) -> Pattern:
        """Orientation of every kink, 0 where both occur."""
        result = []
        for k in range(len(self.balance.planes)):
            signs = [sign for sign in (1, -1) if (k, sign) in self.seats]
            result.append(signs[0] if len(signs) == 1 else 0)
        return tuple(result)

    @property
    def shared(self) -> list[int]:
        """Kinks with nodes of both orientations."""
        return [k for k, sign in enumerate(self.pattern) if not sign]

    @property
    def has_pair(self) -> bool:
        """Whether there is a linear pair."""
        return (PAIR, 1) in self.seats

    def amount(self, seat: Seat) -> Fraction:
        """q of the node in a seat: its amount, since its (w, b) is the kink's."""
        return self.net.nodes[self.seats[seat]].q[0]

    def move(self, changes: Mapping[int, Node]) -> None:
        """Change some nodes, c following.

        Raises:
            AssertionError: the step would change the function.
        """
        nodes = [changes.get(i, node) for i, node in enumerate(self.net.nodes)]
        changed = self.net.replaced(nodes)
        drift = kink_form(changed).constant
        after = changed.replaced(
            nodes,
            tuple(c + d - e for c, d, e in zip(changed.c, self.form.constant, drift, strict=True)),
        )
        if kink_form(after) != self.form or motion_between(self.net, after) is None:
            raise AssertionError(f"this step changes the function: {changes}")
        if after != self.net:
            self.knots.append(after)

    def set_amounts(
        self, amounts: Mapping[Seat, Fraction], turned: Mapping[int, Node] | None = None
    ) -> None:
        """Change outgoing weights in some seats, and at the same time turn the linear pair."""
        changes = {
            self.seats[seat]: self._with_q(self.seats[seat], q) for seat, q in amounts.items()
        }
        self.move({**changes, **(turned or {})})

    def sit(self, node: int, seat: Seat) -> None:
        """Bring an idle node onto an empty seat, still with q = 0."""
        k, sign = seat
        self.idle.remove(node)
        self.seats[seat] = node
        self.move({node: oriented(self.balance.planes[k], sign, ZERO)})

    def stand_up(self, seat: Seat) -> None:
        """A node with q = 0 leaves its seat."""
        assert not self.amount(seat)
        self.idle.append(self.seats.pop(seat))

    def replace(self, seat: Seat, node: int) -> None:
        """An idle node takes the place and the whole amount of another, which becomes idle."""
        old = self.seats[seat]
        place = self.net.nodes[old]
        self.move({node: Node(place.w, place.b, (ZERO,))})
        self.move({node: place, old: self._with_q(old, ZERO)})
        self.seats[seat] = node
        self.idle.remove(node)
        self.idle.append(old)

    def exchange(self, target: Mapping[Seat, int]) -> None:
        """Renumber: bring node ``target[seat]`` to every seat. Needs an idle node unless all sit
        right already.
        """
        while wrong := [seat for seat in self.seats if self.seats[seat] != target[seat]]:
            seat = next((s for s in wrong if target[s] in self.idle), wrong[0])
            self.replace(seat, target[seat] if target[seat] in self.idle else self.idle[0])

    def pair_nodes(self, slope: Vector, offset: Fraction) -> dict[int, Node]:
        """The linear pair as it should become: ``ReLU(u) - ReLU(-u)`` with ``u = <slope, x> +
        offset``.
        """
        return {
            self.seats[PAIR, 1]: Node(slope, offset, (ONE,)),
            self.seats[PAIR, -1]: Node(tuple(-v for v in slope), -offset, (-ONE,)),
        }

    def open_pair(self) -> None:
        """Two idle nodes become a linear pair of slope zero."""
        self.seats[PAIR, 1], self.seats[PAIR, -1] = self.idle.pop(0), self.idle.pop(0)
        still = tuple(ZERO for _ in self.balance.slope)
        nodes = self.pair_nodes(still, ZERO)
        self.move({i: Node(node.w, node.b, (ZERO,)) for i, node in nodes.items()})
        self.move(nodes)

    def close_pair(self) -> None:
        """A linear pair of slope zero becomes two idle nodes."""
        self.move(self.pair_nodes(tuple(ZERO for _ in self.balance.slope), ZERO))
        self.set_amounts({(PAIR, 1): ZERO, (PAIR, -1): ZERO})
        self.stand_up((PAIR, 1))
        self.stand_up((PAIR, -1))

    def finish(self, other: Walk) -> None:
        """Bring the linear pair and the idle nodes to where they are in ``other``, where all seats
        agree.
        """
        if self.has_pair:
            self.move(
                {
                    self.seats[PAIR, sign]: other.net.nodes[self.seats[PAIR, sign]]
                    for sign in (1, -1)
                }
            )
        self.move({i: other.net.nodes[i] for i in self.idle})
        assert self.net == other.net

    def _with_q(self, index: int, q: Fraction) -> Node:
        node = self.net.nodes[index]
        return Node(node.w, node.b, (q,))

    def _gather(self) -> None:
        """One node per seat: constants to zero, equal boundaries and orientations merged, opposite
        nodes off the kinks a pair.
        """
        self.move(
            {i: self._with_q(i, ZERO) for i, node in enumerate(self.net.nodes) if not any(node.w)}
        )
        heads: dict[tuple[Hyperplane, int], list[int]] = {}
        rescaled = {}
        for i, node in enumerate(self.net.nodes):
            if not any(node.q):
                self.idle.append(i)
                continue
            plane, factor = boundary(node)
            heads.setdefault((plane, 1 if factor > 0 else -1), []).append(i)
            rescaled[i] = node.scaled(1 / abs(factor))
        self.move(rescaled)
        merged: dict[int, Node] = {}
        for members in heads.values():
            total = sum((self.net.nodes[i].q[0] for i in members), ZERO)
            merged |= {i: self._with_q(i, total if i == members[0] else ZERO) for i in members}
        self.move(merged)
        self.idle += [
            i for members in heads.values() for i in members if not any(self.net.nodes[i].q)
        ]
        pairs: dict[Hyperplane, list[int]] = {}
        for (plane, sign), (first, *_) in heads.items():
            if not any(self.net.nodes[first].q):
                continue
            if plane in self.form.kinks:
                self.seats[self.balance.planes.index(plane), sign] = first
            else:
                pairs.setdefault(plane, []).append(first)
        self._join(pairs.values())

    def _join(self, pairs: Iterable[list[int]]) -> None:
        """Linear pairs with q = ±1, then all of them into the first: the slopes add up."""
        ordered = [
            sorted(pair, key=lambda i: self.net.nodes[i].q[0], reverse=True) for pair in pairs
        ]
        if not ordered:
            return
        self.move(
            {
                i: self.net.nodes[i].scaled(abs(self.net.nodes[i].q[0]))
                for pair in ordered
                for i in pair
            }
        )
        self.seats[PAIR, 1], self.seats[PAIR, -1] = ordered[0]
        for positive, negative in ordered[1:]:
            own, other = self.net.nodes[self.seats[PAIR, 1]], self.net.nodes[positive]
            merged = self.pair_nodes(
                tuple(x + y for x, y in zip(own.w, other.w, strict=True)), own.b + other.b
            )
            none = tuple(ZERO for _ in own.w)
            self.move(
                {
                    **merged,
                    positive: Node(none, ZERO, other.q),
                    negative: Node(none, ZERO, self.net.nodes[negative].q),
                }
            )
            self.move({i: self._with_q(i, ZERO) for i in (positive, negative)})
            self.idle += [positive, negative]


def oriented(plane: Hyperplane, sign: int, q: Fraction) -> Node:
    """``q ReLU(±u_k)``."""
    return Node(
        tuple(Fraction(sign * n) for n in plane.normal), Fraction(sign * plane.offset), (q,)
    )
