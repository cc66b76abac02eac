"""How one network becomes another that computes the same function, in steps that can be checked."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from singlearn.numbers.rational import Vector
from singlearn.results.prompt import LONG_LIST, shortened
from singlearn.results.result import Answer
from singlearn.symmetry.domain import Domain
from singlearn.symmetry.two_layer.expansion import Expansion
from singlearn.symmetry.two_layer.kink_form import Hyperplane, boundary, short
from singlearn.symmetry.two_layer.network import Node, TwoLayerReLU
from singlearn.symmetry.two_layer.step import (
    Fold,
    Idle,
    Merge,
    Permute,
    Rescale,
    Reverse,
    Split,
    Step,
    Unfold,
    idleness,
)

Side = tuple[Hyperplane, int]
"""A boundary and an orientation, +1 or -1."""


@dataclass(frozen=True)
class Transformation(Answer):
    """Steps from ``source`` to ``target``, every one of which leaves the function unchanged (on the
    domain, where there is one).

    Attributes:
        source: where the steps start.
        target: where they end.
        domain: where the two are equal; ``None`` for all of R^N.
        steps: in order; node numbers are those of the moment.
    """

    source: TwoLayerReLU
    target: TwoLayerReLU
    domain: Domain | None
    steps: tuple[Step, ...]

    def apply(self, net: TwoLayerReLU) -> TwoLayerReLU:
        """The network after all steps.

        Returns:
            The network that the last step gives.

        Raises:
            ValueError: a step is not valid there, or a linear part that no node carries is left.
        """
        expansion = self._expansions(net)[-1]
        if any(any(row) for row in expansion.linear):
            raise ValueError(
                "net: the reversed nodes' weights do not annihilate; a linear part is left that no "
                "hidden node carries"
            )
        return net.replaced(expansion.nodes, expansion.constant)

    def verify(self) -> bool:
        """Whether every step is valid and leaves the kink form unchanged, and the last one ends at
        ``target``; in exact arithmetic.

        Returns:
            Whether all of that holds.
        """
        try:
            expansions = self._expansions(self.source)
        except (ValueError, IndexError):
            return False
        forms = {expansion.form(self.source, self.domain) for expansion in expansions}
        last = expansions[-1]
        return (
            len(forms) == 1
            and not any(any(row) for row in last.linear)
            and last.nodes == self.target.nodes
            and last.constant == self.target.c
        )

    @cached_property
    def reversed_weights(self) -> tuple[Vector, ...]:
        """The total gradients that sum to zero in the annihilation identity: ``q w`` (M·N numbers)
        of each node reversed, and of each bypassed node that was removed (+) or added (-).
        """
        terms = []
        expansion = Expansion.of(self.source)
        for step in self.steps:
            if isinstance(step, Reverse) or (
                isinstance(step, Fold) and step.reason is Idle.BYPASSED
            ):
                terms.append(_gradient(expansion.nodes[step.index], 1))
            elif isinstance(step, Unfold) and step.reason is Idle.BYPASSED:
                terms.append(_gradient(step.node, -1))
            expansion = step.apply(expansion, self.domain)
        return tuple(terms)

    @property
    def annihilation(self) -> str:
        """The identity that lets the reversed nodes turn round, in words; empty where nothing was
        reversed.
        """
        if not self.reversed_weights:
            return ""
        return (
            " + ".join(
                "(" + ", ".join(short(v) for v in term) + ")" for term in self.reversed_weights
            )
            + " = 0"
        )

    def __str__(self) -> str:
        lines = [f"{i}. {step}" for i, step in enumerate(self.steps, 1)] or [
            "nothing to do: the parameters are equal"
        ]
        lines = [shortened("\n".join(lines), LONG_LIST, "steps has all")]
        if self.annihilation:
            lines.append(f"the weights that turn round annihilate: {self.annihilation}")
        return "\n".join(lines)

    def _expansions(self, net: TwoLayerReLU) -> list[Expansion]:
        expansions = [Expansion.of(net)]
        for step in self.steps:
            expansions.append(step.apply(expansions[-1], self.domain))
        return expansions


def _gradient(node: Node, sign: int) -> Vector:
    return tuple(sign * q * w for q in node.q for w in node.w)


class _Path:
    """Steps as they are found, and where they have led."""

    def __init__(self, source: TwoLayerReLU, domain: Domain | None) -> None:
        self.domain = domain
        self.expansion = Expansion.of(source)
        self.steps: list[Step] = []
        self.names: list[int] = list(range(source.width))
        """The source's number of each node, then fresh numbers: positions shift, names do not."""
        self._next = source.width

    def position(self, name: int) -> int:
        return self.names.index(name)

    def node(self, name: int) -> Node:
        return self.expansion.nodes[self.position(name)]

    def _take(self, step: Step) -> None:
        self.expansion = step.apply(self.expansion, self.domain)
        self.steps.append(step)

    def fold(self, name: int, reason: Idle) -> None:
        self._take(Fold(self.position(name), reason))
        self.names.remove(name)

    def unfold(self, node: Node, reason: Idle) -> int:
        self._take(Unfold(node, reason))
        return self._fresh()

    def merge(self, into: int, name: int) -> None:
        self._take(Merge(self.position(into), self.position(name)))
        self.names.remove(name)

    def split(self, name: int, part: Vector) -> int:
        self._take(Split(self.position(name), part))
        return self._fresh()

    def reverse(self, name: int) -> None:
        self._take(Reverse(self.position(name)))

    def rescale(self, name: int, factor: Fraction) -> None:
        if factor != 1:
            self._take(Rescale(self.position(name), factor))

    def permute(self, names: list[int]) -> None:
        order = tuple(self.position(name) for name in names)
        if order != tuple(range(len(order))):
            self._take(Permute(order))
            self.names = list(names)

    def _fresh(self) -> int:
        self.names.append(self._next)
        self._next += 1
        return self.names[-1]


def find_transformation(
    source: TwoLayerReLU, target: TwoLayerReLU, domain: Domain | None
) -> Transformation:
    """Steps between two networks whose kink forms are known to be equal.

    Nodes that add no kink leave; nodes on one oriented boundary merge; amounts move between the two
    orientations of a boundary until they are the target's; then nodes split and rescale to the
    target's, and its idle nodes join.
    """
    path = _Path(source, domain)
    sides = _gather(path, source, domain)
    wanted: dict[Side, list[int]] = defaultdict(list)
    idle: dict[int, Idle] = {}
    for i, node in enumerate(target.nodes):
        reason = idleness(node, domain)
        if reason is None:
            wanted[_side(node)].append(i)
        else:
            idle[i] = reason
    planes = {plane for plane, _ in (*sides, *wanted)}
    for plane in sorted(planes, key=lambda p: (p.normal, p.offset)):
        _turn(
            path,
            plane,
            sides,
            {
                sign: _amount(
                    [target.nodes[i] for i in wanted.get((plane, sign), [])], target.outputs
                )
                for sign in (1, -1)
            },
        )
    place: dict[int, int] = {}
    for side, members in wanted.items():
        name = sides.pop(side, None)
        first = target.nodes[members[0]]
        if name is None:
            name = path.unfold(
                Node(first.w, first.b, (Fraction(0),) * target.outputs), Idle.NO_OUTGOING
            )
        path.rescale(name, _ratio(first, path.node(name)))
        place[members[0]] = name
        for i in members[1:]:
            node = target.nodes[i]
            factor = _ratio(node, first)
            part = path.split(name, tuple(factor * q for q in node.q))
            path.rescale(part, factor)
            place[i] = part
    for i, reason in idle.items():
        place[i] = path.unfold(target.nodes[i], reason)
    path.permute([place[i] for i in range(target.width)])
    return Transformation(source, target, domain, tuple(path.steps))


def _gather(path: _Path, source: TwoLayerReLU, domain: Domain | None) -> dict[Side, int]:
    """Remove what adds no kink and merge what shares an oriented boundary: one name per side."""
    sides: dict[Side, int] = {}
    for name, node in enumerate(source.nodes):
        reason = idleness(node, domain)
        if reason is not None:
            path.fold(name, reason)
        elif (side := _side(node)) in sides:
            path.merge(sides[side], name)
        else:
            sides[side] = name
    for side, name in list(sides.items()):
        if not any(path.node(name).q):
            path.fold(name, Idle.NO_OUTGOING)
            del sides[side]
    return sides


def _turn(
    path: _Path, plane: Hyperplane, sides: dict[Side, int], wanted: dict[int, Vector]
) -> None:
    """Move amounts between the two orientations of one boundary until both are as wanted."""
    outputs = len(wanted[1])
    own = {
        sign: _amount([path.node(sides[plane, sign])] if (plane, sign) in sides else [], outputs)
        for sign in (1, -1)
    }
    moved = tuple(
        b - a for a, b in zip(own[-1], wanted[-1], strict=True)
    )  # from the side +1 to the side -1
    if not any(moved):
        return
    origin = 1
    if (plane, 1) not in sides and (plane, -1) in sides:
        origin, moved = -1, tuple(-v for v in moved)
    if (plane, origin) not in sides:
        normal = tuple(Fraction(v) for v in plane.normal)
        sides[plane, 1] = path.unfold(
            Node(normal, Fraction(plane.offset), (Fraction(0),) * outputs), Idle.NO_OUTGOING
        )
    name = sides[plane, origin]
    if moved == own[origin]:
        path.reverse(name)
        del sides[plane, origin]
    else:
        size = abs(boundary(path.node(name))[1])
        name = path.split(name, tuple(v / size for v in moved))
        path.reverse(name)
    if (plane, -origin) in sides:
        path.merge(sides[plane, -origin], name)
        if not any(path.node(sides[plane, -origin]).q):
            path.fold(sides.pop((plane, -origin)), Idle.NO_OUTGOING)
    else:
        sides[plane, -origin] = name


def _side(node: Node) -> Side:
    plane, factor = boundary(node)
    return plane, 1 if factor > 0 else -1


def _amount(nodes: list[Node], outputs: int) -> Vector:
    """Sum of ``q |ρ|``."""
    total = [Fraction(0)] * outputs
    for node in nodes:
        size = abs(boundary(node)[1])
        total = [t + q * size for t, q in zip(total, node.q, strict=True)]
    return tuple(total)


def _ratio(node: Node, other: Node) -> Fraction:
    """The factor by which ``(w, b)`` of the node exceeds that of another node on the same oriented
    boundary.
    """
    i = next(i for i, v in enumerate(other.w) if v)
    return node.w[i] / other.w[i]
