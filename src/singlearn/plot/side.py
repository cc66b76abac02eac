"""One axis of a plane of parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

POINTS = 201


@dataclass(frozen=True)
class Side:
    """One axis of the plane: a scalar parameter, and the range that is drawn.

    Raises:
        ValueError: an empty range.
    """

    name: str
    low: float | int
    high: float | int

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(
                f"{self.name}: got the range from {self.low} to {self.high}; it should not be empty"
            )

    def grid(self) -> Float[np.ndarray, " points"]:
        """Equally spaced values, both ends included."""
        return np.linspace(self.low, self.high, POINTS)
