"""Where a law of a data set holds: conditions on the gates of nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Bool, Shaped

from singlearn.flow.law import Parameters, Region

CLOSE = 1e-9
Gates = list[Bool[np.ndarray, "h n"]]


@dataclass(frozen=True)
class GateRegion(Region):
    """Parameters of a ReLU network at which the gates of some nodes are as a law needs them.

    Attributes:
        text: the condition, as inequalities.
        points: the inputs, one column for each.
        layers: hidden layers of the network.
        holds: whether gates, layer by layer, are as needed.
    """

    text: str
    points: Shaped[np.ndarray, "d n"]
    layers: int
    holds: Callable[[Gates], bool]

    def __str__(self) -> str:
        return self.text

    def contains(self, parameters: Parameters) -> bool:
        """Whether parameters lie in it. Pre-activations that rounding could turn are computed
        exactly.

        Args:
            parameters: ``W1``, … and ``b1``, ….
        """
        return bool(self.holds(self.gates(parameters)))

    def gates(self, parameters: Parameters) -> Gates:
        """Which nodes are active on which inputs, layer by layer.

        Args:
            parameters: ``W1``, … and ``b1``, ….
        """
        hidden = self.points.astype(float)
        found: Gates = []
        for layer in range(1, self.layers + 1):
            weight = np.asarray(parameters[f"W{layer}"], dtype=float)
            shift = np.asarray(parameters.get(f"b{layer}", np.zeros(len(weight))), dtype=float)
            before = weight @ hidden + shift[:, None]
            size = np.abs(weight) @ np.abs(hidden) + np.abs(shift)[:, None]
            if (np.abs(before) <= CLOSE * size).any():
                return self._exact(parameters)
            found.append(before > 0)
            hidden = before * (before > 0)
        return found

    def _exact(self, parameters: Parameters) -> Gates:
        hidden = _fractions(self.points)
        found: Gates = []
        for layer in range(1, self.layers + 1):
            weight = _fractions(np.asarray(parameters[f"W{layer}"]))
            shift = _fractions(np.asarray(parameters.get(f"b{layer}", np.zeros(len(weight)))))
            before = weight @ hidden + shift[:, None]
            found.append((before > 0).astype(bool))
            hidden = before * (before > 0)
        return found


def _fractions(values: np.ndarray) -> np.ndarray:
    return np.array([Fraction(x) for x in values.reshape(-1).tolist()], dtype=object).reshape(
        values.shape
    )
