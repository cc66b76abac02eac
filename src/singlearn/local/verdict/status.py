"""The verdict on a run, and what helps where it is not the best."""

from __future__ import annotations

import math
from enum import StrEnum

import numpy as np

from singlearn.local.target import Traces


class Status(StrEnum):
    """What may be said about λ̂."""

    CONVERGED = "converged"
    DRIFTING = "drifting"
    NOISE_LIMITED = "noise_limited"
    DIVERGED = "diverged"
    NOT_LOCAL_MINIMUM = "not_local_minimum"


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

    >>> print(what_helps(1e-4, 10.0, 1000, True))
    along flat directions a start is forgotten within about 2000 steps, and 1000 counted: ...
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
