"""With how few bits a network can be written down, against λ̂, over checkpoints of a training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.experiments.recipes.checkpoints import cross_entropy, log_steps, trained
from singlearn.experiments.recipes.digits import perceptron, tensors
from singlearn.experiments.recipes.report import cell, number, report
from singlearn.experiments.recipes.two_references import Reference, doubts, followed, readings
from singlearn.plot.style import ACCENT, INK, QUIET, quieten

if TYPE_CHECKING:
    import torch

BROKEN = 0.1
"""Nats by which the mean loss has risen, or the function moved, when a network counts as broken."""
LEVELS = np.unique(np.round(np.geomspace(2, 1024, 60)).astype(int))
"""Numbers of levels that are tried."""
RATE, BATCH = 3e-3, 32


@dataclass(frozen=True)
class CompressibilityWork:
    """Images, hidden nodes, last step, checkpoints and chains."""

    samples: int
    width: int
    last: int
    checkpoints: int
    most: int


FULL = CompressibilityWork(300, 10, 3000, 14, 6_000)
QUICK = CompressibilityWork(150, 6, 1000, 6, 1_000)


def quantised(weights: dict[str, torch.Tensor], levels: int) -> dict[str, torch.Tensor]:
    """Every tensor on so many equally spaced levels, from its smallest to its largest entry.

    >>> import torch
    >>> quantised({"w": torch.tensor([0.0, 0.2, 0.9, 1.0])}, 3)["w"].tolist()
    [0.0, 0.0, 1.0, 1.0]
    """
    import torch

    found = {}
    for name, value in weights.items():
        low, high = value.min(), value.max()
        step = (high - low) / (levels - 1)
        places = torch.round((value - low) / step) if step > 0 else torch.zeros_like(value)
        found[name] = low + step * places
    return found


def damage(
    model: torch.nn.Module, weights: dict[str, torch.Tensor], x: Any, y: Any
) -> tuple[Float[np.ndarray, " levels"], Float[np.ndarray, " levels"]]:
    """Rise of the mean loss, and divergence of the function from that of the whole weights, by the
    number of levels, in nats.
    """
    import torch

    rises, moved = [], []
    with torch.no_grad():
        model.load_state_dict(weights)
        scores = model(x)
        before, own = cross_entropy(scores, y).mean(), torch.log_softmax(scores, -1)
        for levels in LEVELS:
            model.load_state_dict(quantised(weights, int(levels)))
            scores = model(x)
            rises.append(float(cross_entropy(scores, y).mean() - before))
            other = torch.log_softmax(scores, -1)
            moved.append(float((own.exp() * (own - other)).sum(-1).mean()))
    model.load_state_dict(weights)
    return np.array(rises), np.array(moved)


def bits_needed(
    costs: Float[np.ndarray, " levels"], levels: Float[np.ndarray, " levels"] | Any = LEVELS
) -> float:
    """Bits per weight from which on the cost stays below :data:`BROKEN`; log₂ of the number of
    levels, between two of them on a straight line; infinite if it never does.

    >>> bits_needed(np.array([0.5, 0.15, 0.05, 0.0]), np.array([2, 4, 8, 16]))
    2.5
    """
    bits = np.log2(levels)
    above = np.flatnonzero(np.abs(costs) >= BROKEN)
    if not above.size:
        return float(bits[0])
    last = int(above[-1])
    if last == len(costs) - 1:
        return math.inf
    one, other = abs(costs[last]), abs(costs[last + 1])
    return float(bits[last] + (one - BROKEN) / (one - other) * (bits[last + 1] - bits[last]))


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """Train, quantise every checkpoint, measure λ̂ there, and compare.

    Finished points are kept in ``out/compressibility``.
    """
    import torch

    settings = QUICK if quick else FULL
    x, y = tensors(settings.samples, seed)
    model = perceptron(settings.width, seed)
    steps = log_steps(10, settings.last, settings.checkpoints)
    rng = np.random.default_rng([seed, 47])

    def batch(step: int) -> tuple[Any, Any]:
        rows = torch.from_numpy(rng.integers(len(x), size=BATCH))
        return x[rows], y[rows]

    descent = torch.optim.Adam(model.parameters(), lr=RATE)
    kept = trained(model, cross_entropy, batch, descent, steps)
    folder = out / "compressibility" / f"{'quick-' if quick else ''}{seed}"
    references: tuple[Reference, ...] = ("self",) if quick else ("self", "loss")
    found = followed(
        kept,
        model,
        (x, y),
        references,
        quick=quick,
        most=settings.most,
        seed=seed,
        folder=folder,
        progress=progress,
    )
    rows = []
    for step, weights in kept.items():
        rises, moved = damage(model, weights, x, y)
        row: dict[str, Any] = {
            "step": step,
            "loss": float(cross_entropy(model(x), y).mean().detach()),
            "bits, loss": number(bits_needed(rises)),
            "bits, own function": number(bits_needed(moved)),
        }
        row |= readings(found, step)
        rows.append(row)
    compared = [
        compare(rows, f"λ̂ ({reference})", f"bits, {bits}")
        for reference in found
        for bits in ("own function", "loss")
    ]
    return report(
        [*rows, *compared],
        doubts(found),
        f"network 64-{settings.width}-10 on {settings.samples} images: bits per weight at which "
        f"it breaks by {BROKEN} nats",
        _table(rows),
        [_said(own) for own in compared],
        draw(rows),
        out / "compressibility.png",
    )


def compare(rows: list[dict[str, Any]], one: str, other: str) -> dict[str, Any]:
    """Rank correlation over checkpoints, and R² of a straight line."""
    both = [
        (row[one], row[other]) for row in rows if row[one] is not None and row[other] is not None
    ]
    if len(both) < 3:
        return {
            "compared": f"{one} with {other}",
            "checkpoints": len(both),
            "rank": None,
            "R²": None,
        }
    a, b = np.array(both).T
    rank = float(spearmanr(a, b).statistic)
    line = float(np.corrcoef(a, b)[0, 1]) ** 2
    return {
        "compared": f"{one} with {other}",
        "checkpoints": len(both),
        "rank": number(rank),
        "R²": number(line),
    }


def _said(own: dict[str, Any]) -> str:
    return (
        f"{own['compared']}: rank correlation {cell(own['rank'])}, R² of a straight line "
        f"{cell(own['R²'])} ({own['checkpoints']} checkpoints)"
    )


def _table(rows: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    references = [name for name in ("self", "loss") if f"λ̂ ({name})" in rows[0]]
    heads = (f"λ̂ ({name})  status" for name in references)
    table = [("step", "loss", "bits, loss", "bits, own function", *heads)]
    for row in rows:
        cells = [
            f"{cell(row[f'λ̂ ({name})'], row[f'standard error ({name})'])}  "
            f"{row[f'status ({name})']}"
            for name in references
        ]
        bits = (cell(row[f"bits, {what}"]) for what in ("loss", "own function"))
        table.append((f"{row['step']}", f"{row['loss']:.3f}", *bits, *cells))
    return table


def draw(rows: list[dict[str, Any]]) -> Figure:
    """Bits and λ̂ against the step, and against each other."""
    figure = Figure(figsize=(9.6, 4.8), layout="constrained")
    grid = figure.add_gridspec(2, 2)
    left = figure.add_subplot(grid[0, 0])
    lower = figure.add_subplot(grid[1, 0], sharex=left)
    right = figure.add_subplot(grid[:, 1])
    steps = [row["step"] for row in rows]
    for what, colour, mark in (("own function", INK, "o"), ("loss", ACCENT, "s")):
        left.plot(
            steps, [math.nan if row[f"bits, {what}"] is None else row[f"bits, {what}"]
                    for row in rows],
            color=colour, marker=mark, linestyle="-" if mark == "o" else "--", markersize=4,
            label=f"bits, {what}",
        )  # fmt: skip
    left.set_xscale("log")
    left.set_ylabel(f"bits per weight\nfor {BROKEN} nats")
    left.tick_params(labelbottom=False)
    lower.errorbar(
        steps, [math.nan if row["λ̂ (self)"] is None else row["λ̂ (self)"] for row in rows],
        yerr=[row["standard error (self)"] or 0.0 for row in rows], color=INK, marker="^",
        markersize=4, capsize=2,
    )  # fmt: skip
    lower.set_ylabel("$\\hat λ$ of the\nown function")
    lower.set_xlabel("training step")
    left.legend(
        frameon=False, fontsize=8, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0)
    )  # fmt: skip
    for reference, bits, colour, mark in (
        ("self", "own function", INK, "o"),
        ("self", "loss", ACCENT, "s"),
        ("loss", "loss", QUIET, "^"),
    ):
        own = [
            row
            for row in rows
            if row.get(f"λ̂ ({reference})") is not None and row[f"bits, {bits}"] is not None
        ]
        if not own:
            continue
        what = "own function" if reference == "self" else "loss"
        right.errorbar(
            [row[f"λ̂ ({reference})"] for row in own], [row[f"bits, {bits}"] for row in own],
            xerr=[row[f"standard error ({reference})"] or 0.0 for row in own], fmt=mark,
            color=colour, markersize=5, capsize=2, label=f"bits, {bits}; $\\hat λ$, {what}",
        )  # fmt: skip
    right.set_xlabel("$\\hat λ$")
    right.set_ylabel(f"bits per weight, for {BROKEN} nats")
    right.legend(frameon=False, fontsize=8, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    for axes in (left, lower, right):
        quieten(axes)
    return figure


EXPERIMENT = Experiment(
    "compressibility",
    "bits at which a quantised network breaks against λ̂, over the checkpoints of a training",
    run,
)
