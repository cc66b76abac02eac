"""A learning curve: E_n G(n) of several methods against n, and the slopes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from singlearn.generalise.curve_point import CurvePoint
from singlearn.generalise.free_energy_growth import Growth, growth, slope_of_free_energy
from singlearn.generalise.slope import Slope, fit_slope
from singlearn.results.caution import Caution, Reason
from singlearn.results.document import of_each
from singlearn.results.estimate import Estimate
from singlearn.results.picture import drawn
from singlearn.results.result import Answer
from singlearn.results.table import MISSING, Column, aligned, frame, wrapped

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class LearningCurve(Answer):
    """Generalisation error against n; ``print`` it for a table.

    Attributes:
        name: of the model.
        sizes: n, increasing.
        points: for every method, one point per size.
        is_realisable: whether slopes are fitted through the origin.
    """

    name: str
    sizes: tuple[int, ...]
    points: Mapping[str, tuple[CurvePoint, ...]]
    is_realisable: bool

    def slope(self, method: str) -> Slope | None:
        """The line through the method's points against 1/n; ``None`` if one is missing.

        Returns:
            The slope C without a unit, with its error; the intercept in nats.

        Raises:
            KeyError: an unknown method.
        """
        return self._line([point.mean for point in self.points[method]], not self.is_realisable)

    def reading_slope(self, method: str, reading: str) -> Slope | None:
        """The same through estimates of G from the training data: ``"WAIC"`` or ``"LOO"``."""
        return self._line(
            [point.reading(reading) for point in self.points[method]], not self.is_realisable
        )

    def free_energy_slope(self, method: str) -> Estimate | None:
        """The slope of F against log n, which is λ; ``None`` if there is no F, or where the truth
        is out of reach and F grows like n.

        Returns:
            λ as the slope of F in nats against log n, with its error over data sets.
        """
        free = self._free_energies(method)
        return (
            None
            if free is None or not self.is_realisable
            else slope_of_free_energy(self.sizes, free)
        )

    def free_energy_growth(self, method: str) -> tuple[Growth, ...]:
        """G between neighbouring sizes by the free energy and as measured; empty if the method has
        no free energy or misses a G.

        Returns:
            One entry per pair of neighbouring sizes, in nats.
        """
        free = self._free_energies(method)
        if free is None or any(point.missing for point in self.points[method]):
            return ()
        return growth(
            self.sizes, free, [np.array(point.errors, dtype=float) for point in self.points[method]]
        )

    def _free_energies(self, method: str) -> list[np.ndarray] | None:
        every = [point.readings.get("F - nS") for point in self.points[method]]
        return None if len(every) < 2 or None in every else [np.array(each) for each in every]

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """What keeps these slopes from being learning coefficients."""
        found = []
        if self.is_realisable and len(self.sizes) == 2:
            sentence = (
                "two sizes cannot show whether G(n) tends to 0, so that nothing here checks that "
                "the truth is realisable"
            )
            found.append(Caution(Reason.TOO_FEW_SIZES, sentence))
        for method in self.points:
            found += [caution.of(method) for caution in self._of_fits(method)]
            found += [caution.of(method) for caution in self._of_line(method)]
        return tuple(found)

    def _of_fits(self, method: str) -> list[Caution]:
        """Of the fits of one method: missing ones, doubtful ones, and what F says of them."""
        points = self.points[method]
        found = [
            Caution(Reason.NO_ANSWER, f"n = {point.n}: {point.why_missing}")
            for point in points
            if point.missing
        ]
        doubtful = [
            note
            for point in points
            for e, note in zip(point.errors, point.notes, strict=True)
            if note and e is not None
        ]
        if doubtful:
            count = sum(len(point.errors) for point in points)
            sentence = f"{len(doubtful)} of {count} fits carry a doubt, the first: {doubtful[0]}"
            found.append(Caution(Reason.DOUBTFUL_FIT, sentence))
        found += [
            Caution(
                Reason.READINGS_DISAGREE,
                f"n = {own.start} to {own.end}: G by the free energy is {own.by_free_energy} "
                f"nats, on test points {own.measured}",
            )
            for own in self.free_energy_growth(method)
            if not own.agrees
        ]
        return found

    def _of_line(self, method: str) -> list[Caution]:
        """Of the line through the points of one method."""
        line = self.slope(method)
        if line is None or not self.is_realisable:
            return []
        found = []
        free = None
        if len(self.sizes) >= 3:
            free = self._line([point.mean for point in self.points[method]], True)
        if (
            free is not None
            and free.intercept is not None
            and free.intercept.value > 3 * free.intercept.standard_error
        ):
            sentence = (
                f"G(n) tends to {free.intercept} nats and not to 0; a line through the origin is "
                "wrong (is the truth realisable, and found?)"
            )
            found.append(Caution(Reason.NOT_PROPORTIONAL, sentence))
        if abs(line.drift.value) > 3 * line.drift.standard_error:
            sentence = (
                f"n G(n) still changes by {line.drift} per factor e in n; the slope is not yet its "
                "limit"
            )
            found.append(Caution(Reason.NOT_PROPORTIONAL, sentence))
        return found

    @staticmethod
    def _with_means(means: Sequence[Estimate | None]) -> list[Estimate] | None:
        return (
            None
            if any(mean is None for mean in means)
            else [mean for mean in means if mean is not None]
        )

    def _line(self, means: Sequence[Estimate | None], with_intercept: bool) -> Slope | None:
        known = self._with_means(means)
        return (
            None
            if known is None or len(known) < (3 if with_intercept else 2)
            else fit_slope(self.sizes, known, with_intercept)
        )

    def summary(self) -> str:
        """n E G(n) of every method, beside it what the training data say; slopes with 95 %
        intervals; G by the free energy; what is wrong.

        Returns:
            The table as text.
        """
        lines = [self.name, "", *aligned(self._by_size()), "", *aligned(self._slopes())]
        between = self._between()
        if between:
            lines += ["", *aligned(between)]
        if self.cautions:
            lines += ["", *(line for caution in self.cautions for line in wrapped(str(caution)))]
        return "\n".join(lines)

    def _by_size(self) -> list[Column]:
        def scaled(estimate: Estimate | None, n: int) -> str:
            if estimate is None:
                return MISSING
            return f"{n * estimate.value:.3f} ± {n * estimate.standard_error:.3f}"

        columns = [Column("n", [str(n) for n in self.sizes])]
        for method, points in self.points.items():
            means = [scaled(point.mean, point.n) for point in points]
            columns.append(Column(f"n G(n), {method}", means, "nats"))
            for reading in ("WAIC", "LOO"):
                estimates = [point.reading(reading) for point in points]
                if all(estimate is not None for estimate in estimates):
                    cells = [scaled(e, n) for e, n in zip(estimates, self.sizes, strict=True)]
                    columns.append(Column(f"by {reading}", cells, "nats"))
        return columns

    def _slopes(self) -> list[Column]:
        methods = list(self.points)
        lines = [self.slope(method) for method in methods]
        intervals = [
            MISSING if line is None else f"{line.interval[0]:.2f} … {line.interval[1]:.2f}"
            for line in lines
        ]
        columns = [
            Column("method", methods),
            Column("slope of G against 1/n", _known(lines)),
            Column("95 %", intervals),
            Column("R²", [_r_squared(line) for line in lines]),
        ]
        if not self.is_realisable:
            limits = [None if line is None else line.intercept for line in lines]
            columns.append(Column("G(∞)", _known(limits), "nats"))
        for reading in ("WAIC", "LOO"):
            read = [self.reading_slope(method, reading) for method in methods]
            if any(line is not None for line in read):
                columns.append(Column(f"slope by {reading}", _known(read)))
        grown = [self.free_energy_slope(method) for method in methods]
        if any(line is not None for line in grown):
            columns.append(Column("slope of F against log n", _known(grown)))
        return columns

    def _between(self) -> list[Column]:
        rows = [(method, own) for method in self.points for own in self.free_energy_growth(method)]
        if not rows:
            return []
        return [
            Column("method", [method for method, _ in rows]),
            Column("n to n'", [f"{own.start} … {own.end}" for _, own in rows]),
            Column("mean G by F", [str(own.by_free_energy) for _, own in rows], "nats"),
            Column("measured", [str(own.measured) for _, own in rows], "nats"),
            Column("difference", [str(own.difference) for _, own in rows], "nats"),
        ]

    def table(self) -> pandas.DataFrame:
        """One method at one size per row: E G(n) in nats, and what WAIC and LOO say of it."""
        return frame(
            {
                "method": method,
                "n": point.n,
                "G": point.mean,
                "by WAIC": point.reading("WAIC"),
                "by LOO": point.reading("LOO"),
                "missing": point.missing,
            }
            for method, points in self.points.items()
            for point in points
        )

    def plot(self, **options: Any) -> Any:
        """E G(n) against 1/n; see ``singlearn.plot.generalisation_error``."""
        return drawn("generalisation_error", self, **options)

    def to_dict(self) -> dict[str, Any]:
        """Everything for machines; G in nats."""
        return {
            "name": self.name,
            "is_realisable": self.is_realisable,
            "methods": {
                method: {
                    "slope": of_each([self.slope(method)])[0],
                    "by_free_energy": of_each(self.free_energy_growth(method)),
                    "points": [
                        {
                            "n": point.n,
                            "generalisation_error": of_each([point.mean])[0],
                            "missing": point.missing,
                            "why_missing": point.why_missing,
                        }
                        for point in points
                    ],
                }
                for method, points in self.points.items()
            },
            "cautions": of_each(self.cautions),
        }


def _known(values: Sequence[Slope | Estimate | None]) -> list[str]:
    return [MISSING if value is None else str(value) for value in values]


def _r_squared(line: Slope | None) -> str:
    """Below 0 a line through the origin fits worse than no line at all; how much worse says
    nothing.
    """
    if line is None:
        return MISSING
    return "< 0" if line.r_squared < 0 else f"{line.r_squared:.3f}"
