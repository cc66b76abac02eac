"""Curves of parameters along which a network's function provably does not change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Literal

from singlearn.numbers.rational import Number, rational
from singlearn.results.prompt import LONG_LIST, shortened
from singlearn.results.result import Answer
from singlearn.symmetry.two_layer.kink_form import KinkForm, kink_form
from singlearn.symmetry.two_layer.network import Node, TwoLayerReLU


class Motion(Enum):
    """How a segment runs from its start to its end.

    STRAIGHT: every parameter is linear in t. RESCALE: (w, b) is linear in t and q w, q b stay as
    they are.
    """

    STRAIGHT = "straight"
    RESCALE = "rescale"


@dataclass(frozen=True)
class Segment(Answer):
    """A smooth curve of parameters, ``at(0)`` to ``at(1)``."""

    start: TwoLayerReLU
    end: TwoLayerReLU
    motion: Motion

    def at(self, t: Fraction) -> TwoLayerReLU:
        """The parameter at 0 ≤ t ≤ 1, exactly."""
        c = tuple(_between(x, y, t) for x, y in zip(self.start.c, self.end.c, strict=True))
        return self.start.replaced(
            [self._node(x, y, t) for x, y in zip(self.start.nodes, self.end.nodes, strict=True)], c
        )

    def _node(self, x: Node, y: Node, t: Fraction) -> Node:
        w = tuple(_between(u, v, t) for u, v in zip(x.w, y.w, strict=True))
        b = _between(x.b, y.b, t)
        if self.motion is Motion.STRAIGHT:
            return Node(w, b, tuple(_between(u, v, t) for u, v in zip(x.q, y.q, strict=True)))
        factor = next((n / o for n, o in zip((*w, b), (*x.w, x.b), strict=True) if o), Fraction(1))
        return Node(w, b, tuple(q / factor for q in x.q))

    def __str__(self) -> str:
        return describe(self)


@dataclass(frozen=True)
class FibrePath(Answer):
    """Segments joined end to end, all of them the same function. Truthy.

    Attributes:
        form: the kink form of every parameter on the path.
        segments: in order; none if the two ends are the same parameter.
        start, end: its ends.
    """

    form: KinkForm
    start: TwoLayerReLU
    end: TwoLayerReLU
    segments: tuple[Segment, ...]

    def __bool__(self) -> Literal[True]:
        return True

    def __len__(self) -> int:
        return len(self.segments)

    def __iter__(self) -> Iterator[Segment]:
        return iter(self.segments)

    def at(self, t: Number) -> TwoLayerReLU:
        """The parameter at 0 ≤ t ≤ 1, every segment taking the same share of t.

        Raises:
            ValueError: t outside [0, 1].
        """
        time = rational(t, "t")
        if not 0 <= time <= 1:
            raise ValueError(f"t: got {t}; it should be between 0 and 1")
        if not self.segments:
            return self.start
        index = min(int(time * len(self.segments)), len(self.segments) - 1)
        return self.segments[index].at(time * len(self.segments) - index)

    def verify(self) -> bool:
        """Prove in exact arithmetic that the path leads from ``start`` to ``end`` without a gap and
        nowhere changes the function.
        """
        knots = [self.start, *(segment.end for segment in self.segments)]
        if (
            any(segment.start != knot for segment, knot in zip(self.segments, knots, strict=False))
            or knots[-1] != self.end
        ):
            return False
        if any(kink_form(knot) != self.form for knot in knots):
            return False
        return all(
            motion_between(segment.start, segment.end) is segment.motion
            for segment in self.segments
        )

    def __str__(self) -> str:
        count = len(self.segments)
        lines = [f"path of {count} {'segment' if count == 1 else 'segments'}"]
        lines += [f"  {i + 1}. {segment}" for i, segment in enumerate(self.segments)]
        return shortened("\n".join(lines), LONG_LIST, "segments has all")


@dataclass(frozen=True)
class NoPath(Answer):
    """Two parameters of one function that no path of equal functions connects. Falsy.

    Attributes:
        reason: in words.
    """

    reason: str

    def __bool__(self) -> Literal[False]:
        return False

    def __str__(self) -> str:
        return f"no path: {self.reason}"


def motion_between(start: TwoLayerReLU, end: TwoLayerReLU) -> Motion | None:
    r"""The motion that leads from one parameter to another *of the same function* without changing
    it, or ``None`` if neither does.

    RESCALE: every :math:`(w_i, b_i)` is multiplied by some ρ > 0 and :math:`q_i` divided by it.
    STRAIGHT: f is affine in t, as a function, if each node

    - keeps :math:`(w, b)` (then it is linear in q), or
    - has q = 0 at both ends, or
    - keeps q and is, all the way, one of two opposite nodes: :math:`q\,\mathrm{ReLU}(u_t) -
      q\,\mathrm{ReLU}(-u_t) = q\,u_t`;

    and an affine function of t with equal ends is constant.
    """
    changed = [
        (i, x, y) for i, (x, y) in enumerate(zip(start.nodes, end.nodes, strict=True)) if x != y
    ]
    if start.c == end.c and all(_is_rescaled(x, y) for _, x, y in changed):
        return Motion.RESCALE
    return Motion.STRAIGHT if _turning_pairs(start, end) is not None else None


def _turning_pairs(start: TwoLayerReLU, end: TwoLayerReLU) -> list[tuple[int, int]] | None:
    """The nodes that change (w, b) with q ≠ 0, two by two as opposite nodes at both ends; ``None``
    if one has no partner.
    """
    turning = [
        i
        for i, (x, y) in enumerate(zip(start.nodes, end.nodes, strict=True))
        if (x.w, x.b) != (y.w, y.b) and (any(x.q) or any(y.q))
    ]
    pairs = []
    while turning:
        i = turning.pop(0)
        x, y = start.nodes[i], end.nodes[i]
        j = next(
            (j for j in turning if _opposite(x, start.nodes[j]) and _opposite(y, end.nodes[j])),
            None,
        )
        if x.q != y.q or j is None:
            return None
        turning.remove(j)
        pairs.append((i, j))
    return pairs


def simplified(knots: Sequence[TwoLayerReLU]) -> tuple[Segment, ...]:
    """Segments through as few of the knots as a greedy look ahead needs; loops fall out."""
    segments = []
    i = 0
    while i < len(knots) - 1:
        for j in range(len(knots) - 1, i, -1):
            if knots[i] == knots[j]:
                break
            motion = motion_between(knots[i], knots[j])
            if motion is not None:
                segments.append(Segment(knots[i], knots[j], motion))
                break
        else:
            raise AssertionError("two neighbouring knots of a path are not connected")
        i = j
    return tuple(segments)


def describe(segment: Segment) -> str:
    """What moves, for people; nodes are numbered from 1."""
    changed = [
        i
        for i, (x, y) in enumerate(zip(segment.start.nodes, segment.end.nodes, strict=True))
        if x != y
    ]
    if segment.motion is Motion.RESCALE:
        return f"{_nodes(changed)}: (w, b) rescaled, q divided by the same factor"
    pairs = _turning_pairs(segment.start, segment.end) or []
    paired = {i for pair in pairs for i in pair}
    idle = [
        i
        for i in changed
        if i not in paired and not any(segment.start.nodes[i].q) and not any(segment.end.nodes[i].q)
    ]
    outgoing = [i for i in changed if i not in paired and i not in idle]
    parts = [f"the linear pair of {_nodes(list(pair))} moves" for pair in pairs]
    if idle:
        parts.append(f"{_nodes(idle)} with q = 0 move{'s' if len(idle) == 1 else ''} the boundary")
    if outgoing:
        parts.append(
            f"outgoing weight{'s' if len(outgoing) > 1 else ''} of {_nodes(outgoing)} "
            f"change{'s' if len(outgoing) == 1 else ''}"
        )
    if segment.start.c != segment.end.c:
        parts.append("c compensates")
    return ", ".join(parts)


def _nodes(indices: list[int]) -> str:
    names = [str(i) for i in indices]
    return (
        f"node {names[0]}"
        if len(names) == 1
        else "nodes " + ", ".join(names[:-1]) + " and " + names[-1]
    )


def _between(x: Fraction, y: Fraction, t: Fraction) -> Fraction:
    return x if x == y else x + t * (y - x)


def _opposite(x: Node, y: Node) -> bool:
    return tuple(-v for v in x.w) == y.w and -x.b == y.b and tuple(-v for v in x.q) == y.q


def _is_rescaled(x: Node, y: Node) -> bool:
    factor = next((v / u for u, v in zip((*x.w, x.b), (*y.w, y.b), strict=True) if u), None)
    return factor is not None and factor > 0 and x.scaled(factor) == y
