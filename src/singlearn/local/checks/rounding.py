"""What rounding of the losses costs λ̂."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from singlearn.results.caution import Caution, Reason

VISIBLE = 0.03
"""Of λ̂."""
NOTICEABLE = 0.02
"""In units of λ: less is not worth another number type."""


def rounding_of_mean(
    losses: Float[np.ndarray, " samples"],
    exact: Float[np.ndarray, " samples"] | None = None,
    digit: float = 2.0**-23,
) -> float:
    r"""Error of :math:`L_n(w) - L_n(w^*)` by the rounding of each loss, in units of the loss, one
    standard deviation.

    Where the same losses are known with more digits, errors :math:`e_i` are measured, and those at
    w and at w* are taken as independent: :math:`\sqrt{2/n}\; \mathrm{sd}(e_i)`; an error that all
    samples share cancels in the difference. Where they are not, a loss is taken to be rounded to
    its own last digit, :math:`e_i = ε |ℓ_i| / \sqrt{12}` for ε the spacing of numbers at 1.

    Args:
        losses: :math:`ℓ_i(w^*)` as they are computed, of some or all samples.
        exact: the same with more digits.
        digit: ε.

    Returns:
        The error for as many samples as were given.

    >>> losses = 2e6 + np.random.default_rng(0).normal(size=1000)
    >>> measured = rounding_of_mean(losses.astype(np.float32).astype(float), losses)
    >>> round(measured, 4)  # spacing 0.125: 0.036/√500
    0.0016
    >>> round(rounding_of_mean(losses), 4)  # spacing at most 0.25
    0.0031
    """
    if exact is None:
        error = digit * float(np.sqrt(np.mean(np.square(losses, dtype=np.float64)))) / math.sqrt(12)
    else:
        error = float(np.std(np.asarray(losses, np.float64) - exact))
    return error * math.sqrt(2 / len(losses))


def rounding_caution(cost: float, value: float, loss: float) -> list[Caution]:
    """A caution, if rounding costs λ̂ more than three parts in a hundred.

    Args:
        cost: nβ times the error of the mean.
        value: λ̂.
        loss: L_n(w*).

    Returns:
        One caution at most.

    >>> len(rounding_caution(0.1, 1.0, 2e6)), len(rounding_caution(0.001, 1.0, 2e6))
    (1, 0)
    """
    if not cost > max(VISIBLE * abs(value), 1e-6):
        return []
    return [
        Caution(
            Reason.ROUNDING,
            f"rounding: the losses (L_n(w*) = {loss:.4g}) are computed with too few digits, which "
            f"costs λ̂ about ±{cost:.2g}; subtract a constant from the loss or from targets and "
            "outputs, or compute in float64",
        )
    ]
