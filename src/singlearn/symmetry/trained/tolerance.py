"""How far a relation may be from holding to be taken as meant: a multiple of the rounding of the
weights, or what the user says.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TypeAlias

from singlearn.numbers.rational import Number
from singlearn.running.arguments import real_number
from singlearn.symmetry.two_layer.network import TwoLayerReLU

RelativeTolerance: TypeAlias = Number | str
"""A relative size of at most 1, or "rounding": what the float type of the weights makes of exact
relations.
"""

ROUNDINGS = 64
"""A weight that was rotated, scaled and shifted carries a few roundings; a sum of several carries
one of each.
"""

LARGEST = 0.5


def as_relative_tolerance(net: TwoLayerReLU, relative_tolerance: RelativeTolerance | None) -> float:
    """The relative tolerance that an argument means; 0 for exact weights where rounding is meant.

    Raises:
        ValueError: neither a number from 0 to 1/2 nor "rounding".

    >>> as_relative_tolerance(TwoLayerReLU([[1]], [0], [1], 0), None)
    0.0
    >>> as_relative_tolerance(TwoLayerReLU([[0.1]], [0.3], [1.0], 0.0), "rounding") == 64 * 2.0**-53
    True
    """
    meaning = (
        f'a relative size from 0 to {LARGEST}, or "rounding" for what the float type of the '
        f"weights makes"
    )
    if relative_tolerance is None or (
        isinstance(relative_tolerance, str) and relative_tolerance == "rounding"
    ):
        return ROUNDINGS * float_precision(net)
    value = real_number("relative_tolerance", relative_tolerance, meaning=meaning)
    if not 0 <= value <= LARGEST:
        raise ValueError(f"relative_tolerance: got {relative_tolerance!r}; it should be {meaning}")
    return value


def float_precision(net: TwoLayerReLU) -> float:
    """Unit roundoff of the weights: that of their type, or of float32 where wider floats hold no
    more than it can.

    A module in float32 is often read into float64 before it comes here. Numbers of at most 24
    binary digits, some of them with more than 18, are taken to be that; numbers with few digits,
    such as 0.25, say nothing.

    >>> import numpy as np
    >>> widened = np.array([[1 / 3]], dtype=np.float32).astype(np.float64)
    >>> float_precision(TwoLayerReLU(widened, [0.0], [1.0], 0.0)) == 2.0**-24
    True
    """
    if net.precision == 0.0 or net.precision >= 2.0**-24:
        return net.precision
    longest = 0
    for node in net.nodes:
        for value in (*node.w, node.b, *node.q):
            longest = max(longest, binary_digits(value))
            if longest > 24:
                return net.precision
    return 2.0**-24 if longest > 18 else net.precision


def binary_digits(value: Fraction) -> int:
    """Digits from the first to the last 1 of the numerator.

    >>> binary_digits(Fraction(12)), binary_digits(Fraction(0.1))
    (2, 52)
    """
    numerator = abs(value.numerator)
    return numerator.bit_length() - (numerator & -numerator).bit_length() + 1 if numerator else 0
