"""The result of a sweep: everything against the swept parameter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from singlearn.results.caution import Caution, said
from singlearn.results.document import of_each
from singlearn.results.estimate import Estimate
from singlearn.results.picture import drawn
from singlearn.results.result import Answer
from singlearn.results.table import aligned_rows, frame, share_cell
from singlearn.transitions.point import Point
from singlearn.transitions.transition import (
    HeatCapacityPeak,
    Transition,
    find_peaks,
    find_transitions,
)

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class PhaseDiagram(Answer):
    """Runs along one parameter, in increasing order of it.

    Attributes:
        parameter: its name.
        points: one run each.
    """

    parameter: str
    points: tuple[Point, ...]

    @property
    def values(self) -> Float[np.ndarray, " points"]:
        """The values of the parameter."""
        return np.array([point.value for point in self.points])

    @property
    def phases(self) -> tuple[str, ...]:
        """Names of all phases that occur, by their largest share anywhere."""
        names = sorted({name for point in self.points for name in point.phases})
        return tuple(
            sorted(names, key=lambda name: -max(self._share(point, name) for point in self.points))
        )

    @staticmethod
    def _share(point: Point, name: str) -> float:
        phase = point.phases.get(name)
        return phase.occupancy.value if phase is not None and phase.occupancy is not None else 0.0

    @cached_property
    def transitions(self) -> list[Transition]:
        """Crossings of phase free energies; see
        :func:`~singlearn.transitions.transition.find_transitions`.
        """
        return find_transitions(self.points)

    @cached_property
    def peaks(self) -> list[HeatCapacityPeak]:
        """Peaks of the heat capacity that stand out of their errors."""
        return find_peaks(self.points)

    def first_differences(self) -> list[tuple[float, Estimate]]:
        """ΔF/Δθ between neighbours, at the middle of each interval, in nats per unit of θ."""
        pairs = zip(self.points, self.points[1:], strict=False)
        return [(0.5 * (a.value + b.value), _slope(a, b)) for a, b in pairs]

    def second_differences(self) -> list[tuple[float, Estimate]]:
        """The second divided difference of F, which tends to F'', at every inner point, in nats per
        unit of θ squared.

        Returns:
            Value of θ and second difference, in the order of θ.
        """
        found = []
        for a, b, c in zip(self.points, self.points[1:], self.points[2:], strict=False):
            weights = np.array([1 / (b.value - a.value), 0.0, 1 / (c.value - b.value)])
            weights[1] = -weights[0] - weights[2]
            weights *= 2 / (c.value - a.value)
            estimates = [p.free_energy for p in (a, b, c)]
            value = float(weights @ [e.value for e in estimates])
            error = float(np.linalg.norm(weights * [e.standard_error for e in estimates]))
            found.append((b.value, Estimate(value, error)))
        return found

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """Those of all points, each with the value of the parameter it belongs to."""
        return tuple(
            caution.of(f"{self.parameter} = {point.value:.4g}")
            for point in self.points
            for caution in point.cautions
        )

    def table(self) -> pandas.DataFrame:
        """One point per row: F in nats, the heat capacity, the share of every phase."""
        return frame(
            {
                self.parameter: point.value,
                "F": point.free_energy,
                "C": point.heat_capacity,
                **{f"P({name})": _known_occupancy(point, name) for name in self.phases},
            }
            for point in self.points
        )

    def summary(self) -> str:
        """All of it, for people."""
        names = self.phases
        rows = [(self.parameter, "F [nats]", "C", *(f"P({name})" for name in names))]
        for point in self.points:
            cells = [_occupancy(point, name) for name in names]
            rows.append(
                (f"{point.value:.6g}", str(point.free_energy), str(point.heat_capacity), *cells)
            )
        lines = aligned_rows(rows)
        for t in self.transitions:
            lines.append(
                f"  {t.before} → {t.after} at {self.parameter} = {t.value}: {t.order}; {t.evidence}"
            )
        lines += [
            f"  peak of the heat capacity at {self.parameter} = {peak.value:.4g}: {peak.height}"
            for peak in self.peaks
        ]
        return "\n".join([*lines, *said(self.cautions)])

    def plot(self, **options: Any) -> Any:
        """Everything against the parameter; see ``singlearn.plot.phase_diagram``."""
        return drawn("phase_diagram", self, **options)

    def to_dict(self) -> dict[str, Any]:
        """Everything, for machines."""
        return {
            "parameter": self.parameter,
            "phases": list(self.phases),
            "points": of_each(self.points),
            "first_differences": [{"at": at, **e.to_dict()} for at, e in self.first_differences()],
            "second_differences": [
                {"at": at, **e.to_dict()} for at, e in self.second_differences()
            ],
            "transitions": of_each(self.transitions),
            "peaks": of_each(self.peaks),
            "cautions": of_each(self.cautions),
        }


def _slope(a: Point, b: Point) -> Estimate:
    width = b.value - a.value
    error = math.hypot(a.free_energy.standard_error, b.free_energy.standard_error)
    return Estimate((b.free_energy.value - a.free_energy.value) / width, error / width)


def _known_occupancy(point: Point, name: str) -> Estimate | None:
    return None if name not in point.phases else point.phases[name].occupancy


def _occupancy(point: Point, name: str) -> str:
    phase = point.phases.get(name)
    if phase is None:
        return "unseen"
    return (
        f"< {phase.largest_occupancy:.2g}"
        if phase.occupancy is None
        else share_cell(phase.occupancy)
    )
