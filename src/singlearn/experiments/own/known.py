"""λ where it is proven, beside λ as the engine measures it at default settings."""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.models import deep_linear, reduced_rank, tanh_zero_truth
from singlearn.results.estimate import Estimate
from singlearn.results.table import aligned_rows
from singlearn.tempering import temper
from singlearn.triple import Triple

BETA_MAX = 1e8
COLUMNS = ("model", "d/2", "exact λ", "m", "measured λ", "standard error", "seconds")


def triples(quick: bool) -> list[Triple]:
    """Population triples with a proven λ; every second one when there is little time."""
    widths = [(2, 2, 2, 0), (4, 3, 4, 1), (3, 1, 5, 0), (5, 3, 2, 0), (5, 4, 5, 2), (3, 2, 3, 1)]
    found = [reduced_rank(inputs=i, hidden=h, outputs=o, rank=r) for i, h, o, r in widths]
    found += [tanh_zero_truth(hidden) for hidden in (1, 2, 3, 4)]
    found += [deep_linear([3, 3, 3, 3], 1)]
    return found[::2] if quick else found


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """Temper every triple to β = 10⁸ at default settings (``quick``: 256 particles, every second
    triple).
    """
    rows: list[dict[str, Any]] = []
    warnings: list[dict[str, Any]] = []
    for triple in triples(quick):
        if triple.known is None:
            continue
        started = time.monotonic()
        tempered = temper(
            triple,
            BETA_MAX,
            particles=256 if quick else 1024,
            thin=64,
            seed=seed,
            progress=progress,
        )
        read = tempered.learning_coefficient()
        rows.append(
            dict(
                zip(
                    COLUMNS,
                    (
                        triple.name,
                        triple.dimension / 2,
                        str(triple.known.value),
                        triple.known.multiplicity,
                        read.value,
                        read.standard_error,
                        time.monotonic() - started,
                    ),
                    strict=True,
                )
            )
        )
        warnings += [
            {"model": triple.name, "reason": str(w.reason), "message": w.message}
            for w in read.cautions
        ]
    return ExperimentResult(
        rows, warnings, _table(rows, warnings), [_figure(rows, out / "known.png")]
    )


def _table(rows: list[dict[str, Any]], warnings: list[dict[str, Any]]) -> str:
    cells = [("model", "d/2", "exact λ", "m", "measured λ", "seconds")]
    for row in rows:
        measured = str(Estimate(row["measured λ"], row["standard error"]))
        cells.append(
            (
                row["model"],
                f"{row['d/2']:g}",
                row["exact λ"],
                str(row["m"]),
                measured,
                f"{row['seconds']:.0f}",
            )
        )
    lines = aligned_rows(cells)
    lines += [f"warning: {w['model']}: {w['reason']}: {w['message']}" for w in warnings]
    return "\n".join(lines)


def _figure(rows: list[dict[str, Any]], path: Path) -> Path:
    figure = Figure(figsize=(7.0, 0.5 + 0.34 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for position, row in enumerate(rows):
        exact = float(Fraction(row["exact λ"]))
        axes.errorbar(
            row["measured λ"] / exact,
            position,
            xerr=row["standard error"] / exact,
            fmt="o",
            color="black",
            capsize=3,
        )
    axes.axvline(1.0, color="0.6", zorder=0)
    axes.set_yticks(range(len(rows)), [f"{row['model']}   λ = {row['exact λ']}" for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel("measured λ / exact λ  (bars: one standard error)")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    return path


EXPERIMENT = Experiment(
    "known", "λ of models where it is proven, beside what tempering measures", run
)
