"""A cell of Table 2: one truth and one activation, over its training sets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from singlearn.exact import catalogue
from singlearn.measure.learning_coefficient import LearningCoefficient
from singlearn.results.caution import Reason

NAMES = {"relu": "ReLU", "silu": "SiLU"}

# λ̂, its standard deviation over training sets, R² of the line.
PUBLISHED = {
    (3, "relu"): (0.526301, 0.027181, 0.983850),
    (3, "silu"): (0.522393, 0.026342, 0.978770),
    (4, "relu"): (0.539590, 0.024774, 0.991241),
    (4, "silu"): (0.539387, 0.020769, 0.988495),
    (5, "relu"): (0.555303, 0.002344, 0.993092),
    (5, "silu"): (0.555630, 0.021184, 0.990971),
}


@dataclass(frozen=True)
class Measurement:
    """One training set: λ̂ and what says which phase it is of. Energies in nats, above n L_n(w_0).

    ``dead_share`` and ``flat_share`` are shares of the tempered posterior, averaged over the five
    β: every node dead on the whole square, and every node dead on the inputs of the training set,
    so that the network is constant there.
    """

    read: LearningCoefficient
    energies: Float[np.ndarray, " points"]
    energy_errors: Float[np.ndarray, " points"]
    intercept: float
    best_constant: float
    dead_share: float
    flat_share: float
    seconds: float


@dataclass(frozen=True)
class Table2Cell:
    """One truth and one activation, over its training sets."""

    kinks: int
    activation: str
    measurements: tuple[Measurement, ...]

    @property
    def name(self) -> str:
        """What the cell is called in tables and stores."""
        return f"s_{self.kinks} {NAMES[self.activation]}"

    def mean(self, attribute: str) -> float:
        """Mean of a number of ``Measurement`` over the training sets."""
        return float(np.mean([getattr(m, attribute) for m in self.measurements]))

    @property
    def slopes(self) -> Float[np.ndarray, " sets"]:
        """λ̂ of every training set."""
        return np.array([m.read.value for m in self.measurements])

    @property
    def elsewhere(self) -> int:
        """Training sets whose λ̂ carries the warning ``phase_elsewhere``."""
        return sum(
            any(w.reason is Reason.PHASE_ELSEWHERE for w in m.read.cautions)
            for m in self.measurements
        )

    def row(self) -> dict[str, Any]:
        """The cell as a row; ``exact_learning_coefficient`` is that of W_0, proved for ReLU
        only.
        """
        count = len(self.measurements)
        within = math.sqrt(sum(m.read.standard_error**2 for m in self.measurements)) / count
        published = PUBLISHED[self.kinks, self.activation]
        known = catalogue.relu_two_layer(2, 1, self.kinks) if self.activation == "relu" else None
        return {
            "truth": f"s_{self.kinks}",
            "activation": NAMES[self.activation],
            "training_sets": count,
            "learning_coefficient": float(self.slopes.mean()),
            "standard_deviation": float(self.slopes.std(ddof=1)) if count > 1 else None,
            "sampling_error": within,
            "r_squared": float(np.mean([m.read.r_squared for m in self.measurements])),
            "published_learning_coefficient": published[0],
            "published_standard_deviation": published[1],
            "published_r_squared": published[2],
            "exact_learning_coefficient": None if known is None else float(known),
            "phase_elsewhere": self.elsewhere,
            "dead_share": self.mean("dead_share"),
            "constant_share": self.mean("flat_share"),
            "intercept_above_truth": self.mean("intercept"),
            "best_constant_above_truth": self.mean("best_constant"),
            "seconds": float(sum(m.seconds for m in self.measurements)),
        }
