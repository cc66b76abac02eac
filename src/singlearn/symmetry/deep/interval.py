"""Ranges of affine functions of boxes, rounded outwards."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from jaxtyping import Float

from singlearn.symmetry.deep.rounding import UNDERFLOW, gamma

LONGEST_EXACT = 20_000
"""Rows longer than this are not settled in exact arithmetic."""


def affine_range(
    matrix: Float[np.ndarray, "nodes inputs"],
    bias: Float[np.ndarray, " nodes"],
    lower: Float[np.ndarray, " inputs"],
    upper: Float[np.ndarray, " inputs"],
) -> tuple[Float[np.ndarray, " nodes"], Float[np.ndarray, " nodes"]]:
    r"""Bounds on :math:`W h + b` over the box, never too narrow.

    .. math:: W^+ \ell + W^- u + b ≤ W h + b ≤ W^+ u + W^- \ell + b

    with :math:`γ_{n+2}` times the sum of absolute terms added outwards. Where that margin would
    hide whether a bound is exactly 0, the row is summed in fractions.

    >>> affine_range(
    ...     np.array([[1.0, -1.0]]), np.array([-2.0]), np.zeros(2), np.array([2.0, 1.0])
    ... )[1]
    array([0.])
    """
    positive, negative = np.maximum(matrix, 0.0), np.minimum(matrix, 0.0)
    relative = gamma(matrix.shape[1] + 3)

    def outer(first: np.ndarray, second: np.ndarray, sign: float) -> np.ndarray:
        value = positive @ first + negative @ second + bias
        size = positive @ np.abs(first) - negative @ np.abs(second) + np.abs(bias)
        margin = 2 * relative * size
        bound = value + sign * margin * (1 + 4 * relative)
        bound[size > 0] += sign * UNDERFLOW
        if matrix.shape[1] <= LONGEST_EXACT:
            for row in np.flatnonzero((np.abs(value) <= 2 * margin) & (size > 0)):
                bound[row] = _exact(
                    positive[row], negative[row], first, second, float(bias[row]), float(sign)
                )
        found: np.ndarray = bound
        return found

    return outer(lower, upper, -1.0), outer(upper, lower, 1.0)


def _exact(
    positive: np.ndarray,
    negative: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    bias: float,
    sign: float,
) -> float:
    total = Fraction(bias)
    for weights, values in ((positive, first), (negative, second)):
        used = np.flatnonzero((weights != 0) & (values != 0))
        total += sum(
            (Fraction(float(weights[i])) * Fraction(float(values[i])) for i in used), Fraction(0)
        )
    rounded = float(total)
    wrong_side = Fraction(rounded) < total if sign > 0 else Fraction(rounded) > total
    return float(np.nextafter(rounded, sign * np.inf)) if wrong_side else rounded
