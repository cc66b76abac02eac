"""Many descents at once: one compiled evaluation of all points per iteration, and nothing else to compile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

Evaluate = Callable[
    [Float[np.ndarray, "starts d"]], tuple[Float[np.ndarray, " starts"], Float[np.ndarray, "starts d"]]
]
"""Points to the values of the objective and its gradients; both may be infinite or NaN, which counts as infinitely high."""

MEMORY = 10
SUFFICIENT = 1e-4
SHORTEST_STEP = 1e-18
PATIENCE = 15


@dataclass(frozen=True)
class Descended:
    """Where descents ended, how low, and which of them had nowhere lower to go."""

    points: Float[np.ndarray, "starts d"]
    values: Float[np.ndarray, " starts"]
    converged: Bool[np.ndarray, " starts"]
    evaluations: int


def descend(
    evaluate: Evaluate,
    starts: Float[np.ndarray, "starts d"],
    scales: Float[np.ndarray, " d"],
    iterations: int = 150,
    tolerance: float = 1e-3,
) -> Descended:
    """L-BFGS from many starts at once (Nocedal & Wright 2006, Algorithm 7.5 [nocedal2006numerical]_).

    Every iteration evaluates one trial point of every start: where it lies low enough (Armijo) the start moves there, elsewhere its step
    is shortened. So all starts share one batched evaluation, whatever their line searches need.

    Args:
        evaluate: objective and gradient of a batch of points, of the size of ``starts``.
        starts: where to begin.
        scales: the length of a first step in each coordinate, at most.
        iterations: evaluations of the batch, at most.
        tolerance: descents stop when none of them has fallen by more than this in the last ``PATIENCE`` iterations.

    Returns:
        The end of every descent. A start of infinite value stays where it is, with the value ``inf``.

    >>> bowl = lambda u: (np.sum((u - 3.0) ** 2, axis=1), 2 * (u - 3.0))
    >>> found = descend(bowl, np.zeros((2, 3)), np.ones(3))
    >>> bool(np.allclose(found.points, 3.0, atol=1e-4)), bool(found.converged.all())
    (True, True)
    """
    count = len(starts)
    x = starts / scales
    value, gradient = _clean(*evaluate(starts), scales)
    steps: list[np.ndarray] = []
    changes: list[np.ndarray] = []
    curvatures: list[np.ndarray] = []
    length = np.ones(count)
    direction = _direction(gradient, steps, changes, curvatures)
    stuck = ~np.isfinite(value)
    before = [value.copy()]
    evaluations = 1
    for _ in range(iterations):
        trial = x + length[:, None] * direction
        new_value, new_gradient = _clean(*evaluate(trial * scales), scales)
        evaluations += 1
        slope = np.sum(direction * gradient, axis=1)
        lower = new_value <= value + SUFFICIENT * length * slope
        moved = ~stuck & lower & np.isfinite(new_value)
        step = np.where(moved[:, None], trial - x, 0.0)
        change = np.where(moved[:, None], new_gradient - gradient, 0.0)
        curvature = np.sum(step * change, axis=1)
        x = np.where(moved[:, None], trial, x)
        value = np.where(moved, new_value, value)
        gradient = np.where(moved[:, None], new_gradient, gradient)
        if moved.any():
            steps, changes, curvatures = steps[-MEMORY + 1 :], changes[-MEMORY + 1 :], curvatures[-MEMORY + 1 :]
            steps.append(step)
            changes.append(change)
            enough = 1e-12 * np.linalg.norm(step, axis=1) * np.linalg.norm(change, axis=1)
            curvatures.append(np.where(curvature > enough, curvature, 0.0))
            fresh = _direction(gradient, steps, changes, curvatures)
            direction = np.where(moved[:, None], fresh, direction)
        length = np.where(moved, 1.0, 0.3 * length)
        stuck |= (length < SHORTEST_STEP) | (np.abs(gradient).max(axis=1, initial=0.0) == 0)
        before.append(value.copy())
        if stuck.all():
            break
        if len(before) > PATIENCE and not np.any(_fallen(before[-1 - PATIENCE], value)[~stuck] > tolerance):
            break
    settled = before[max(len(before) - 1 - PATIENCE, 0)]
    return Descended(x * scales, value, np.isfinite(value) & (stuck | (_fallen(settled, value) <= tolerance)), evaluations)


def _fallen(earlier: Float[np.ndarray, " starts"], later: Float[np.ndarray, " starts"]) -> Float[np.ndarray, " starts"]:
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(earlier - later, nan=0.0, posinf=np.inf)


def _clean(
    value: Float[np.ndarray, " starts"], gradient: Float[np.ndarray, "starts d"], scales: Float[np.ndarray, " d"]
) -> tuple[Float[np.ndarray, " starts"], Float[np.ndarray, "starts d"]]:
    """Infinite where the value or the gradient is not finite; the gradient in units of the scales."""
    finite = np.isfinite(value) & np.isfinite(gradient).all(axis=1)
    return np.where(finite, value, np.inf), np.where(finite[:, None], gradient, 0.0) * scales


def _direction(
    gradient: Float[np.ndarray, "starts d"],
    steps: list[np.ndarray],
    changes: list[np.ndarray],
    curvatures: list[np.ndarray],
) -> Float[np.ndarray, "starts d"]:
    """The two-loop recursion for all starts; a pair without positive curvature is passed over."""
    q = gradient.copy()
    weights = []
    for s, y, c in zip(reversed(steps), reversed(changes), reversed(curvatures), strict=True):
        a = np.where(c > 0, np.sum(s * q, axis=1) / np.where(c > 0, c, 1.0), 0.0)
        weights.append(a)
        q -= a[:, None] * y
    norm = np.linalg.norm(gradient, axis=1)
    # Without curvature yet: a step of one scale.
    inverse = 1 / np.maximum(norm, 1e-300)
    for y, c in zip(changes, curvatures, strict=True):
        square = np.sum(y * y, axis=1)
        # A change so small that its square is 0 says nothing.
        inverse = np.divide(c, square, out=inverse.copy(), where=(c > 0) & (square > 1e-300))
    q *= inverse[:, None]
    for s, y, c, a in zip(steps, changes, curvatures, reversed(weights), strict=True):
        b = np.where(c > 0, np.sum(y * q, axis=1) / np.where(c > 0, c, 1.0), 0.0)
        q += (a - b)[:, None] * s
    descends = np.sum(q * gradient, axis=1) > 0
    steepest = gradient / np.maximum(norm, 1e-300)[:, None]
    return -np.where((descends & np.isfinite(q).all(axis=1))[:, None], q, steepest)
