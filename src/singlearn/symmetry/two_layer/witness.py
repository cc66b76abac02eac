"""A point at which two networks differ, and what differs there."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from singlearn.numbers.rational import Vector, dot
from singlearn.results.result import Answer
from singlearn.symmetry.domain import Box, Domain
from singlearn.symmetry.two_layer.kink_form import Hyperplane, KinkForm, short, told_apart
from singlearn.symmetry.two_layer.network import TwoLayerReLU

SIMPLE_POINTS = 400
"""Small whole points are tried first: a witness is to be read."""


@dataclass(frozen=True)
class Witness(Answer):
    """Two networks and a point at which they differ, in exact arithmetic.

    Attributes:
        point: N numbers.
        value_a: the first network's outputs there.
        value_b: the second's.
        reason: the first kink, slope or constant in which they differ, in words.
    """

    point: Vector
    value_a: Vector
    value_b: Vector
    reason: str

    def __str__(self) -> str:
        one, other = told_apart(self.value_a, self.value_b)
        where = ", ".join(short(v) for v in self.point)
        return f"at x = ({where}) the first gives {one}, the second {other}; {self.reason}"


def difference(a: KinkForm, b: KinkForm) -> KinkForm:
    """The kink form of ``a - b``."""
    zero = (Fraction(0),) * len(a.constant)
    totals = {
        plane: tuple(
            x - y for x, y in zip(a.kinks.get(plane, zero), b.kinks.get(plane, zero), strict=True)
        )
        for plane in {**a.kinks, **b.kinks}
    }
    linear = tuple(
        tuple(x - y for x, y in zip(p, q, strict=True))
        for p, q in zip(a.linear, b.linear, strict=True)
    )
    constant = tuple(x - y for x, y in zip(a.constant, b.constant, strict=True))
    return KinkForm(
        {plane: total for plane, total in totals.items() if any(total)}, linear, constant
    )


def find_witness(
    a: TwoLayerReLU, b: TwoLayerReLU, form_a: KinkForm, form_b: KinkForm, domain: Domain | None
) -> Witness:
    """A witness for two networks whose kink forms (on the domain) are known to differ."""
    gap = difference(form_a, form_b)
    reason = _reason(gap, form_a, form_b)
    for point in itertools.chain(
        _simple_points(a.inputs, domain), _certain_points(gap, a.inputs, domain)
    ):
        value_a, value_b = a.values_at(point), b.values_at(point)
        if value_a != value_b:
            return Witness(point, value_a, value_b, reason)
    raise AssertionError("the kink forms differ, so one of the points must show it")


def _reason(gap: KinkForm, a: KinkForm, b: KinkForm) -> str:
    zero = (Fraction(0),) * len(a.constant)
    if gap.kinks:
        plane = min(gap.kinks, key=lambda p: (p.normal, p.offset))
        totals = told_apart(
            *(plane.total_for_people(form.kinks.get(plane, zero)) for form in (a, b))
        )
        if totals[0] == totals[1]:  # units of length one are rounded
            apart = ", ".join(short(v) for v in plane.total_for_people(gap.kinks[plane]))
            totals = totals[0], f"the same less {apart}"
        return (
            f"the total kink on {plane} is {totals[0]} in the first and {totals[1]} in the second"
        )
    slopes = any(any(row) for row in gap.linear)
    what = "slope" if slopes else "constant"
    rows = told_apart(
        *(tuple(v for row in f.linear for v in row) if slopes else f.constant for f in (a, b))
    )
    return (
        f"all kinks agree, but the {what} of the affine part is {rows[0]} in the first and "
        f"{rows[1]} in the second"
    )


def _simple_points(inputs: int, domain: Domain | None) -> Iterator[Vector]:
    """Small whole points, or on a domain points that divide it evenly."""
    if isinstance(domain, Box):
        for fractions in itertools.islice(
            itertools.product((2, 1, 3, 0, 4), repeat=inputs), SIMPLE_POINTS
        ):
            yield tuple(
                a + (b - a) * k / 4
                for a, b, k in zip(domain.lower, domain.upper, fractions, strict=True)
            )
        return
    for whole in itertools.islice(
        itertools.product((0, 1, -1, 2, -2), repeat=inputs), SIMPLE_POINTS
    ):
        point = tuple(Fraction(v) for v in whole)
        if domain is None or domain.contains(point):
            yield point


def _certain_points(gap: KinkForm, inputs: int, domain: Domain | None) -> Iterator[Vector]:
    """Points one of which must show a non-zero difference.

    On a kink of the difference take a point that lies on no other, and step across it so little
    that no other is crossed: second differences of an affine function vanish, that of the kink does
    not. Without kinks the difference is affine, and not zero at N + 1 points in general position.
    """
    centre = domain.centre if domain is not None else (Fraction(0),) * inputs
    if not gap.kinks:
        yield centre
        for i in range(inputs):
            step = tuple(Fraction(int(i == j)) for j in range(inputs))
            yield _inside(centre, step, domain)
        return
    plane = next(iter(gap.kinks))
    others = [other for other in gap.kinks if other != plane]
    generator = random.Random(0)
    for size in itertools.count(1):
        point = _on(plane, inputs, domain, generator, size)
        if any(other.at(point) == 0 for other in others):
            continue
        normal = tuple(Fraction(v) for v in plane.normal)
        reach = Fraction(1)
        while _crosses(point, normal, reach, others) or not _contains(domain, point, normal, reach):
            reach /= 2
        yield point
        yield tuple(p + reach * n for p, n in zip(point, normal, strict=True))
        yield tuple(p - reach * n for p, n in zip(point, normal, strict=True))
        return


def _crosses(point: Vector, normal: Vector, step: Fraction, others: list[Hyperplane]) -> bool:
    return any(
        abs(other.at(point)) <= step * abs(dot(normal, tuple(Fraction(v) for v in other.normal)))
        for other in others
    )


def _contains(domain: Domain | None, point: Vector, normal: Vector, step: Fraction) -> bool:
    return domain is None or all(
        domain.contains(tuple(p + s * step * n for p, n in zip(point, normal, strict=True)))
        for s in (1, -1)
    )


def _inside(centre: Vector, direction: Vector, domain: Domain | None) -> Vector:
    """``centre`` moved along ``direction``, as far as the domain lets it, by halving."""
    step = Fraction(1)
    while True:
        point = tuple(c + step * v for c, v in zip(centre, direction, strict=True))
        if domain is None or domain.contains(point):
            return point
        step /= 2


def _on(
    plane: Hyperplane, inputs: int, domain: Domain | None, generator: random.Random, size: int
) -> Vector:
    """A random point of a hyperplane, in the interior of the domain if there is one."""
    normal = tuple(Fraction(v) for v in plane.normal)
    if domain is None:
        start = tuple(Fraction(generator.randint(-size, size)) for _ in range(inputs))
        back = plane.at(start) / dot(normal, normal)
        return tuple(s - back * n for s, n in zip(start, normal, strict=True))
    # Between an interior point below the plane and one above it; both are vertices pulled towards a
    # random interior point.
    weights = Fraction(generator.randint(1, 2**10 * size), 2**11 * size)
    low, high = domain.highest([-v for v in normal]), domain.highest(normal)
    middle = tuple(_mixed(domain, generator, size))
    ends = []
    for vertex in (low, high):
        pull = weights
        while (plane.at(vertex) > 0) != (plane.at(_between(vertex, middle, pull)) > 0) or plane.at(
            _between(vertex, middle, pull)
        ) == 0:
            pull /= 2
        ends.append(_between(vertex, middle, pull))
    heights = [plane.at(end) for end in ends]
    return _between(ends[0], ends[1], -heights[0] / (heights[1] - heights[0]))


def _between(a: Vector, b: Vector, share: Fraction) -> Vector:
    return tuple(x + share * (y - x) for x, y in zip(a, b, strict=True))


def _mixed(domain: Domain, generator: random.Random, size: int) -> Vector:
    """A random interior point: the centre pulled towards vertices that random directions pick."""
    point = domain.centre
    for _ in range(domain.inputs):
        vertex = domain.highest(
            [Fraction(generator.randint(-size - 2, size + 2)) for _ in range(domain.inputs)]
        )
        point = _between(point, vertex, Fraction(generator.randint(1, 2**10), 2**11))
    return point
