"""E_n G(n) of several methods against n, and the slopes."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

import jax
import numpy as np

from singlearn.generalise.curve_identity import CurveIdentity, seed_of
from singlearn.generalise.free_energy_growth import Growth, growth, slope_of_free_energy
from singlearn.generalise.generalisation_error import error
from singlearn.generalise.method import Method
from singlearn.generalise.slope import Slope, check_sizes, fit_slope
from singlearn.results.estimate import Estimate
from singlearn.results.prompt import Shown
from singlearn.running import identity
from singlearn.running.arguments import random_seed, whole_number
from singlearn.running.identity import Part
from singlearn.running.progress import Progress
from singlearn.running.sweep import Client, FinishedPoints, spread
from singlearn.running.whole_files import as_path
from singlearn.triple import Triple
from singlearn.triple.intake.truth import outside_support


@dataclass(frozen=True)
class CurvePoint(Shown):
    """One method at one n, over all data sets.

    Attributes:
        method: its name.
        n: sample size.
        errors: G of each data set in nats; infinite where a test point has predicted density zero,
            ``None`` where the method has no answer.
        notes: reasons and doubts, one for each data set, empty if none.
        readings: other numbers of each data set, by name (see ``Fitted``).
    """

    method: str
    n: int
    errors: tuple[float | None, ...]
    notes: tuple[str, ...]
    readings: Mapping[str, tuple[float, ...]]

    def to_dict(self) -> dict[str, Any]:
        """Everything, every data set's too, so that a point read back is the same."""
        # JSON has no infinity; as text it comes back.
        errors = [e if e is None or math.isfinite(e) else str(e) for e in self.errors]
        return {
            "method": self.method,
            "n": self.n,
            "errors": errors,
            "notes": list(self.notes),
            "readings": dict(self.readings),
        }

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> CurvePoint:
        """The inverse of ``to_dict``."""
        errors = tuple(None if e is None else float(e) for e in document["errors"])
        readings = {name: tuple(values) for name, values in document["readings"].items()}
        return cls(document["method"], document["n"], errors, tuple(document["notes"]), readings)

    @property
    def missing(self) -> int:
        """Data sets without a finite G."""
        return sum(e is None or not math.isfinite(e) for e in self.errors)

    @property
    def mean(self) -> Estimate | None:
        """E_n G(n) with the error the spread over data sets leaves; ``None`` if any data set has no
        finite G: survivors are no sample.
        """
        return (
            None
            if self.missing
            else Estimate.from_replicates([float(e) for e in self.errors if e is not None])
        )

    def reading(self, name: str) -> Estimate | None:
        """The mean over data sets of one of the readings; ``None`` if the method has no such
        reading.
        """
        return Estimate.from_replicates(self.readings[name]) if name in self.readings else None

    @property
    def why_missing(self) -> str:
        """How many data sets have no finite G and the first reason."""
        if not self.missing:
            return ""
        none = [note for e, note in zip(self.errors, self.notes, strict=True) if e is None]
        infinite = self.missing - len(none)
        parts = (
            [f"no answer for {len(none)} of {len(self.errors)} data sets: {none[0]}"]
            if none
            else []
        )
        parts += (
            [f"predicted density 0 at a test point in {infinite} of {len(self.errors)} data sets"]
            if infinite
            else []
        )
        return "; ".join(parts)


@dataclass(frozen=True)
class LearningCurve(Shown):
    """Generalisation error against n; ``print`` it for a table.

    Attributes:
        name: of the model.
        sizes: n, increasing.
        points: for every method, one point a size.
        is_realisable: whether slopes are fitted through the origin.
    """

    name: str
    sizes: tuple[int, ...]
    points: Mapping[str, tuple[CurvePoint, ...]]
    is_realisable: bool

    def slope(self, method: str) -> Slope | None:
        """The line through the method's points against 1/n; ``None`` if one is missing. Raises
        ``KeyError`` for an unknown method.
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
    def warnings(self) -> list[str]:
        """What keeps these slopes from being learning coefficients."""
        found = []
        if self.is_realisable and len(self.sizes) == 2:
            found.append(
                "two sizes cannot show whether G(n) tends to 0, so that nothing here checks that "
                "the truth is realisable"
            )
        for method, points in self.points.items():
            found += [
                f"{method}, n = {point.n}: {point.why_missing}" for point in points if point.missing
            ]
            doubtful = [
                note
                for point in points
                for e, note in zip(point.errors, point.notes, strict=True)
                if note and e is not None
            ]
            if doubtful:
                count = sum(len(point.errors) for point in points)
                found.append(
                    f"{method}: {len(doubtful)} of {count} fits carry a doubt, the first: "
                    f"{doubtful[0]}"
                )
            found += [
                f"{method}, n = {own.start} to {own.end}: G by the free energy is "
                f"{own.by_free_energy} nats, on test points {own.measured}"
                for own in self.free_energy_growth(method)
                if not own.agrees
            ]
            line = self.slope(method)
            if line is None:
                continue
            if self.is_realisable and len(self.sizes) >= 3:
                free = self._line([point.mean for point in points], True)
                if (
                    free is not None
                    and free.intercept is not None
                    and free.intercept.value > 3 * free.intercept.standard_error
                ):
                    found.append(
                        f"{method}: G(n) tends to {free.intercept} nats and not to 0; a line "
                        f"through the origin is wrong (is the truth "
                        "realisable, and found?)"
                    )
            if self.is_realisable and abs(line.drift.value) > 3 * line.drift.standard_error:
                found.append(
                    f"{method}: n G(n) still changes by {line.drift} a factor e in n; the slope is "
                    f"not yet its limit"
                )
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

    def __str__(self) -> str:
        from singlearn.generalise.curve_table import table

        return table(self)

    def to_dict(self) -> dict[str, Any]:
        """Everything for machines; G in nats."""

        def of(line: Slope | None) -> dict[str, Any] | None:
            if line is None:
                return None
            intercept = None if line.intercept is None else line.intercept.to_dict()
            return {
                "value": line.value,
                "standard_error": line.standard_error,
                "intercept": intercept,
                "r_squared": line.r_squared,
            }

        return {
            "name": self.name,
            "is_realisable": self.is_realisable,
            "methods": {
                method: {
                    "slope": of(self.slope(method)),
                    "by_free_energy": [own.to_dict() for own in self.free_energy_growth(method)],
                    "points": [
                        {
                            "n": point.n,
                            "generalisation_error": None
                            if point.mean is None
                            else point.mean.to_dict(),
                            "missing": point.missing,
                            "why_missing": point.why_missing,
                        }
                        for point in points
                    ],
                }
                for method, points in self.points.items()
            },
            "warnings": self.warnings,
        }


def learning_curve(
    make_triple: Callable[[int, int], Triple],
    sizes: Sequence[int | float],
    methods: Mapping[str, Method],
    datasets: int = 30,
    test_points: int = 10_000,
    seed: int = 0,
    realisable: bool | None = None,
    folder: str | os.PathLike[str] | None = None,
    client: Client | None = None,
    progress: Progress = None,
) -> LearningCurve:
    r"""Measure :math:`E_n G(n)` of every method at every n, over data sets drawn afresh, each with
    a test set of its own.

    Args:
        make_triple: ``make_triple(n, seed)``, a data set of the truth with the truth given; the
            same model for all.
        sizes: n, increasing.
        methods: by name; ready ones are ``by_map``, ``by_mle``, ``by_laplace``, ``by_tempering``,
            ``by_nuts``.
        datasets: at each n; standard errors are their spread, so at least 2.
        test_points: of each test set.
        seed: same seed, same curve.
        realisable: whether some parameter is the truth, so that lines go through the origin;
            default: if the truth is given as a parameter.
        folder: each method at each n is written there when it is done, and not done again. Each
            belongs to what it was made of: model, prior, truth and data are compared by their
            values; a method of this library by its settings, one of your own by its answer for one
            data set of the smallest size, which is therefore asked once more. Several processes may
            share one folder.
        client: a Dask client, to spread methods and sizes over its workers; by default they run
            here.
        progress: ``True`` or ``False``, or a function ``progress(share, words)``; default: a bar
            where standard error is a terminal or a notebook, else a line per minute.

    Raises:
        ValueError: sizes that are no integers or do not increase, no method, fewer than 2 data
            sets, data sets without a truth or of another size than asked for, a truth that is not
            known to be realisable, a method that does not answer for every data set, or a folder
            that belongs to another curve or has a damaged file.
        OSError: the folder cannot be written to.

    >>> import numpyro.distributions as dist
    >>> from singlearn.generalise import Fitted, predictive
    >>> model = Triple(lambda w, y: dist.Normal(w, 1.0).log_prob(y), dist.Normal(0.0, 1.0), np.zeros(2))
    >>> def sample(n, seed):
    ...     return model.with_data(np.random.default_rng(seed).normal(0.5, 1.0, size=n), truth=0.5)
    >>> def by_mean(triples, seed):                                   # a method of one's own: here the MLE is the mean
    ...     return [Fitted(predictive(triple, triple.data.mean()[None])) for triple in triples]
    >>> curve = learning_curve(sample, [50, 100], {"MLE": by_mean}, datasets=20, test_points=2000)
    >>> line = curve.slope("MLE")
    >>> bool(abs(line.value - 0.5) < 4 * line.standard_error < 1)     # d/2
    True
    """
    sizes = [whole_number("sizes", n) for n in sizes]
    check_sizes(sizes)
    if not methods:
        raise ValueError("methods: got none; at least one is needed")
    datasets = whole_number(
        "datasets", datasets, at_least=2, why="for a standard error that was seen"
    )
    test_points = whole_number("test_points", test_points, at_least=2)
    seed = random_seed(seed)
    first = _first(make_triple, int(sizes[0]), seed)
    if first.truth is None:
        raise ValueError(
            f"make_triple: {first.name} has no truth; give it one, or use cross_validated_loss"
        )
    if realisable is None:
        realisable = first.truth_is_parameter
        if not realisable:
            raise ValueError(
                "realisable: the truth is given as log densities, which do not say whether the "
                "model can realise it; give True, for "
                "lines through the origin, or False, for lines with an intercept"
            )
        if outside_support(first.prior, first.truth):
            raise ValueError(
                f"realisable: the truth {first.truth} lies outside the prior's support, so that "
                f"the model may not realise it; give False, "
                "for lines with an intercept, or True if it does"
            )
    settings = {"datasets": datasets, "test_points": test_points, "seed": seed, **_of_truth(first)}
    store = (
        None
        if folder is None
        else FinishedPoints(
            as_path("folder", folder), "curve", settings, "a curve with other settings"
        )
    )
    tasks = [(name, index) for index in range(len(sizes)) for name in methods]

    measure = _Measurement(
        make_triple, dict(methods), tuple(int(n) for n in sizes), datasets, test_points, seed, store
    )
    found = {
        (name, index): kept
        for name, index in tasks
        if (kept := measure.finished((name, index))) is not None
    }
    left = [task for task in tasks if task not in found]
    measured = spread("methods and sizes", measure, left, client, progress)
    found |= dict(zip(left, measured, strict=True))
    points = {name: tuple(found[name, index] for index in range(len(sizes))) for name in methods}
    return LearningCurve(first.name, tuple(int(n) for n in sizes), points, realisable)


@dataclass(frozen=True)
class _Measurement:
    """What is done for one method at one size; an object and no closure, so that it can be sent to
    another process as it is.
    """

    make_triple: Callable[[int, int], Triple]
    methods: Mapping[str, Method]
    sizes: tuple[int, ...]
    datasets: int
    test_points: int
    seed: int
    store: FinishedPoints | None

    @cached_property
    def model(self) -> Triple:
        """One for all data sets, so that each method is compiled once a process; made where it is
        used, for triples cannot be sent.
        """
        return _first(self.make_triple, self.sizes[0], self.seed)

    @cached_property
    def identity(self) -> CurveIdentity:
        """What the points are made of; functions are asked once a process."""
        return CurveIdentity(
            self.make_triple, self.model, self.methods, self.sizes[0], self.test_points, self.seed
        )

    def finished(self, task: tuple[str, int]) -> CurvePoint | None:
        """The point, if it is in the folder. Raises ``ValueError`` where it is another's, or
        damaged.
        """
        if self.store is None:
            return None
        name, index = task

        def different(earlier: Mapping[str, Part]) -> list[str]:
            return self.identity.differences(name, self.sizes[index], earlier)

        found: CurvePoint | None = self.store.load(
            _name(name, self.sizes[index]), different, CurvePoint.from_dict
        )
        return found

    def __call__(self, task: tuple[str, int], wait: bool = True) -> CurvePoint:
        """Fit all data sets of one size together, then test each on data of its own."""
        if self.store is None:
            return self._measured(task)
        name, index = task
        with self.store.held(_name(name, self.sizes[index]), wait):
            finished = self.finished(task)
            if finished is not None:  # by another process, meanwhile
                return finished
            point = self._measured(task)
            self.store.save(
                _name(name, self.sizes[index]),
                point.to_dict(),
                self.identity.parts(name, self.sizes[index]),
            )
        return point

    def _measured(self, task: tuple[str, int]) -> CurvePoint:
        name, index = task
        n = self.sizes[index]
        # Seeds go by n and not by its place among the sizes, so that a size added later draws data
        # of its own.
        made = [self.make_triple(n, seed_of(self.seed, n, i, 1)) for i in range(self.datasets)]
        if any(own.n != n for own in made):
            raise ValueError(
                f"make_triple: asked for n = {n}, it gave n = {sorted({own.n for own in made})}"
            )
        triples = [self.model.with_data(own.data, own.truth, own.name) for own in made]
        fitted = self.methods[name](triples, seed_of(self.seed, n, 0, 2))
        if len(fitted) != self.datasets:
            raise ValueError(
                f"methods: {name} gave {len(fitted)} answers for {self.datasets} data sets; where "
                f"it has none it should say "
                "Fitted(None, reason)"
            )
        errors: list[float | None] = []
        notes = []
        for i, fit in enumerate(fitted):
            notes.append(fit.note)
            if fit.predictor is None:
                errors.append(None)
                continue
            test = self.make_triple(self.test_points, seed_of(self.seed, n, i, 3))
            try:
                errors.append(error(fit.predictor, test.truth_log_likelihood(), test.data).value)
            except (
                ValueError
            ) as reason:  # one data set's trouble is told, and does not cost the others
                errors.append(None)
                notes[-1] = str(reason)
        names = list(fitted[0].readings)
        readings = {
            reading: tuple(float(fit.readings[reading]) for fit in fitted) for reading in names
        }
        return CurvePoint(name, n, tuple(errors), tuple(notes), readings)


def _first(make_triple: Callable[[int, int], Triple], n: int, seed: int) -> Triple:
    return make_triple(n, seed_of(seed, n, 0, 0))


def _name(method: str, n: int) -> str:
    # Quoted, so that no two methods share a file.
    return f"{quote(method, safe='')}_{n}"


def _of_truth(triple: Triple) -> dict[str, Any]:
    """The true parameter; a truth given as log densities differs from data set to data set and is
    left out.
    """
    settings: dict[str, Any] = {"dimension": triple.dimension}
    if triple.truth_is_parameter:
        numbers = [
            np.ravel(np.asarray(leaf, dtype=float)) for leaf in jax.tree.leaves(triple.truth)
        ]
        settings["truth"] = identity.values(np.concatenate(numbers)[None])
    return settings
