"""Many descents at once: one compiled evaluation of all points per iteration, and nothing else to
compile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from singlearn.tempering.line_search import ACCEPTED, FAILED, LineSearches

Evaluate = Callable[
    [Float[np.ndarray, "starts d"]],
    tuple[Float[np.ndarray, " starts"], Float[np.ndarray, "starts d"]],
]
"""Points to the values of the objective and its gradients; both may be infinite or NaN, which
counts as infinitely high.
"""

MEMORY = 10


@dataclass(frozen=True)
class Descended:
    """Where descents ended, how low, and which of them had nowhere lower to go.

    ``stuck`` are those of the converged whose line search failed: the end of the numbers, or of
    their digits. Where the gradient is not flat there, they are at no minimum.
    """

    points: Float[np.ndarray, "starts d"]
    values: Float[np.ndarray, " starts"]
    converged: Bool[np.ndarray, " starts"]
    stuck: Bool[np.ndarray, " starts"]
    evaluations: int


def descend(
    evaluate: Evaluate,
    starts: Float[np.ndarray, "starts d"],
    scales: Float[np.ndarray, " d"],
    iterations: int = 300,
    tolerance: float = 2e-9,
    flat: float = 1e-5,
) -> Descended:
    """L-BFGS from many starts at once (Nocedal & Wright 2006, Algorithm 7.5
    [nocedal2006numerical]_).

    Every iteration evaluates one trial point of every start, so that all share one batched
    evaluation; line search, memory of curvatures and the end are each start's own. Steps, memory
    and tolerances are those of L-BFGS-B, which ends at the same places.

    Args:
        evaluate: objective and gradient of a batch of points, of the size of ``starts``.
        starts: where to begin.
        scales: the length of a first step in each coordinate, at most.
        iterations: evaluations of the batch, at most.
        tolerance: a descent ends where a step lowers its value by less than this, as a share of the
            value or of 1.
        flat: and where no entry of its gradient, times the scale, is larger than this.

    Returns:
        The end of every descent. A start of infinite value stays where it is, with the value
        ``inf``.

    >>> bowl = lambda u: (np.sum((u - 3.0) ** 2, axis=1), 2 * (u - 3.0))
    >>> found = descend(bowl, np.zeros((2, 3)), np.ones(3))
    >>> bool(np.allclose(found.points, 3.0, atol=1e-4)), bool(found.converged.all())
    (True, True)

    A trial point where the gradient is larger than the root of the largest float is passed over:

    >>> steep = lambda u: (np.cosh(400 * u[:, 0]), 400 * np.sinh(400 * u))
    >>> bool(abs(descend(steep, np.full((1, 1), 0.02), np.ones(1)).points[0, 0]) < 1e-3)
    True
    """
    x = starts / scales
    value, gradient = _clean(*evaluate(starts), scales)
    memory = _Memory.empty(*x.shape)
    search = LineSearches.none(len(x))
    ended = ~np.isfinite(value)
    converged = ~ended & (np.abs(gradient).max(axis=1, initial=0.0) <= flat)
    ended |= converged
    ever_stuck = np.zeros_like(ended)
    direction = -gradient
    slope = np.sum(direction * gradient, axis=1)
    with np.errstate(divide="ignore"):
        search.begin(~ended, value, slope, np.minimum(1 / np.sqrt(-slope), 1e10))
    evaluations = 1
    while evaluations <= iterations and not ended.all():
        trial = np.where(ended[:, None], x, x + search.step[:, None] * direction)
        new_value, new_gradient = _clean(*evaluate(trial * scales), scales)
        evaluations += 1
        with np.errstate(over="ignore", invalid="ignore"):
            slopes = np.sum(direction * new_gradient, axis=1)
        verdict = np.where(ended, -1, search.tell(new_value, slopes))
        moved, failed = verdict == ACCEPTED, verdict == FAILED
        memory.add(moved, trial - x, new_gradient - gradient, slope)
        fallen = np.where(moved, value - np.where(moved, new_value, 0.0), np.inf)
        small = tolerance * np.maximum(
            1.0, np.maximum(np.abs(value), np.abs(np.where(moved, new_value, 1.0)))
        )
        x = np.where(moved[:, None], trial, x)
        value = np.where(moved, new_value, value)
        gradient = np.where(moved[:, None], new_gradient, gradient)
        # Without curvatures to forget, a search that failed has nowhere to go.
        stuck = failed & (memory.count == 0)
        settled = moved & ((fallen <= small) | (np.abs(gradient).max(axis=1, initial=0.0) <= flat))
        converged |= settled | stuck
        ever_stuck |= stuck
        ended |= converged
        memory.count[failed] = 0
        fresh = (moved | failed) & ~ended
        if fresh.any():
            direction[fresh] = memory.direction(fresh, gradient[fresh])
            slope = np.sum(direction * gradient, axis=1)
            with np.errstate(divide="ignore", invalid="ignore"):
                first = np.where(memory.count == 0, np.minimum(1 / np.sqrt(-slope), 1.0), 1.0)
            search.begin(fresh, value, slope, first)
    return Descended(x * scales, value, converged, ever_stuck, evaluations)


def one_by_one(
    objective: Callable[[Float[np.ndarray, " d"]], tuple[float, Float[np.ndarray, " d"]]],
    shape: tuple[int, ...],
) -> Evaluate:
    """A batch evaluated point by point, without those that have not moved since the last time.

    Where an evaluation is dear, the descents that have ended cost nothing.

    Args:
        objective: one point to value and gradient.
        shape: of the batch, (starts, d).

    Returns:
        What :func:`descend` takes.
    """
    at, values, gradients = np.full(shape, np.nan), np.zeros(shape[0]), np.zeros(shape)

    def evaluate(points: Float[np.ndarray, "starts d"]) -> tuple[np.ndarray, np.ndarray]:
        for row in np.flatnonzero((points != at).any(axis=1)):
            at[row] = points[row]
            values[row], gradients[row] = objective(points[row])
        return values.copy(), gradients.copy()

    return evaluate


@dataclass(eq=False)
class _Memory:
    """The last steps of every start, the changes of the gradient over them, and the products of
    both; the last is the newest.
    """

    steps: Float[np.ndarray, "starts memory d"]
    changes: Float[np.ndarray, "starts memory d"]
    curvatures: Float[np.ndarray, "starts memory"]
    count: Int[np.ndarray, " starts"]

    @classmethod
    def empty(cls, starts: int, d: int) -> _Memory:
        return cls(
            np.zeros((starts, MEMORY, d)),
            np.zeros((starts, MEMORY, d)),
            np.ones((starts, MEMORY)),
            np.zeros(starts, int),
        )

    def add(
        self,
        rows: Bool[np.ndarray, " starts"],
        steps: Float[np.ndarray, "starts d"],
        changes: Float[np.ndarray, "starts d"],
        slopes: Float[np.ndarray, " starts"],
    ) -> None:
        """Remember the steps of ``rows`` along which the gradient grew; ``slopes`` are those where
        the step began.
        """
        # Gradients may be larger than 10¹⁵⁴, mostly at trial points that were refused.
        with np.errstate(over="ignore", invalid="ignore"):
            curvature, squares = np.sum(steps * changes, axis=1), np.sum(changes**2, axis=1)
        rows = (
            rows
            & (curvature > np.finfo(float).eps * np.abs(slopes))
            & (squares > 1e-300)
            & np.isfinite(curvature + squares)
        )
        for own, new in (
            (self.steps, steps),
            (self.changes, changes),
            (self.curvatures, curvature),
        ):
            own[rows, :-1] = own[rows, 1:]
            own[rows, -1] = new[rows]
        self.count[rows] = np.minimum(self.count[rows] + 1, MEMORY)

    def direction(
        self, rows: Bool[np.ndarray, " starts"], gradient: Float[np.ndarray, "rows d"]
    ) -> Float[np.ndarray, "rows d"]:
        """Minus the inverse Hessian times the gradient, by the two-loop recursion; minus the
        gradient without memory.
        """
        count = self.count[rows]
        steps, changes, curvatures = self.steps[rows], self.changes[rows], self.curvatures[rows]
        q, weights = gradient.copy(), np.zeros((len(gradient), MEMORY))
        begin = MEMORY - int(count.max(initial=0))
        for k in range(MEMORY - 1, begin - 1, -1):
            known = MEMORY - k <= count
            weights[:, k] = np.where(
                known, np.einsum("ij,ij->i", steps[:, k], q) / curvatures[:, k], 0.0
            )
            q -= weights[:, k, None] * changes[:, k]
        if begin < MEMORY:
            square = np.einsum("ij,ij->i", changes[:, -1], changes[:, -1])
            q *= np.where(count > 0, curvatures[:, -1] / np.where(count > 0, square, 1.0), 1.0)[
                :, None
            ]
        for k in range(begin, MEMORY):
            known = MEMORY - k <= count
            again = np.where(known, np.einsum("ij,ij->i", changes[:, k], q) / curvatures[:, k], 0.0)
            q += (weights[:, k] - again)[:, None] * steps[:, k]
        descends = (np.einsum("ij,ij->i", q, gradient) > 0) & np.isfinite(q).all(axis=1)
        return -np.where(descends[:, None], q, gradient)


def _clean(
    value: Float[np.ndarray, " starts"],
    gradient: Float[np.ndarray, "starts d"],
    scales: Float[np.ndarray, " d"],
) -> tuple[Float[np.ndarray, " starts"], Float[np.ndarray, "starts d"]]:
    """Infinite where the value or the gradient is not finite; the gradient in units of the
    scales.
    """
    finite = np.isfinite(value) & np.isfinite(gradient).all(axis=1)
    return np.where(finite, value, np.inf), np.where(finite[:, None], gradient, 0.0) * scales
