"""A point at which two smooth networks differ, in certified arithmetic."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from flint import arb, ctx

from singlearn.numbers.rational import Vector, dot
from singlearn.results.result import Answer
from singlearn.symmetry.domain import Box, Domain
from singlearn.symmetry.smooth.form import SmoothForm, Unit
from singlearn.symmetry.smooth.network import TwoLayerSmooth
from singlearn.symmetry.two_layer.kink_form import short

PRECISIONS = (64, 256, 1024, 4096)
"""Bits that are tried; enclosures that still meet after the last separate nothing."""

SIMPLE_POINTS = 60
MOST_UNITS = 12
MOST_DIGITS = 24


@dataclass(frozen=True)
class SmoothWitness(Answer):
    """Two networks and a point at which they differ: enclosures of one output that do not meet.

    Attributes:
        point: N numbers, exact.
        output: which of the M outputs.
        value_a, value_b: balls that hold it.
        bits: the precision that separated them.
    """

    point: Vector
    output: int
    value_a: arb
    value_b: arb
    bits: int

    def __str__(self) -> str:
        with ctx.workprec(self.bits):
            # Enclosures of few bits may hold no more digits that are certain than the two share.
            shown: list[str] = []
            for digits in range(6, MOST_DIGITS + 1, 6):
                shown = [v.str(digits, radius=False) for v in (self.value_a, self.value_b)]
                if shown[0] != shown[1]:
                    break
            else:
                gap = (self.value_a - self.value_b).mid().str(3, radius=False)
                shown = [self.value_a.str(6, radius=False), f"the same less {gap}"]
        where = ", ".join(short(v) for v in self.point)
        which = f"output {self.output} of " if self.output else ""
        return (
            f"at x = ({where}) {which}the first gives {shown[0]}, the second {shown[1]} "
            f"(enclosures of {self.bits} bits do not meet)"
        )


def find_witness(
    a: TwoLayerSmooth, b: TwoLayerSmooth, differing: list[Unit], domain: Domain | None
) -> SmoothWitness | None:
    """A witness for two networks, or ``None`` where no point that is tried separates them.

    Args:
        a, b: the networks.
        differing: units in which their forms differ; points are taken where these are of order one,
            not saturated.
        domain: where to look; ``None`` for all of R^N.
    """
    for bits in PRECISIONS:
        for point in itertools.chain(_simple(a.inputs, domain), _near_units(differing, domain)):
            values = zip(a.balls_at(point, bits), b.balls_at(point, bits), strict=True)
            for output, (one, other) in enumerate(values):
                if not one.overlaps(other):
                    return SmoothWitness(point, output, one, other, bits)
    return None


def differing_units(a: SmoothForm, b: SmoothForm) -> list[Unit]:
    """Units that the two have with different weights."""
    if a.activation != b.activation:
        return [*a.units, *b.units]
    return [unit for unit in {**a.units, **b.units} if a.units.get(unit) != b.units.get(unit)]


def _simple(inputs: int, domain: Domain | None) -> Iterator[Vector]:
    """Small whole points, or points that divide a box evenly."""
    if isinstance(domain, Box):
        quarters = itertools.product((2, 1, 3, 0, 4), repeat=inputs)
        for parts in itertools.islice(quarters, SIMPLE_POINTS):
            sides = zip(domain.lower, domain.upper, parts, strict=True)
            yield tuple(low + (high - low) * k / 4 for low, high, k in sides)
        return
    for whole in itertools.islice(
        itertools.product((0, 1, -1, 2, -2), repeat=inputs), SIMPLE_POINTS
    ):
        point = tuple(Fraction(v) for v in whole)
        if domain is None or domain.contains(point):
            yield point
    if domain is not None:
        yield domain.centre


def _near_units(units: list[Unit], domain: Domain | None) -> Iterator[Vector]:
    """Points at which a unit takes the values 1/2, -1 and 2: the one nearest to the origin, or on
    the way to a vertex.
    """
    for unit in units[:MOST_UNITS]:
        for height in (Fraction(1, 2), Fraction(-1), Fraction(2)):
            if domain is None:
                step = (height - unit.b) / dot(unit.w, unit.w)
                yield tuple(step * w for w in unit.w)
                continue
            low, high = domain.highest([-w for w in unit.w]), domain.highest(unit.w)
            span = unit.at(high) - unit.at(low)
            share = (height - unit.at(low)) / span
            if 0 <= share <= 1:
                yield tuple(p + share * (q - p) for p, q in zip(low, high, strict=True))
