"""E_n G(n) against 1/n where λ is proven: a regular line, and singular models with a simple
truth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float

from singlearn.exact import ExactCoefficient, catalogue
from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.generalise import (
    LearningCurve,
    Method,
    by_laplace,
    by_map,
    by_mle,
    by_tempering,
    learning_curve,
)
from singlearn.plot.learning_curves import generalisation_error
from singlearn.running.processes import over_processes
from singlearn.running.progress import counted
from singlearn.triple import Triple

Network = Callable[
    [Mapping[str, Float[Array, "*_"]], Float[Array, "n inputs"]], Float[Array, "n ..."]
]


@dataclass(frozen=True)
class Subject:
    """A model, its true parameter, and the λ of the pair."""

    name: str
    network: Network
    shapes: Mapping[str, tuple[int, ...]]
    truth: Mapping[str, Float[np.ndarray, "*_"]]
    inputs: int
    known: ExactCoefficient | None
    exact: float
    methods: Mapping[str, Method]
    noise: float = 1.0

    def sample(self, n: int, seed: int) -> Triple:
        """n observations: x uniform on [-3, 3] for one input, standard normal for more; prior N(0,
        1).
        """
        generator = np.random.default_rng(seed)
        # On [-1, 1] tanh is so nearly straight that a posterior sees the model of a line, whose λ
        # is 1/2, up to n / noise² = 10⁵.
        x = (
            generator.uniform(-3.0, 3.0, (n, 1))
            if self.inputs == 1
            else generator.normal(size=(n, self.inputs))
        )
        mean = np.asarray(
            self.network({k: jnp.asarray(v) for k, v in self.truth.items()}, jnp.asarray(x)),
            dtype=float,
        )
        prior = {name: dist.Normal(0.0, 1.0).expand(shape) for name, shape in self.shapes.items()}
        y = mean + self.noise * generator.normal(size=mean.shape)
        return Triple.regression(
            self.network,
            prior,
            x,
            y,
            self.noise,
            truth=dict(self.truth),
            name=self.name,
            known=self.known,
        )


def subjects(quick: bool) -> list[Subject]:
    """The regular model first."""
    bayes = by_tempering(particles=64 if quick else 128)
    slopes = np.array([0.5, -1.0, 0.3])
    reduced = catalogue.reduced_rank(inputs=3, outputs=3, hidden=3, rank=1)
    tanh = catalogue.tanh_zero_truth(2)
    first = np.diag([1.0, 0.0, 0.0])
    regular = {"MLE": by_mle(), "MAP": by_map(), "Laplace": by_laplace(), "Bayes": bayes}
    singular = {"MLE": by_mle(), "MAP": by_map(), "Bayes": bayes}
    found = [
        Subject(
            "plane, regular, d = 3",
            lambda w, x: x @ w["a"],
            {"a": (3,)},
            {"a": slopes},
            3,
            None,
            1.5,
            regular,
        ),
        Subject(
            "tanh, 2 nodes, truth 0, d = 4",
            lambda w, x: jnp.tanh(x * w["b"]) @ w["a"],
            {"a": (2,), "b": (2,)},
            {"a": np.zeros(2), "b": np.zeros(2)},
            1,
            tanh,
            float(tanh.number()),
            singular,
            0.1,
        ),
        Subject(
            "reduced rank 3→3→3, true rank 1, d = 18",
            lambda w, x: x @ w["A"].T @ w["B"].T,
            {"A": (3, 3), "B": (3, 3)},
            {"A": first, "B": first},
            3,
            reduced,
            float(reduced.number()),
            singular,
        ),
    ]
    return found[:2] if quick else found


@dataclass(frozen=True)
class LearningCurvesWork:
    """How much is measured."""

    sizes: tuple[int, ...]
    datasets: int
    test_points: int


FULL = LearningCurvesWork((100, 200, 400, 800), 60, 10_000)
QUICK = LearningCurvesWork((100, 300), 6, 2000)
Task = tuple[int, str, int]


@dataclass(frozen=True)
class _SubjectMeasurement:
    """One method of one subject at some sizes; no closure, so that it can be sent to another
    process as it is.
    """

    quick: bool
    seed: int
    folder: Path

    def curve(
        self, index: int, methods: Sequence[str] | None = None, sizes: Sequence[int] | None = None
    ) -> LearningCurve:
        """Of the methods named, default all, at all sizes by default; what is finished in the
        folder is read.
        """
        how = QUICK if self.quick else FULL
        subject = subjects(self.quick)[index]
        kept = self.folder / f"{'quick-' if self.quick else ''}{self.seed}-{index}"
        chosen = {name: subject.methods[name] for name in methods or subject.methods}
        return learning_curve(
            subject.sample,
            sizes or how.sizes,
            chosen,
            how.datasets,
            how.test_points,
            self.seed,
            folder=kept,
            progress=False,
        )

    def __call__(self, task: Task) -> None:
        index, method, n = task
        self.curve(index, [method], [n])


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """Slopes of every method beside the exact λ; finished points are kept in
    ``out/learning-curves``.
    """
    measure = _SubjectMeasurement(quick, seed, out / "learning-curves")
    own = subjects(quick)
    sizes = (QUICK if quick else FULL).sizes
    # The longest first, so that no process waits for the last.
    tasks = [
        (index, method, n)
        for index, subject in enumerate(own)
        for method in subject.methods
        for n in sizes
    ][::-1]
    for _ in counted(
        "models, methods and sizes", over_processes(measure, tasks), len(tasks), progress
    ):
        pass
    curves = [(subject, measure.curve(index)) for index, subject in enumerate(own)]
    rows = [row for subject, curve in curves for row in _rows(subject, curve)]
    warnings = [
        {"model": subject.name, **caution.to_dict()}
        for subject, curve in curves
        for caution in curve.cautions
    ]
    text = "\n\n".join(
        f"{curve.summary()}\n  exact λ = {subject.exact:g}" for subject, curve in curves
    )
    return ExperimentResult(rows, warnings, text, [_figure(curves, out / "learning-curves.png")])


def _rows(subject: Subject, curve: LearningCurve) -> list[dict[str, Any]]:
    rows = []
    for method in curve.points:
        line = curve.slope(method)
        waic, grown = curve.reading_slope(method, "WAIC"), curve.free_energy_slope(method)
        rows.append(
            {
                "model": subject.name,
                "method": method,
                "exact λ": subject.exact,
                "slope": None if line is None else line.value,
                "standard error": None if line is None else line.standard_error,
                "R²": None if line is None else line.r_squared,
                "slope by WAIC": None if waic is None else waic.value,
                "slope of F": None if grown is None else grown.value,
            }
        )
    return rows


def _figure(curves: list[tuple[Subject, LearningCurve]], path: Path) -> Path:
    figure, axes = plt.subplots(
        1, len(curves), figsize=(5.6 * len(curves), 3.9), layout="constrained", squeeze=False
    )
    for (subject, curve), own in zip(curves, axes[0], strict=True):
        generalisation_error(curve, subject.exact, own)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=140)
    plt.close(figure)
    return path


EXPERIMENT = Experiment(
    "learning-curves",
    "the generalisation error's slope beside the exact λ: Bayes, MAP, MLE, Laplace",
    run,
)
