"""What an exact answer about floats should say of rounding."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from singlearn.symmetry.trained.pair import nearly_equal, snap_pair
from singlearn.symmetry.trained.sentences import rounded_up
from singlearn.symmetry.trained.snapping import snap
from singlearn.symmetry.trained.tolerance import ROUNDINGS, float_precision
from singlearn.symmetry.two_layer.network import TwoLayerReLU

MOST_NODES = 140
"""Of both networks together, that are snapped to print an answer."""

if TYPE_CHECKING:
    from singlearn.symmetry.domain import Domain


def relations_up_to_rounding(net: TwoLayerReLU, domain: Domain | None = None) -> str:
    """A sentence where relations that do not hold exactly hold up to the rounding of the floats;
    else nothing.

    >>> print(
    ...     relations_up_to_rounding(
    ...         TwoLayerReLU([[0.1], [0.3]], [0.1, 0.1 + 0.2], [1.0, 1.0], 0.0)
    ...     )
    ... )
    The weights are floats, taken as they are. Up to rounding more is true: boundaries coincide
    (nodes 0, 1). relative_tolerance="rounding"
    takes that as exact, for a network within 2.4e-17 of yours.
    """
    if not float_precision(net):
        return ""
    found = snap(net, "rounding", domain)
    if not found.imposed:
        return ""
    shown = [
        f"{one.kind} (node{'s' * (len(one.nodes) > 1)} {', '.join(map(str, one.nodes))})"
        for one in found.imposed[:3]
    ]
    more = f" and {len(found.imposed) - 3} more" if len(found.imposed) > 3 else ""
    return (
        f"The weights are floats, taken as they are. Up to rounding more is true: "
        f"{'; '.join(shown)}{more}. "
        f'relative_tolerance="rounding" takes that as exact, for a network within '
        f"{rounded_up(found.distance.upper)} of yours."
    )


def equal_up_to_rounding(a: TwoLayerReLU, b: TwoLayerReLU, domain: Domain | None) -> str:
    """A sentence where two networks that differ are one function up to the rounding of their
    floats; else nothing.
    """
    precision = max(float_precision(a), float_precision(b))
    if precision and a.width + b.width > MOST_NODES:
        if nearly_equal(a, b, domain, Fraction(ROUNDINGS * precision)):
            return (
                "That may be rounding: the weights are floats, and at 64 points of a box around "
                "the kinks the two differ by no more than rounding can make. With a domain, "
                "tolerance= compares up to a difference of the outputs."
            )
        return ""
    pair = snap_pair(a, b, domain, Fraction(ROUNDINGS * precision)) if precision else None
    if pair is None:
        return ""
    first, second = (rounded_up(distance.upper) for distance in pair.distances)
    return (
        f"That is rounding: the weights are floats, and networks within {first} and {second} of "
        f"the two are exactly one function. "
        "With a domain, tolerance= compares up to a difference of the outputs."
    )
