"""Where a curve along training turns: maxima and minima in log step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from singlearn.results.estimate import Estimate
from singlearn.results.result import Answer

LENGTHS, SCATTERS = 12, 8
"""Of the grids of the length and the scatter of the smooth curve."""
FINE = 400
SIGNIFICANT = 0.95
STANDARD_ERRORS = 2.5
"""Of the slope of a stretch, from which it is one."""
CURVES = 400
JITTER = 1e-9


@dataclass(frozen=True)
class CriticalPoint(Answer):
    """A maximum or a minimum of a curve along training.

    Attributes:
        step: where, in steps.
        low, high: between which 68 % of the curves that the points allow turn, in steps.
        kind: ``"maximum"`` or ``"minimum"``.
        value: of the curve there.
        probability: that the curve rises on one side and falls on the other.
    """

    step: float
    low: float
    high: float
    kind: Literal["maximum", "minimum"]
    value: Estimate
    probability: float

    def __str__(self) -> str:
        return (
            f"{self.kind} {self.value} at step {self.step:.3g} ({self.low:.3g} to {self.high:.3g}"
            f"; probability {self.probability:.2f})"
        )


def critical_points(
    steps: Float[np.ndarray, " points"],
    values: Float[np.ndarray, " points"],
    errors: Float[np.ndarray, " points"],
) -> tuple[CriticalPoint, ...]:
    r"""Maxima and minima of a smooth curve through points, by which Hoogland et al. 2024
    [hoogland2024stagewise]_ cut training into stages.

    The curve is a Gaussian process in log step with covariance :math:`s^2 e^{-(x-x')^2/2ℓ^2}`, and
    each point misses it by its own error and a scatter τ; ℓ and τ are the ones under which the
    points are most likely, s and a constant go with them. A turn is reported when, of the curves
    that the points allow, 95 % rise on one side of it and fall on the other, and the points on
    either side do so without the curve. Where a curve levels
    off and goes on in the same direction there is no critical point, but there is a bend
    (:func:`singlearn.local.training.straight_pieces.straight_pieces`).

    Args:
        steps: of training, positive, growing.
        values: of the curve.
        errors: standard errors.

    Returns:
        The critical points in order.

    >>> steps = np.geomspace(1, 1e4, 25)
    >>> curve = np.sin(np.log(steps))  # turns at log step π/2, 3π/2, 5π/2
    >>> found = critical_points(steps, curve, np.full(25, 0.02))
    >>> [(p.kind, round(float(np.log(p.step) / np.pi), 1)) for p in found]
    [('maximum', 0.5), ('minimum', 1.5), ('maximum', 2.5)]
    """
    x, y = np.log(np.asarray(steps, dtype=float)), np.asarray(values, dtype=float)
    spread = float(y.std())
    if len(x) < 4 or spread == 0.0:
        return ()
    apart = float(np.diff(x).min())
    best: tuple[float, float, float] | None = None
    for length in np.geomspace(max(apart, (x[-1] - x[0]) / 50), x[-1] - x[0], LENGTHS):
        for scatter in np.geomspace(1e-3, 1.0, SCATTERS) * spread:
            found = _likelihood(x, y, errors, float(length), float(scatter), spread)
            if best is None or found > best[0]:
                best = found, float(length), float(scatter)
    assert best is not None
    fine = np.linspace(x[0], x[-1], FINE)
    mean, slopes, curves = _curves(x, y, errors, best[1], best[2], spread, fine)
    slope = slopes.mean(axis=0)
    turns = [int(t) for t in np.flatnonzero(np.sign(slope[1:]) != np.sign(slope[:-1]))]
    noise = np.sqrt(np.asarray(errors, dtype=float) ** 2 + best[2] ** 2)
    turns = _significant(turns, fine, slope, x, y, noise)
    borders = [0, *(t + 1 for t in turns), FINE]
    points = []
    for k, turn in enumerate(turns):
        sign = 1.0 if slope[borders[k] : turn + 1].mean() > 0 else -1.0
        left, right = slice(borders[k], turn + 1), slice(turn + 1, borders[k + 2])
        # The place on either side where most curves agree on their direction.
        before = float((sign * slopes[:, left] > 0).mean(axis=0).max())
        after = float((sign * slopes[:, right] < 0).mean(axis=0).max())
        if min(before, after) < SIGNIFICANT:
            continue
        around = slice(left.start, right.stop)
        places = fine[around][(sign * curves[:, around]).argmax(axis=1)]
        low, high = np.quantile(places, [0.16, 0.84])
        points.append(
            CriticalPoint(
                math.exp(float(fine[turn])),
                math.exp(min(float(low), float(fine[turn]))),
                math.exp(max(float(high), float(fine[turn]))),
                "maximum" if sign > 0 else "minimum",
                Estimate(float(mean[turn]), float(curves[:, turn].std())),
                min(before, after),
            )
        )
    return tuple(points)


def _significant(
    turns: list[int],
    fine: Float[np.ndarray, " fine"],
    slope: Float[np.ndarray, " fine"],
    x: Float[np.ndarray, " points"],
    y: Float[np.ndarray, " points"],
    noise: Float[np.ndarray, " points"],
) -> list[int]:
    """Without the turns that the smoothness of the curve alone makes beside a bend: on every
    stretch between two turns the points themselves, by the slope of a straight line, go its way.
    """
    while turns:
        borders = [-math.inf, *(float(fine[t]) for t in turns), math.inf]
        ends = [0, *(t + 1 for t in turns), len(fine)]
        scores = []
        for k in range(len(borders) - 1):
            inside = (x >= borders[k]) & (x <= borders[k + 1])
            way = 1.0 if slope[ends[k] : ends[k + 1]].mean() > 0 else -1.0
            scores.append(way * _slope_in_errors(x[inside], y[inside], noise[inside]))
        weakest = int(np.argmin(scores))
        if scores[weakest] >= STANDARD_ERRORS:
            return turns
        # Without a stretch its ends go: at the edge one turn, inside two.
        gone = {k for k in (weakest - 1, weakest) if 0 <= k < len(turns)}
        turns = [t for k, t in enumerate(turns) if k not in gone]
    return turns


def _slope_in_errors(
    x: Float[np.ndarray, " points"],
    y: Float[np.ndarray, " points"],
    noise: Float[np.ndarray, " points"],
) -> float:
    if len(x) < 2:
        return 0.0
    weight = 1 / noise**2
    centred = x - (weight @ x) / weight.sum()
    return float((weight * centred) @ y / math.sqrt((weight * centred) @ centred))


def _covariance(
    a: Float[np.ndarray, " m"], b: Float[np.ndarray, " k"], length: float, size: float
) -> Float[np.ndarray, "m k"]:
    # The constant of the curve is as uncertain as ten times its spread.
    found: Float[np.ndarray, "m k"] = size**2 * (
        np.exp(-0.5 * ((a[:, None] - b) / length) ** 2) + 100.0
    )
    return found


def _likelihood(
    x: Float[np.ndarray, " points"],
    y: Float[np.ndarray, " points"],
    errors: Float[np.ndarray, " points"],
    length: float,
    scatter: float,
    size: float,
) -> float:
    whole = _covariance(x, x, length, size) + np.diag(errors**2 + scatter**2 + JITTER * size**2)
    lower = np.linalg.cholesky(whole)
    scaled = np.linalg.solve(lower, y - y.mean())
    return float(-0.5 * scaled @ scaled - np.log(np.diag(lower)).sum())


def _curves(
    x: Float[np.ndarray, " points"],
    y: Float[np.ndarray, " points"],
    errors: Float[np.ndarray, " points"],
    length: float,
    scatter: float,
    size: float,
    fine: Float[np.ndarray, " fine"],
) -> tuple[
    Float[np.ndarray, " fine"], Float[np.ndarray, "curves fine"], Float[np.ndarray, "curves fine"]
]:
    """The mean curve; slopes and values of curves that the points allow."""
    whole = _covariance(x, x, length, size) + np.diag(errors**2 + scatter**2 + JITTER * size**2)
    cross = _covariance(fine, x, length, size)
    gain = np.linalg.solve(whole, cross.T).T
    mean = y.mean() + gain @ (y - y.mean())
    left = _covariance(fine, fine, length, size) - gain @ cross.T
    values, vectors = np.linalg.eigh(0.5 * (left + left.T))
    rng = np.random.default_rng(0)
    scaled = vectors * np.sqrt(np.maximum(values, 0.0))
    curves = mean + rng.normal(size=(CURVES, len(fine))) @ scaled.T
    return mean, np.gradient(curves, fine, axis=1), curves
