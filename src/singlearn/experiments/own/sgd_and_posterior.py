"""Where stochastic gradient descent ends, beside the posterior: shares of the phases at the same n,
for two models with known phases.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from matplotlib.figure import Figure
from scipy.optimize import minimize

from singlearn.experiments.carroll2021.degenerate_node import PHASES, one_node, role_of_the_spare
from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.experiments.own.sgd_runs import Loss, Schedule, Weights, descend
from singlearn.models import two_layer_population
from singlearn.plot.style import ACCENT, INK, QUIET, legend_beside, quieten
from singlearn.results.estimate import Estimate
from singlearn.results.table import aligned_rows
from singlearn.tempering import Run, temper
from singlearn.triple import Triple

FEATURES, HIDDEN = 6, 2
REPRESENTED = 0.5
"""A feature has a direction of its own where its column of W is longer."""
NOISE = 0.5
"""σ of the autoencoder's outputs: its divergence is |f(x) - x|² / 2σ², minus the smallest there is,
for no network of two dimensions is without error."""
DESCENTS = 24
NODES = 12
"""Of the quadrature over the size of a feature."""
SMALL = 0.1
"""Of the small weights that a second set of runs starts from, in units of the prior."""
STARTS = ("prior", "small weights")


@dataclass(frozen=True)
class SgdWork:
    """Runs, sizes, steps, and particles of the tempered posterior."""

    runs: int
    sizes: tuple[int, ...]
    steps: int
    particles: int


FULL = SgdWork(768, (100, 1000, 10_000), 10_000, 512)
QUICK = SgdWork(512, (1000,), 1_500, 48)


@dataclass(frozen=True)
class TrainedModel:
    """One model with known phases.

    Attributes:
        name: for tables.
        phases: their names, by the label.
        triple: the posterior is ``exp(-n K)``.
        label: of one parameter, for JAX.
        draw: data of many runs.
        start: weights of many runs, from the prior.
        loss: of one network on a minibatch.
        rate: of the descent.
    """

    name: str
    phases: tuple[str, ...]
    triple: Triple
    label: Callable[[Any], Any]
    draw: Callable[[int, int, np.random.Generator], tuple[np.ndarray, ...]]
    start: Callable[[int, np.random.Generator], Weights]
    loss: Loss
    rate: float


def spare_node() -> TrainedModel:
    """One node too many: two ReLU nodes, a truth of one, noise N(0, 1), prior N(0, 1)."""
    truth = one_node(1)

    def draw(runs: int, n: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        x = rng.uniform(-1, 1, (runs, n))
        exact = np.maximum(truth["w"][0, 0] * x + truth["b"][0], 0.0) * truth["q"][0]
        return x, exact + rng.normal(size=x.shape)

    def start(runs: int, rng: np.random.Generator) -> Weights:
        shapes = {"w": (runs, 2, 1), "b": (runs, 2), "q": (runs, 2), "c": (runs,)}
        return {name: rng.normal(size=shape) for name, shape in shapes.items()}

    def loss(w: Any, x: Any, y: Any) -> Any:
        hidden = jax.nn.relu(x[:, None] * w["w"][:, 0] + w["b"])
        return 0.5 * (((hidden * w["q"]).sum(-1) + w["c"] - y) ** 2).mean()

    triple = two_layer_population(2, truth, [(-1.0, 1.0)])
    return TrainedModel(
        "one node too many", PHASES, triple, role_of_the_spare(1), draw, start, loss, 0.1
    )


def superposition() -> TrainedModel:
    """Six features in two dimensions, one active at a time with a size uniform on [0, 1]; prior
    N(0, 1).
    """
    places, weights = np.polynomial.legendre.leggauss(NODES)
    inputs = np.concatenate(
        [(places[:, None] + 1) / 2 * np.eye(FEATURES)[k] for k in range(FEATURES)]
    )
    mass = np.tile(weights / 2, FEATURES) / FEATURES

    def error(w: Any) -> Any:
        output = jax.nn.relu(inputs @ w["w"].T @ w["w"] + w["b"])
        return (mass * ((output - inputs) ** 2).sum(-1)).sum() / (2 * NOISE**2)

    lowest = _lowest(error)

    def divergence(w: Any) -> Any:
        return error(w) - lowest

    def draw(runs: int, n: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        x = np.zeros((runs, n, FEATURES))
        np.put_along_axis(
            x, rng.integers(0, FEATURES, (runs, n, 1)), rng.uniform(size=(runs, n, 1)), 2
        )
        return (x,)

    def start(runs: int, rng: np.random.Generator) -> Weights:
        return {
            "w": rng.normal(size=(runs, HIDDEN, FEATURES)),
            "b": rng.normal(size=(runs, FEATURES)),
        }

    def loss(w: Any, x: Any) -> Any:
        return 0.5 * ((jax.nn.relu((x @ w["w"].T) @ w["w"] + w["b"]) - x) ** 2).sum(-1).mean()

    def label(w: Any) -> Any:
        return (jnp.sqrt((w["w"] ** 2).sum(0)) > REPRESENTED).sum()

    standard = dist.Normal(0.0, 1.0)
    prior = {"w": standard.expand([HIDDEN, FEATURES]), "b": standard.expand([FEATURES])}
    triple = Triple.population(divergence, prior, 1.0, name="6 features in 2 dimensions")
    names = tuple(f"{k} features" for k in range(FEATURES + 1))
    return TrainedModel("superposition", names, triple, label, draw, start, loss, 0.3)


def _lowest(error: Callable[[Any], Any]) -> float:
    """The smallest error: of descents from a hexagon and from random weights."""

    def of_vector(vector: Any) -> Any:
        w, b = vector[: HIDDEN * FEATURES].reshape(HIDDEN, FEATURES), vector[HIDDEN * FEATURES :]
        return error({"w": w, "b": b})

    rng = np.random.default_rng(0)
    angles = 2 * np.pi * np.arange(FEATURES) / FEATURES
    starts = [np.concatenate([np.cos(angles), np.sin(angles), np.full(FEATURES, -0.3)])]
    starts += list(rng.normal(size=(DESCENTS, (HIDDEN + 1) * FEATURES)))
    with jax.enable_x64(True):
        both = jax.jit(jax.value_and_grad(of_vector))

        def asked(vector: np.ndarray) -> tuple[float, np.ndarray]:
            value, slope = both(vector)
            return float(value), np.asarray(slope)

        return min(
            float(minimize(asked, start, jac=True, method="BFGS", options={"gtol": 1e-10}).fun)
            for start in starts
        )


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """Temper both models, and descend from the prior and from small weights (``quick``: n = 1000,
    512 runs of 2000 steps).
    """
    settings = QUICK if quick else FULL
    rows: list[dict[str, Any]] = []
    warnings: list[dict[str, Any]] = []
    for model in (spare_node(), superposition()):
        posterior = temper(
            model.triple,
            float(max(settings.sizes)),
            particles=settings.particles,
            replicates=4,
            seed=seed,
            progress=progress,
        )
        warnings += [
            {"model": model.name, "reason": str(w.reason), "message": w.message}
            for w in posterior.cautions
        ]
        for n in settings.sizes:
            ended = {start: shares(model, n, start, settings, seed) for start in STARTS}
            # A share that no draw contradicts is known to one draw, not better.
            rows += _rows(model, posterior, n, ended, 1 / (4 * settings.particles))
    path = out / "sgd-and-posterior.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    _figure(rows, settings.sizes).savefig(path, dpi=150)
    return ExperimentResult(rows, warnings, _table(rows, warnings, settings), [path])


def shares(model: TrainedModel, n: int, start: str, settings: SgdWork, seed: int) -> np.ndarray:
    """How many runs end in each phase."""
    rng = np.random.default_rng([seed, 40, n, STARTS.index(start)])
    weights = model.start(settings.runs, rng)
    if start == "small weights":
        weights = {name: SMALL * part for name, part in weights.items()}
    ended = descend(
        weights,
        model.draw(settings.runs, n, rng),
        model.loss,
        Schedule(model.rate, settings.steps, 32),
    )
    with jax.enable_x64(True):
        labels = np.asarray(
            jax.vmap(model.label)({name: jnp.asarray(part) for name, part in ended.items()})
        )
    return np.bincount(labels, minlength=len(model.phases))


def _rows(
    model: TrainedModel, posterior: Run, n: int, ended: dict[str, np.ndarray], least_error: float
) -> list[dict[str, Any]]:
    phases = posterior.phases(model.label)
    occupied = {reading.phase: reading.occupancy for reading in phases.at(float(n))}
    found = []
    for code, name in enumerate(model.phases):
        share = occupied.get(code)
        value, error = (0.0, 0.0) if share is None else (share.value, share.standard_error)
        row: dict[str, Any] = {
            "model": model.name,
            "n": n,
            "phase": name,
            "posterior": value,
            "its error": max(error, least_error),
        }
        for start, counts in ended.items():
            runs = int(counts.sum())
            own = counts[code] / runs
            row |= {
                f"SGD from {start}": float(own),
                f"error from {start}": float(np.sqrt((own * (1 - own) + 0.25 / runs) / runs)),
            }
        found.append(row)
    return found


def distance(rows: list[dict[str, Any]], start: str) -> float:
    """Total variation between the shares of descent and those of the posterior: 0 is equal, 1 has
    nothing in common.
    """
    found: float = 0.5 * sum(abs(row[f"SGD from {start}"] - row["posterior"]) for row in rows)
    return found


def _groups(rows: list[dict[str, Any]]) -> dict[tuple[str, int], list[dict[str, Any]]]:
    found: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["model"], row["n"]), []).append(row)
    return found


def _table(rows: list[dict[str, Any]], warnings: list[dict[str, Any]], settings: SgdWork) -> str:
    lines = [
        f"{settings.runs} runs of SGD each ({settings.steps} steps, minibatches of 32, rate to 0 "
        f"in "
        "the second half), each with its own n samples"
    ]
    for (model, n), own in _groups(rows).items():
        table = [["phase", "posterior", *(f"SGD from {start}" for start in STARTS)]]
        for row in own:
            if max(row["posterior"], *(row[f"SGD from {start}"] for start in STARTS)) < 0.002:
                continue
            cells = [row["phase"], str(Estimate(row["posterior"], row["its error"]))]
            cells += [
                str(Estimate(row[f"SGD from {start}"], row[f"error from {start}"]))
                for start in STARTS
            ]
            table.append(cells)
        table.append(
            [
                "distance from the posterior",
                "",
                *(f"{distance(own, start):.2f}" for start in STARTS),
            ]
        )
        lines += ["", f"{model}, n = {n}", *aligned_rows(table)]
    lines += [f"warning: {w['model']}: {w['message']}" for w in warnings]
    return "\n".join(lines)


def _figure(rows: list[dict[str, Any]], sizes: tuple[int, ...]) -> Figure:
    groups = _groups(rows)
    models = list(dict.fromkeys(model for model, _ in groups))
    figure = Figure(figsize=(3.2 * len(sizes) + 2.4, 6.4), layout="constrained")
    grid = figure.subplots(len(models), len(sizes), squeeze=False, sharey="row")
    styles = [(INK, "o", "posterior", "posterior", "its error")]
    for (colour, marker), start in zip(((ACCENT, "s"), (QUIET, "^")), STARTS, strict=True):
        styles.append(
            (colour, marker, f"SGD from {start}", f"SGD from {start}", f"error from {start}")
        )
    for i, model in enumerate(models):
        for j, n in enumerate(sizes):
            axes, own = grid[i, j], groups[model, n]
            for shift, (colour, marker, name, key, error) in zip(
                (-0.2, 0.0, 0.2), styles, strict=True
            ):
                axes.errorbar(
                    [row[key] for row in own],
                    [k + shift for k in range(len(own))],
                    xerr=[row[error] for row in own],
                    fmt=marker,
                    color=colour,
                    markersize=5,
                    capsize=2,
                    linewidth=1,
                    label=name,
                    markerfacecolor=colour if marker == "o" else "white",
                )
            axes.set_yticks(range(len(own)), [row["phase"] for row in own])
            axes.set_title(f"{model}, n = {n}", fontsize=9, loc="left")
            axes.set_xlim(-0.03, 1.03)
            quieten(axes)
            if j == 0:
                axes.invert_yaxis()
            if i == len(models) - 1:
                axes.set_xlabel("share of runs, or of the posterior")
    legend_beside(grid[0, -1])
    return figure


EXPERIMENT = Experiment(
    "sgd-and-posterior",
    "where SGD ends beside the posterior: one node too many, and six features in two dimensions",
    run,
)
