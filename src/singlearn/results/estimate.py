"""A number and the error that was seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from singlearn.results.number import WithError
from singlearn.results.result import Answer


@dataclass(frozen=True)
class Estimate(WithError, Answer):
    """A number, its standard error, and the independent replicates both were computed from.

    >>> print(Estimate.from_replicates([1.0, 2.0, 3.0]))
    2.0 ± 0.6
    """

    value: float
    standard_error: float
    replicates: tuple[float, ...] = ()

    @classmethod
    def from_replicates(cls, replicates: Sequence[float], floor: float = 0.0) -> Estimate:
        r"""Mean of R independent replicates; standard error :math:`\max(s/\sqrt R, \text{floor})`,
        s their standard deviation.

        A handful of replicates can agree by luck; ``floor``, the error that independent particles
        alone would leave, keeps such luck from looking like precision. With a single replicate the
        floor is all there is.

        Returns:
            The mean with its error and the replicates.
        """
        values = np.asarray(replicates, dtype=float)
        spread = float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan
        error = max(spread, floor) if math.isfinite(spread) else (floor if floor > 0 else math.nan)
        return cls(float(values.mean()), error, tuple(float(v) for v in values))

    def __str__(self) -> str:
        if not math.isfinite(self.standard_error) or self.standard_error == 0:
            return f"{self.value:.6g}"
        # One digit of error, two when it starts with 1: what the error can carry.
        exponent = math.floor(math.log10(self.standard_error))
        digits = -exponent + (1 if self.standard_error / 10**exponent < 2 else 0)
        digits = max(digits, 0)
        if abs(self.value) < 1e-4 and digits > 6:
            return f"{self.value:.3g} ± {self.standard_error:.1g}"
        return f"{self.value:.{digits}f} ± {self.standard_error:.{digits}f}"

    def to_dict(self) -> dict[str, float]:
        """``{"value": …, "standard_error": …}`` for machines."""
        return {"value": self.value, "standard_error": self.standard_error}
