"""Figure 2 of Wei et al.: the true networks s_3, s_4, s_5."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.models.two_layer import star_truth
from singlearn.plot.boundary_lines import draw_boundaries
from singlearn.plot.function_surface import draw_surface
from singlearn.results.table import aligned_rows
from singlearn.symmetry import Box, from_parameters, kink_form, minimal_width

STARS = (3, 4, 5)
BOX = Box([-1, -1], [1, 1])


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """Draw boundaries and surface of s_3, s_4, s_5 on [-1, 1]², and count what they have; nothing
    is random, and nothing takes long.
    """
    del quick, seed, progress
    figure = Figure(figsize=(12.0, 6.6), layout="constrained")
    rows: list[dict[str, Any]] = []
    for column, m in enumerate(STARS):
        net = from_parameters(star_truth(m, hidden=m))
        above = figure.add_subplot(2, 3, column + 1)
        draw_boundaries(figure, above, net, BOX, legend=False)
        above.set_title(f"$s_{m}$: {m} activation boundaries", fontsize=11)
        draw_surface(figure.add_subplot(2, 3, column + 4, projection="3d"), net, BOX)
        form, width = kink_form(net, BOX), minimal_width(net, BOX)
        rows.append(
            {
                "truth": f"s_{m}",
                "kinks": len(form.kinks),
                "minimal width": width.upper,
                "λ of the true parameters": (3 * m + 1) / 2,
            }
        )
    path = out / "figure2.png"
    figure.savefig(path, dpi=130)
    shown = [tuple(rows[0]), *(tuple(f"{cell}" for cell in row.values()) for row in rows)]
    return ExperimentResult(rows, [], "\n".join(aligned_rows(shown)), [path])


EXPERIMENT = Experiment(
    "figure2", "Wei et al. 2022, Figure 2: the true networks s_3, s_4, s_5", run
)
