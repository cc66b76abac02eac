"""Does balancing let networks of a hundred layers without residual connections train?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.experiments.own.hundred_layers_networks import INITIALISATIONS, TREATMENTS
from singlearn.experiments.own.hundred_layers_training import (
    RATES,
    LayerUnit,
    TrainedLayers,
    trained,
)
from singlearn.plot.style import SERIES, quieten
from singlearn.results.table import Column, aligned
from singlearn.running.progress import counted

FULL = ((10, 30, 100, 200), 300, (0, 1, 2, 3))
QUICK = ((10, 30), 100, (0, 1))
"""Depths, steps of training, seeds."""
ENOUGH = 0.95
"""Accuracy on the training data from which a network counts as trained; a line reaches about 0.88.
"""


@dataclass(frozen=True)
class HundredLayersCell:
    """One initialisation of one unit, at the learning rate whose median final loss over seeds is
    lowest.

    Attributes:
        unit: depth, treatment, optimiser.
        initialisation: how the networks started.
        rate: the learning rate that was chosen.
        at_edge: whether it is the smallest or the largest that was tried.
        accuracy: on the training data, by seed.
        loss: by seed.
        steepness: log₁₀ of the largest over the smallest gradient norm of a layer at the first
            step, median.
        norm: gradient norm there, median.
        parallel: mean cosine between last hidden activations of two inputs at the start, median.
    """

    unit: LayerUnit
    initialisation: str
    rate: float
    at_edge: bool
    accuracy: np.ndarray
    loss: np.ndarray
    steepness: float
    norm: float
    parallel: float

    @property
    def share(self) -> float:
        """Of seeds that were trained."""
        return float((self.accuracy >= ENOUGH).mean())


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """Train all cells, or read those that ``out/hundred-layers`` has; figures go to ``out``."""
    depths, steps, seeds = QUICK if quick else FULL
    own = tuple(1000 * seed + s for s in seeds)
    units = [LayerUnit(d, t, o, steps, own) for d in depths for o in RATES for t in TREATMENTS]
    pieces = (trained(unit, out / "hundred-layers") for unit in units)
    cells = [
        cell
        for unit, result in zip(
            units, counted("hundred-layers", pieces, len(units), progress), strict=True
        )
        for cell in cells_of(unit, result)
    ]
    rows = [_row(cell) for cell in cells]
    # A cell that did not train at an end of the list may train beyond it.
    warnings = [
        {
            "depth": c.unit.depth,
            "treatment": c.unit.treatment,
            "optimiser": c.unit.optimiser,
            "initialisation": c.initialisation,
            "reason": "rate_at_edge",
            "message": f"the best learning rate is {c.rate:g}, an end of the list, and not every "
            f"seed trained",
        }
        for c in cells
        if c.at_edge and c.accuracy.mean() > 0.6 and c.share < 1
    ]
    out.mkdir(parents=True, exist_ok=True)
    figures = [
        _figure(cells, depths, out / "hundred-layers.png"),
        _mechanism(cells, depths, out / "hundred-layers-why.png"),
    ]
    return ExperimentResult(
        rows, warnings, table(cells, depths, steps, len(seeds), len(warnings)), figures
    )


def cells_of(unit: LayerUnit, result: TrainedLayers) -> list[HundredLayersCell]:
    """By initialisation, at the best learning rate."""
    rates, found = RATES[unit.optimiser], []
    for i, name in enumerate(INITIALISATIONS):
        best = int(np.argmin(np.median(result.loss[i], axis=0)))
        found.append(
            HundredLayersCell(
                unit,
                name,
                rates[best],
                best in (0, len(rates) - 1),
                result.accuracy[i, :, best],
                result.loss[i, :, best],
                float(np.median(result.steepness[i])),
                float(np.median(result.norm[i])),
                float(np.median(result.parallel[i])),
            )
        )
    return found


def _row(c: HundredLayersCell) -> dict[str, Any]:
    return {
        "depth": c.unit.depth,
        "optimiser": c.unit.optimiser,
        "treatment": c.unit.treatment,
        "initialisation": c.initialisation,
        "share_trained": c.share,
        "accuracy": float(c.accuracy.mean()),
        "loss": float(np.median(c.loss)),
        "rate": c.rate,
        "gradient_spread": c.steepness,
        "gradient_norm": c.norm,
        "cosine": c.parallel,
    }


def _of(cells: list[HundredLayersCell], **wanted: Any) -> list[HundredLayersCell]:
    return [
        c
        for c in cells
        if all(
            (c.initialisation if k == "initialisation" else getattr(c.unit, k)) == v
            for k, v in wanted.items()
        )
    ]


def table(
    cells: list[HundredLayersCell], depths: tuple[int, ...], steps: int, seeds: int, at_edge: int
) -> str:
    """Mean accuracy by depth, one line for each optimiser and treatment."""
    lines = [
        f"training accuracy after {steps} steps, mean of {seeds} seeds, depths "
        f"{', '.join(map(str, depths))}"
    ]
    rows: list[tuple[str, ...]] = [("optimiser", "treatment", *INITIALISATIONS)]
    for optimiser in RATES:
        for treatment in TREATMENTS:
            parts = []
            for name in INITIALISATIONS:
                of = [
                    _of(
                        cells,
                        depth=d,
                        optimiser=optimiser,
                        treatment=treatment,
                        initialisation=name,
                    )[0]
                    for d in depths
                ]
                parts.append(" ".join(f"{c.accuracy.mean():.2f}" for c in of))
            rows.append((optimiser, treatment, *parts))
    lines += aligned([Column(head, cells) for head, *cells in zip(*rows, strict=True)])
    if at_edge:
        lines.append(
            f"warning: in {at_edge} cells that learned something the best learning rate is at an "
            f"end of the list"
        )
    return "\n".join(lines)


def _figure(cells: list[HundredLayersCell], depths: tuple[int, ...], path: Path) -> Path:
    figure = Figure(figsize=(11.5, 6.4), layout="constrained")
    grid = figure.subplots(2, len(INITIALISATIONS), sharex=True, sharey=True)
    for row, optimiser in enumerate(RATES):
        for column, name in enumerate(INITIALISATIONS):
            axes = grid[row, column]
            values = np.array(
                [
                    [
                        _of(cells, depth=d, optimiser=optimiser, treatment=t, initialisation=name)[
                            0
                        ].accuracy.mean()
                        for d in depths
                    ]
                    for t in TREATMENTS
                ]
            )
            image = axes.imshow(values, cmap="cividis", vmin=0.5, vmax=1.0, aspect="auto")
            for (i, j), value in np.ndenumerate(values):
                axes.text(
                    j,
                    i,
                    f"{value:.2f}",
                    ha="center",
                    va="center",
                    fontsize=8.5,
                    color="black" if value > 0.75 else "white",
                )
            axes.set_xticks(range(len(depths)), [str(d) for d in depths], fontsize=9)
            axes.set_yticks(range(len(TREATMENTS)), TREATMENTS, fontsize=9)
            axes.axhline(3.5, color="white", linewidth=2)
            if row == 0:
                axes.set_title(name, fontsize=10.5)
            else:
                axes.set_xlabel("layers", fontsize=9)
        grid[row, 0].set_ylabel(optimiser, fontsize=11)
    figure.colorbar(image, ax=grid, label="accuracy on the training data", shrink=0.7)
    figure.savefig(path, dpi=120)
    return path


def _mechanism(cells: list[HundredLayersCell], depths: tuple[int, ...], path: Path) -> Path:
    figure = Figure(figsize=(10.0, 3.9), layout="constrained")
    left, right = figure.subplots(1, 2)
    shown = (
        ("He, nothing", {"treatment": "nothing", "initialisation": "He"}),
        ("imbalanced, nothing", {"treatment": "nothing", "initialisation": "imbalanced"}),
        (
            "both, gradients balanced",
            {"treatment": "gradients balanced once", "initialisation": "He"},
        ),
        ("looks-linear, nothing", {"treatment": "nothing", "initialisation": "looks-linear"}),
        ("He, residual", {"treatment": "residual", "initialisation": "He"}),
        ("He, tailored", {"treatment": "tailored (TAT)", "initialisation": "He"}),
    )
    for (label, wanted), (colour, line) in zip(shown, SERIES, strict=True):
        of = [_of(cells, depth=d, optimiser="SGD", **wanted)[0] for d in depths]
        left.plot(
            depths,
            [c.steepness for c in of],
            color=colour,
            linestyle=line,
            marker="o",
            markersize=4,
            label=label,
        )
        if "gradients balanced" not in label:
            right.plot(
                depths,
                [c.parallel for c in of],
                color=colour,
                linestyle=line,
                marker="o",
                markersize=4,
                label=label,
            )
    left.set_ylabel("log₁₀ largest / smallest gradient norm of a layer")
    right.set_ylabel("mean cosine of two inputs' last activations")
    _finish(left, depths)
    _finish(right, depths)
    figure.savefig(path, dpi=120)
    return path


def _finish(axes: Axes, depths: tuple[int, ...]) -> None:
    axes.set_xscale("log")
    axes.set_xticks(depths, [str(d) for d in depths])
    axes.minorticks_off()
    axes.set_xlabel("layers")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=8.5)
    quieten(axes)


EXPERIMENT = Experiment(
    "hundred-layers",
    "whether balancing lets a hundred layers without residual connections train",
    run,
)
