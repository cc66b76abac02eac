"""One kink against two at some separation: which phase costs less, and at which separation they
cost the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from singlearn.results.estimate import Estimate


@dataclass(frozen=True)
class DeformedPair:
    """Both phases at one separation of the kinks of the truth (a distance of inputs, or an angle in
    radians); in nats.

    ``divergence`` is the lowest K of a single kink.
    """

    n: float
    separation: float
    divergence: float
    one: Estimate
    two: Estimate
    energy_one: Estimate
    energy_two: Estimate
    warnings: tuple[str, ...]

    @property
    def gap(self) -> Estimate:
        """F of one kink minus F of two, in nats: positive where two kinks win."""
        return Estimate(
            self.one.value - self.two.value,
            math.hypot(self.one.standard_error, self.two.standard_error),
        )


Sweep = Sequence[DeformedPair]


def _gaps(sweep: Sweep) -> tuple[np.ndarray, np.ndarray]:
    return np.array([pair.gap.value for pair in sweep]), np.array(
        [pair.gap.standard_error for pair in sweep]
    )


def critical_separation(
    sweep: Sweep, separation_at: Callable[[float], float]
) -> tuple[Estimate, Estimate] | None:
    """The critical separation and n K there, where the gap is 0: of a straight line through gaps
    over n K; ``None`` outside the sweep.

    Args:
        sweep: one n, at least two separations.
        separation_at: the separation at which the lowest K of a single kink has a given value; K
            grows like its cube.
    """
    levels = np.array([pair.n * pair.divergence for pair in sweep])
    gaps, errors = _gaps(sweep)
    design = np.stack([np.ones_like(levels), levels], axis=1)
    inverse = np.linalg.inv(design.T @ (design / errors[:, None] ** 2))
    line = inverse @ design.T @ (gaps / errors**2)
    level = -line[0] / line[1]
    if not 0 < level <= 2 * levels.max():
        return None
    gradient = np.array([-1 / line[1], line[0] / line[1] ** 2])
    error = math.sqrt(float(gradient @ inverse @ gradient))
    separation = separation_at(level / sweep[0].n)
    # K ∝ δ³, so that a relative error of K is three times that of δ.
    return Estimate(separation, separation * error / level / 3), Estimate(float(level), error)


def gap_per_decade(sweeps: Sequence[Sweep]) -> Estimate | None:
    r"""How the gap at the same n K changes with every decade of n, in nats; ``None`` for fewer than
    two n.

    With N inputs a shared boundary costs an excess node :math:`\frac N3 \log n`, so that it is
    :math:`-\frac N3 \log 10` where two kinks are not far apart in units of :math:`n^{-1/3}`.

    Args:
        sweeps: one for each n, all with the same values of n K.
    """
    if len(sweeps) < 2:
        return None
    decades = np.log10([sweep[0].n for sweep in sweeps])
    centred = decades - decades.mean()
    gaps, errors = (np.stack(part) for part in zip(*map(_gaps, sweeps), strict=True))
    weights = centred / (centred @ centred)
    slopes, variances = weights @ gaps, weights**2 @ errors**2
    precision = 1 / variances
    return Estimate(
        float(slopes @ precision / precision.sum()), float(1 / math.sqrt(precision.sum()))
    )
