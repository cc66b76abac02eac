"""Modular addition: accuracy, loss and λ̂ through grokking, on one axis of steps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.experiments.recipes.checkpoints import cross_entropy, log_steps, trained
from singlearn.experiments.recipes.report import cell, report
from singlearn.experiments.recipes.two_references import Reference, doubts, followed, readings
from singlearn.plot.style import ACCENT, INK, QUIET, legend_beside, quieten

if TYPE_CHECKING:
    import torch

    from singlearn.local import Trajectory

EMBEDDED, HIDDEN = 12, 48
LEARNT = 0.9
"""Accuracy from which a set of pairs counts as learnt."""


@dataclass(frozen=True)
class GrokkingWork:
    """Modulus, share of the pairs that is trained on, rate and decay of the training, samples of a
    batch, last step, checkpoints, and chains.
    """

    modulus: int
    share: float
    rate: float
    decay: float
    batch: int
    last: int
    checkpoints: int
    most: int


FULL = GrokkingWork(53, 0.4, 0.005, 2e-4, 128, 25_000, 14, 4_000)
"""Network and training of the published notebook."""
QUICK = GrokkingWork(23, 0.6, 0.01, 1e-3, 64, 5_000, 5, 1_000)


def pairs(modulus: int, share: float, seed: int) -> tuple[Any, Any, Any, Any]:
    """All pairs and their sums, cut at random into those for training and those that are kept back.

    Returns:
        Pairs and sums for training, pairs and sums kept back, as tensors.

    >>> x, y, others, sums = pairs(5, 0.4, 0)
    >>> tuple(x.shape), tuple(others.shape), bool(((x.sum(1) % 5) == y).all())
    ((10, 2), (15, 2), True)
    """
    import torch

    every = np.stack(np.meshgrid(np.arange(modulus), np.arange(modulus)), -1).reshape(-1, 2)
    order = np.random.default_rng([seed, 45]).permutation(len(every))
    x = torch.from_numpy(every[order])
    y = x.sum(1) % modulus
    cut = int(share * len(x))
    return x[:cut], y[:cut], x[cut:], y[cut:]


def module(modulus: int, seed: int) -> torch.nn.Module:
    """One embedding for both numbers, a map of each, their sum through GELU, and scores."""
    import torch
    from torch import nn

    class Adder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(modulus, EMBEDDED)
            self.left, self.right = nn.Linear(EMBEDDED, HIDDEN), nn.Linear(EMBEDDED, HIDDEN)
            self.out = nn.Linear(HIDDEN, modulus, bias=False)

        def forward(self, numbers: torch.Tensor) -> torch.Tensor:
            one, other = self.embedding(numbers[..., 0]), self.embedding(numbers[..., 1])
            hidden = nn.functional.gelu(self.left(one) + self.right(other))
            found: torch.Tensor = self.out(hidden)
            return found

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Adder()


def train(
    settings: GrokkingWork, seed: int, steps: list[int]
) -> tuple[torch.nn.Module, dict[int, Any], tuple[Any, Any, Any, Any]]:
    """Adam with weight decay, on random batches."""
    import torch

    data = pairs(settings.modulus, settings.share, seed)
    model = module(settings.modulus, seed)
    rng = np.random.default_rng([seed, 46])

    def batch(step: int) -> tuple[Any, Any]:
        rows = torch.from_numpy(rng.integers(len(data[0]), size=settings.batch))
        return data[0][rows], data[1][rows]

    descent = torch.optim.Adam(model.parameters(), lr=settings.rate, weight_decay=settings.decay)
    return model, trained(model, cross_entropy, batch, descent, steps), data


def scored(model: torch.nn.Module, x: Any, y: Any) -> tuple[float, float]:
    """Accuracy and mean loss."""
    import torch

    with torch.no_grad():
        scores = model(x)
        right = (scores.argmax(-1) == y).double().mean()
        return float(right), float(cross_entropy(scores, y).mean())


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """Train, score, and measure λ̂ on the trained pairs, of the loss and of the own function.

    γ is ``"auto"`` and nβ n / log n: nothing is calibrated by eye. Finished points are kept in
    ``out/grokking``.
    """
    settings = QUICK if quick else FULL
    fine = log_steps(10, settings.last, 40)
    steps = log_steps(100, settings.last, settings.checkpoints)
    model, kept, (x, y, others, sums) = train(settings, seed, sorted({*fine, *steps}))
    curve = []
    for step, weights in kept.items():
        model.load_state_dict(weights)
        (right, loss), (kept_right, kept_loss) = scored(model, x, y), scored(model, others, sums)
        curve.append(
            {
                "step": step,
                "accuracy, trained": right,
                "accuracy, kept back": kept_right,
                "loss, trained": loss,
                "loss, kept back": kept_loss,
            }
        )
    folder = out / "grokking" / f"{'quick-' if quick else ''}{seed}"
    references: tuple[Reference, ...] = ("loss",) if quick else ("loss", "self")
    found = followed(
        {step: kept[step] for step in steps},
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
    for own in curve:
        rows.append(own | readings(found, own["step"]))
    return report(
        rows,
        doubts(found),
        f"addition modulo {settings.modulus}, {len(x)} of {len(x) + len(others)} pairs trained on, "
        f"{sum(p.numel() for p in model.parameters())} weights",
        _table(rows, list(found)),
        _notes(rows, found),
        draw(rows, list(found)),
        out / "grokking.png",
    )


def learnt_at(rows: list[dict[str, Any]], which: str) -> int | None:
    """The first step from which an accuracy stays above nine tenths; ``None`` if it never does."""
    found = None
    for row in reversed(rows):
        if row[f"accuracy, {which}"] < LEARNT:
            break
        found = int(row["step"])
    return found


def _notes(rows: list[dict[str, Any]], found: dict[Reference, Trajectory]) -> list[str]:
    trained_at, back_at = learnt_at(rows, "trained"), learnt_at(rows, "kept back")
    said = ", ".join(
        f"{name} {'at no step' if at is None else f'from step {at} on'}"
        for name, at in (("trained pairs", trained_at), ("pairs kept back", back_at))
    )
    notes = [f"accuracy above {LEARNT:.0%}: {said}"]
    for reference, line in found.items():
        points = [point for point in line.points if np.isfinite(point.value)]
        if points:
            top = max(points, key=lambda point: point.value)
            notes.append(
                f"λ̂ ({reference}): largest {top.value:.3g} at step {top.step:g}, at the end "
                f"{points[-1].value:.3g}; {line.points[0].samples} samples, nβ = "
                f"{line.points[0].nbeta:.4g}, γ chosen at step {line.gamma_chosen_at:g}"
            )
    return notes


def _table(rows: list[dict[str, Any]], references: list[str]) -> list[tuple[str, ...]]:
    heads = ["step", "right, trained", "right, kept back", "loss, trained", "loss, kept back"]
    table = [(*heads, *(f"λ̂ ({r})  status" for r in references))]
    for row in rows:
        if f"status ({references[0]})" not in row:
            continue
        scores = (f"{row[f'accuracy, {w}']:.0%}" for w in ("trained", "kept back"))
        losses = (f"{row[f'loss, {w}']:.3g}" for w in ("trained", "kept back"))
        cells = (
            f"{cell(row[f'λ̂ ({r})'], row[f'standard error ({r})'])}  {row[f'status ({r})']}"
            for r in references
        )
        table.append((f"{row['step']}", *scores, *losses, *cells))
    return table


def draw(rows: list[dict[str, Any]], references: list[str]) -> Figure:
    """Accuracy, loss and λ̂ against the step, on one logarithmic axis."""
    figure = Figure(figsize=(8.6, 7.6), layout="constrained")
    upper, middle, lower = figure.subplots(3, 1, sharex=True)
    steps = [row["step"] for row in rows]
    for name, colour, line in (("trained", INK, "-"), ("kept back", ACCENT, "--")):
        for axes, what in ((upper, "accuracy"), (middle, "loss")):
            values = [row[f"{what}, {name}"] for row in rows]
            axes.plot(steps, values, color=colour, linestyle=line, label=f"{name} pairs")
    trusted = ("converged", "noise_limited")
    for reference, colour, mark in zip(references, (INK, ACCENT), "os", strict=False):
        own = [row for row in rows if row.get(f"λ̂ ({reference})") is not None]
        what = "of the loss" if reference == "loss" else "of the own function"
        for good in (True, False):
            part = [row for row in own if (row[f"status ({reference})"] in trusted) is good]
            lower.errorbar(
                [row["step"] for row in part], [row[f"λ̂ ({reference})"] for row in part],
                yerr=[row[f"standard error ({reference})"] or 0.0 for row in part], fmt=mark,
                color=colour, markerfacecolor=colour if good else "white", capsize=2, markersize=5,
                label=what if good else f"{what}, no verdict",
            )  # fmt: skip
    for which, line in (("trained", ":"), ("kept back", "-.")):
        at = learnt_at(rows, which)
        if at is not None:
            for axes in (upper, middle, lower):
                axes.axvline(at, color=QUIET, linewidth=0.9, linestyle=line, zorder=0)
    upper.set_ylabel("accuracy")
    middle.set_ylabel("loss  [nats]")
    middle.set_yscale("log")
    lower.set_ylabel("learning coefficient $\\hat λ$")
    lower.set_xlabel("training step")
    lower.set_xscale("log")
    for axes in (upper, middle, lower):
        quieten(axes)
        legend_beside(axes)
    figure.align_ylabels()
    return figure


EXPERIMENT = Experiment(
    "grokking",
    "modular addition: accuracy, loss and λ̂ through grokking, on one axis of steps",
    run,
)
