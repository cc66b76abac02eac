"""Flatness against λ: do measures of the Hessian or λ predict the generalisation error of
models?
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure as PlainFigure
from scipy.optimize import approx_fprime, minimize
from scipy.stats import spearmanr

from singlearn.exact import catalogue
from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.plot.figure import Figure
from singlearn.plot.style import ACCENT, INK, QUIET, quieten
from singlearn.results.table import aligned_rows, padded, pairs
from singlearn.running.progress import counted

MEASURES = ("λ", "d/2", "trace", "top eigenvalue", "log det (H + 1)", "λ̂₂", "ε-volume")
DRAWS, TESTS = 60_000, 4_000
"""Of the prior, and of the truth, per data set; 80 s of one core in all, 10 s quick."""


@dataclass(frozen=True)
class SmallModel:
    """A small regression model with noise N(0, 1), prior N(0, 1), and a truth of known λ.

    Attributes:
        name: how the table calls it.
        coefficient: λ.
        dimension: d.
        inputs: of one observation.
        predict: ``predict(w, x)`` for parameters (draws, d) and inputs (n, inputs): (draws, n,
            outputs).
        truth: one of the true parameters.
        on_box: whether inputs are uniform on [-1, 1], or standard normal.
    """

    name: str
    coefficient: float
    dimension: int
    inputs: int
    predict: Callable[[np.ndarray, np.ndarray], np.ndarray]
    truth: Float[np.ndarray, " d"]
    on_box: bool


def models() -> list[SmallModel]:
    """Reduced rank and deep linear networks, tanh and ReLU networks, with λ of the catalogue."""
    found = []
    for M, N, H, r in (
        (2, 2, 1, 0),
        (2, 2, 1, 1),
        (2, 2, 2, 0),
        (2, 2, 2, 1),
        (3, 1, 1, 0),
        (3, 2, 1, 1),
        (1, 1, 3, 0),
    ):
        own = catalogue.reduced_rank(inputs=M, outputs=N, hidden=H, rank=r)
        found.append(_linear((M, H, N), r, float(own)))
    for widths, r in (((1, 1, 1, 1), 0), ((2, 1, 1, 2), 0), ((2, 2, 2, 1), 0), ((1, 2, 2, 1), 1)):
        found.append(_linear(widths, r, float(catalogue.deep_linear(list(widths), r))))
    for hidden in (1, 2, 3, 4):
        own = catalogue.tanh_zero_truth(hidden)
        predict = partial(_tanh, hidden)
        name = f"tanh, {hidden} nodes, truth 0"
        found.append(
            SmallModel(name, float(own), 2 * hidden, 1, predict, np.zeros(2 * hidden), True)
        )
    for hidden, kinks in ((1, 1), (2, 1)):
        own = catalogue.relu_two_layer(inputs=1, outputs=1, kinks=kinks)
        truth = np.zeros(3 * hidden + 1)
        truth[0], truth[2 * hidden] = 1.0, 1.0
        if hidden > 1:
            truth[2 * hidden - 1] = -2.0  # the second node is dead on the box
        name = f"ReLU, {hidden} nodes, 1 kink"
        found.append(
            SmallModel(name, float(own), 3 * hidden + 1, 1, partial(_relu, hidden), truth, True)
        )
    return found


def _linear(widths: Sequence[int], rank: int, coefficient: float) -> SmallModel:
    shapes = [(after, before) for before, after in pairwise(widths)]
    sizes = [a * b for a, b in shapes]

    def predict(w: np.ndarray, x: np.ndarray) -> np.ndarray:
        parts = np.split(w, np.cumsum(sizes)[:-1], axis=1)
        product = parts[0].reshape(-1, *shapes[0])
        for part, shape in zip(parts[1:], shapes[1:], strict=True):
            product = part.reshape(-1, *shape) @ product
        return np.swapaxes(product @ x.T, 1, 2)

    truth = np.concatenate([(np.eye(a, b) * (np.arange(b) < rank)).ravel() for a, b in shapes])
    name = "→".join(map(str, widths)) + f", rank {rank}"
    return SmallModel(name, coefficient, sum(sizes), widths[0], predict, truth, False)


def _tanh(hidden: int, w: np.ndarray, x: np.ndarray) -> np.ndarray:
    answer: np.ndarray = np.einsum(
        "sh,shn->sn", w[:, :hidden], np.tanh(w[:, hidden:, None] * x[:, 0])
    )[..., None]
    return answer


def _relu(hidden: int, w: np.ndarray, x: np.ndarray) -> np.ndarray:
    weight, bias, out = w[:, :hidden], w[:, hidden : 2 * hidden], w[:, 2 * hidden : 3 * hidden]
    inside = np.maximum(weight[..., None] * x[:, 0] + bias[..., None], 0.0)
    answer: np.ndarray = (np.einsum("sh,shn->sn", out, inside) + w[:, -1:])[..., None]
    return answer


def measure(model: SmallModel, n: int, seed: int, draws: int = DRAWS) -> dict[str, float]:
    r"""One data set: the Bayes error from weighted draws of the prior, and the Hessian at a trained
    network.

    Args:
        model: one of :func:`models`.
        n: sample size.
        seed: of data, draws and the start of training.
        draws: of the prior.

    Returns:
        ``"G"``, the error of the Bayes prediction in nats; ``"draws"``, their effective number; the
        measures.
    """
    generator = np.random.default_rng(seed)

    def sample(count: int) -> tuple[np.ndarray, np.ndarray]:
        shape = (count, model.inputs)
        x = generator.uniform(-1, 1, size=shape) if model.on_box else generator.normal(size=shape)
        y = model.predict(model.truth[None], x)[0]
        return x, y + generator.normal(size=y.shape)

    x, y = sample(n)
    log_weight, parameters = [], []
    for _ in range(math.ceil(draws / 5000)):
        w = generator.normal(size=(5000, model.dimension))
        log_weight.append(-0.5 * np.sum((model.predict(w, x) - y) ** 2, axis=(1, 2)))
        parameters.append(w)
    log_w = np.concatenate(log_weight)
    weight = np.exp(log_w - log_w.max())
    weight /= weight.sum()
    chosen = generator.choice(len(weight), size=400, p=weight)
    posterior = np.concatenate(parameters)[chosen]
    test_x, test_y = sample(TESTS)
    log_p = -0.5 * np.sum((model.predict(posterior, test_x) - test_y) ** 2, axis=2)
    top = log_p.max(axis=0)
    predicted = top + np.log(np.mean(np.exp(log_p - top), axis=0))
    true = -0.5 * np.sum((model.predict(model.truth[None], test_x)[0] - test_y) ** 2, axis=1)
    return {
        "G": float(np.mean(true - predicted)),
        "draws": float(1 / np.sum(weight**2)),
        **_flatness(model, x, y, generator),
    }


def _flatness(
    model: SmallModel, x: np.ndarray, y: np.ndarray, generator: np.random.Generator
) -> dict[str, float]:
    """Of the Hessian of n L_n at a trained network: descent from a draw of the prior, without a
    prior.
    """
    n = len(x)

    def loss(w: np.ndarray) -> float:
        return 0.5 * float(np.sum((model.predict(w[None], x)[0] - y) ** 2)) / n

    start = 0.5 * generator.normal(size=model.dimension)
    trained = minimize(loss, start, method="BFGS", options={"gtol": 1e-6, "maxiter": 400}).x
    step = 1e-4

    def gradient(w: np.ndarray) -> np.ndarray:
        answer: np.ndarray = approx_fprime(w, loss, 1e-6)
        return answer

    hessian = np.array(
        [
            (gradient(trained + e) - gradient(trained - e)) / (2 * step)
            for e in step * np.eye(model.dimension)
        ]
    )
    values = np.maximum(np.linalg.eigvalsh((hessian + hessian.T) / 2), 0.0)
    # λ̂₂ of the quadratic form: n β E[K] at β = 1/log n, prior N(0, 1) about the trained network.
    stiff = n * values / math.log(n)
    away = generator.normal(size=(4000, model.dimension)) * 0.3 + trained
    near = 0.5 * np.sum((model.predict(away, x) - y) ** 2, axis=(1, 2)) / n - loss(trained)
    share = max(float(np.mean(near < 0.05)), 1 / 4000)
    return {
        "λ": model.coefficient,
        "d/2": model.dimension / 2,
        "trace": float(values.sum()),
        "top eigenvalue": float(values.max()),
        "log det (H + 1)": float(0.5 * np.sum(np.log1p(n * values))),
        "λ̂₂": float(0.5 * np.sum(stiff / (1 + stiff))),
        "ε-volume": -math.log(share),
    }


def correlations(
    rows: Sequence[dict[str, Any]], resamples: int = 400, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Spearman's rank correlation of each measure with G over models, and its error from resampled
    models.

    >>> rows = [{"G": g, **dict.fromkeys(MEASURES, g)} for g in (1.0, 2.0, 3.0, 4.0, 5.0)]
    >>> correlations(rows)["λ"][0] > 0.99
    True
    """
    generator = np.random.default_rng(seed)
    G = np.array([row["G"] for row in rows])
    found = {}
    for name in MEASURES:
        own = np.array([row[name] for row in rows])
        again = []
        for _ in range(resamples):
            picked = generator.integers(0, len(rows), len(rows))
            if len(set(G[picked])) > 2 and len(set(own[picked])) > 1:
                again.append(float(spearmanr(own[picked], G[picked]).statistic))
        found[name] = (float(spearmanr(own, G).statistic), float(np.std(again)))
    return found


def study(
    n: int, datasets: int, draws: int, seed: int, progress: bool | None = False
) -> list[dict[str, Any]]:
    """Every model over many data sets: means, and the standard error of G."""
    every = models()
    tasks = [(model, k) for model in every for k in range(datasets)]
    found = [
        measure(model, n, seed + 1000 * index + k, draws)
        for index, (model, k) in enumerate(counted("networks", tasks, len(tasks), progress))
    ]
    rows = []
    for index, model in enumerate(every):
        own = found[index * datasets : (index + 1) * datasets]
        row: dict[str, Any] = {
            name: float(np.mean([m[name] for m in own])) for name in ("G", "draws", *MEASURES)
        }
        row["model"] = model.name
        row["error of G"] = float(np.std([m["G"] for m in own], ddof=1) / math.sqrt(datasets))
        rows.append(row)
    return rows


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """Train, measure, correlate; the figure goes to ``out/flatness.png``."""
    n = 50
    rows = study(n, 4 if quick else 16, 20_000 if quick else DRAWS, seed, progress)
    found = correlations(rows)
    lines = [f"{len(rows)} models of known λ, n = {n}; G of the Bayes prediction in nats", ""]
    shown: list[tuple[str, ...]] = [("model", "n G", "λ", "d/2")]
    for row in sorted(rows, key=lambda r: r["G"]):
        g = f"{n * row['G']:.2f} ± {n * row['error of G']:.2f}"
        shown.append((row["model"], g, f"{row['λ']:.3g}", f"{row['d/2']:.3g}"))
    lines += [*aligned_rows(shown), "", "rank correlation with G over models"]
    numbers = padded([f"{value:.2f}" for value, _ in found.values()])
    lines += pairs(
        [
            (name, f"{number} ± {error:.2f}")
            for number, (name, (_, error)) in zip(numbers, found.items(), strict=True)
        ]
    )
    fewest = min(rows, key=lambda r: r["draws"])
    warnings = []
    if fewest["draws"] < 100:
        warnings.append(
            {
                "reason": "poor_mixing",
                "model": fewest["model"],
                "message": f"only {fewest['draws']:.0f} effective draws of the prior; G is rough",
            }
        )
    out.mkdir(parents=True, exist_ok=True)
    path = out / "flatness.png"
    draw(rows, found, n).savefig(path, dpi=110)
    return ExperimentResult(rows, warnings, "\n".join(lines), [path])


def draw(
    rows: Sequence[dict[str, Any]], found: dict[str, tuple[float, float]], n: int
) -> PlainFigure:
    """n G against each measure, with its rank correlation."""
    figure = Figure(figsize=(11.0, 5.6), layout="constrained")
    G = n * np.array([row["G"] for row in rows])
    error = n * np.array([row["error of G"] for row in rows])
    for axes, name in zip(figure.subplots(2, 4).flat, MEASURES, strict=False):
        own = np.array([row[name] for row in rows])
        axes.errorbar(
            own,
            G,
            error,
            fmt="o",
            color=ACCENT if name == "λ" else INK,
            markersize=4,
            linewidth=0.8,
        )
        if name in ("trace", "top eigenvalue"):  # over five powers of ten
            axes.set_xscale("log")
        axes.set_title(
            f"{name}: {found[name][0]:.2f} ± {found[name][1]:.2f}", fontsize=9, loc="left"
        )
        if name == "λ":
            reach = np.array([0.0, own.max()])
            axes.plot(reach, reach, ":", color=QUIET, linewidth=1)
        quieten(axes)
    figure.axes[-1].set_axis_off()
    figure.supylabel("n G, Bayes  [nats]", fontsize=10)
    return figure


EXPERIMENT = Experiment(
    "flatness", "do Hessians or λ predict the generalisation error over models of known λ", run
)
