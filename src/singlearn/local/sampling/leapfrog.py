"""The leapfrog step of Hamiltonian dynamics, in arithmetic that NumPy and JAX arrays share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float

from singlearn.local.target import Flight, Tempering

Evaluate = Callable[[Any], tuple[Any, Any]]
"""From offsets to excess and force, as in :class:`Flight`."""


def kick_drift_kick(
    evaluate: Evaluate, at: tuple[Any, Any, Any, Any], step: Any
) -> tuple[Any, Any, Any, Any]:
    r"""One step of size ε: :math:`p ← p - \frac ε2 ∇U, \; w ← w + ε p, \; p ← p - \frac ε2 ∇U`, on
    the parts of a :class:`Flight`.

    >>> def spring(w): return 0.5 * (w**2).sum(1), w
    >>> w, p = np.array([[1.0]]), np.array([[0.0]]); at = (w, p, *spring(w))
    >>> for _ in range(314): at = kick_drift_kick(spring, at, 0.01)     # half a period
    >>> np.round(at[0], 3)
    array([[-1.]])
    """
    offset, momentum, _, force = at
    half = 0.5 * step
    momentum = momentum - half * force
    offset = offset + step * momentum
    excess, force = evaluate(offset)
    return offset, momentum - half * force, excess, force


def fly_in_chunks(
    full: Callable[[Any], tuple[Any, Any]],
    flight: Flight,
    step: Float[np.ndarray, " chains"],
    leapfrogs: int,
    tempering: Tempering,
) -> Flight:
    """``leapfrogs`` steps where the loss over all samples is a sum over chunks, and no loop can be
    compiled.

    Where a gradient is not a number, as at a kink of infinite slope, the force is 0: any function
    of the position that is put in the place of the force leaves the step reversible and volumes as
    they are, and what is accepted depends on energies alone.

    Args:
        full: of a :class:`~singlearn.local.target.Target`.
        flight: the start.
        step: ε of every chain.
        leapfrogs: their number.
        tempering: the potential.
    """

    def evaluate(offset: Any) -> tuple[Any, Any]:
        value, gradient = full(offset)
        return tempering.nbeta * value, np.nan_to_num(
            tempering.nbeta * gradient + tempering.gamma * offset, nan=0.0
        )

    at: tuple[Any, Any, Any, Any] = flight
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(leapfrogs):
            at = kick_drift_kick(evaluate, at, step[:, None])
    return Flight(*at)
