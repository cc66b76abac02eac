"""The figure of the Table 2 experiment: energy against temperature, and where the line starts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from singlearn.exact import catalogue
from singlearn.experiments.wei2022.table2_cell import Table2Cell

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMES = {"relu": "ReLU", "silu": "SiLU"}
SHOWN = {"relu": ("o", "black", "ReLU, measured"), "silu": ("s", "0.45", "SiLU, measured")}


def draw(cells: Sequence[Table2Cell], path: Path) -> Path:
    """E(β) - n L_n(w_0) against 1/β, one panel a truth, means over training sets; written to
    ``path``.
    """
    from matplotlib.figure import Figure

    truths = sorted({cell.kinks for cell in cells})
    figure = Figure(figsize=(4.0 * len(truths), 4.2), layout="constrained")
    panels = figure.subplots(1, len(truths), sharey=True, squeeze=False)[0]
    for axes, kinks in zip(panels, truths, strict=True):
        _panel(axes, [cell for cell in cells if cell.kinks == kinks])
    panels[0].set_ylabel("E(β) − n L_n(w_0)  [nats]")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(path, dpi=150)
    return path


def _panel(axes: Axes, cells: list[Table2Cell]) -> None:
    temperature = np.array([0.0, 1.12 / cells[0].measurements[0].read.inverse_temperatures[0]])
    kinks = cells[0].kinks
    for cell in cells:
        marker, shade, label = SHOWN[cell.activation]
        betas = np.array(cell.measurements[0].read.inverse_temperatures)
        energy = np.mean([m.energies for m in cell.measurements], axis=0)
        error = np.sqrt(np.sum([m.energy_errors**2 for m in cell.measurements], axis=0)) / len(
            cell.measurements
        )
        filled = shade if cell.activation == "relu" else "white"
        axes.errorbar(
            1 / betas,
            energy,
            error,
            fmt=marker,
            color=shade,
            markerfacecolor=filled,
            markersize=5,
            label=label,
            zorder=3,
        )
        axes.plot(
            temperature,
            cell.mean("intercept") + cell.slopes.mean() * temperature,
            color=shade,
            linewidth=1.2,
            label=f"{NAMES[cell.activation]}, fitted line",
        )
    constant = np.mean([cell.mean("best_constant") for cell in cells])
    exact = float(catalogue.relu_two_layer(2, 1, kinks))
    axes.axhline(float(constant), color="black", linestyle=":", label="best constant function")
    axes.plot(
        temperature,
        exact * temperature,
        color="black",
        linestyle="--",
        label="phase of the truth: λ/β, exact λ of W_0 (ReLU)",
    )
    slopes = ", ".join(f"{cell.slopes.mean():.2f} ({cell.name.split()[1]})" for cell in cells)
    axes.set_title(f"truth s_{kinks}:  λ̂ = {slopes};  λ of W_0 = {exact:g}", fontsize=9)
    axes.set_xlabel("temperature 1/β  [nats]")
    axes.set_xlim(0, temperature[1])
    axes.set_ylim(bottom=0)
