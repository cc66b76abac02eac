"""A linear network learns a hierarchy of things from the top: whose examples help whom, and when
that turns round.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from matplotlib.figure import Figure

from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.experiments.recipes.report import cell, doubts_of, number, report
from singlearn.plot.style import QUIET, SERIES, quieten
from singlearn.running.progress import counted

LEVELS = 3
ITEMS, HIDDEN = 2**LEVELS, 8
RATE, SMALL, NUDGE = 0.3, 3e-3, 1e-3
KINDS = ("across the top", "same half", "same quarter")
"""Of pairs, by the last level that they share: those that the first, the second and the third split
part."""
NBETA, GAMMA = 100.0, 3000.0
"""Chains that stay within 0.02 of every weight: influence is asked for at points of a training that
are no minima."""


@dataclass(frozen=True)
class HierarchyWork:
    """Last step, checkpoints at which chains are run, and draws of each."""

    last: int
    checkpoints: int
    draws: int


FULL = HierarchyWork(900, 18, 2000)
QUICK = HierarchyWork(900, 6, 200)


def properties() -> Float[np.ndarray, "items properties"]:
    """Eight things at the leaves of a tree; a property for every branch, which all things below it
    have, and the root.

    >>> table = properties()
    >>> table.shape, (table @ table[0]).tolist()        # properties shared with the first thing
    ((8, 15), [4.0, 3.0, 2.0, 2.0, 1.0, 1.0, 1.0, 1.0])
    """
    rows = np.arange(ITEMS)
    parts = [
        (rows[:, None] >> (LEVELS - level) == np.arange(2**level)).astype(float)
        for level in range(LEVELS + 1)
    ]
    return np.concatenate(parts, axis=1)


def kind_of_pairs() -> Int[np.ndarray, "items items"]:
    """The last level that two things share; 3 for a thing and itself.

    >>> kind_of_pairs()[0].tolist()
    [3, 2, 1, 1, 0, 0, 0, 0]
    """
    rows = np.arange(ITEMS)
    shared = np.zeros((ITEMS, ITEMS), dtype=int)
    for level in range(1, LEVELS + 1):
        same = rows[:, None] >> (LEVELS - level) == rows[None, :] >> (LEVELS - level)
        shared[same] = level
    return shared


@dataclass(frozen=True)
class Learning:
    """Gradient descent with weights of the samples.

    Attributes:
        first, second: weights W₁ (hidden × items) and W₂ (properties × hidden) after every step.
        losses: half the squared error of every thing after every step.
    """

    first: Float[np.ndarray, "steps hidden items"]
    second: Float[np.ndarray, "steps properties hidden"]
    losses: Float[np.ndarray, "steps items"]


def learn(last: int, seed: int, counts: Float[np.ndarray, " items"] | None = None) -> Learning:
    r"""Gradient descent of :math:`\frac1n \sum_i v_i \frac12 |W_2 W_1 e_i - y_i|^2` from small
    weights.

    Args:
        last: step.
        seed: of the weights at the start.
        counts: :math:`v_i`, how often every thing counts; once by default.
    """
    rng = np.random.default_rng([seed, 48])
    aim = properties().T
    first = SMALL * rng.normal(size=(HIDDEN, ITEMS))
    second = SMALL * rng.normal(size=(len(aim), HIDDEN))
    counts = np.ones(ITEMS) if counts is None else counts
    kept: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
    for _ in range(last + 1):
        error = second @ first - aim
        for place, value in zip(kept, (first, second, 0.5 * (error**2).sum(0)), strict=True):
            place.append(value)
        error = error * counts / ITEMS
        first, second = first - RATE * second.T @ error, second - RATE * error @ first.T
    return Learning(*(np.array(part) for part in kept))


def response(last: int, seed: int) -> Float[np.ndarray, "steps items items"]:
    r"""The exact influence of the training itself, :math:`∂ℓ_j(w_t)/∂\log v_i`, by differences of
    trainings in which one thing counts a little more or less.
    """
    found = []
    for item in range(ITEMS):
        both = []
        for sign in (1, -1):
            counts = np.ones(ITEMS)
            counts[item] += sign * NUDGE
            both.append(learn(last, seed, counts).losses)
        found.append((both[0] - both[1]) / (2 * NUDGE))
    return np.stack(found, axis=1)


def half_times(learning: Learning) -> tuple[float, ...]:
    """The step at which the split of each level is half learnt.

    The map's part in the space of differences between the branches of a level, relative to what it
    is to become.
    """
    aim = properties()
    shared = kind_of_pairs()
    maps = np.einsum("tph,thi->tip", learning.second, learning.first)
    found = []
    for level in range(1, LEVELS + 1):
        upper, lower = ((shared >= k) / (shared >= k).sum(1) for k in (level - 1, level))
        apart = lower - upper
        wanted = apart @ aim
        strength = np.einsum("tip,ip->t", apart @ maps, wanted) / (wanted**2).sum()
        found.append(float(np.argmax(strength > 0.5)) if (strength > 0.5).any() else math.inf)
    return tuple(found)


def by_kind(influence: Float[np.ndarray, "items items"]) -> tuple[float, ...]:
    """Means over pairs of each kind."""
    shared = kind_of_pairs()
    return tuple(float(influence[shared == k].mean()) for k in range(LEVELS))


def flip(steps: Any, values: Float[np.ndarray, " points"]) -> float | None:
    """The first step at which an influence turns from helping (negative) to hurting, between two
    points on a straight line.

    >>> flip([0, 10, 20], np.array([-1.0, -0.5, 0.5]))
    15.0
    """
    for k in range(1, len(values)):
        if values[k - 1] < 0 < values[k]:
            share = values[k - 1] / (values[k - 1] - values[k])
            return float(steps[k - 1] + share * (steps[k] - steps[k - 1]))
    return None


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """Learn, differentiate the training by the counts of its samples, and run chains at
    checkpoints.
    """
    settings = QUICK if quick else FULL
    learning, exact = learn(settings.last, seed), response(settings.last, seed)
    halves = half_times(learning)
    steps = sorted(
        {
            int(s)
            for s in np.linspace(20, min(1.3 * halves[-1], settings.last), settings.checkpoints)
        }
    )
    doubts = []
    measured = []
    pieces = ((step, chains_at(learning, step, settings, seed)) for step in steps)
    for step, found in counted("influence-through-learning", pieces, len(steps), progress):
        measured.append(found["influence"].values)
        doubts += doubts_of(({"step": step}, caution) for caution in found.cautions)
    means = np.array([by_kind(own) for own in measured])
    of_training = np.array([by_kind(own) for own in exact])
    rows: list[dict[str, Any]] = [
        {
            "step": step,
            **{f"chains, {kind}": number(v) for kind, v in zip(KINDS, means[k], strict=True)},
            **{
                f"training, {kind}": number(v)
                for kind, v in zip(KINDS, of_training[step], strict=True)
            },
            "rank correlation": number(_agreement(measured[k], exact[step])),
        }
        for k, step in enumerate(steps)
    ]
    turns = [
        {
            "pairs": kind,
            "split half learnt": number(halves[k]),
            "turn, training": flip(np.arange(len(exact)), of_training[:, k]),
            "turn, chains": flip(steps, means[:, k]),
        }
        for k, kind in enumerate(KINDS)
    ]
    table: list[tuple[str, ...]] = [
        ("pairs", "their split is half learnt", "influence turns: training", "chains")
    ]
    for turn in turns:
        names = ("split half learnt", "turn, training", "turn, chains")
        cells = ("never" if turn[name] is None else f"step {turn[name]:.0f}" for name in names)
        table.append((str(turn["pairs"]), *cells))
    notes = [
        "rank correlation over the pairs of different things between the influence along chains "
        "and that of the training: "
        + ", ".join(f"{cell(row['rank correlation'])} at step {row['step']}" for row in rows)
    ]
    title = (
        f"linear network {ITEMS}-{HIDDEN}-{2 * ITEMS - 1}, a tree of {ITEMS} things: where "
        "influence turns from helping to hurting"
    )
    figure = draw(learning, of_training, steps, means, halves)
    path = out / "influence-through-learning.png"
    return report([*rows, *turns], doubts, title, table, notes, figure, path)


def chains_at(learning: Learning, step: int, settings: HierarchyWork, seed: int) -> Any:
    """Influence along chains around the weights at a step."""
    import torch

    from singlearn.local import influence, loss_chains

    model = torch.nn.Sequential(
        torch.nn.Linear(ITEMS, HIDDEN, bias=False),
        torch.nn.Linear(HIDDEN, 2 * ITEMS - 1, bias=False),
    ).double()
    pair = (learning.first[step], learning.second[step])
    names = ("0.weight", "1.weight")
    model.load_state_dict({n: torch.from_numpy(w) for n, w in zip(names, pair, strict=True)})

    def loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return 0.5 * ((output - target) ** 2).sum(-1)

    chains = loss_chains(
        model,
        loss,
        (torch.eye(ITEMS, dtype=torch.float64), torch.from_numpy(properties())),
        nbeta=NBETA,
        gamma=GAMMA,
        sampler="hmc",
        chains=8,
        draws=settings.draws,
        max_steps=1000,
        tolerance=0.1,
        anyway=True,
        seed=seed,
        progress=False,
    )
    return influence(chains)


def _agreement(one: np.ndarray, other: np.ndarray) -> float:
    from scipy.stats import spearmanr

    pairs = ~np.eye(len(one), dtype=bool)
    return float(spearmanr(one[pairs], other[pairs]).statistic)


def draw(
    learning: Learning,
    exact: Float[np.ndarray, "steps kinds"],
    steps: list[int],
    means: Float[np.ndarray, "points kinds"],
    halves: tuple[float, ...],
) -> Figure:
    """Loss, influence of the training, and influence along chains, by kind of pair."""
    figure = Figure(figsize=(8.8, 7.2), layout="constrained")
    upper, middle, lower = figure.subplots(3, 1, sharex=True)
    upper.plot(learning.losses.mean(1), color=SERIES[0][0], label="mean of all things")
    for (colour, line), mark, kind, k in zip(SERIES, "os^", KINDS, range(LEVELS), strict=False):
        middle.plot(exact[:, k], color=colour, linestyle=line, label=kind)
        lower.plot(
            steps, means[:, k], color=colour, linestyle=line, marker=mark, markersize=4, label=kind
        )
    for axes in (upper, middle, lower):
        for half in halves:
            axes.axvline(half, color=QUIET, linewidth=0.8, linestyle=":", zorder=0)
        quieten(axes)
    for axes in (middle, lower):
        axes.axhline(0.0, color=QUIET, linewidth=0.8)
    upper.set_ylabel("loss")
    middle.set_ylabel("influence of training\n∂ℓ/∂log count")
    lower.set_ylabel("influence along chains\n[nats]")
    lower.set_xlabel("training step; dotted: a split is half learnt")
    lower.set_xlim(0, 1.05 * steps[-1])
    for axes in (upper, middle, lower):
        axes.legend(
            frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5),
            title="negative helps" if axes is not upper else None, title_fontsize=8,
        )  # fmt: skip
    figure.align_ylabels()
    return figure


EXPERIMENT = Experiment(
    "influence-through-learning",
    "a linear network learns a hierarchy: influence turns its sign at each stage",
    run,
)
