"""Whether chains agree with each other: when a run may stop, and what its error is."""

from __future__ import annotations

import math

import numpy as np

from singlearn.local.sampling.mixing import Mixing
from singlearn.local.target import Traces

R_HAT = 1.1
RELATIVE_DRIFT = 0.03
DISTANCE_GAP = 0.1
SIGNIFICANT = 2.5
BEYOND = 10.0


def diverged(traces: Traces, dimension: int, gamma: float) -> tuple[int, ...]:
    r"""Chains with numbers that are not finite, or further from w* than the tie γ allows:
    :math:`|w-w^*|^2 > 10\, d/γ`.
    """
    finite = np.isfinite(traces.excess).all(axis=1) & np.isfinite(traces.squared_distance).all(
        axis=1
    )
    with np.errstate(invalid="ignore"):
        near = traces.squared_distance[:, -1] <= BEYOND * max(dimension, 10) / gamma
    return tuple(int(c) for c in np.flatnonzero(~(finite & near)))


def doubts(excess: Mixing) -> list[str]:
    """Why the chains have not arrived yet, in words; empty if they have.

    Chains that started at w* and chains that started away from it squeeze λ̂ from two sides. What
    is left between them may be statistically visible as long as it is small, for half of it is part
    of the error (:func:`error`).
    """
    limit = RELATIVE_DRIFT * max(abs(excess.mean), 1e-12)
    found = []
    if not excess.r_hat <= R_HAT:
        found.append(f"R-hat of λ̂ is {excess.r_hat:.2f}; it should be at most {R_HAT}")
    if abs(excess.drift) > limit + SIGNIFICANT * excess.drift_error:
        found.append(f"λ̂ moved by {excess.drift:+.2g} from the first half to the second")
    if not math.isfinite(excess.gap):
        found.append("no two chains started at w*, or no two away from it")
    elif abs(excess.gap) > limit + SIGNIFICANT * excess.gap_error:
        found.append(
            f"chains that started away from w* and chains that started at w* differ by "
            f"{excess.gap:+.2g} in λ̂"
        )
    return found


def error(excess: Mixing) -> float:
    """Standard error of λ̂: the Monte Carlo error with half of the gap between the two kinds of
    start and half of the drift.
    """
    return math.hypot(
        excess.standard_error,
        0.5 * _beyond(excess.gap, excess.gap_error),
        0.5 * _beyond(excess.drift, excess.drift_error),
    )


def _beyond(value: float, error: float) -> float:
    """The part of a difference that its own noise does not explain."""
    return max(abs(value) - error, 0.0) if math.isfinite(value) else 0.0


def travelling(distance: Mixing) -> bool:
    """Whether |w - w*|² still tells how a chain started."""
    return (
        math.isfinite(distance.gap)
        and abs(distance.gap) > DISTANCE_GAP * distance.mean + SIGNIFICANT * distance.gap_error
    )
