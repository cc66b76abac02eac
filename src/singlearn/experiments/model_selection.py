"""How often each criterion picks the true order, over replicated data sets from a known truth; and the real galaxies beside."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from singlearn.data import galaxies
from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.generalise import NotPositiveDefinite, laplace
from singlearn.measure.phases.tables import aligned
from singlearn.models import MixturePrior, gaussian_mixture, reduced_rank_regression
from singlearn.plot.style import SERIES, quieten
from singlearn.selection import Candidate, select
from singlearn.tempering import Run
from singlearn.triple import Triple

CRITERIA = ("F", "WBIC", "WAIC", "BIC", "Laplace")
# The likelihood's maximum with three components on the 82 galaxies, rounded; velocities in 1000 km/s.
GALAXY_FIT = {"weights": (0.09, 0.87, 0.04), "means": (9.71, 21.40, 33.04), "deviations": (0.42, 2.20, 0.92)}
# B_0 A_0 of the reduced rank truth: rank 2, the second direction weak beside unit noise.
SINGULAR_VALUES = (1.0, 0.25)
INPUTS, OUTPUTS = 4, 3


@dataclass(frozen=True)
class Family:
    """Models of growing order, and the truth that data sets are drawn from.

    Attributes:
        draw: a data set of n observations from the truth.
        model: order and data to a triple; for one order all share what is compiled.
    """

    name: str
    true_order: int
    orders: tuple[int, ...]
    draw: Callable[[int, np.random.Generator], Any]
    model: Callable[[int, Any], Triple]


@dataclass(frozen=True)
class Work:
    """Families, data sets of each size, particles of each of two replicates, and whether the galaxies are done besides."""

    families: tuple[str, ...]
    data_sets: dict[int, int]
    particles: int
    real: bool


FULL = Work(("reduced rank", "Gaussian mixture"), {50: 20, 200: 12, 500: 8, 2000: 3}, 128, real=True)
QUICK = Work(("reduced rank",), {50: 4}, 48, real=False)


def _galaxy_like(n: int, generator: np.random.Generator) -> np.ndarray:
    component = generator.choice(3, size=n, p=GALAXY_FIT["weights"])
    means, deviations = (np.array(GALAXY_FIT[name])[component] for name in ("means", "deviations"))
    return means + deviations * generator.normal(size=n)


def _low_rank(n: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    x = generator.normal(size=(n, INPUTS))
    truth = np.zeros((OUTPUTS, INPUTS))
    np.fill_diagonal(truth, [*SINGULAR_VALUES, 0.0])
    return x, x @ truth.T + generator.normal(size=(n, OUTPUTS))


@cache
def _mixture(order: int) -> Triple:
    return gaussian_mixture(galaxies(), order, MixturePrior.chib())


@cache
def _regression(order: int) -> Triple:
    return reduced_rank_regression(np.zeros((2, INPUTS)), np.zeros((2, OUTPUTS)), order)


MIXTURES = Family("Gaussian mixture", 3, (1, 2, 3, 4), _galaxy_like, lambda order, data: _mixture(order).with_data(data))
REDUCED_RANK = Family("reduced rank", 2, (1, 2, 3), _low_rank, lambda order, data: _regression(order).with_data(data))
FAMILIES = (REDUCED_RANK, MIXTURES)


def run(quick: bool, seed: int, out: Path, progress: bool) -> ExperimentResult:
    """Every finished data set is kept in ``out/model-selection``; started again, only the missing ones are run.

    ``quick``: reduced rank alone, four data sets of 50.
    """
    work = QUICK if quick else FULL
    folder = out / "model-selection" / f"seed-{seed}-particles-{work.particles}"
    folder.mkdir(parents=True, exist_ok=True)
    found = [measure(folder, task, work.particles, seed, progress) for task in tasks(work)]
    rows = summary(found)
    real = []
    if work.real:
        real = [measure(folder, (MIXTURES, 82, -1), work.particles, seed, progress)]
        rows += [_real_row(real[0])]
    figure = draw(rows, out / "model_selection.png")
    return ExperimentResult(rows, list(_warnings([*found, *real])), table(rows, found, real), [figure])


def tasks(work: Work) -> list[tuple[Family, int, int]]:
    """(family, n, index), small data sets first."""
    families = [family for family in FAMILIES if family.name in work.families]
    return [(family, n, index) for n, count in sorted(work.data_sets.items()) for family in families for index in range(count)]


def measure(folder: Path, task: tuple[Family, int, int], particles: int, seed: int, progress: bool) -> dict[str, Any]:
    """The criteria of every order on one data set, read from its file where that exists; index -1 is the galaxies themselves."""
    family, n, index = task
    path = folder / f"{family.name.replace(' ', '-')}-n{n}-{index if index >= 0 else 'galaxies'}.json"
    if path.exists():
        earlier: dict[str, Any] = json.loads(path.read_text())
        return earlier
    # Data sets do not depend on which others are run.
    generator = np.random.default_rng([seed, FAMILIES.index(family), n, max(index, 0)])
    data = family.draw(n, generator) if index >= 0 else galaxies()
    selection = select(
        lambda order: family.model(order, data), family.orders, particles=particles, replicates=2, seed=seed,
        progress=None if progress else False,
    )  # fmt: skip
    document = {"family": family.name, "n": n, "index": index, "orders": [_criteria(candidate) for candidate in selection.candidates]}
    temporary = path.with_suffix(f".{os.getpid()}.partial")
    temporary.write_text(json.dumps(document, indent=1))
    os.replace(temporary, path)
    return document


def _criteria(candidate: Candidate) -> dict[str, Any]:
    run = candidate.run
    assert candidate.wbic is not None and candidate.waic is not None
    return {
        "order": candidate.size,
        "F": candidate.free_energy.value,
        "standard error": candidate.free_energy.standard_error,
        "WBIC": candidate.wbic.value,
        "WAIC": candidate.waic.value,
        "BIC": candidate.bic,
        "Laplace": _laplace(run),
        "warnings": [{"reason": str(w.reason), "message": w.message} for w in candidate.warnings],
    }


def _laplace(run: Run) -> float | None:
    """Laplace's approximation of F at the posterior mode; ``None`` where the Hessian is not positive definite there."""
    assert run.triple is not None and run.optimum is not None
    with jax.enable_x64(True):
        mode = run.triple.coordinates.constrain(jnp.asarray(run.optimum.mode))
    try:
        return laplace(run.triple, mode).free_energy
    except NotPositiveDefinite:
        return None


def picked(document: dict[str, Any], criterion: str) -> int | None:
    """The order a criterion picks; ``None`` where it is undefined for an order, so that it cannot compare."""
    values = {own["order"]: own[criterion] for own in document["orders"]}
    if any(value is None for value in values.values()):
        return None
    return min(values, key=lambda order: values[order])


def summary(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """For each family, n and criterion: how often which order was picked."""
    rows = []
    for family in FAMILIES:
        for n in sorted({document["n"] for document in found if document["family"] == family.name}):
            own = [document for document in found if document["family"] == family.name and document["n"] == n]
            row: dict[str, Any] = {"family": family.name, "true order": family.true_order, "n": n, "data sets": len(own)}
            for criterion in CRITERIA:
                counts = Counter(picked(document, criterion) for document in own)
                row[criterion] = counts[family.true_order]
                row[f"{criterion} below"] = sum(c for order, c in counts.items() if order is not None and order < family.true_order)
                row[f"{criterion} above"] = sum(c for order, c in counts.items() if order is not None and order > family.true_order)
                row[f"{criterion} undefined"] = counts[None]
            rows.append(row)
    return rows


def _real_row(document: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"family": "the galaxies themselves", "true order": None, "n": document["n"], "data sets": 1}
    return row | {f"{criterion} picks": picked(document, criterion) for criterion in CRITERIA}


def _warnings(found: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for document in found:
        for own in document["orders"]:
            for warning in own["warnings"]:
                yield {"family": document["family"], "n": document["n"], "data set": document["index"], "order": own["order"], **warning}


def table(rows: list[dict[str, Any]], found: list[dict[str, Any]], real: list[dict[str, Any]]) -> str:
    """Counts for people: how often the true order was picked, and in brackets how often a lower / a higher one."""
    cells: list[tuple[str, ...]] = [("family", "n", "data sets", *CRITERIA)]
    for row in rows:
        if row["true order"] is None:
            continue
        counts = [
            f"{row['data sets']} undefined"
            if row[f"{c} undefined"] == row["data sets"]
            else f"{row[c]} (−{row[f'{c} below']} +{row[f'{c} above']})"
            for c in CRITERIA
        ]
        cells.append((f"{row['family']}, true order {row['true order']}", str(row["n"]), str(row["data sets"]), *counts))
    lines = [*aligned(cells), "", "  in brackets: how often a lower (−) or a higher (+) order was picked"]
    for document in real:
        choices = ", ".join(f"{criterion} {picked(document, criterion)}" for criterion in CRITERIA)
        lines.append(f"  the 82 galaxies themselves, order picked: {choices}")
    errors = [own["standard error"] for document in found for own in document["orders"]]
    lines.append(f"  standard error of F: median {np.median(errors):.2f}, largest {np.max(errors):.2f} nats")
    return "\n".join(lines)


def draw(rows: list[dict[str, Any]], path: Path) -> Path:
    """Share of data sets on which each criterion picks the true order, against n, one panel a family."""
    shown = [family for family in FAMILIES if any(row["family"] == family.name for row in rows)]
    figure = Figure(figsize=(1.5 + 4.0 * len(shown), 4.4), layout="constrained")
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axes, family in zip(panels, shown, strict=True):
        own = [row for row in rows if row["family"] == family.name]
        for position, (criterion, (colour, line), marker) in enumerate(zip(CRITERIA, SERIES, "osD^v", strict=False)):
            # Side by side: criteria that agree would hide each other.
            x = np.array([row["n"] for row in own]) * 1.05 ** (position - 2)
            share = np.array([row[criterion] / row["data sets"] if row[f"{criterion} undefined"] == 0 else np.nan for row in own])
            count = np.array([row["data sets"] for row in own])
            error = np.sqrt(np.maximum(share * (1 - share), 0.25 / count) / count)
            axes.errorbar(
                x, share, error, color=colour, linestyle=line, marker=marker, markersize=5, capsize=2, linewidth=1.2, label=criterion
            )  # fmt: skip
        axes.set_xscale("log")
        axes.set_xticks([row["n"] for row in own], [str(row["n"]) for row in own])
        axes.minorticks_off()
        axes.set_ylim(-0.05, 1.1)
        axes.set_xlabel("observations n")
        axes.set_title(f"{family.name}: true order {family.true_order}, of {family.orders[0]} … {family.orders[-1]}", fontsize=10)
        quieten(axes)
    panels[0].set_ylabel("share of data sets on which it is picked")
    handles, labels = panels[-1].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, fontsize=9, ncols=len(CRITERIA), loc="outside lower center")
    figure.savefig(path, dpi=110)
    return path


EXPERIMENT = Experiment("model-selection", "how often F, WBIC, WAIC, BIC and Laplace pick the true order", run)
