"""How often each criterion picks the true order, over data sets drawn from truths fitted to real
data; and the real data beside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.experiments.own.selection_families import (
    FAMILIES,
    MIXTURES,
    REDUCED_RANK,
    ModelFamily,
)
from singlearn.generalise import LaplaceRefusedError, laplace
from singlearn.plot.style import SERIES, quieten
from singlearn.results.document import of_each
from singlearn.results.table import aligned_rows
from singlearn.running.identity import Part
from singlearn.running.probe_points import ProbePoints
from singlearn.running.sweep import FinishedPoints
from singlearn.selection import Candidate, select
from singlearn.tempering import Run
from singlearn.triple.identity import identity_of

REPLICATES = 2
CRITERIA = ("F", "WBIC", "WAIC", "BIC", "Laplace")


@dataclass(frozen=True)
class SelectionWork:
    """Families, data sets of each size, particles of each of two replicates, and whether the real
    data are done besides.
    """

    families: tuple[ModelFamily, ...]
    data_sets: dict[int, int]
    particles: int
    real: bool

    def tasks(self) -> list[Task]:
        """Small data sets first; the real data last."""
        drawn = [
            Task(f, n, index)
            for n, count in sorted(self.data_sets.items())
            for f in self.families
            for index in range(count)
        ]
        return drawn + [Task(f, f.real[1], None) for f in self.families if self.real]


@dataclass(frozen=True)
class Task:
    """One data set of a family: the ``index``-th of size n, or ``None`` for the real one."""

    family: ModelFamily
    n: int
    index: int | None

    @property
    def name(self) -> str:
        """Of the file it is kept in."""
        which = "real" if self.index is None else self.index
        return f"{self.family.name.replace(' ', '-')}-n{self.n}-{which}"

    def data(self, seed: int) -> Any:
        """The observations; they do not depend on which other data sets are run."""
        if self.index is None:
            return self.family.real[2]()
        return self.family.draw(
            self.n, np.random.default_rng([seed, self.family.true_order, self.n, self.index])
        )


FULL = SelectionWork((REDUCED_RANK, MIXTURES), {50: 20, 300: 10, 2000: 4}, 128, real=True)
QUICK = SelectionWork((REDUCED_RANK,), {50: 4}, 48, real=False)


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """Every finished data set is kept in ``out/model-selection``; started again, only the missing
    ones are run.

    ``quick``: reduced rank alone, four data sets of 50.
    """
    work = QUICK if quick else FULL
    # What data sets kept by an earlier form of the experiment differ in.
    settings: dict[str, Any] = {"seed": seed, "particles": work.particles, "replicates": REPLICATES}
    for family in work.families:
        settings |= _identity(family, seed)
    folder = out / "model-selection" / f"seed-{seed}-particles-{work.particles}"
    store = FinishedPoints(folder, "model-selection", settings, "an earlier form of the experiment")
    documents = [measure(store, task, work.particles, seed, progress) for task in work.tasks()]
    found, real = (
        [d for d in documents if (d["index"] is None) == is_real] for is_real in (False, True)
    )
    rows = summary(found) + [_real_row(document) for document in real]
    figure = draw(rows, out / "model_selection.png")
    return ExperimentResult(rows, list(_warnings(documents)), table(rows, found, real), [figure])


def measure(
    store: FinishedPoints, task: Task, particles: int, seed: int, progress: bool | None
) -> dict[str, Any]:
    """The criteria of every order on one data set, read from its file where that exists."""
    with store.held(task.name):
        earlier: dict[str, Any] | None = store.load(task.name)
        if earlier is not None:
            return earlier
        document = _measured(task, particles, seed, progress)
        store.save(task.name, document)
    return document


def _identity(family: ModelFamily, seed: int) -> dict[str, Part]:
    """The smallest model of a family on a small data set drawn from it: its prior, its likelihood
    and the data by their values.
    """
    triple = family.model(family.orders[0], Task(family, 20, 0).data(seed))
    probes = ProbePoints(np.zeros(triple.dimension), np.ones(triple.dimension))
    return {
        f"{family.name}: {name}": part
        for name, part in identity_of(triple, probes, data_are_made=True).items()
    }


def _measured(task: Task, particles: int, seed: int, progress: bool | None) -> dict[str, Any]:
    family, data = task.family, task.data(seed)
    selection = select(
        lambda order: family.model(order, data),
        family.orders,
        particles=particles,
        replicates=REPLICATES,
        seed=seed,
        progress=progress,
    )
    return {
        "family": family.name,
        "n": task.n,
        "index": task.index,
        "orders": [_criteria(candidate) for candidate in selection.candidates],
    }


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
        "warnings": of_each(candidate.cautions),
    }


def _laplace(run: Run) -> float | None:
    """Laplace's approximation of F at the posterior mode; ``None`` where the Hessian is not
    positive definite there.
    """
    optimum = run.find_optimum()
    assert run.triple is not None and optimum is not None
    with jax.enable_x64(True):
        mode = run.triple.coordinates.constrain(jnp.asarray(optimum.mode))
    try:
        return laplace(run.triple, mode).free_energy
    except LaplaceRefusedError:
        return None


def picked(document: dict[str, Any], criterion: str) -> int | None:
    """The order a criterion picks; ``None`` where it is undefined for an order, so that it cannot
    compare.
    """
    values = {own["order"]: own[criterion] for own in document["orders"]}
    if any(value is None for value in values.values()):
        return None
    found: int | None = min(values, key=lambda order: values[order])
    return found


def summary(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """For each family, n and criterion: how often which order was picked."""
    rows = []
    for family in FAMILIES:
        for n in sorted({document["n"] for document in found if document["family"] == family.name}):
            own = [
                document
                for document in found
                if document["family"] == family.name and document["n"] == n
            ]
            row: dict[str, Any] = {
                "family": family.name,
                "true order": family.true_order,
                "n": n,
                "data sets": len(own),
            }
            for criterion in CRITERIA:
                counts = Counter(picked(document, criterion) for document in own)
                row[criterion] = counts[family.true_order]
                row[f"{criterion} below"] = sum(
                    c
                    for order, c in counts.items()
                    if order is not None and order < family.true_order
                )
                row[f"{criterion} above"] = sum(
                    c
                    for order, c in counts.items()
                    if order is not None and order > family.true_order
                )
                row[f"{criterion} undefined"] = counts[None]
            rows.append(row)
    return rows


def _real_row(document: dict[str, Any]) -> dict[str, Any]:
    of = {
        "family": f"{document['family']}, real data: {_real_name(document)}",
        "n": document["n"],
        "data sets": 1,
    }
    return (
        of
        | {"true order": None}
        | {f"{criterion} picks": picked(document, criterion) for criterion in CRITERIA}
    )


def _real_name(document: dict[str, Any]) -> str:
    return next(family.real[0] for family in FAMILIES if family.name == document["family"])


def _warnings(found: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for document in found:
        for own in document["orders"]:
            for warning in own["warnings"]:
                yield {
                    "family": document["family"],
                    "n": document["n"],
                    "data set": document["index"],
                    "order": own["order"],
                    **warning,
                }


def table(
    rows: list[dict[str, Any]], found: list[dict[str, Any]], real: list[dict[str, Any]]
) -> str:
    """Counts for people: how often the true order was picked, and in brackets how often a lower / a
    higher one.
    """
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
        cells.append(
            (
                f"{row['family']}, true order {row['true order']}",
                str(row["n"]),
                str(row["data sets"]),
                *counts,
            )
        )
    lines = [
        *aligned_rows(cells),
        "",
        "  in brackets: how often a lower (−) or a higher (+) order was picked",
    ]
    for document in real:
        choices = ", ".join(f"{criterion} {picked(document, criterion)}" for criterion in CRITERIA)
        lines.append(
            f"  the real data ({_real_name(document)}, n = {document['n']}), order picked: "
            f"{choices}"
        )
    errors = [own["standard error"] for document in found for own in document["orders"]]
    lines.append(
        f"  standard error of F: median {np.median(errors):.2f}, largest {np.max(errors):.2f} nats"
    )
    return "\n".join(lines)


def draw(rows: list[dict[str, Any]], path: Path) -> Path:
    """Share of data sets on which each criterion picks the true order, against n, one panel a
    family.
    """
    shown = [family for family in FAMILIES if any(row["family"] == family.name for row in rows)]
    figure = Figure(figsize=(1.5 + 4.0 * len(shown), 4.4), layout="constrained")
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axes, family in zip(panels, shown, strict=True):
        own = [row for row in rows if row["family"] == family.name]
        for position, (criterion, (colour, line), marker) in enumerate(
            zip(CRITERIA, SERIES, "osD^v", strict=False)
        ):
            # Side by side: criteria that agree would hide each other.
            x = np.array([row["n"] for row in own]) * 1.05 ** (position - 2)
            share = np.array(
                [
                    row[criterion] / row["data sets"]
                    if row[f"{criterion} undefined"] == 0
                    else np.nan
                    for row in own
                ]
            )
            count = np.array([row["data sets"] for row in own])
            error = np.sqrt(np.maximum(share * (1 - share), 0.25 / count) / count)
            axes.errorbar(
                x,
                share,
                error,
                color=colour,
                linestyle=line,
                marker=marker,
                markersize=5,
                capsize=2,
                linewidth=1.2,
                label=criterion,
            )
        axes.set_xscale("log")
        axes.set_xticks([row["n"] for row in own], [str(row["n"]) for row in own])
        axes.minorticks_off()
        axes.set_ylim(-0.05, 1.1)
        axes.set_xlabel("observations n")
        axes.set_title(
            f"{family.name}: true order {family.true_order}, of {family.orders[0]} … "
            f"{family.orders[-1]}",
            fontsize=10,
        )
        quieten(axes)
    panels[0].set_ylabel("share of data sets on which it is picked")
    handles, labels = panels[-1].get_legend_handles_labels()
    figure.legend(
        handles, labels, frameon=False, fontsize=9, ncols=len(CRITERIA), loc="outside lower center"
    )
    figure.savefig(path, dpi=110)
    return path


EXPERIMENT = Experiment(
    "model-selection", "how often F, WBIC, WAIC, BIC and Laplace pick the true order", run
)
