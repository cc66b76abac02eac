"""Is inference over the last layer better than over the last two, or did the chains not mix? NUTS
as published, long NUTS, tempering.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
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
    data_sets,
    features,
    identity_of_data,
)
from singlearn.experiments.wei2022.last_layers.density import log_mixture
from singlearn.experiments.wei2022.last_layers.methods import (
    MethodPrediction,
    TrainedNetwork,
    both_mcmc,
    last_mcmc,
    posterior,
    posterior_of_last,
)
from singlearn.experiments.wei2022.last_layers.training import train
from singlearn.generalise import nuts
from singlearn.plot.style import INK, QUIET, SERIES, quieten
from singlearn.results.estimate import Estimate
from singlearn.results.table import Column, aligned
from singlearn.running.processes import over_processes
from singlearn.running.progress import counted
from singlearn.running.sweep import FinishedPoints

TEMPERED = "last two: A tempered, B exact"
PUBLISHED = "last two: NUTS, 1 chain"
LONG = "last two: NUTS, 4 chains"
LAST_PUBLISHED = "last: NUTS, 1 chain"
LAST = "last: exact"
# Draws that stand for a longer chain in the average over test points.
LARGEST_MIXTURE = 4000


@dataclass(frozen=True)
class LastLayersWork:
    """``draws`` are those of the one chain, after as many of warm-up; each of the four takes
    ``long``, after as many.
    """

    sizes: tuple[int, ...]
    cells: tuple[LastLayersCell, ...]
    datasets: int
    epochs: int
    draws: int
    long: int
    tests: int


SHALLOW = tuple(cell for cell in CELLS if cell.layers == 1 and not cell.minibatch)
FULL = LastLayersWork((200, 1000), SHALLOW, 10, 5000, 1000, 2000, 10_000)
QUICK = LastLayersWork(
    (200,), tuple(cell for cell in SHALLOW if cell.realisable), 2, 200, 200, 400, 1000
)


@dataclass(frozen=True)
class MethodOutcome:
    """One method on one data set: G, R̂ of the energy (of the chain's halves if there is one
    chain), diverged draws, seconds.
    """

    error: float
    r_hat: float | None = None
    divergences: int = 0
    seconds: float = 0.0


def _by_nuts(
    own: TrainedNetwork, seed: int, draws: int, chains: int, both: bool
) -> tuple[MethodPrediction, float, int]:
    found = nuts(posterior(own) if both else posterior_of_last(own), draws, draws, chains, seed)
    kept = slice(None, None, -(-chains * draws // LARGEST_MIXTURE))
    B = found.draws["B"][kept]
    A = found.draws["A"][kept] if both else np.broadcast_to(own.A.astype(float), B.shape)
    return (
        MethodPrediction(log_mixture(A, B, own.z_test, own.y_test, own.relu)),
        found.r_hat,
        found.divergences,
    )


def outcomes(
    own: TrainedNetwork, log_q: np.ndarray, settings: LastLayersWork, seed: int
) -> dict[str, MethodOutcome]:
    """G of every method on one data set."""
    whole = partial(_by_nuts, own, seed)
    methods: dict[str, Callable[[], tuple[MethodPrediction, float | None, int]]] = {
        TEMPERED: lambda: (both_mcmc(own, seed), None, 0),
        PUBLISHED: lambda: whole(settings.draws, 1, True),
        LONG: lambda: whole(settings.long, 4, True),
        LAST: lambda: (last_mcmc(own), None, 0),
        LAST_PUBLISHED: lambda: whole(settings.draws, 1, False),
    }
    found = {}
    for name, method in methods.items():
        started = time.monotonic()
        prediction, r_hat, divergences = method()
        assert prediction.log_p is not None
        error = float(np.mean(log_q - prediction.log_p))
        found[name] = MethodOutcome(error, r_hat, divergences, time.monotonic() - started)
    return found


def measure(
    settings: LastLayersWork, seed: int, store: FinishedPoints, task: tuple[LastLayersCell, int]
) -> list[dict[str, MethodOutcome]]:
    """Every data set of one cell and size; kept in the store."""
    cell, n = task
    name = "-".join(
        ["relu" if cell.relu else "identity", "realisable" if cell.realisable else "not", str(n)]
    )
    with store.held(name):
        kept = store.load(name, read=_outcomes)
        if kept is not None:
            value: list[dict[str, MethodOutcome]] = kept
            return value
        found = _measured(settings, seed, task)
        store.save(
            name,
            {"datasets": [{method: vars(own) for method, own in each.items()} for each in found]},
        )
    return found


def _outcomes(document: dict[str, Any]) -> list[dict[str, MethodOutcome]]:
    return [
        {method: MethodOutcome(**own) for method, own in each.items()}
        for each in document["datasets"]
    ]


def _measured(
    settings: LastLayersWork, seed: int, task: tuple[LastLayersCell, int]
) -> list[dict[str, MethodOutcome]]:
    cell, n = task
    data = data_sets(
        cell.layers,
        cell.relu,
        cell.realisable,
        n,
        settings.datasets,
        settings.tests,
        seed,
        "as-stated",
    )
    network = train(data.start, data.x, data.y, cell.relu, None, settings.epochs, seed)
    z, z_test = (np.asarray(features(network, jnp.asarray(x))) for x in (data.x, data.x_test))
    found = []
    for i in range(settings.datasets):
        own = TrainedNetwork(
            network.A[i], network.B[i], z[i], data.y[i], z_test[i], data.y_test[i], cell.relu
        )
        found.append(outcomes(own, data.log_q[i], settings, seed + i))
    return found


def summary(
    cell: LastLayersCell, n: int, found: Sequence[dict[str, MethodOutcome]]
) -> list[dict[str, Any]]:
    """A row a method: its mean G, and how much more it is than the tempered posterior's, data set
    by data set.
    """
    rows = []
    for method in found[0]:
        errors = np.array([each[method].error for each in found])
        more = errors - [each[TEMPERED].error for each in found]
        root = math.sqrt(len(errors))
        r_hats = [value for each in found if (value := each[method].r_hat) is not None]
        rows.append(
            {
                "cell": cell.name,
                "n": n,
                "method": method,
                "G": float(errors.mean()),
                "standard error": float(errors.std(ddof=1) / root),
                "more than tempered": float(more.mean()),
                "its standard error": float(more.std(ddof=1) / root),
                "largest R̂": max(r_hats) if r_hats else None,
                "divergences": sum(each[method].divergences for each in found),
                "seconds a data set": float(np.median([each[method].seconds for each in found])),
            }
        )
    return rows


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """Every method on the same trained networks; finished cells are kept in
    ``out/last-layer-or-two``.
    """
    settings = QUICK if quick else FULL
    folder = out / "last-layer-or-two" / f"{'quick-' if quick else ''}{seed}"
    made_of = {
        "datasets": settings.datasets,
        "epochs": settings.epochs,
        "draws": settings.draws,
        "long": settings.long,
        "tests": settings.tests,
        "seed": seed,
        **identity_of_data(seed, "as-stated"),
    }
    store = FinishedPoints(folder, "last-layer-or-two", made_of, "another size of this experiment")
    tasks = [(cell, n) for cell in settings.cells for n in settings.sizes]
    every = list(
        counted(
            "cells",
            over_processes(partial(measure, settings, seed, store), tasks),
            len(tasks),
            progress,
        )
    )
    rows = [
        row
        for (cell, n), found in zip(tasks, every, strict=True)
        for row in summary(cell, n, found)
    ]
    warnings = [
        {
            "cell": row["cell"],
            "n": row["n"],
            "message": f"{row['method']}: R̂ of the energy is {row['largest R̂']:.2f} at worst",
        }
        for row in rows
        if row["largest R̂"] is not None and row["largest R̂"] > 1.05
    ]
    return ExperimentResult(
        rows, warnings, table(rows, settings), [draw(tasks, every, out / "last-layer-or-two.png")]
    )


def table(rows: list[dict[str, Any]], settings: LastLayersWork) -> str:
    """One block per cell and size."""
    text = [
        f"G on {settings.datasets} data sets; 'more' is G minus that of the tempered posterior of "
        f"the last two layers, by pairs",
        f"NUTS, 1 chain: {settings.draws} draws after {settings.draws} of warm-up (published: 1000 "
        f"after 1000); "
        f"4 chains: {settings.long} each",
    ]
    for cell, n in dict.fromkeys((row["cell"], row["n"]) for row in rows):
        own = [row for row in rows if (row["cell"], row["n"]) == (cell, n)]
        columns = [
            ("method", "", [row["method"] for row in own]),
            ("G", "nats", [str(Estimate(row["G"], row["standard error"])) for row in own]),
            (
                "more",
                "nats",
                [
                    ""
                    if row["method"] == TEMPERED
                    else str(Estimate(row["more than tempered"], row["its standard error"]))
                    for row in own
                ],
            ),
            (
                "largest R̂",
                "",
                ["" if row["largest R̂"] is None else f"{row['largest R̂']:.2f}" for row in own],
            ),
            ("time", "s", [f"{row['seconds a data set']:.2f}" for row in own]),
        ]
        shown = [Column(head, cells, unit) for head, unit, cells in columns]
        text += ["", f"{cell}, n = {n}", *aligned(shown)]
    return "\n".join(text)


def draw(
    tasks: Sequence[tuple[LastLayersCell, int]],
    every: Sequence[Sequence[dict[str, MethodOutcome]]],
    path: Path,
) -> Path:
    """n times what each method's G is above that of the tempered posterior: a point a data set."""
    names = [name for name in every[0][0] if name != TEMPERED]
    figure, axes = plt.subplots(figsize=(10.5, 1.6 + 0.75 * len(tasks)), layout="constrained")
    for row, ((_, n), found) in enumerate(zip(tasks, every, strict=True)):
        for place, (name, (colour, _), marker) in enumerate(
            zip(names, SERIES, "osD^", strict=False)
        ):
            more = [n * (each[name].error - each[TEMPERED].error) for each in found]
            height = row - 0.3 + 0.2 * place
            axes.plot(
                more,
                np.full(len(more), height),
                marker,
                color=colour,
                ms=4,
                alpha=0.8,
                label=name if row == 0 else None,
            )
    axes.axvline(0.0, color=QUIET, lw=0.8)
    axes.invert_yaxis()
    words = ["ReLU" if cell.relu else "identity" for cell, _ in tasks]
    axes.set_yticks(
        range(len(tasks)),
        [
            f"{w}, {'realisable' if cell.realisable else 'not realisable'}, n = {n}"
            for w, (cell, n) in zip(words, tasks, strict=True)
        ],
    )
    axes.set_xlabel("n (G − G of the tempered posterior of the last two layers) [nats]", color=INK)
    axes.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, 1.0 + 0.5 / len(tasks)),
        ncols=4,
        frameon=False,
        fontsize=9,
    )
    quieten(axes)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    plt.close(figure)
    return path


EXPERIMENT = Experiment(
    "last-layer-or-two",
    "last layer or last two: NUTS as published, long NUTS and tempering on the same networks",
    run,
)
