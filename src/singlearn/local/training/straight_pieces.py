"""Where a curve along training changes slope: continuous straight pieces in log step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, islice
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from singlearn.results.estimate import Estimate
from singlearn.results.result import Answer

MOST_PIECES = 5
PLACES = (0, 200, 100, 40, 24)
"""Places where a breakpoint may be, by the number of breakpoints: as many as can be tried together
in a second or two.
"""
FINER = 3
FINE_PLACES = 9
SCATTERS = 10
SIGNIFICANT = 0.95
AT_ONCE = 4000


@dataclass(frozen=True)
class Breakpoint:
    """A change of slope.

    Attributes:
        step: where, in steps (the mean in log step).
        low, high: one standard deviation below and above, in steps; never closer than the
            checkpoints allow.
        slope_before, slope_after: per factor e in steps, in units of the curve.
    """

    step: float
    low: float
    high: float
    slope_before: Estimate
    slope_after: Estimate

    def __str__(self) -> str:
        return (
            f"step {self.step:.3g} ({self.low:.3g} to {self.high:.3g}), slope "
            f"{self.slope_before} → {self.slope_after}"
        )

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        slopes = {
            "slope_before": self.slope_before.to_dict(),
            "slope_after": self.slope_after.to_dict(),
        }
        return {"step": self.step, "low": self.low, "high": self.high, **slopes}


@dataclass(frozen=True)
class Pieces(Answer):
    """A curve as straight pieces in log step.

    Attributes:
        breakpoints: the significant ones, in order.
        probability: that there are at least so many.
        undecided: posterior probability that there are more.
        scatter: τ, by how much points miss the pieces beyond their own errors, in units of the
            curve.
        steps: of the points that were used.
        fitted: mean of the pieces there.
    """

    breakpoints: tuple[Breakpoint, ...]
    probability: float
    undecided: float
    scatter: float
    steps: tuple[float, ...]
    fitted: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        return {
            "breakpoints": [point.to_dict() for point in self.breakpoints],
            "probability": self.probability,
            "undecided": self.undecided,
            "scatter": self.scatter,
            "steps": list(self.steps),
            "fitted": list(self.fitted),
        }


def straight_pieces(
    steps: Float[np.ndarray, " points"],
    values: Float[np.ndarray, " points"],
    errors: Float[np.ndarray, " points"],
) -> Pieces:
    r"""Pieces :math:`y = a + b x + \sum_j c_j (x - t_j)_+` in :math:`x = \log` step, with error
    :math:`\sqrt{σ_i^2 + τ^2}` at each point.

    The number of pieces is weighed by its marginal likelihood, each further piece being half as
    likely a priori. Coefficients carry the prior worth one observation (a factor :math:`N^{-1/2}`
    each), every set of breakpoints :math:`t_j` on a grid is equally likely, and the scatter τ, for
    real curves are not straight, has a density constant in log τ. A breakpoint is reported when the
    posterior probability of at least so many is 0.95. Its place and its error are mean and standard
    deviation of the posterior, so they know of everything else that is uncertain.

    Two straight lines that describe a curve better than one do not make a phase transition; and the
    scatter of neighbouring checkpoints is taken as independent, so that a smooth bend in a curve
    with many checkpoints counts as significant.

    Args:
        steps: positive and increasing.
        values: finite.
        errors: standard errors σ, 0 where exact.

    Raises:
        ValueError: fewer than five points, or steps that are not positive and increasing.

    >>> steps = np.geomspace(1, 1e4, 20); x = np.log(steps)
    >>> values = np.maximum(x, np.log(100)) + 0.05 * np.cos(37 * np.arange(20.0))
    >>> found = straight_pieces(steps, values, np.full(20, 0.05))
    >>> len(found.breakpoints), bool(found.breakpoints[0].low < 100 < found.breakpoints[0].high)
    (1, True)
    """
    if len(steps) < 5:
        raise ValueError(f"steps: got {len(steps)} points; straight pieces need at least 5")
    if not (steps[0] > 0 and np.all(np.diff(steps) > 0)):
        raise ValueError("steps: they should be positive and increasing")
    x = np.log(steps)
    span = float(np.ptp(values)) or 1.0
    scatters = np.geomspace(1e-4 * span, span, SCATTERS)
    most = min(MOST_PIECES, len(steps) // 2 - 1)
    fits = [_Posterior(x, values, errors, scatters, _sets(x, breaks)) for breaks in range(most)]
    fits = [fit for fit in fits if math.isfinite(fit.evidence)]
    log = np.array([fit.evidence - breaks * math.log(2) for breaks, fit in enumerate(fits)])
    weights = np.exp(log - log.max())
    at_least = np.cumsum((weights / weights.sum())[::-1])[::-1]
    chosen = int(np.flatnonzero(at_least >= SIGNIFICANT)[-1])
    fit = _refined(x, values, errors, scatters, fits[chosen], chosen)
    spacing = float(np.ptp(x)) / (len(x) - 1)
    undecided = float(at_least[chosen + 1]) if chosen + 1 < len(fits) else 0.0
    return Pieces(
        tuple(fit.breakpoint(j, spacing) for j in range(chosen)),
        float(at_least[chosen]),
        undecided,
        fit.scatter,
        tuple(map(float, steps)),
        tuple(map(float, fit.curve)),
    )


class _Posterior:
    """One number of pieces: every set of breakpoints and every scatter, weighed. Means are gathered
    set by set, so memory stays small.
    """

    def __init__(
        self,
        x: Float[np.ndarray, " points"],
        values: Float[np.ndarray, " points"],
        errors: Float[np.ndarray, " points"],
        scatters: Float[np.ndarray, " scatters"],
        sets: Float[np.ndarray, "sets breaks"],
    ) -> None:
        count, breaks = sets.shape
        self.evidence = -math.inf
        if not count:
            return
        logs, moments = [], []
        for start in range(0, count, AT_ONCE):
            places = sets[start : start + AT_ONCE]
            design = np.concatenate(
                [
                    np.broadcast_to(
                        np.stack([np.ones_like(x), x], axis=1), (len(places), len(x), 2)
                    ),
                    np.maximum(x[None, :, None] - places[:, None, :], 0.0),
                ],
                axis=2,
            )
            for scatter in scatters:
                weight = 1 / (errors**2 + scatter**2)
                weighted = design * weight[:, None]
                covariance = np.linalg.inv(np.swapaxes(design, 1, 2) @ weighted)
                best = (covariance @ (np.swapaxes(weighted, 1, 2) @ values)[..., None])[..., 0]
                fitted = (design @ best[..., None])[..., 0]
                chi = ((values - fitted) ** 2 * weight).sum(axis=1)
                logs.append(
                    -0.5 * chi + 0.5 * np.log(weight).sum() - 0.5 * (breaks + 2) * math.log(len(x))
                )
                slopes = np.cumsum(best[:, 1:], axis=1)
                sums = np.tri(breaks + 1)
                spread = np.einsum("ij,sjk,ik->si", sums, covariance[:, 1:, 1:], sums)
                moments.append(
                    (places, slopes, spread, fitted, np.full(len(places), math.log(scatter)))
                )
        log = np.concatenate(logs)
        weight = np.exp(log - log.max())
        self.evidence = (
            float(log.max()) + math.log(float(weight.sum())) - math.log(count * len(scatters))
        )
        weight /= weight.sum()
        places, slopes, spread, fitted, logarithm = (
            np.concatenate(parts) for parts in zip(*moments, strict=True)
        )
        self.curve = weight @ fitted
        self.scatter = math.exp(float(weight @ logarithm))
        self.place, self._slope = weight @ places, weight @ slopes
        self.place_error = np.sqrt(weight @ (places - self.place) ** 2)
        self._slope_error = np.sqrt(weight @ (spread + (slopes - self._slope) ** 2))

    def breakpoint(self, j: int, spacing: float) -> Breakpoint:
        """The j-th. Nothing is known of the curve between two checkpoints, so its error is at least
        that of a place between two.
        """
        error = math.hypot(float(self.place_error[j]), spacing / math.sqrt(12))
        slopes = [Estimate(float(self._slope[k]), float(self._slope_error[k])) for k in (j, j + 1)]
        place = float(self.place[j])
        return Breakpoint(
            math.exp(place), math.exp(place - error), math.exp(place + error), *slopes
        )


def _refined(
    x: Float[np.ndarray, " points"],
    values: Float[np.ndarray, " points"],
    errors: Float[np.ndarray, " points"],
    scatters: Float[np.ndarray, " scatters"],
    fit: _Posterior,
    breaks: int,
) -> _Posterior:
    """The posterior on a finer grid around its mean, as long as the grid is coarser than the
    posterior: exact curves need it.
    """
    if not breaks:
        return fit
    spacing = float(x[-2] - x[1]) / (PLACES[breaks] - 1)
    for _ in range(FINER):
        if not (fit.place_error < 2 * spacing).all():
            break
        half = np.maximum(4 * fit.place_error, 1.5 * spacing)
        offsets = np.stack(
            np.meshgrid(*[np.linspace(-1, 1, FINE_PLACES)] * breaks, indexing="ij"), axis=-1
        ).reshape(-1, breaks)
        sets = _allowed(x, fit.place + offsets * half)
        finer = _Posterior(x, values, errors, scatters, sets)
        if not math.isfinite(finer.evidence):
            break
        fit, spacing = finer, float(half.max()) * 2 / (FINE_PLACES - 1)
    return fit


def _sets(x: Float[np.ndarray, " points"], breaks: int) -> Float[np.ndarray, "sets breaks"]:
    """All increasing choices of breakpoints on an even grid that leave at least two points in every
    piece.
    """
    if breaks == 0:
        return np.zeros((1, 0))
    places = np.linspace(x[1], x[-2], PLACES[breaks])
    chosen = np.concatenate(
        [*_batches(combinations(range(len(places)), breaks)), np.zeros((0, breaks), dtype=int)]
    )
    return _allowed(x, places[chosen])


def _allowed(
    x: Float[np.ndarray, " points"], sets: Float[np.ndarray, "sets breaks"]
) -> Float[np.ndarray, "left breaks"]:
    """Those that are in order and leave at least two points in every piece."""
    edges = np.concatenate(
        [np.full((len(sets), 1), -np.inf), sets, np.full((len(sets), 1), np.inf)], axis=1
    )
    below = np.searchsorted(x, edges, side="right")
    inside = np.diff(below, axis=1)
    ordered = (np.diff(sets, axis=1) > 0).all(axis=1)
    return sets[ordered & (inside >= 2).all(axis=1)]


def _batches(rows: Iterator[tuple[int, ...]]) -> Iterator[Int[np.ndarray, "rows breaks"]]:
    while batch := list(islice(rows, 10_000)):
        yield np.array(batch)
