"""Section 5 of Wei et al. [wei2022deep]_ again: learning curves of five predictors in sixteen
cells, beside the published slopes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.experiments.wei2022.last_layers.cell import (
    CELLS,
    LastLayersCell,
    LastLayersNetwork,
    Version,
    data_sets,
    features,
    identity_of_data,
)
from singlearn.experiments.wei2022.last_layers.methods import (
    METHODS,
    MethodPrediction,
    TrainedNetwork,
    as_published,
    as_stated,
)
from singlearn.experiments.wei2022.last_layers.published import published
from singlearn.experiments.wei2022.last_layers.training import BATCH, train
from singlearn.experiments.wei2022.source_figures import errors_against_inverse_size
from singlearn.generalise import CurvePoint, LearningCurve
from singlearn.plot.learning_curves import generalisation_error
from singlearn.results.caution import Reason
from singlearn.results.estimate import Estimate
from singlearn.results.table import Column, aligned
from singlearn.running.processes import over_processes
from singlearn.running.progress import counted
from singlearn.running.sweep import FinishedPoints


@dataclass(frozen=True)
class GeneralisationWork:
    """How much is done."""

    sizes: tuple[int, ...]
    datasets: int
    epochs: int
    draws: int
    tests: int


FULL = GeneralisationWork(
    tuple(int(n) for n in np.rint(np.logspace(2.3, 3.0, 10))), 30, 5000, 1000, 10_000
)
QUICK = GeneralisationWork((200, 500), 3, 200, 200, 1000)
FEWEST_FOR_R_SQUARED = 3
OTHER: dict[Version, Version] = {"as-stated": "as-published", "as-published": "as-stated"}
Task = tuple[int, bool, bool, bool, int]
"""Layers of g, ReLU in h, realisable, minibatch, n."""


@dataclass(frozen=True)
class _CellMeasurement:
    how: GeneralisationWork
    version: Version
    seed: int
    store: FinishedPoints

    def __call__(self, task: Task) -> None:
        """All five methods on all data sets of one cell and one size, into the store."""
        with self.store.held(_file(task)):
            if stored(self.store, task) is None:  # nor has another process finished it meanwhile
                self._measure(task)

    def _measure(self, task: Task) -> None:
        layers, relu, realisable, minibatch, n = task
        how = self.how
        data = data_sets(
            layers, relu, realisable, n, how.datasets, how.tests, self.seed, self.version
        )
        trained = train(
            data.start, data.x, data.y, relu, BATCH if minibatch else None, how.epochs, self.seed
        )
        z, z_test = (np.asarray(features(trained, jnp.asarray(x))) for x in (data.x, data.x_test))
        own = [
            TrainedNetwork(
                trained.A[i], trained.B[i], z[i], data.y[i], z_test[i], data.y_test[i], relu
            )
            for i in range(how.datasets)
        ]
        seed = int(
            np.random.SeedSequence([self.seed, *map(int, task)]).generate_state(1)[0] % 2**31
        )
        if self.version == "as-published":
            predictions = as_published(own, _spare(data.untrained), how.draws, seed)
        else:
            predictions = as_stated(own, how.draws, seed)
        found = {method: _point(method, n, predictions[method], data.log_q) for method in METHODS}
        self.store.save(_file(task), {method: point.to_dict() for method, point in found.items()})


def _file(task: Task) -> str:
    layers, relu, realisable, minibatch, n = task
    words = (
        "relu" if relu else "identity",
        "realisable" if realisable else "not",
        "minibatch" if minibatch else "batch",
    )
    return "-".join([str(layers), *words, str(n)])


def stored(store: FinishedPoints, task: Task) -> dict[str, CurvePoint] | None:
    """All five methods of one cell and one size, if they are there."""
    kept = store.load(_file(task))
    return (
        None if kept is None else {method: CurvePoint.from_dict(kept[method]) for method in METHODS}
    )


def _spare(untrained: LastLayersNetwork) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(untrained.A[i], untrained.B[i]) for i in range(len(untrained.A))]


def _point(
    method: str, n: int, predictions: Sequence[MethodPrediction], log_q: np.ndarray
) -> CurvePoint:
    errors = tuple(
        None if p.log_p is None else float(np.mean(own - p.log_p))
        for own, p in zip(log_q, predictions, strict=True)
    )
    return CurvePoint(method, n, errors, tuple(p.note for p in predictions), {})


def run(
    version: Version, quick: bool, seed: int, out: Path, progress: bool | None
) -> ExperimentResult:
    """Slopes beside the published ones, and beside those of the other version where that is
    finished.

    Every cell and size that is finished is kept in ``out/generalisation``.
    """
    how = QUICK if quick else FULL
    tasks = [(c.layers, c.relu, c.realisable, c.minibatch, n) for c in CELLS for n in how.sizes]
    measure = _CellMeasurement(how, version, seed, _store(version, quick, seed, out))
    left = [task for task in tasks if stored(measure.store, task) is None]
    # What the quick version costs is compiling, which one process does once.
    done = map(measure, left) if quick else over_processes(measure, left)
    for _ in counted("cells and sizes", done, len(left), progress):
        pass
    found = {task: points for task in tasks if (points := stored(measure.store, task)) is not None}
    other = _store(OTHER[version], quick, seed, out)
    beside = {task: points for task in tasks if (points := stored(other, task)) is not None}
    curves = [(cell, _curve(cell, how, found)) for cell in CELLS]
    rows = [_row(cell, curve, method, version) for cell, curve in curves for method in METHODS]
    if len(beside) == len(tasks):
        slopes = [
            _slope(_curve(cell, how, beside), method)[0] for cell in CELLS for method in METHODS
        ]
        rows = [
            row | {"slope of the other version": slope}
            for row, slope in zip(rows, slopes, strict=True)
        ]
    warnings = [
        {"cell": cell.name, **caution.to_dict()}
        for cell, curve in curves
        for caution in curve.cautions
    ]
    text = _table(rows, version)
    if quick:
        shortened = _shortened(how)
        warnings.append(
            {"cell": "every cell", "reason": str(Reason.TOO_FEW_SIZES), "message": shortened}
        )
        text = f"{text}\n\n{shortened}"
    return ExperimentResult(rows, warnings, text, _figures(curves, version, out))


def _shortened(how: GeneralisationWork) -> str:
    """What the quick version leaves out, and what its slopes are therefore not."""
    return (
        f"With --quick the networks are trained for {how.epochs} epochs instead of {FULL.epochs} "
        f"and stand far from a minimum, at {len(how.sizes)} sizes with {how.datasets} data sets "
        f"each: its slopes show that everything runs, and are not the slopes without --quick."
    )


def _store(version: Version, quick: bool, seed: int, out: Path) -> FinishedPoints:
    how = QUICK if quick else FULL
    folder = out / "generalisation" / f"{version}{'-quick' if quick else ''}-{seed}"
    settings = {
        "datasets": how.datasets,
        "epochs": how.epochs,
        "draws": how.draws,
        "tests": how.tests,
        "seed": seed,
        "version": version,
        "batch": BATCH,
        **identity_of_data(seed, version),
    }
    return FinishedPoints(folder, "generalisation", settings, "another size of this experiment")


def _curve(
    cell: LastLayersCell, how: GeneralisationWork, found: dict[Task, dict[str, CurvePoint]]
) -> LearningCurve:
    at = [found[cell.layers, cell.relu, cell.realisable, cell.minibatch, n] for n in how.sizes]
    return LearningCurve(
        cell.name,
        how.sizes,
        {m: tuple(points[m] for points in at) for m in METHODS},
        cell.realisable,
    )


def unweighted_line(
    sizes: Sequence[int], means: Sequence[float], with_intercept: bool
) -> tuple[float, float]:
    """Slope and R² as the paper takes them: ordinary least squares of means on 1/n; without an
    intercept R² is about zero. Two sizes always lie on a line: there R² is not a number.

    >>> unweighted_line([100, 200, 400], [0.03, 0.015, 0.0075], with_intercept=False)
    (3.0, 1.0)
    """
    x, y = 1 / np.asarray(sizes, dtype=float), np.asarray(means, dtype=float)
    if not np.isfinite(y).all():
        return (math.inf if np.isinf(y).any() else math.nan), math.nan
    design = np.stack([x, np.ones_like(x)], axis=1) if with_intercept else x[:, None]
    solution = np.linalg.lstsq(design, y, rcond=None)[0]
    if len(x) < FEWEST_FOR_R_SQUARED:
        return round(float(solution[0]), 12), math.nan
    total = np.sum((y - y.mean()) ** 2) if with_intercept else np.sum(y**2)
    return round(float(solution[0]), 12), round(
        float(1 - np.sum((y - design @ solution) ** 2) / total), 12
    )


def _means(curve: LearningCurve, method: str) -> list[float]:
    found = []
    for point in curve.points[method]:
        if any(e is None for e in point.errors):
            found.append(math.nan)
        else:
            found.append(float(np.mean([e for e in point.errors if e is not None])))
    return found


def _slope(curve: LearningCurve, method: str) -> tuple[float, float]:
    return unweighted_line(
        curve.sizes, _means(curve, method), with_intercept=not curve.is_realisable
    )


def _row(
    cell: LastLayersCell, curve: LearningCurve, method: str, version: Version
) -> dict[str, Any]:
    slope, r_squared = _slope(curve, method)
    line = curve.slope(method)
    printed, printed_r = published(cell, method)
    errors = [e for point in curve.points[method] for e in point.errors]
    return {
        "table": cell.table,
        "cell": cell.name,
        "method": method,
        "version": version,
        "published slope": printed,
        "published R²": printed_r,
        "slope": slope,
        "R²": r_squared,
        "weighted slope": None if line is None else line.value,
        "standard error": None if line is None else line.standard_error,
        "refused": sum(e is None for e in errors),
        "density zero": sum(e is not None and math.isinf(e) for e in errors),
    }


def _table(every: list[dict[str, Any]], version: Version) -> str:
    text = [
        f"Slopes of E G(n) against 1/n, {version} (unweighted as published; weighted by n² with "
        f"the standard error over data sets)"
    ]
    beside = "slope of the other version" in every[0]
    if not beside:
        text.append(
            f"Run --{OTHER[version]} with the same --out as well, and its slopes stand beside "
            f"these."
        )
    for cell in CELLS:
        rows = [row for row in every if row["cell"] == cell.name]
        columns = [
            ("method", "", list(METHODS)),
            ("published", "", [_number(row["published slope"]) for row in rows]),
            (version, "", [_number(row["slope"]) for row in rows]),
            ("R²", "", [_number(row["R²"]) for row in rows]),
            (
                "weighted",
                "",
                [
                    "–"
                    if row["weighted slope"] is None
                    else str(Estimate(row["weighted slope"], row["standard error"]))
                    for row in rows
                ],
            ),
            *(
                [(OTHER[version], "", [_number(row["slope of the other version"]) for row in rows])]
                if beside
                else []
            ),
            ("no answer", "fits", [str(row["refused"]) if row["refused"] else "" for row in rows]),
            (
                "∞: density 0",
                "fits",
                [str(row["density zero"]) if row["density zero"] else "" for row in rows],
            ),
        ]
        shown = [Column(head, cells, unit) for head, unit, cells in columns]
        text += ["", f"Table {cell.table}: {cell.name}", *aligned(shown)]
    return "\n".join(text)


def _number(value: float) -> str:
    return "–" if math.isnan(value) else "∞" if math.isinf(value) else f"{value:.3g}"


def _figures(
    curves: list[tuple[LastLayersCell, LearningCurve]], version: Version, out: Path
) -> list[Path]:
    """Two pictures for each of the paper's tables, one panel a cell: n G(n), and E G(n) against 1/n
    with the lines whose slopes the tables give.
    """
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for table in (1, 3, 4, 5):
        own = [(cell, curve) for cell, curve in curves if cell.table == table]
        figure, axes = plt.subplots(2, 2, figsize=(15.0, 8.6), layout="constrained")
        for (_, curve), panel in zip(own, axes.flat, strict=True):
            generalisation_error(curve, None, panel)
        path = out / f"generalisation-table{table}-{version}.png"
        figure.savefig(path, dpi=110)
        plt.close(figure)
        paths.append(path)
        drawn = out / f"generalisation-table{table}-{version}-lines.png"
        lines = [(cell.name, curve, {m: _line(curve, m) for m in METHODS}) for cell, curve in own]
        errors_against_inverse_size(lines).savefig(drawn, dpi=110)
        paths.append(drawn)
    return paths


def _line(curve: LearningCurve, method: str) -> tuple[list[float], float, float, float]:
    """Means, slope, intercept (0 where the truth is realisable) and R², as the tables give them."""
    means = _means(curve, method)
    slope, r_squared = _slope(curve, method)
    x = 1 / np.asarray(curve.sizes, dtype=float)
    intercept = 0.0 if curve.is_realisable else float(np.mean(means) - slope * np.mean(x))
    return means, slope, intercept, r_squared


EXPERIMENT = Experiment(
    "generalisation",
    "five predictors from the last layers of small networks, in 16 cells, beside the published "
    "slopes",
    partial(run, "as-stated"),
    {"as-stated": partial(run, "as-stated"), "as-published": partial(run, "as-published")},
)
