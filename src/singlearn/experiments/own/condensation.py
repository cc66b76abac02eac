"""Condensation: a two-layer ReLU network from small weights gains its kinks one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.experiments.own.condensation_figure import draw
from singlearn.flow import NodeRole, Timeline, timeline
from singlearn.flow.timeline_agreement import IntervalAgreement
from singlearn.plot.lanes_of_nodes import timeline as lanes
from singlearn.results.table import Column, aligned

WIDTH, SAMPLES, RATE, LAST = 20, 200, 0.02, 15_000
SMALL, USUAL = 1e-4, 0.5
KINKS = ((3.0, (1.0, 0.0)), (1.5, (-1.0, 0.0)), (0.8, (0.0, 1.0)))
"""Of the truth: size and direction of each node. The first two are one boundary in both
orientations, so that there are two kinks and a linear part, which a network of three nodes has
too."""
NBETA, GAMMA = 1e4, 30.0


@dataclass(frozen=True)
class CondensationWork:
    """``seeds`` of small and of usual weights; checkpoints; λ̂ for so many of the seeds."""

    seeds: int
    controls: int
    checkpoints: int
    measured: int
    most: int


FULL = CondensationWork(3, 1, 26, 2, 4_000)
QUICK = CondensationWork(1, 1, 10, 1, 1_500)


def data(seed: int) -> tuple[Any, Any]:
    """Two Gaussian inputs, and the truth without noise, as tensors."""
    import torch

    x = np.random.default_rng([seed, 30]).normal(size=(SAMPLES, 2))
    y = sum(size * np.maximum(x @ np.array(direction), 0.0) for size, direction in KINKS)
    return torch.from_numpy(x), torch.from_numpy(np.asarray(y)[:, None])


def module() -> Any:
    """A network of 20 nodes with biases."""
    from torch import nn

    return nn.Sequential(nn.Linear(2, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 1)).double()


def train(x: Any, y: Any, size: float, seed: int, steps: list[int]) -> dict[int, dict[str, Any]]:
    """Gradient descent of half the mean squared error from weights N(0, size²); weights at some
    steps.
    """
    import torch

    rng = np.random.default_rng([seed, 31])
    w, b, q, c = (
        size * rng.normal(size=shape) for shape in ((WIDTH, 2), (WIDTH,), (1, WIDTH), (1,))
    )
    inputs, targets = x.numpy(), y.numpy()
    kept = {}
    for step in range(LAST + 1):
        if step in steps:
            state = {"0.weight": w, "0.bias": b, "2.weight": q, "2.bias": c}
            kept[step] = {name: torch.from_numpy(value.copy()) for name, value in state.items()}
        hidden = np.maximum(inputs @ w.T + b, 0.0)
        error = (hidden @ q.T + c - targets) / SAMPLES
        back = (error * q) * (hidden > 0)
        w, b, q, c = (
            w - RATE * back.T @ inputs,
            b - RATE * back.sum(0),
            q - RATE * error.T @ hidden,
            c - RATE * error.sum(0),
        )
    return kept


def loss(output: Any, target: Any) -> Any:
    """Half the squared error, per sample."""
    return 0.5 * ((output - target) ** 2).sum(-1)


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """Train from small weights, and from usual ones as a control; follow the symmetries (``quick``:
    one seed each).
    """
    settings = QUICK if quick else FULL
    steps = sorted({0, *(round(s) for s in np.geomspace(30, LAST, settings.checkpoints))})
    found: list[tuple[float, int, Timeline]] = []
    for size, count in ((SMALL, settings.seeds), (USUAL, settings.controls)):
        for own in range(count):
            x, y = data(seed + own)
            weights = train(x, y, size, seed + own, steps)
            asked = {
                "nbeta": NBETA,
                "gamma": GAMMA,
                "sampler": "hmc",
                "chains": 16,
                "tolerance": 0.05,
                "max_steps": settings.most,
                "seed": seed,
            }
            measured = asked if size == SMALL and own < settings.measured else False
            folder = out / "condensation" / f"{'quick-' if quick else ''}{size:g}-{seed + own}"
            found.append(
                (
                    size,
                    seed + own,
                    timeline(
                        weights,
                        module,
                        data=(x, y),
                        loss=loss,
                        learning_coefficient=measured,
                        folder=folder,
                        progress=progress,
                    ),
                )
            )
    rows = [_row(size, own, line) for size, own, line in found]
    small = [line for size, _, line in found if size == SMALL]
    agreements = _together(small, Timeline.changed) | {
        f"{k} (kinks only)": v for k, v in _together(small, kinks_changed).items()
    }
    warnings = [
        {"reason": str(caution.reason), "message": f"λ̂: {caution.message}"}
        for line in small
        if line.trajectory is not None
        for caution in line.trajectory.cautions
    ]
    out.mkdir(parents=True, exist_ok=True)
    figures = [out / "condensation.png", out / "condensation-lanes.png"]
    draw(found, SMALL).savefig(figures[0], dpi=150)
    lanes(
        small[0], f"two-layer ReLU network of {WIDTH} nodes from weights of size {SMALL:g}"
    ).savefig(figures[1], dpi=150)
    rows += [{"agreement": name, **own.to_dict()} for name, own in agreements.items()]
    return ExperimentResult(rows, warnings, _table(found, rows, agreements), figures)


def kinks_changed(line: Timeline) -> list[bool]:
    """For every two neighbouring checkpoints, whether the number of kinks differs: births and
    deaths that change the function's form.
    """
    return [one.kinks != other.kinks for one, other in pairwise(line.points)]


def _together(
    lines: list[Timeline], changes: Callable[[Timeline], list[bool]]
) -> dict[str, IntervalAgreement]:
    """Counts of several runs."""
    found: dict[str, IntervalAgreement] = {}
    for line in lines:
        for name, own in line.agreement_of(changes(line)).items():
            found[name] = found[name] + own if name in found else own
    return found


def kink_steps(line: Timeline) -> list[int]:
    """Numbers of kinks in the order in which they are passed."""
    seen: list[int] = []
    for point in line.points:
        if not seen or seen[-1] != point.kinks[0]:
            seen.append(point.kinks[0])
    return seen


def _row(size: float, own: int, line: Timeline) -> dict[str, Any]:
    last = line.points[-1]
    births: Counter[str] = Counter()
    for event in line.events:
        births[f"{event.role} {'born' if event.born else 'died'}"] += 1
    return {
        "weights from": size,
        "seed": own,
        "kinks passed": kink_steps(line),
        "kinks at the end": last.kinks[0],
        "exact kinks at the end": last.exact_kinks,
        "roles at the end": {str(role): count for role, count in last.counts.items()},
        "loss at the end": last.loss,
        "null directions at the end": None if last.rank is None else last.explained,
        "unexplained": last.unexplained,
        "Q moved": moved(line),
        "events": dict(births),
    }


def moved(line: Timeline) -> float:
    """Largest change of a conserved quantity from the first checkpoint. Squared weights of a node
    are of order 1 at the end.
    """
    (values,) = (
        np.array([point.conserved[law] for point in line.points])
        for law in line.points[0].conserved
    )
    return float(np.abs(values - values[0]).max())


def _table(
    found: list[tuple[float, int, Timeline]],
    rows: list[dict[str, Any]],
    agreements: dict[str, IntervalAgreement],
) -> str:
    lines = [
        f"two-layer ReLU network 2-{WIDTH}-1, truth of 2 kinks and a linear part (3 nodes), "
        f"{SAMPLES} inputs, gradient descent to step {LAST}",
        "",
    ]
    heads: tuple[str, ...] = (
        "weights from",
        "seed",
        "kinks passed (up to 1 % of the spread)",
        "exact",
        "loss at the end",
        "live",
        "duplicate",
        "null: explained+rest",
        "Q moved",
    )
    shown = [heads]
    for (size, own, line), row in zip(found, rows, strict=False):
        counts = line.points[-1].counts
        passed = " ".join(map(str, row["kinks passed"]))
        end = (f"{row['exact kinks at the end']}", f"{row['loss at the end']:.2g}")
        nodes = tuple(f"{counts.get(role, 0)}" for role in (NodeRole.LIVE, NodeRole.DUPLICATE))
        null = f"{row['null directions at the end']}+{row['unexplained']}"
        shown.append((f"{size:g}", f"{own}", passed, *end, *nodes, null, f"{row['Q moved']:.2g}"))
    lines += aligned([Column(head, column) for head, *column in zip(*shown, strict=True)])
    lines += ["", "  births and deaths of symmetries, from small weights, beside changes of"]
    lines += [f"    {name}: {own}" for name, own in agreements.items()]
    return "\n".join(lines)


EXPERIMENT = Experiment(
    "condensation",
    "a two-layer ReLU network from small weights: its kinks, symmetries, conserved quantities and "
    "λ̂ through training",
    run,
)
