"""Two networks snapped together, so that they become one function where they nearly are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from singlearn.results.prompt import Shown
from singlearn.symmetry.distance import Distance
from singlearn.symmetry.domain import Domain
from singlearn.symmetry.kink_form import kink_form
from singlearn.symmetry.network import TwoLayerReLU
from singlearn.symmetry.snap.box_units import box_around_kinks
from singlearn.symmetry.snap.distance import moved_distance
from singlearn.symmetry.snap.snapping import ACCIDENTS_ASKED_FOR, described, rounded_up, snapped_on
from singlearn.symmetry.transformation import Transformation, find_transformation

ZERO = Fraction(0)


@dataclass(frozen=True)
class SnappedPair(Shown):
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
        return f"Exactly the same function: networks within {first} and {second} of the two {described(self.compared_on)}."

    def __str__(self) -> str:
        return f"{self.sentence}\n{self.transformation}"


def snap_pair(
    a: TwoLayerReLU, b: TwoLayerReLU, domain: Domain | None, tolerance: Fraction
) -> SnappedPair | None:
    """Snap the difference of two networks; ``None`` where it does not become zero.

    Args:
        a, b: networks with the same inputs and outputs.
        domain: where they should be one function; ``None`` for all of R^N.
        tolerance: relative.
    """
    difference = a.replaced(
        [*a.nodes, *(replace(node, q=tuple(-q for q in node.q)) for node in b.nodes)],
        tuple(x - y for x, y in zip(a.c, b.c, strict=True)),
    )
    where = box_around_kinks(difference) if domain is None else domain
    found = snapped_on(difference, tolerance, domain, where, ACCIDENTS_ASKED_FOR)
    form = kink_form(found.net, domain)
    if form.kinks or any(any(row) for row in form.linear):
        return None
    size = sum((abs(q) * abs(node.b) for node in difference.nodes for q in node.q), ZERO) + sum(
        (abs(v) for v in (*a.c, *b.c)), ZERO
    )
    if any(abs(v) > tolerance * size for v in form.constant):
        return None
    first = a.replaced(found.net.nodes[: a.width]).after_snapping(None)
    turned = [replace(node, q=tuple(-q for q in node.q)) for node in found.net.nodes[a.width :]]
    second = b.replaced(
        turned, tuple(c + v for c, v in zip(b.c, form.constant, strict=True))
    ).after_snapping(None)
    assert kink_form(first, domain) == kink_form(second, domain)
    return SnappedPair(
        first,
        second,
        domain,
        where,
        (moved_distance(a, first, where), moved_distance(b, second, where)),
    )
