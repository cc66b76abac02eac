"""What optimisers do to the conserved quantities of a network on handwritten digits: predicted,
measured, and accounted for.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from matplotlib.axes import Axes

from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.flow.jax_ledger import JaxLedger, ledger
from singlearn.flow.ledger_forms import Products, form_of, largest
from singlearn.flow.ledger_layers import Layer, layer_laws
from singlearn.flow.ledger_step import ENTRIES
from singlearn.flow.predictions import Prediction, predict
from singlearn.plot.style import ACCENT, INK, QUIET, SERIES, quieten
from singlearn.results.table import Column, aligned
from singlearn.running.progress import counted

WIDTHS = (64, 16, 12, 10)
MOMENTUM, DECAY, BATCH = 0.5, 0.05, 32
BAR = 1e-12
"""What the rest may be, relative to |w|², in double precision."""
LAWS = layer_laws([Layer(f"W{k}", f"b{k}") for k in (1, 2, 3)])


@dataclass(frozen=True)
class DriftWork:
    """How much is done."""

    images: int
    steps: int
    looks: int


FULL, QUICK = DriftWork(300, 150, 6), DriftWork(60, 20, 2)


@dataclass(frozen=True)
class DriftRun:
    """One optimiser.

    Attributes:
        name: for the table.
        make: the Optax transformation.
        rate: η.
        settings: for the prediction; None where the modified flow says nothing (steps divided entry
            by entry).
        batch: examples in a batch; None: all of them.
        dtype: of the weights.
    """

    name: str
    make: Callable[[], Any]
    rate: float
    settings: dict[str, float] | None
    batch: int | None = None
    dtype: str = "float64"


RUNS = (
    DriftRun("gradient descent", lambda: optax.sgd(0.05), 0.05, {}),
    DriftRun(f"SGD, batches of {BATCH}", lambda: optax.sgd(0.05), 0.05, {}, BATCH),
    DriftRun(
        f"heavy ball, μ = {MOMENTUM}",
        lambda: optax.sgd(0.02, MOMENTUM),
        0.02,
        {"momentum": MOMENTUM},
    ),
    DriftRun(
        f"weight decay, λ = {DECAY}",
        lambda: optax.chain(optax.add_decayed_weights(DECAY), optax.sgd(0.05)),
        0.05,
        {"weight_decay": DECAY},
    ),
    DriftRun("AdamW, λ = 0.01", lambda: optax.adamw(1e-3, weight_decay=0.01), 1e-3, None),
    DriftRun("gradient descent, float32", lambda: optax.sgd(1e-4), 1e-4, {}, None, "float32"),
)


def digits(images: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 64) with entries from 0 to 1 and labels of scikit-learn's handwritten digits.

    Raises:
        ImportError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as missing:
        raise ImportError(
            f"{missing}; the digits come with scikit-learn: pip install scikit-learn"
        ) from missing
    found = load_digits()
    return found.data[:images] / 16.0, found.target[:images]


def start(seed: int) -> dict[str, np.ndarray]:
    """Weights with variance 2/n, biases of 0.1."""
    random = np.random.default_rng(seed)
    found: dict[str, np.ndarray] = {}
    for k, (ins, outs) in enumerate(itertools.pairwise(WIDTHS), 1):
        found[f"W{k}"] = random.standard_normal((outs, ins)) * np.sqrt(2 / ins)
        found[f"b{k}"] = 0.1 * random.standard_normal(outs)
    return found


def losses(weights: Any, x: Any, labels: Any) -> Any:
    """Cross-entropy of each image, in nats."""
    hidden = x
    for k in (1, 2):
        hidden = jax.nn.relu(hidden @ weights[f"W{k}"].T + weights[f"b{k}"])
    logits = hidden @ weights["W3"].T + weights["b3"]
    return (
        jax.nn.logsumexp(logits, axis=1)
        - jnp.take_along_axis(logits, labels[:, None], axis=1)[:, 0]
    )


def _one(weights: Any, example: Any) -> Any:
    return losses(weights, *example)[0]


@dataclass(frozen=True)
class DriftOutcome:
    """A run with its ledger, its prediction, the loss before and after, and the largest |w|² of a
    node of each law at the start.
    """

    run: DriftRun
    book: JaxLedger
    prediction: Prediction | None
    losses: tuple[float, float]
    squares: tuple[float, ...]


def train(
    how: DriftRun,
    weights: dict[str, np.ndarray],
    x: np.ndarray,
    labels: np.ndarray,
    size: DriftWork,
    seed: int,
) -> DriftOutcome:
    """Train, keep the books, and predict from the start."""
    random = np.random.default_rng([seed, 1])
    with jax.enable_x64(how.dtype == "float64"):
        w: Any = {name: jnp.asarray(array, dtype=how.dtype) for name, array in weights.items()}
        book = ledger(w, how.make(), LAWS)
        state, data, targets = (
            book.optimizer.init(w),
            jnp.asarray(x, dtype=how.dtype),
            jnp.asarray(labels),
        )

        @jax.jit
        def step(w: Any, state: Any, chosen: Any) -> Any:
            value, gradient = jax.value_and_grad(
                lambda v: losses(v, data[chosen], targets[chosen]).mean()
            )(w)
            updates, state = book.optimizer.update(gradient, state, w)
            return optax.apply_updates(w, updates), state, value

        found = []
        for _ in range(size.steps):
            chosen = (
                np.arange(len(x))
                if how.batch is None
                else random.choice(len(x), how.batch, replace=False)
            )
            w, state, value = step(w, state, chosen)
            found.append(value)
        book.close()
    prediction = None
    if how.settings is not None:
        looks = np.unique(
            np.rint(np.linspace(0, size.steps, size.looks + 1)[1:]).astype(int)
        ).tolist()
        examples = (np.asarray(x)[:, None], np.asarray(labels)[:, None])
        prediction = predict(
            _one,
            weights,
            LAWS,
            how.rate,
            looks,
            examples=examples,
            batch=how.batch,
            seed=seed,
            momentum=how.settings.get("momentum", 0.0),
            weight_decay=how.settings.get("weight_decay", 0.0),
        )
    squares = tuple(
        form_of(law, weights).size(Products(form_of(law, weights), {"w": weights}), "w")
        for law in LAWS
    )
    return DriftOutcome(how, book, prediction, (float(found[0]), float(found[-1])), squares)


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """All optimisers from the same weights."""
    size = QUICK if quick else FULL
    x, labels = digits(size.images)
    weights = start(seed)
    outcomes = list(
        counted(
            "optimisers",
            (train(how, weights, x, labels, size, seed) for how in RUNS),
            len(RUNS),
            progress,
        )
    )
    rows = [row for outcome in outcomes for row in _rows(outcome)]
    warnings = [
        {"run": o.run.name, **caution.to_dict()} for o in outcomes for caution in o.book.cautions
    ]
    warnings += [
        {"run": r["run"], "message": f"rest {r['rest']:.1g} of |w|²"}
        for r in rows
        if r["dtype"] == "float64" and r["rest"] > BAR
    ]
    return ExperimentResult(
        rows, warnings, table(outcomes, rows, warnings), [_figure(outcomes, out)]
    )


def _rows(outcome: DriftOutcome) -> list[dict[str, Any]]:
    found = []
    beside = (
        [None] * len(LAWS)
        if outcome.prediction is None
        else outcome.prediction.beside(outcome.book)
    )
    for number, (account, predicted) in enumerate(
        zip(outcome.book.accounts, beside, strict=True), 1
    ):
        entries = {name: largest(account.entries[name]) for name in ENTRIES}
        scale = outcome.squares[number - 1]
        told = predicted or {"predicted": None, "difference": None, "error": None}
        found.append(
            {
                "run": outcome.run.name,
                "dtype": outcome.run.dtype,
                "law": f"hidden layer {number}",
                "loss before": outcome.losses[0],
                "loss after": outcome.losses[1],
                "measured": largest(account.change),
                "predicted": told["predicted"],
                "off": told["difference"],
                "error": told["error"],
                **entries,
                "rest": entries["rest"] / scale,
                "violation": entries["violation"] / scale,
                "below rounding": account.drowned,
            }
        )
    return found


def table(
    outcomes: list[DriftOutcome], rows: list[dict[str, Any]], warnings: list[dict[str, Any]]
) -> str:
    """One line for each optimiser and law."""

    def number(value: float | None) -> str:
        return "–" if value is None else f"{value:.3g}"

    columns = [
        ("optimiser", "", [row["run"] for row in rows]),
        ("law of", "", [row["law"] for row in rows]),
        (
            "moved",
            "measured",
            [number(row["measured"]) + ("*" if row["below rounding"] else "") for row in rows],
        ),
        ("moved", "predicted", [number(row["predicted"]) for row in rows]),
        ("off", "", [number(row["off"]) for row in rows]),
        ("allowed", "", [number(row["error"]) for row in rows]),
        *((name, "", [number(row[name]) for row in rows]) for name in ENTRIES[:4]),
        ("violation", "of |w|²", [f"{row['violation']:.0e}" for row in rows]),
        ("rest", "of |w|²", [f"{row['rest']:.0e}" for row in rows]),
    ]
    head = (
        f"{'-'.join(map(str, WIDTHS))} ReLU network on digits, {outcomes[0].book.steps} steps; "
        "|w|² + b² - |q|² of every node, largest over nodes"
    )
    lines = [head, "", *aligned([Column(head, cells, unit) for head, unit, cells in columns])]
    if any(row["below rounding"] for row in rows):
        lines.append("  * rounding, which is the rest, exceeds what the steps did to it")
    return "\n".join([*lines, *(f"  {w['run']}: {w['message']}" for w in warnings)])


def _figure(outcomes: list[DriftOutcome], out: Path) -> Path:
    figure, axes = plt.subplots(2, 3, figsize=(13.5, 7.4), layout="constrained", sharex=True)
    for panel, outcome in zip(axes.ravel(), outcomes, strict=True):
        _panel(panel, outcome)
    for panel in axes[:, 0]:
        panel.set_ylabel("change of Q, largest over nodes")
    for panel in axes[-1]:
        panel.set_xlabel("step")
    axes[0, 0].legend(frameon=False, fontsize=8)
    axes[1, 1].legend(frameon=False, fontsize=8)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "drift.png"
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path


def _panel(axes: Axes, outcome: DriftOutcome) -> None:
    marks = ("o", "s")
    for number, one in enumerate(outcome.book.series):
        colour, dash = SERIES[number]
        axes.plot(
            one.steps,
            one.sizes["moved"],
            color=colour,
            linestyle=dash,
            linewidth=1.4,
            label=f"hidden layer {number + 1}, measured",
        )
        if outcome.prediction is not None:
            told = outcome.prediction.laws[number]
            sizes = [largest(value - told.values[0]) for value in told.values]
            errors = [largest(value) for value in told.errors]
            if told.spread is not None:
                errors = [
                    float(np.hypot(e, largest(s))) for e, s in zip(errors, told.spread, strict=True)
                ]
            axes.errorbar(
                told.steps[1:],
                sizes[1:],
                yerr=errors[1:],
                color=colour,
                marker=marks[number],
                markersize=4,
                markerfacecolor="white",
                linestyle="",
                linewidth=0.9,
                capsize=2,
                label=f"hidden layer {number + 1}, predicted",
            )
    first = outcome.book.series[0]

    def behind(entry: str) -> None:
        """What the measured curve should lie on."""
        axes.plot(
            first.steps,
            first.sizes[entry],
            color=QUIET,
            linewidth=3.5,
            alpha=0.4,
            label=f"{entry}, layer 1",
            zorder=0,
        )

    if outcome.prediction is None:
        behind("preconditioner")
        axes.plot(
            first.steps,
            first.sizes["discretisation"],
            color=ACCENT,
            linestyle=":",
            label="discretisation, layer 1",
        )
    elif outcome.run.dtype == "float32":
        behind("discretisation")
        axes.plot(
            first.steps,
            first.sizes["rest"],
            color=INK,
            linestyle=":",
            label="rounding (rest), layer 1",
        )
        axes.legend(frameon=False, fontsize=8)
    axes.set_title(
        f"{outcome.run.name}, η = {outcome.run.rate:g}; loss {outcome.losses[0]:.2f} → "
        f"{outcome.losses[1]:.2f}",
        fontsize=9,
        loc="left",
    )
    axes.set_ylim(bottom=0)
    quieten(axes)


EXPERIMENT = Experiment(
    "drift",
    "ledgers of optimisers on digits: conserved quantities predicted, measured and accounted for",
    run,
)
