"""How many laws a hundred networks and more have, counted with proof, beside what was published."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from singlearn import flow
from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.flow.networks.chain import linear_chain
from singlearn.flow.networks.relu import relu_network
from singlearn.plot.style import ACCENT, INK, QUIET, quieten
from singlearn.results.table import MISSING, Column, aligned, aligned_rows
from singlearn.running.progress import counted

PUBLISHED_SECONDS = {"linear": 34 * 60.0, "ReLU": 113 * 60.0}
"""What Marcotte, Gribonval & Peyré (2023) report for fifty random networks of each kind, on 64
cores.
"""
CORES = 64
EDGE_CASES: tuple[tuple[str, dict[str, Any], int, str], ...] = (
    (
        "linear 2-7-2, a layer wider than its neighbours together",
        {"kind": "linear_chain", "widths": [2, 7, 2]},
        28,
        "r(r+1)/2",
    ),
    ("linear 3-8-2", {"kind": "linear_chain", "widths": [3, 8, 2]}, 36, "r(r+1)/2"),
    (
        "linear 1-2-2-1, both ends of width 1",
        {"kind": "linear_chain", "widths": [1, 2, 2, 1]},
        6,
        "Σ r(r+1)/2",
    ),
    ("linear 1-3-2-1", {"kind": "linear_chain", "widths": [1, 3, 2, 1]}, 9, "Σ r(r+1)/2"),
    (
        "linear convolution 1-2-1, kernels 2 and 2",
        {"kind": "conv", "channels": [1, 2, 1], "kernels": [2, 2], "act": "linear"},
        3,
        "c(c+1)/2",
    ),
    (
        "linear convolution 1-3-1, kernels 4 and 4",
        {"kind": "conv", "channels": [1, 3, 1], "kernels": [4, 4], "act": "linear"},
        6,
        "c(c+1)/2",
    ),
    ("U Uᵀ, 2 × 3", {"kind": "uut", "n": 2, "r": 3}, 0, "symmetric generators"),
)
"""Networks with another number of laws than a formula of the literature gives them, with that
number and formula.
"""


@dataclass(frozen=True)
class Counted:
    """One network.

    Attributes:
        kind: "linear", "ReLU" or "edge case".
        name: of the network.
        parameters: D.
        number: of laws, None if it is not proved.
        published: the formula of the literature, and its name.
        seconds: of CPU.
    """

    kind: str
    name: str
    parameters: int
    number: int | None
    published: int | None
    formula: str
    seconds: float


def networks(seed: int, count: int) -> Iterator[tuple[str, str, Any, int, str]]:
    """Random linear networks of depth 2 to 4 and widths 2 to 5 and ReLU networks of widths 2 to 9,
    then the edge cases, with the number of laws that the literature gives them.
    """
    for kind, widest in (("linear", 5), ("ReLU", 9)):
        rng = np.random.default_rng(seed)
        for _ in range(count):
            widths = rng.integers(2, widest + 1, int(rng.integers(2, 5)) + 1).tolist()
            name = "-".join(map(str, widths))
            if kind == "ReLU":
                yield (
                    kind,
                    name,
                    relu_network(widths, bias=False),
                    sum(widths[1:-1]),
                    "one for each hidden node",
                )
            else:
                yield kind, name, linear_chain(widths), gram_rank(widths), "rank of W Wᵀ - Wᵀ W"
    for name, description, formula, said in EDGE_CASES:
        yield "edge case", name, description, formula, said


def gram_rank(widths: list[int]) -> int:
    """Independent entries of the Gram matrices of a linear chain, less those that vanish in a layer
    that is wider than its neighbours together.

    >>> gram_rank([2, 3, 2]), gram_rank([2, 7, 2])
    (6, 22)
    """
    found = 0
    for before, r, after in zip(widths[:-2], widths[1:-1], widths[2:], strict=True):
        free = max(0, r - before - after)
        found += r * (r + 1) // 2 - free * (free + 1) // 2
    return found


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """Count the laws of 107 networks (``quick``: 17); the figure goes to ``out/laws-table.png``."""
    count = 5 if quick else 50
    every = [
        _count(*case)
        for case in counted(
            "laws-table", networks(seed, count), 2 * count + len(EDGE_CASES), progress
        )
    ]
    rows = [vars(c) for c in every]
    warnings = [
        {
            "network": c.name,
            "reason": "not_proved",
            "message": f"{c.name}: the bounds on the number of laws do not meet",
        }
        for c in every
        if c.number is None
    ]
    out.mkdir(parents=True, exist_ok=True)
    return ExperimentResult(rows, warnings, table(every), [_figure(every, out / "laws-table.png")])


def _count(kind: str, name: str, network: Any, published: int, formula: str) -> Counted:
    start = time.process_time()
    found = flow.count(network)
    return Counted(
        kind, name, found.dimension, found.number, published, formula, time.process_time() - start
    )


def table(every: list[Counted]) -> str:
    """A row for each kind, then the edge cases one by one."""
    heads = ("kind", "networks", "proved", "as published", "parameters", "laws", "CPU s")
    rows: list[tuple[str, ...]] = [(*heads, f"published s, {CORES} cores")]
    for kind, published in PUBLISHED_SECONDS.items():
        of = [c for c in every if c.kind == kind]
        sizes = f"{min(c.parameters for c in of)}-{max(c.parameters for c in of)}"
        numbers = [c.number for c in of if c.number is not None]
        same = sum(c.number == c.published for c in of)
        laws = f"{min(numbers)}-{max(numbers)}" if numbers else "–"
        scaled = f"{published:.0f} for 50"
        counts = (f"{len(of)}", f"{len(numbers)}", f"{same}")
        seconds = f"{sum(c.seconds for c in of):.1f}"
        rows.append((kind, *counts, sizes, laws, seconds, scaled))
    edge = [c for c in every if c.kind == "edge case"]
    columns = [
        Column("edge case", [c.name for c in edge]),
        Column("laws", [MISSING if c.number is None else f"{c.number}" for c in edge], "", "right"),
        Column("formula", [f"{c.published}" for c in edge], align="right"),
        Column("which formula", [c.formula for c in edge]),
    ]
    return "\n".join([*aligned_rows(rows), "", *aligned(columns)])


def _figure(every: list[Counted], path: Path) -> Path:
    figure = Figure(figsize=(9.6, 4.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    for kind, colour, marker in (
        ("linear", INK, "o"),
        ("ReLU", ACCENT, "s"),
        ("edge case", QUIET, "^"),
    ):
        of = [c for c in every if c.kind == kind and c.number is not None]
        left.plot(
            [c.published for c in of],
            [c.number for c in of],
            marker,
            color=colour,
            markersize=5,
            alpha=0.75,
            label=f"{kind} ({len(of)})",
        )
        right.loglog(
            [c.parameters for c in of],
            [max(c.seconds, 1e-3) for c in of],
            marker,
            color=colour,
            markersize=5,
            alpha=0.75,
            label=kind,
        )
    top = max([c.published or 0 for c in every] + [c.number or 0 for c in every]) + 2
    left.plot([0, top], [0, top], color="0.6", linewidth=0.9, zorder=0)
    left.set_xlabel("number of laws by the published formula")
    left.set_ylabel("number of laws, proved")
    left.legend(frameon=False, fontsize=8.5, loc="upper left")
    right.axhline(sum(PUBLISHED_SECONDS.values()) / 100, color=QUIET, linestyle="--", linewidth=1.0)
    right.text(
        0.98,
        0.92,
        f"published, per network, on {CORES} cores",
        transform=right.transAxes,
        ha="right",
        fontsize=8.5,
        color=QUIET,
    )
    right.set_xlabel("parameters")
    right.set_ylabel("CPU seconds, one core")
    for axes in (left, right):
        quieten(axes)
    figure.savefig(path, dpi=120)
    return path


EXPERIMENT = Experiment(
    "laws-table",
    "how many laws a hundred networks conserve, proved, beside the published counts",
    run,
)
