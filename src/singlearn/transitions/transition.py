"""Transitions in a sweep: crossings of phase free energies, peaks of the heat capacity, and
their order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from jaxtyping import Float

from singlearn.measure.line import least_squares
from singlearn.results.estimate import Estimate
from singlearn.results.result import Answer
from singlearn.transitions.point import Point

# Points on either side of a crossing that the difference of free energies is fitted to.
NEIGHBOURS = 3
FIRST = "first order"
NOT_FIRST = "higher order or a crossover"
UNDECIDED = "undecided"


@dataclass(frozen=True)
class Transition(Answer):
    r"""Two phases change places: :math:`F_a = F_b`.

    Attributes:
        value: of the swept parameter where they cross, with its error.
        before: the phase with the lower free energy below it.
        after: the one with the lower free energy above it.
        order: ``"first order"``, ``"higher order or a crossover"`` or ``"undecided"``.
        latent_heat: :math:`β(E_a - E_b)` at the crossing, in nats; before minus after.
        slope_jump: by how much :math:`dF/dθ` changes at the crossing, in nats per unit.
        evidence: a sentence with the numbers that decided the order.
    """

    value: Estimate
    before: str
    after: str
    order: str
    latent_heat: Estimate
    slope_jump: Estimate
    evidence: str

    def to_dict(self) -> dict[str, Any]:
        """Everything, for machines."""
        return {
            "value": self.value.to_dict(),
            "before": self.before,
            "after": self.after,
            "order": self.order,
            "latent_heat": self.latent_heat.to_dict(),
            "slope_jump": self.slope_jump.to_dict(),
            "evidence": self.evidence,
        }


@dataclass(frozen=True)
class HeatCapacityPeak(Answer):
    """A point whose heat capacity is above both its neighbours' by more than four standard
    errors.
    """

    value: float
    height: Estimate

    def to_dict(self) -> dict[str, Any]:
        """Everything, for machines."""
        return {"value": self.value, "height": self.height.to_dict()}


def find_peaks(points: Sequence[Point]) -> list[HeatCapacityPeak]:
    """Peaks of C along a sweep of at least three points."""

    def above(one: Estimate, other: Estimate) -> bool:
        return one.value - other.value > 4 * math.hypot(one.standard_error, other.standard_error)

    return [
        HeatCapacityPeak(here.value, here.heat_capacity)
        for left, here, right in zip(points, points[1:], points[2:], strict=False)
        if above(here.heat_capacity, left.heat_capacity)
        and above(here.heat_capacity, right.heat_capacity)
    ]


def find_transitions(points: Sequence[Point]) -> list[Transition]:
    r"""Crossings of the two lowest phase free energies between neighbouring points where both
    phases were seen.

    The difference :math:`D = F_b - F_a` is fitted by a parabola to up to six points around its
    change of sign, weighted by their errors.

    Returns:
        One transition per crossing, in the order of θ.
    """
    names = sorted({name for point in points for name in point.phases})
    found = []
    for one, other in combinations(names, 2):
        both = [i for i, point in enumerate(points) if _seen(point, one) and _seen(point, other)]
        for i, j in pairwise(both):
            change = _difference(points[i], one, other), _difference(points[j], one, other)
            if j != i + 1 or change[0].value * change[1].value >= 0:
                continue
            if not (_wins(points[i], (one, other)) and _wins(points[j], (one, other))):
                continue
            before, after = (one, other) if change[0].value > 0 else (other, one)
            near = [
                k
                for k in both
                if i - NEIGHBOURS < k <= i + NEIGHBOURS
                and all(m in both for m in range(min(k, i), max(k, i) + 1))
            ]
            found.append(_describe([points[k] for k in near], points[i], points[j], before, after))
    return sorted(found, key=lambda transition: transition.value.value)


def _seen(point: Point, name: str) -> bool:
    phase = point.phases.get(name)
    return phase is not None and phase.free_energy is not None


def _difference(point: Point, one: str, other: str) -> Estimate:
    """F of ``other`` minus F of ``one``.

    In shares of one run F cancels, and the error is that of their ratio, replicate by replicate.
    Runs of their own are independent.

    Returns:
        The difference in nats, with its error.
    """
    first, second = point.phases[one].free_energy, point.phases[other].free_energy
    assert first is not None and second is not None
    if point.phases[one].has_own_run or point.phases[other].has_own_run:
        return Estimate(
            second.value - first.value, math.hypot(first.standard_error, second.standard_error)
        )
    gaps = [b - a for a, b in zip(first.replicates, second.replicates, strict=True)]
    floor = math.hypot(*(_share_error(point, name) for name in (one, other)))
    return Estimate.from_replicates(gaps, floor)


def _share_error(point: Point, name: str) -> float:
    share = point.phases[name].occupancy
    assert share is not None
    # The floor of the share alone is not kept; half its error is a floor for the floor.
    return 0.5 * share.standard_error / share.value


def _wins(point: Point, pair: tuple[str, str]) -> bool:
    lowest = min(
        (p.free_energy.value, name) for name, p in point.phases.items() if p.free_energy is not None
    )[1]
    return lowest in pair


def _describe(
    near: Sequence[Point], left: Point, right: Point, before: str, after: str
) -> Transition:
    differences = [_difference(point, before, after) for point in near]
    origin, unit = left.value, right.value - left.value
    positions = np.array([(point.value - origin) / unit for point in near])
    degree = 2 if len(near) >= 4 else 1
    design = positions[:, None] ** np.arange(degree + 1)
    errors = np.array([max(d.standard_error, 1e-6) for d in differences])
    coefficients, covariance = least_squares(
        design, np.array([d.value for d in differences]), np.diag(errors**2)
    )
    root = _root(coefficients, differences, positions)
    row = root ** np.arange(degree + 1)
    slope_row = np.arange(degree + 1) * root ** np.maximum(np.arange(degree + 1) - 1, 0)
    slope = float(slope_row @ coefficients)
    spread = math.sqrt(float(row @ covariance @ row))
    value = Estimate(origin + unit * root, abs(unit) * spread / abs(slope))
    # dF/dθ goes from that of one phase to that of the other: by dD/dθ.
    jump = Estimate(slope / unit, math.sqrt(float(slope_row @ covariance @ slope_row)) / abs(unit))
    latent = _latent_heat(left, right, before, after, root)
    order, evidence = _order(left, right, before, after, root)
    return Transition(value, before, after, order, latent, jump, evidence)


def _root(
    coefficients: Float[np.ndarray, " terms"],
    differences: Sequence[Estimate],
    positions: Float[np.ndarray, " points"],
) -> float:
    """The root of the fit between the two points; by a straight line between them where the fit has
    none there.

    Returns:
        The value of θ.
    """
    roots = [
        float(r.real)
        for r in np.roots(coefficients[::-1])
        if abs(r.imag) < 1e-12 and -1e-9 <= r.real <= 1 + 1e-9
    ]
    if roots:
        return roots[0]
    first, second = (
        differences[int(np.argmin(np.abs(positions - end)))].value for end in (0.0, 1.0)
    )
    return first / (first - second)


def _between(left: Estimate, right: Estimate, root: float) -> Estimate:
    """Interpolated to the crossing."""
    value = (1 - root) * left.value + root * right.value
    return Estimate(
        value, math.hypot((1 - root) * left.standard_error, root * right.standard_error)
    )


def _latent_heat(left: Point, right: Point, before: str, after: str, root: float) -> Estimate:
    """β(E_before - E_after) at the crossing, in nats."""
    heats = []
    for point in (left, right):
        one, other = point.phases[before].energy, point.phases[after].energy
        assert one is not None and other is not None
        error = point.inverse_temperature * math.hypot(one.standard_error, other.standard_error)
        heats.append(Estimate(point.inverse_temperature * (one.value - other.value), error))
    return _between(heats[0], heats[1], root)


def _order(left: Point, right: Point, before: str, after: str, root: float) -> tuple[str, str]:
    """First order where the forces of the two phases stand apart: their mixture has two peaks, and
    the slope of F jumps between them.

    The threshold: the two halves of a single log-concave peak, wherever it is cut, have means apart
    by at most √3 times the sum of their deviations (a uniform density cut in the middle); beyond
    twice the sum there are two peaks.

    Returns:
        The order in words, and the reason.
    """
    gaps, spreads = [], []
    for point in (left, right):
        one, other = point.phases[before], point.phases[after]
        if (
            one.force is None
            or other.force is None
            or one.force_deviation is None
            or other.force_deviation is None
        ):
            return (
                UNDECIDED,
                "too few particles of both phases beside the crossing to compare their forces; "
                "give restricted=",
            )
        gaps.append(
            Estimate(
                other.force.value - one.force.value,
                math.hypot(one.force.standard_error, other.force.standard_error),
            )
        )
        spreads.append(one.force_deviation + other.force_deviation)
    gap, spread = _between(gaps[0], gaps[1], root), (1 - root) * spreads[0] + root * spreads[1]
    said = (
        f"dF/dθ differs by {gap.value:.4g} ± {gap.standard_error:.1g} nats between the phases, "
        f"and scatters by {spread:.2g} within them (sum of deviations)"
    )
    size, error = abs(gap.value), np.nan_to_num(gap.standard_error)
    if size - 4 * error > 2 * spread:
        return FIRST, f"{said}: two separate peaks"
    if size + 4 * error < 2 * spread:
        return NOT_FIRST, f"{said}: no two separate peaks at this n"
    return UNDECIDED, f"{said}: too close to tell with these errors"
