"""The learning coefficient as a slope: E G(n) against 1/n."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float

from singlearn.results.estimate import Estimate
from singlearn.results.number import WithError
from singlearn.results.result import Answer


@dataclass(frozen=True)
class Slope(WithError, Answer):
    r"""The line :math:`E_n G(n) = G_∞ + C/n`, C the generalisation coefficient: λ for the Bayes
    predictive density.

    Attributes:
        value: C, dimensionless.
        standard_error: from the spread over data sets.
        intercept: :math:`G_∞` in nats; ``None`` if the line goes through the origin.
        r_squared: 1 - residual over total sum of squares of the means, unweighted.
        drift: slope of n G(n) against log n: nonzero while n is too small for the line.
    """

    value: float
    standard_error: float
    intercept: Estimate | None
    r_squared: float
    drift: Estimate

    @property
    def interval(self) -> tuple[float, float]:
        """95 % of the normal approximation."""
        return self.value - 1.96 * self.standard_error, self.value + 1.96 * self.standard_error

    def __str__(self) -> str:
        return str(Estimate(self.value, self.standard_error))

    def to_dict(self) -> dict[str, Any]:
        """For machines; the intercept in nats."""
        return {
            "value": self.value,
            "standard_error": self.standard_error,
            "intercept": None if self.intercept is None else self.intercept.to_dict(),
            "r_squared": self.r_squared,
        }


def fit_slope(
    sizes: Sequence[int | float], means: Sequence[Estimate], with_intercept: bool
) -> Slope:
    r"""Least squares of E G(n) on 1/n with weights :math:`n^2`.

    The spread of G(n) over data sets is proportional to 1/n, so these weights are the efficient
    ones; and being fixed they do not favour points whose spread came out small by chance. Through
    the origin the slope is the mean of n E G(n).

    Args:
        sizes: n, increasing.
        means: E G(n) with standard errors, independent between sizes, in nats.
        with_intercept: whether the line may miss the origin, as it must where the truth is not
            realisable.

    Returns:
        The slope without a unit, which is λ where the law holds, its standard error, the intercept
        in nats, and R².

    Raises:
        ValueError: sizes that do not increase, fewer of them than the line needs, or means or
            errors that are not finite.

    >>> line = fit_slope(
    ...     [100, 200, 400],
    ...     [Estimate(1.5 / n, 0.1 / n) for n in (100, 200, 400)],
    ...     with_intercept=False,
    ... )
    >>> round(line.value, 9), round(line.standard_error, 4), round(line.r_squared, 9)
    (1.5, 0.0577, 1.0)
    """
    check_sizes(sizes)
    least = 3 if with_intercept else 2
    if len(sizes) != len(means) or len(sizes) < least:
        raise ValueError(
            f"means: got {len(means)} for {len(sizes)} sizes; one each, and at least {least}, are "
            f"needed"
        )
    n, values = np.asarray(sizes, dtype=float), np.array([m.value for m in means])
    errors = np.array([m.standard_error for m in means])
    if not np.isfinite(values).all() or not np.isfinite(errors).all():
        raise ValueError(f"means: got {values} with errors {errors}; all should be finite")
    design = np.stack([1 / n, np.ones_like(n)], axis=1) if with_intercept else (1 / n)[:, None]
    coefficients, covariance = _weighted(design, values, errors, n)
    residual = values - design @ coefficients
    total = float(np.sum((values - values.mean()) ** 2))
    drift_design = np.stack([np.log(n), np.ones_like(n)], axis=1)
    drift, drift_covariance = _weighted(drift_design, n * values, n * errors, np.ones_like(n))
    return Slope(
        float(coefficients[0]),
        math.sqrt(covariance[0, 0]),
        Estimate(float(coefficients[1]), math.sqrt(covariance[1, 1])) if with_intercept else None,
        1 - float(np.sum(residual**2)) / total if total > 0 else math.nan,
        Estimate(float(drift[0]), math.sqrt(drift_covariance[0, 0])),
    )


def check_sizes(sizes: Sequence[int | float]) -> None:
    """Raise ``ValueError`` unless the sizes are positive and increase."""
    values = [float(size) for size in sizes]
    if (
        not values
        or not values[0] > 0
        or not math.isfinite(values[-1])
        or not all(b > a for a, b in pairwise(values))
    ):
        raise ValueError(f"sizes: got {values}; they should be positive, finite and increase")


def _weighted(
    design: Float[np.ndarray, "points terms"],
    values: Float[np.ndarray, " points"],
    errors: Float[np.ndarray, " points"],
    weights: Float[np.ndarray, " points"],
) -> tuple[Float[np.ndarray, " terms"], Float[np.ndarray, "terms terms"]]:
    """Least squares with fixed weights, and the covariance the errors of the values give the
    coefficients.
    """
    solve = np.linalg.pinv(design * weights[:, None]) * weights
    return solve @ values, (solve * errors**2) @ solve.T
