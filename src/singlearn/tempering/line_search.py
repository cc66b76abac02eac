"""The line search of Moré and Thuente for many searches at once, each with a bracket of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

# Sufficient decrease, curvature, and the relative width of a bracket that is narrow enough: those
# of L-BFGS-B.
DECREASE, CURVATURE, NARROW = 1e-3, 0.9, 0.1
LARGEST_STEP = 1e10
MOST_TRIALS = 20
# Of the way to a step at which the function is infinite, what is tried next.
BACK = 0.25

# What a trial said.
GOES_ON, ACCEPTED, FAILED = 0, 1, 2

Numbers = Float[np.ndarray, " searches"]


@dataclass(eq=False)
class LineSearches:
    r"""Steps t along directions, each until :math:`ϕ(t) ≤ ϕ(0) + 10^{-3} t ϕ'(0)` and
    :math:`|ϕ'(t)| ≤ 0.9 |ϕ'(0)|`.

    Moré & Thuente 1994 [more1994line]_, as it is in MINPACK-2 and L-BFGS-B, with one row per
    search. A step at which the function is infinite closes the bracket from above.

    Attributes:
        step: t, to be tried next.
    """

    step: Numbers
    start: Numbers
    slope: Numbers
    best: tuple[Numbers, Numbers, Numbers]
    other: tuple[Numbers, Numbers, Numbers]
    bracketed: Bool[np.ndarray, " searches"]
    second_stage: Bool[np.ndarray, " searches"]
    lower: Numbers
    upper: Numbers
    largest: Numbers
    width: Numbers
    width_before: Numbers
    trials: Int[np.ndarray, " searches"]

    @classmethod
    def none(cls, count: int) -> LineSearches:
        """Room for ``count`` searches, none of them begun."""

        def zeros() -> Numbers:
            return np.zeros(count)

        def no() -> Bool[np.ndarray, " searches"]:
            return np.zeros(count, bool)

        points = [(zeros(), zeros(), zeros()) for _ in range(2)]
        trials = np.zeros(count, int)
        return cls(
            zeros(),
            zeros(),
            zeros(),
            points[0],
            points[1],
            no(),
            no(),
            zeros(),
            zeros(),
            zeros(),
            zeros(),
            zeros(),
            trials,
        )

    def begin(
        self, rows: Bool[np.ndarray, " searches"], value: Numbers, slope: Numbers, step: Numbers
    ) -> None:
        """Begin the searches in ``rows`` at ϕ(0) = ``value``, ϕ'(0) = ``slope`` < 0, with a first
        ``step``.
        """
        for own, new in (
            (self.step, step),
            (self.start, value),
            (self.slope, slope),
            (self.upper, 5 * step),
        ):
            own[rows] = new[rows]
        for point in (self.best, self.other):
            for own, new in zip(point, (np.zeros_like(step), value, slope), strict=True):
                own[rows] = new[rows]
        self.bracketed[rows], self.second_stage[rows], self.trials[rows], self.lower[rows] = (
            False,
            False,
            0,
            0.0,
        )
        self.largest[rows], self.width[rows], self.width_before[rows] = (
            LARGEST_STEP,
            LARGEST_STEP,
            2 * LARGEST_STEP,
        )

    def tell(self, value: Numbers, slope: Numbers) -> Int[np.ndarray, " searches"]:
        """Of every search what its trial said, ``GOES_ON``, ``ACCEPTED`` or ``FAILED``; ``step`` is
        then the next to be tried.
        """
        self.trials += 1
        finite = np.isfinite(value) & np.isfinite(slope)
        f, g, t = np.where(finite, value, 0.0), np.where(finite, slope, 0.0), self.step
        allowed = self.start + DECREASE * t * self.slope
        self.second_stage |= finite & (f <= allowed) & (g >= 0)
        exhausted = self.bracketed & (
            (t <= self.lower) | (t >= self.upper) | (self.upper - self.lower <= NARROW * self.upper)
        )
        exhausted |= (t >= self.largest) & (f <= allowed) & (g <= DECREASE * self.slope)
        satisfied = (f <= allowed) & (np.abs(g) <= -CURVATURE * self.slope)
        # A bracket without room left ends a search where it stands, as long as that is lower than
        # where it began.
        ended = finite & (satisfied | (exhausted & (f <= self.start)))
        verdict = np.where(
            ended, ACCEPTED, np.where(exhausted | (self.trials >= MOST_TRIALS), FAILED, GOES_ON)
        )
        with np.errstate(all="ignore"):
            self._next(f, g, allowed, finite)
        return verdict

    def _next(
        self, f: Numbers, g: Numbers, allowed: Numbers, finite: Bool[np.ndarray, " searches"]
    ) -> None:
        t = self.step
        # Before the second stage, of a value that is lower but not low enough, ϕ(t) - 10⁻³ t ϕ'(0)
        # is searched.
        tilt = np.where(
            ~self.second_stage & (f <= self.best[1]) & (f > allowed), DECREASE * self.slope, 0.0
        )
        best, other, step, bracketed = _interpolated(
            _tilted(self.best, -tilt),
            _tilted(self.other, -tilt),
            (t, f - t * tilt, g - tilt),
            self.bracketed,
            self.lower,
            self.upper,
        )
        best, other = _tilted(best, tilt), _tilted(other, tilt)
        gap = np.abs(other[0] - best[0])
        halved = bracketed & (gap >= 0.66 * self.width_before)
        step = np.where(halved, best[0] + 0.5 * (other[0] - best[0]), step)
        self.width_before = np.where(finite & bracketed, self.width, self.width_before)
        self.width = np.where(finite & bracketed, gap, self.width)
        lower = np.where(bracketed, np.minimum(best[0], other[0]), step + 1.1 * (step - best[0]))
        upper = np.where(bracketed, np.maximum(best[0], other[0]), step + 4.0 * (step - best[0]))
        step = np.clip(step, 0.0, self.largest)
        no_room = bracketed & (
            (step <= lower) | (step >= upper) | (upper - lower <= NARROW * upper)
        )
        step = np.where(no_room, best[0], step)
        # Where the function is infinite nothing is interpolated: the way there is shortened, and
        # not gone again.
        self.largest = np.where(finite, self.largest, np.minimum(self.largest, t))
        nearer = self.best[0] + BACK * (t - self.best[0])
        self.step = np.where(finite, step, nearer)
        self.best, self.other = _where(finite, best, self.best), _where(finite, other, self.other)
        self.bracketed = np.where(finite, bracketed, self.bracketed)
        self.lower = np.where(finite, lower, np.minimum(self.lower, nearer))
        self.upper = np.where(
            finite, upper, np.maximum(nearer * (1 + 1e-9), np.minimum(self.upper, t))
        )


Point = tuple[Numbers, Numbers, Numbers]


def _where(rows: Bool[np.ndarray, " searches"], new: Point, old: Point) -> Point:
    return (
        np.where(rows, new[0], old[0]),
        np.where(rows, new[1], old[1]),
        np.where(rows, new[2], old[2]),
    )


def _tilted(point: Point, tilt: Numbers) -> Point:
    t, f, g = point
    return t, f + t * tilt, g + tilt


def _interpolated(
    best: Point,
    other: Point,
    trial: Point,
    bracketed: Bool[np.ndarray, " searches"],
    lower: Numbers,
    upper: Numbers,
) -> tuple[Point, Point, Numbers, Bool[np.ndarray, " searches"]]:
    """The safeguarded step: of a cubic through two points, or of a parabola or a secant, whichever
    the case allows (dcstep).
    """
    (tx, fx, dx), (ty, fy, dy), (t, f, d) = best, other, trial
    opposite = d * np.sign(dx) < 0
    higher = f > fx
    flatter = np.abs(d) < np.abs(dx)
    # 1. Higher: the minimum is bracketed; the cubic where it is nearer to the best point, else half
    # way to the parabola.
    cubic = tx + _cubic(tx, fx, dx, t, f, d, np.sign(t - tx)) * (t - tx)
    parabola = tx + dx / ((fx - f) / (t - tx) + dx) / 2 * (t - tx)
    first = np.where(
        np.abs(cubic - tx) <= np.abs(parabola - tx), cubic, cubic + (parabola - cubic) / 2
    )
    # 2. Lower, slopes of opposite sign: bracketed; the cubic or the secant, whichever is farther
    # from the trial.
    ratio = _cubic(t, f, d, tx, fx, dx, np.sign(tx - t))
    cubic = t + ratio * (tx - t)
    secant = t + d / (d - dx) * (tx - t)
    second = np.where(np.abs(cubic - t) > np.abs(secant - t), cubic, secant)
    # 3. Lower, and less steep: the cubic where it goes on, kept within the bracket.
    onwards = np.where((ratio < 0) & np.isfinite(ratio), cubic, np.where(t > tx, upper, lower))
    nearer = np.abs(onwards - t) < np.abs(secant - t)
    inside = np.where(nearer, onwards, secant)
    limit = t + 0.66 * (ty - t)
    inside = np.where(t > tx, np.minimum(limit, inside), np.maximum(limit, inside))
    third = np.where(bracketed, inside, np.clip(np.where(nearer, secant, onwards), lower, upper))
    # 4. Lower, and no less steep: the cubic to the other end, or on to the limit.
    cubic = t + _cubic(t, f, d, ty, fy, dy, np.sign(ty - t)) * (ty - t)
    fourth = np.where(bracketed, cubic, np.where(t > tx, upper, lower))
    step = np.where(higher, first, np.where(opposite, second, np.where(flatter, third, fourth)))
    moved_other = tuple(
        np.where(higher, p, np.where(opposite, x, y))
        for x, y, p in zip(best, other, trial, strict=True)
    )
    moved_best = tuple(np.where(higher, x, p) for x, p in zip(best, trial, strict=True))
    return moved_best, moved_other, step, bracketed | higher | opposite  # type: ignore[return-value]


def _cubic(
    a: Numbers, fa: Numbers, da: Numbers, b: Numbers, fb: Numbers, db: Numbers, sign: Numbers
) -> Numbers:
    """Where the cubic through values and slopes at a and b has its minimum, as a share of the way
    from a to b.
    """
    theta = 3 * (fa - fb) / (b - a) + da + db
    size = np.maximum(np.maximum(np.abs(theta), np.abs(da)), np.maximum(np.abs(db), 1e-300))
    gamma = sign * size * np.sqrt(np.maximum((theta / size) ** 2 - (da / size) * (db / size), 0.0))
    found: Numbers = ((gamma - da) + theta) / (((gamma - da) + gamma) + db)
    return found
