"""Two networks snapped together, so that they become one function where they nearly are."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

import numpy as np

from singlearn.results.result import Answer
from singlearn.symmetry.domain import Domain
from singlearn.symmetry.trained.box_units import BoxUnits, box_around_kinks
from singlearn.symmetry.trained.distance import moved_distance
from singlearn.symmetry.trained.sentences import described, rounded_up
from singlearn.symmetry.trained.snapping import ACCIDENTS_ASKED_FOR, structured
from singlearn.symmetry.two_layer.distance import Distance
from singlearn.symmetry.two_layer.kink_form import kink_form
from singlearn.symmetry.two_layer.network import TwoLayerReLU
from singlearn.symmetry.two_layer.transformation import Transformation, find_transformation

ZERO = Fraction(0)
EXACT_WIDTH = 12
FAR = 1000
"""Imposed relations move the outputs by a few tolerances of the sum of all nodes' sizes; a
difference of this many is another.
"""


@dataclass(frozen=True)
class SnappedPair(Answer):
    """Two networks that are exactly one function, each near one that was given.

    Attributes:
        a, b: the snapped networks.
        domain: where they are one function; ``None`` for all of R^N.
        compared_on: where the distances are measured.
        distances: of each from the network it was made from, certified.
    """

    a: TwoLayerReLU
    b: TwoLayerReLU
    domain: Domain | None
    compared_on: Domain
    distances: tuple[Distance, Distance]

    @cached_property
    def transformation(self) -> Transformation:
        """Steps that turn the first into the second."""
        return find_transformation(self.a, self.b, self.domain)

    @property
    def sentence(self) -> str:
        """Of what the two are one function."""
        first, second = (rounded_up(distance.upper) for distance in self.distances)
        return (
            f"Exactly the same function: networks within {first} and {second} of the two "
            f"{described(self.compared_on)}."
        )

    def __str__(self) -> str:
        return f"{self.sentence}\n{self.transformation}"


def snap_pair(
    a: TwoLayerReLU, b: TwoLayerReLU, domain: Domain | None, relative_tolerance: Fraction
) -> SnappedPair | None:
    """Snap the difference of two networks; ``None`` where it does not become zero.

    Args:
        a, b: networks with the same inputs and outputs.
        domain: where they should be one function; ``None`` for all of R^N.
        relative_tolerance: share of the size of the terms that are compared.
    """
    difference = _difference(a, b)
    where = box_around_kinks(difference) if domain is None else domain
    if _differs(difference, where, relative_tolerance):
        return None
    found, _, _ = structured(difference, relative_tolerance, domain, where, ACCIDENTS_ASKED_FOR)
    form = kink_form(found, domain)
    if form.kinks or any(any(row) for row in form.linear):
        return None
    size = sum((abs(q) * abs(node.b) for node in difference.nodes for q in node.q), ZERO) + sum(
        (abs(v) for v in (*a.c, *b.c)), ZERO
    )
    if any(abs(v) > relative_tolerance * size for v in form.constant):
        return None
    first = a.replaced(found.nodes[: a.width]).after_snapping(None)
    turned = [replace(node, q=tuple(-q for q in node.q)) for node in found.nodes[a.width :]]
    second = b.replaced(
        turned, tuple(c + v for c, v in zip(b.c, form.constant, strict=True))
    ).after_snapping(None)
    assert kink_form(first, domain) == kink_form(second, domain)
    return SnappedPair(
        first,
        second,
        domain,
        where,
        (
            moved_distance(a, first, where, exact=a.width <= EXACT_WIDTH),
            moved_distance(b, second, where, exact=b.width <= EXACT_WIDTH),
        ),
    )


def nearly_equal(
    a: TwoLayerReLU, b: TwoLayerReLU, domain: Domain | None, relative_tolerance: Fraction
) -> bool:
    """Whether no point of a few shows a difference beyond what moving the weights by a relative
    tolerance can make.
    """
    difference = _difference(a, b)
    return not _differs(
        difference, box_around_kinks(difference) if domain is None else domain, relative_tolerance
    )


def _difference(a: TwoLayerReLU, b: TwoLayerReLU) -> TwoLayerReLU:
    turned = [replace(node, q=tuple(-q for q in node.q)) for node in b.nodes]
    return a.replaced([*a.nodes, *turned], tuple(x - y for x, y in zip(a.c, b.c, strict=True)))


def _differs(difference: TwoLayerReLU, where: Domain, relative_tolerance: Fraction) -> bool:
    """Whether some points show at once that two networks are far from one function."""
    units = BoxUnits.of(where)
    size = sum((max(map(abs, node.q)) * units.size(node) for node in difference.nodes), ZERO)
    try:
        low, high = (
            np.array([float(c + sign * h) for c, h in zip(units.centre, units.reach, strict=True)])
            for sign in (-1, 1)
        )
        points = low + (high - low) * np.random.default_rng(0).random((64, len(low)))
        with np.errstate(over="ignore", invalid="ignore"):
            largest = float(np.abs(difference.evaluate(points)).max())
        return math.isfinite(largest) and largest > FAR * float(relative_tolerance * size)
    except (ValueError, OverflowError):  # weights beyond float64: nothing is shown
        return False
