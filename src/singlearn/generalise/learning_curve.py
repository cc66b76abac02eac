"""Measuring E_n G(n) of several methods against n."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

import jax
import numpy as np

from singlearn.generalise.curve import LearningCurve
from singlearn.generalise.curve_identity import CurveIdentity, seed_of
from singlearn.generalise.curve_point import CurvePoint
from singlearn.generalise.generalisation_error import error
from singlearn.generalise.method import Method
from singlearn.generalise.slope import check_sizes
from singlearn.running import identity
from singlearn.running.arguments import random_seed, whole_number
from singlearn.running.identity import Part
from singlearn.running.progress import Progress
from singlearn.running.sweep import Client, FinishedPoints, spread
from singlearn.running.whole_files import as_path
from singlearn.triple import Triple
from singlearn.triple.intake.truth import outside_support


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

    Returns:
        :math:`E_n G(n)` of every method at every n in nats, with errors over data sets, and what
        was read off the training data.

    Raises:
        ValueError: sizes that are not integers or do not increase, no method, fewer than 2 data
            sets, data sets without a truth or of another size than asked for, a truth that is not
            known to be realisable, a method that does not answer for every data set, or a folder
            that belongs to another curve or has a damaged file.
        OSError: the folder cannot be written to.

    >>> import numpyro.distributions as dist
    >>> from singlearn.generalise import Fitted, predictive
    >>> model = Triple(
    ...     lambda w, y: dist.Normal(w, 1.0).log_prob(y), dist.Normal(0.0, 1.0), np.zeros(2)
    ... )
    >>> def sample(n, seed):
    ...     return model.with_data(np.random.default_rng(seed).normal(0.5, 1.0, size=n), truth=0.5)
    >>> def by_mean(triples, seed):  # a method of one's own: here the MLE is the mean
    ...     return [Fitted(predictive(triple, triple.data.mean()[None])) for triple in triples]
    >>> curve = learning_curve(sample, [50, 100], {"MLE": by_mean}, datasets=20, test_points=2000)
    >>> line = curve.slope("MLE")
    >>> bool(abs(line.value - 0.5) < 4 * line.standard_error < 1)  # d/2
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

    measure = _CurveMeasurement(
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
class _CurveMeasurement:
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
        """The point, if it is in the folder.

        Raises:
            ValueError: it is another's, or damaged.
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
