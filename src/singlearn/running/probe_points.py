"""Probe points: where functions are asked so that two of them can be told apart, the same on every
machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

SCALES = (1.0, 1.0, 0.3, 2.5)
"""Of the points, in turn: the bulk twice, the middle, and far out."""
MOST_NUMBERS = 2**22


@dataclass(frozen=True)
class ProbePoints:
    """Where a distribution is, coordinate by coordinate, and points spread over it; written down
    with what was asked there.

    Attributes:
        location: medians, with four digits.
        scale: half of what lies between the 16th and the 84th percentile, with four digits.
    """

    location: Float[np.ndarray, " d"]
    scale: Float[np.ndarray, " d"]

    @classmethod
    def around(cls, draws: Float[np.ndarray, "draws d"], widened: float = 1.0) -> ProbePoints:
        """Over what the draws cover, or ``widened`` times as much; what is not finite is left out.

        Returns:
            Probe points with the centre and the scale of every coordinate.

        >>> ProbePoints.around(np.arange(101.0)[:, None]).location
        array([50.])
        """
        finite = np.where(np.isfinite(draws), draws, np.nan).astype(float)
        finite[:, np.isnan(finite).all(axis=0)] = 0.0
        low, middle, high = np.nanpercentile(finite, [16, 50, 84], axis=0)
        scale = widened * (high - low) / 2
        return cls(
            _short(middle), _short(np.where(scale > 0, scale, np.maximum(np.abs(middle), 1.0)))
        )

    def points(self, count: int) -> Float[np.ndarray, "count d"]:
        """As many points: a Latin hypercube, so that every stretch of every coordinate is met, at
        four scales.

        Returns:
            One point per row.

        >>> ProbePoints(np.zeros(2), np.ones(2)).points(8).shape
        (8, 2)
        """
        from scipy.special import ndtri

        # The legacy generator: NumPy promises its numbers for ever.
        generator = np.random.RandomState(17)
        spread = np.empty((count, len(self.location)))
        for k in range(len(self.location)):
            spread[:, k] = ndtri((generator.permutation(count) + 0.5) / count)
        found: Float[np.ndarray, "count d"] = (
            self.location + spread * np.resize(SCALES, count)[:, None] * self.scale
        )
        return found

    def many(self, most: int) -> Float[np.ndarray, "count d"]:
        """Up to ``most`` points, fewer where there are very many coordinates."""
        return self.points(int(min(most, max(128, MOST_NUMBERS // max(1, len(self.location))))))

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"kind": "points", "location": self.location.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> ProbePoints:
        """The inverse of ``to_dict``."""
        return cls(
            np.array(document["location"], dtype=float), np.array(document["scale"], dtype=float)
        )


def _short(numbers: Float[np.ndarray, " d"]) -> Float[np.ndarray, " d"]:
    return np.array([float(f"{number:.4g}") for number in numbers])
