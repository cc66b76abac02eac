"""The verdict on a run, and the rules it follows."""

from __future__ import annotations

import math
from enum import StrEnum

import numpy as np

from singlearn.local.sampling.target import Traces
from singlearn.local.verdict.mixing import Mixing

R_HAT = 1.1
RELATIVE_DRIFT = 0.03
DISTANCE_GAP = 0.1
SIGNIFICANT = 2.5
BEYOND = 10.0


class Status(StrEnum):
    """What may be said about λ̂."""

    CONVERGED = "converged"
    DRIFTING = "drifting"
    NOISE_LIMITED = "noise_limited"
    DIVERGED = "diverged"
    NOT_LOCAL_MINIMUM = "not_local_minimum"


def diverged(traces: Traces, dimension: int, gamma: float) -> tuple[int, ...]:
    """Chains with numbers that are not finite, or further from w* than the tie γ allows:
    :math:`|w-w^*|^2 > 10\\, d/γ`.
    """
    finite = np.isfinite(traces.excess).all(axis=1) & np.isfinite(traces.squared_distance).all(
        axis=1
    )
    with np.errstate(invalid="ignore"):
        near = traces.squared_distance[:, -1] <= BEYOND * max(dimension, 10) / gamma
    return tuple(int(c) for c in np.flatnonzero(~(finite & near)))


def why_diverged(traces: Traces, dead: tuple[int, ...]) -> str:
    """What drove chains away, and what helps: γ, or the step.

    A chain that went down found a loss that has no floor within reach, and only the tie can hold
    it. One that went up, or to numbers that are not finite, made steps too long for how steeply the
    loss grows there; no tie cures that.
    """
    down = []
    for chain in dead:
        seen = traces.excess[chain][np.isfinite(traces.excess[chain])]
        down.append(
            len(seen) > 0
            and bool(seen[-max(len(seen) // 4, 1) :].min() < -1.0)
            and bool(np.median(seen[len(seen) // 2 :]) < 0)
        )
    if all(down):
        return "the loss falls below L_n(w*) without an end; a larger gamma keeps chains near w*"
    return 'steps were too long where the loss grows steeply; sampler="hmc" judges every step'


def what_helps(step: float | None, gamma: float, draws: int, slow: bool) -> str:
    """What to change where chains do not agree yet: a larger gamma only where the tie is what is
    slow.

    Along a flat direction a chain of Langevin steps ε forgets where it started within 2/(εγ) steps.

    Args:
        step: ε; ``None`` for Hamiltonian trajectories, which cross flat directions in one.
        gamma: γ.
        draws: that were counted.
        slow: whether |w - w*|² still tells how a chain started.

    >>> what_helps(1e-4, 10.0, 1000, True)
    'along flat directions a start is forgotten within about 2000 steps, and 1000 counted: max_steps=20000 or a gamma 10 times larger'
    >>> what_helps(1e-2, 10.0, 1000, False)
    'raise max_steps'
    """
    if step is not None and slow:
        forget = 2 / (step * gamma)
        enough = 5 * forget
        if enough > draws:
            # Half of all steps count, at least.
            more = math.ceil(enough / draws)
            return (
                f"along flat directions a start is forgotten within about {_round(forget)} steps, "
                f"and {draws} counted: "
                f"max_steps={_round(2 * enough)} or a gamma {more} times larger"
            )
    return (
        "raise max_steps, or gamma: chains cross flat directions slowly"
        if slow
        else "raise max_steps"
    )


def _round(number: float) -> int:
    """Two digits.

    >>> _round(123456.0), _round(7.2)
    (120000, 7)
    """
    unit = 10 ** max(math.floor(math.log10(max(number, 1.0))) - 1, 0)
    return int(round(number / unit) * unit)


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
