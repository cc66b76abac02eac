"""The symmetries of two-layer ReLU networks, one example of each, drawn beside what equivalence says about it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.plot.boundary_lines import draw_boundaries
from singlearn.plot.function_on_a_line import draw_function, draw_nodes
from singlearn.symmetry import Box, TwoLayerReLU, equivalent, fibre
from singlearn.symmetry.fibre_segment import Path as FibrePath

THIRD = Fraction(1, 3)


@dataclass(frozen=True)
class Pair:
    """Two parameters of one function."""

    name: str
    what: str
    a: TwoLayerReLU
    b: TwoLayerReLU
    box: Box


def pairs() -> list[Pair]:
    """One pair for every symmetry of the notes [carroll2021phase]_: scaling, permutation, reversal in one and two dimensions, degeneracy.

    The numbers of Example 3.1 are lost from the text; a network of its kind stands in its place. The m-symmetric network with m = 3 is
    drawn in coordinates in which its normals are (1, 0), (0, 1), (-1, -1), so that they sum to zero exactly.
    """
    line, plane = Box([-2], [2]), Box([-3, -3], [3, 3])
    one = TwoLayerReLU([[1, 1], [-1, 2], [1, -1]], [0, 1, -1], [1, -1, 2], 0)
    scaled = TwoLayerReLU([[2, 2], [-THIRD, 2 * THIRD], [1, -1]], [0, THIRD, -1], [Fraction(1, 2), -3, 2], 0)
    permuted = TwoLayerReLU([[1, -1], [1, 1], [-1, 2]], [-1, 0, 1], [2, 1, -1], 0)
    valley = TwoLayerReLU([[1], [-1]], [1, 1], [1, 1], 0)
    turned = TwoLayerReLU([[-1], [1]], [-1, -1], [1, 1], 2)
    star = TwoLayerReLU([[1, 0], [0, 1], [-1, -1]], [-1, -1, -1], [1, 1, 1], 0)
    annihilating = TwoLayerReLU([[-1, 0], [0, -1], [1, 1]], [1, 1, 1], [1, 1, 1], -3)
    ramp = TwoLayerReLU([[1], [1]], [0, 1], [1, 0], 0)
    shared = TwoLayerReLU([[Fraction(3, 4)], [Fraction(1, 4)]], [0, 0], [1, 1], 0)
    both = TwoLayerReLU([[1], [1], [1]], [0, -1, 5], [1, 1, 0], 0)
    paying = TwoLayerReLU([[1], [-1], [-1]], [0, 0, 1], [2, -1, 1], -1)
    return [
        Pair("scaling", "Examples 3.1, 3.2", one, scaled, plane),
        Pair("permutation", "any order of the nodes", one, permuted, plane),
        Pair("orientation reversal", "Example 3.3", valley, turned, line),
        Pair("3-symmetric", "all weights annihilate", star, annihilating, plane),
        Pair("degenerate and shared", "Example 3.4", ramp, shared, line),
        Pair("opposite pair pays", "no weights annihilate", both, paying, line),
    ]


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """Decide, verify, and say whether a path of equal functions joins the two; nothing is random."""
    del quick, seed, progress
    figure = Figure(figsize=(11.0, 18.0), layout="constrained")
    rows: list[dict[str, Any]] = []
    panels = np.asarray(figure.subfigures(len(pairs()), 2))
    for line, pair in zip(panels, pairs(), strict=True):
        result = equivalent(pair.a, pair.b)
        transformation = result.transformation
        path = fibre(pair.a).path(pair.a, pair.b)
        rows.append(
            {
                "symmetry": pair.name,
                "example": pair.what,
                "same function": bool(result),
                "verified": transformation is not None and transformation.verify(),
                "annihilation": "" if transformation is None else transformation.annihilation,
                "joined by a path": isinstance(path, FibrePath),
            }
        )
        for panel, net, side in zip(line, (pair.a, pair.b), ("", " — the same function"), strict=True):
            panel.suptitle(f"{pair.name} ({pair.what}){side}" if side == "" else f"{pair.name}{side}", fontsize=10)
            if net.inputs == 2:
                draw_boundaries(panel, panel.subplots(), net, pair.box, legend=False)
            else:
                above, below = panel.subplots(2, 1, sharex=True, height_ratios=[2, 1])
                draw_function(above, net, pair.box)
                draw_nodes(below, net, pair.box)
    path_to_figure = out / "relu-symmetries.png"
    figure.savefig(path_to_figure, dpi=100)
    return ExperimentResult(rows, [], _table(rows), [path_to_figure])


def _table(rows: list[dict[str, Any]]) -> str:
    cells = [list(rows[0])] + [[("yes" if v else "no") if isinstance(v, bool) else str(v) for v in row.values()] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells)


EXPERIMENT = Experiment("relu-symmetries", "the symmetries of two-layer ReLU networks, decided, verified and drawn", run)
