"""λ̂ of every head of a small transformer through its training, beside what it has learnt."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.experiments.recipes.checkpoints import cross_entropy, log_steps, trained
from singlearn.experiments.recipes.heads_network import TASKS, module, sequences
from singlearn.experiments.recipes.report import cell, doubts_of, number, report
from singlearn.plot.style import QUIET, SERIES, legend_beside, quieten
from singlearn.running.progress import counted

if TYPE_CHECKING:
    import torch

    from singlearn.local import ComponentCoefficients

HEADS = ("l0h0", "l0h1", "l1h0", "l1h1")
RATE, BATCH, POOL = 1e-2, 64, 60_000
MARKS = ("o", "s", "^", "D")
FEWEST = 6
"""Checkpoints from which stages are read."""


@dataclass(frozen=True)
class HeadsWork:
    """Last step of training, checkpoints, at how many of the last λ̂ is measured, sequences that it
    is measured on, and steps of the chains.
    """

    last: int
    checkpoints: int
    measured: int
    samples: int
    most: int


FULL = HeadsWork(1000, 7, 7, 256, 2_000)
QUICK = HeadsWork(600, 7, 1, 128, 1_000)


def train(settings: HeadsWork, seed: int) -> tuple[torch.nn.Module, dict[int, Any]]:
    """Adam on fresh sequences; weights at steps even in log step."""
    import torch

    model = module(seed)
    x, y, _ = sequences(POOL, seed)
    chosen = torch.from_numpy(
        np.random.default_rng([seed, 42]).integers(POOL, size=(settings.last, BATCH))
    )
    steps = log_steps(10, settings.last, settings.checkpoints)
    descent = torch.optim.Adam(model.parameters(), lr=RATE)
    kept = trained(
        model, cross_entropy, lambda step: (x[chosen[step]], y[chosen[step]]), descent, steps
    )
    return model, kept


def losses_by_task(model: torch.nn.Module, x: Any, y: Any, task: Any) -> dict[str, float]:
    """Mean loss of every task, in nats."""
    import torch

    with torch.no_grad():
        own = cross_entropy(model(x), y)
    return {name: float(own[task == k].mean()) for k, name in enumerate(TASKS)}


def without(model: torch.nn.Module, head: str, x: Any, y: Any, task: Any) -> dict[str, float]:
    """By how much the loss of every task rises when what a head writes is set to zero."""
    import torch

    before = losses_by_task(model, x, y, task)
    layer, place = int(head[1]), int(head[3])
    written = model.get_parameter(f"blocks.{layer}.attn.W_O")
    kept = written.detach().clone()
    with torch.no_grad():
        written[place] = 0.0
        after = losses_by_task(model, x, y, task)
        written.copy_(kept)
    return {name: after[name] - before[name] for name in TASKS}


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """Train, measure λ̂ of every head at every checkpoint, and take the heads out at the end.

    Finished heads are kept in ``out/heads``.
    """
    from singlearn.local import llc_by_component
    from singlearn.local.gamma import choose_gamma

    settings = QUICK if quick else FULL
    model, kept = train(settings, seed)
    x, y, task = sequences(settings.samples, seed + 1)
    tie = choose_gamma({name: value.numpy() for name, value in kept[settings.last].items()})
    folder = out / "heads" / f"{'quick-' if quick else ''}{seed}"

    def measured(step: int) -> ComponentCoefficients:
        model.load_state_dict(kept[step])
        return llc_by_component(
            model,
            cross_entropy,
            (x, y),
            HEADS,
            reference="self",
            gamma=tie,
            chains=4,
            batch_size=16,
            tolerance=0.1,
            max_steps=settings.most,
            seed=seed,
            folder=folder / str(step),
            progress=False,
        )

    rows: list[dict[str, Any]] = []
    doubts: list[dict[str, Any]] = []
    for step, weights in kept.items():
        model.load_state_dict(weights)
        rows.append(
            {
                "step": step,
                **{f"loss, {k}": v for k, v in losses_by_task(model, x, y, task).items()},
            }
        )
    last = list(kept)[-settings.measured :]
    pieces = ((step, measured(step)) for step in last)
    for step, found in counted("heads", pieces, len(last), progress):
        (row,) = (row for row in rows if row["step"] == step)
        for one in found.components:
            row[f"λ̂, {one.name}"] = number(one.value)
            row[f"standard error, {one.name}"] = number(one.standard_error)
            row[f"status, {one.name}"] = str(one.status)
            doubts += doubts_of(({"step": step, "head": one.name}, own) for own in one.cautions)
    model.load_state_dict(kept[settings.last])
    roles = [
        {"head": head, **{f"loss without it, {k}": v for k, v in lost.items()}}
        for head, lost in ((head, without(model, head, x, y, task)) for head in HEADS)
    ]
    notes = [_role(role) for role in roles] + _stages(rows)
    title = (
        f"two-layer attention-only transformer of {sum(p.numel() for p in model.parameters())} "
        f"weights, λ̂ of the own function of each head, n = {len(x)}"
    )
    return report(
        rows + roles, doubts, title, _table(rows), notes, draw(rows, roles), out / "heads.png"
    )


def _role(role: dict[str, Any]) -> str:
    rises = ", ".join(f"{name} {role[f'loss without it, {name}']:+.2f}" for name in TASKS)
    return f"{role['head']} taken out at the end, change of the loss in nats: {rises}"


def of_head(rows: list[dict[str, Any]], head: str) -> tuple[Any, Any, Any]:
    """Steps, λ̂ and errors of one head where λ̂ was not withheld, as arrays."""
    seen = [row for row in rows if row.get(f"λ̂, {head}") is not None]
    return (
        np.array([row["step"] for row in seen], dtype=float),
        np.array([row[f"λ̂, {head}"] for row in seen], dtype=float),
        np.array([row[f"standard error, {head}"] or math.nan for row in seen], dtype=float),
    )


def _stages(rows: list[dict[str, Any]]) -> list[str]:
    """Where the slope of every head's curve changes, and where it turns."""
    from singlearn.local.training.critical_points import critical_points
    from singlearn.local.training.straight_pieces import straight_pieces

    said = []
    for head in HEADS:
        steps, values, errors = of_head(rows, head)
        if len(steps) < FEWEST or not np.isfinite(errors).all():
            continue
        bends = [
            f"{point.step:.0f}" for point in straight_pieces(steps, values, errors).breakpoints
        ]
        turns = [str(point) for point in critical_points(steps, values, errors)]
        said.append(
            f"{head}: slope changes at step {', '.join(bends) if bends else 'none'}; turns: "
            f"{'; '.join(turns) if turns else 'none'}"
        )
    return said or [f"stages are read from {FEWEST} checkpoints on"]


def _table(rows: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    table = [("step", *(f"loss, {name}" for name in TASKS), *(f"λ̂ {head}" for head in HEADS))]
    for row in rows:
        losses = [f"{row[f'loss, {name}']:.3f}" for name in TASKS]
        cells = [
            cell(row[f"λ̂, {head}"], row[f"standard error, {head}"]) if f"λ̂, {head}" in row else "–"
            for head in HEADS
        ]
        table.append((f"{row['step']}", *losses, *cells))
    return table


def draw(rows: list[dict[str, Any]], roles: list[dict[str, Any]]) -> Figure:
    """Losses of the tasks, λ̂ of the heads of their own function, and what each head is for."""
    figure = Figure(figsize=(8.8, 7.4), layout="constrained")
    upper, middle, bars = panels = figure.subplots(3, 1)
    steps = [row["step"] for row in rows]
    for (colour, line), mark, name in zip(SERIES, MARKS, TASKS, strict=False):
        upper.plot(
            steps, [row[f"loss, {name}"] for row in rows], color=colour, linestyle=line,
            marker=mark, markersize=4, label=name,
        )  # fmt: skip
    for (colour, line), mark, head in zip(SERIES, MARKS, HEADS, strict=False):
        at, values, errors = of_head(rows, head)
        middle.errorbar(
            at, values, yerr=np.nan_to_num(errors), color=colour, linestyle=line, marker=mark,
            markersize=4, capsize=2, label=head,
        )  # fmt: skip
    upper.set_ylabel("loss  [nats]")
    middle.set_ylabel("$\\hat λ$ of a head,\nown function")
    for axes in (upper, middle):
        axes.set_xscale("log")
        axes.set_xlim(0.8 * steps[0], 1.25 * steps[-1])
        axes.set_xlabel("training step")
    for k, ((colour, _), name) in enumerate(zip(SERIES, TASKS, strict=False)):
        bars.bar(
            np.arange(len(HEADS)) + 0.25 * (k - 1), [r[f"loss without it, {name}"] for r in roles],
            width=0.22, color=colour, hatch=("", "//", "..")[k], edgecolor="white", label=name,
        )  # fmt: skip
    bars.axhline(0.0, color=QUIET, linewidth=0.8)
    bars.set_xticks(np.arange(len(HEADS)), HEADS)
    bars.set_xlabel("head taken out at the end of training")
    bars.set_ylabel("rise of the loss  [nats]")
    for axes in panels:
        quieten(axes)
        legend_beside(axes)
    figure.align_ylabels()
    return figure


EXPERIMENT = Experiment(
    "heads",
    "λ̂ of every head of a two-layer attention-only transformer through its training",
    run,
)
