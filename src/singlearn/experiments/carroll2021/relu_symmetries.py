"""The symmetries of two-layer ReLU networks, one example of each, drawn beside what equivalence
says about it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.plot.boundary_lines import draw_boundaries
from singlearn.plot.function_on_a_line import draw_function, draw_nodes
from singlearn.results.table import aligned_rows
from singlearn.symmetry import Box, TwoLayerReLU, equivalent, fibre
from singlearn.symmetry.fibre.segments import FibrePath

THIRD = Fraction(1, 3)


@dataclass(frozen=True)
class SymmetricPair:
    """Two parameters of one function."""

    name: str
    what: str
    a: TwoLayerReLU
    b: TwoLayerReLU
    box: Box


def pairs() -> list[SymmetricPair]:
    """One pair for every symmetry of the notes [carroll2021phase]_: scaling, permutation, reversal
    in one and two dimensions, degeneracy.

    Example 3.1 has the numbers that a public copy of the notes keeps; its weights annihilate, too,
    in two pairs.
    """
    line, plane = Box([-2], [2]), Box([-3, -3], [3, 3])
    one = TwoLayerReLU([[1, 0], [0, 1], [-1, 0], [0, -1]], [-1, -1, -1, -1], [1, 1, 1, 1], 0)
    scaled = TwoLayerReLU(
        [[2, 0], [0, THIRD], [-1, 0], [0, -1]], [-2, -THIRD, -1, -1], [Fraction(1, 2), 3, 1, 1], 0
    )
    permuted = TwoLayerReLU([[0, -1], [1, 0], [0, 1], [-1, 0]], [-1, -1, -1, -1], [1, 1, 1, 1], 0)
    valley = TwoLayerReLU([[1], [-1]], [1, 1], [1, 1], 0)
    turned = TwoLayerReLU([[-1], [1]], [-1, -1], [1, 1], 2)
    ramp = TwoLayerReLU([[1], [1]], [0, 1], [1, 0], 0)
    shared = TwoLayerReLU([[Fraction(3, 4)], [Fraction(1, 4)]], [0, 0], [1, 1], 0)
    both = TwoLayerReLU([[1], [1], [1]], [0, -1, 5], [1, 1, 0], 0)
    paying = TwoLayerReLU([[1], [-1], [-1]], [0, 0, 1], [2, -1, 1], -1)
    return [
        SymmetricPair("scaling", "Examples 3.1, 3.2", one, scaled, plane),
        SymmetricPair("permutation", "any order of the nodes", one, permuted, plane),
        SymmetricPair("orientation reversal", "Example 3.3", valley, turned, line),
        SymmetricPair("3-symmetric", "all weights annihilate", *stars(3), Box([-1, -1], [1, 1])),
        SymmetricPair("degenerate and shared", "Example 3.4", ramp, shared, line),
        SymmetricPair("opposite pair pays", "no weights annihilate", both, paying, line),
    ]


def stars(m: int) -> tuple[TwoLayerReLU, TwoLayerReLU]:
    r"""The m-symmetric network :math:`\sum_k \mathrm{ReLU}(\langle w_k, x\rangle - 1/3)` and its
    reversal.

    Its weights :math:`w_k` have length 1 and the angles :math:`(2k+1)π/m` [wei2022deep]_.

    The directions are right to 14 digits; the last is minus the sum of the others, so that the
    weights annihilate exactly and the reversal, with constant -m/3, is the same function exactly.

    >>> first, last = stars(3)
    >>> bool(equivalent(first, last)), fibre(first).number
    (True, 12)
    """
    angles = [math.pi * (2 * k + 1) / m for k in range(m - 1)]
    normals = [[Fraction(round(v, 14)) for v in (math.cos(a), math.sin(a))] for a in angles]
    normals.append([-sum(entries) for entries in zip(*normals, strict=True)])
    outside = TwoLayerReLU(normals, [-THIRD] * m, [1] * m, 0)
    inside = TwoLayerReLU(
        [[-v for v in normal] for normal in normals], [THIRD] * m, [1] * m, -m * THIRD
    )
    return outside, inside


def draw_stars(path: Path, orders: Sequence[int] = (3, 4, 5)) -> None:
    """The m-symmetric networks, all nodes inactive in the middle on the left, all active on the
    right; a row for every m in ``orders``.
    """
    figure = Figure(figsize=(11.0, 4.2 * len(orders)), layout="constrained")
    for line, m in zip(
        np.asarray(figure.subfigures(len(orders), 2, squeeze=False)), orders, strict=True
    ):
        first, last = stars(m)
        names = (
            f"m = {m}: no node active in the middle",
            f"reversed: all {m} active in the middle, their weights annihilate",
        )
        for panel, net, name in zip(line, (first, last), names, strict=True):
            panel.suptitle(name, fontsize=10)
            draw_boundaries(
                panel, panel.subplots(), net, Box([-1, -1], [1, 1]), legend=False, arrow=0.07
            )
    figure.savefig(path, dpi=90)


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """Decide, verify, and say whether a path of equal functions joins the two; nothing is
    random.
    """
    del seed, progress
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
        for panel, net, side in zip(
            line, (pair.a, pair.b), ("", " — the same function"), strict=True
        ):
            panel.suptitle(
                f"{pair.name} ({pair.what}){side}" if side == "" else f"{pair.name}{side}",
                fontsize=10,
            )
            if net.inputs == 2:
                draw_boundaries(panel, panel.subplots(), net, pair.box, legend=False, arrow=0.07)
            else:
                above, below = panel.subplots(2, 1, sharex=True, height_ratios=[2, 1])
                draw_function(above, net, pair.box)
                draw_nodes(below, net, pair.box)
    path_to_figure, path_to_stars = out / "relu-symmetries.png", out / "m-symmetric.png"
    figure.savefig(path_to_figure, dpi=100)
    draw_stars(path_to_stars, (3,) if quick else (3, 4, 5))
    return ExperimentResult(rows, [], _table(rows), [path_to_figure, path_to_stars])


def _table(rows: list[dict[str, Any]]) -> str:
    cells = [list(rows[0])] + [
        [("yes" if v else "no") if isinstance(v, bool) else str(v) for v in row.values()]
        for row in rows
    ]
    return "\n".join(aligned_rows(cells, "left"))


EXPERIMENT = Experiment(
    "relu-symmetries", "the symmetries of two-layer ReLU networks, decided, verified and drawn", run
)
