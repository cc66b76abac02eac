r"""G from the growth of the free energy: :math:`E\,G(n) = E\,F_{n+1} - E\,F_n - S`, beside G as
measured on test points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import digamma

from singlearn.results.estimate import Estimate
from singlearn.results.result import Answer


@dataclass(frozen=True)
class Growth(Answer):
    r"""G averaged over :math:`n \le k < n'`, in two ways.

    Attributes:
        start: n.
        end: n'.
        by_free_energy: :math:`(E[F_{n'} - n'S_{n'}] - E[F_n - nS_n]) / (n' - n)`, in nats.
        measured: the line in 1/k through :math:`E\,G(n)` and :math:`E\,G(n')`, averaged over the
            same k, in nats.
        difference: the first less the second; its error knows that both come from the same data
            sets.
    """

    start: int
    end: int
    by_free_energy: Estimate
    measured: Estimate
    difference: Estimate

    @property
    def agrees(self) -> bool:
        """Within three standard errors."""
        return abs(self.difference.value) <= 3 * self.difference.standard_error

    def to_dict(self) -> dict[str, Any]:
        """For machines; G in nats."""
        estimates = {
            name: getattr(self, name).to_dict()
            for name in ("by_free_energy", "measured", "difference")
        }
        return {"start": self.start, "end": self.end, **estimates}


def growth(
    sizes: Sequence[int],
    free: Sequence[Float[np.ndarray, " datasets"]],
    errors: Sequence[Float[np.ndarray, " datasets"]],
) -> tuple[Growth, ...]:
    r"""One for each two neighbouring sizes; the sum of the differences of F telescopes, so no size
    in between is needed.

    Args:
        sizes: n, increasing.
        free: :math:`F_n - nS_n` of each data set in nats, an array per size.
        errors: G of the same data sets in nats.

    >>> n, half_log = (
    ...     [100, 200],
    ...     [0.5 * np.log(100) + np.zeros(2), 0.5 * np.log(200) + np.zeros(2)],
    ... )  # λ = 1/2
    >>> [one] = growth(n, half_log, [np.full(2, 0.5 / 100), np.full(2, 0.5 / 200)])
    >>> round(one.by_free_energy.value, 4), round(one.measured.value, 4)
    (0.0035, 0.0035)
    """
    found = []
    for i, (n, m) in enumerate(pairwise(sizes)):
        # The mean of 1/k over n ≤ k < m, as a point between 1/m and 1/n.
        middle = float(digamma(m) - digamma(n)) / (m - n)
        share = (middle - 1 / m) / (1 / n - 1 / m)
        at_n, at_m = -free[i] / (m - n), free[i + 1] / (m - n)
        found.append(
            Growth(
                n,
                m,
                _sum_of_means(at_n, at_m),
                _sum_of_means(share * errors[i], (1 - share) * errors[i + 1]),
                _sum_of_means(at_n - share * errors[i], at_m - (1 - share) * errors[i + 1]),
            )
        )
    return tuple(found)


def slope_of_free_energy(
    sizes: Sequence[int], free: Sequence[Float[np.ndarray, " datasets"]]
) -> Estimate:
    r"""λ of a realisable truth: the slope of :math:`E[F_n - nS_n]` against log n, with equal
    weights.
    """
    log_n = np.log(np.asarray(sizes, dtype=float))
    weights = (log_n - log_n.mean()) / np.sum((log_n - log_n.mean()) ** 2)
    return _sum_of_means(*(weight * own for weight, own in zip(weights, free, strict=True)))


def _sum_of_means(*parts: Float[np.ndarray, " datasets"]) -> Estimate:
    """Means over independent data sets, added."""
    each = [Estimate.from_replicates(part.tolist()) for part in parts]
    return Estimate(
        sum(one.value for one in each), math.hypot(*(one.standard_error for one in each))
    )
