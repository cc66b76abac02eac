"""The staircase of a linear pair from small weights: plateaus, exit times beside theory, and λ̂ at
each plateau beside exact λ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from singlearn.exact.catalogue import reduced_rank
from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.experiments.own.staircase_cells import cells, ending, plateau_row, warnings_of
from singlearn.experiments.own.staircase_figure import draw
from singlearn.results.table import Column, aligned
from singlearn.running.progress import counted

SMALL = 1e-6
RATE = 5e-4
AFTER = 3.0
"""Time after the last exit."""
NBETA, GAMMA = 1e4, 3.0
"""λ̂ of the zero map has its bias in γ² / nβ, 1e-3 here: the divergence is of fourth order
there."""
COPIES = 2
"""Of an orthogonal design: its covariance is the identity, and n plays no other part, for nβ is
given."""
BOTH_SIGNS = 0.05
"""Length of the steps from a saddle in which the loss is looked at."""
DIRECTIONS = 2000


@dataclass(frozen=True)
class StaircaseWork:
    """``values``: singular values of the true map; the network has as many inputs, hidden nodes and
    outputs.
    """

    values: tuple[float, ...]
    chains: int
    most: int
    tolerance: float


FULL = StaircaseWork((4.0, 2.8, 2.0, 1.4, 1.0, 0.7), 32, 40_000, 0.01)
QUICK = StaircaseWork((2.5, 1.2, 0.7), 32, 5_000, 0.03)


@dataclass(frozen=True)
class Training:
    r"""Gradient descent from small weights.

    Attributes:
        times: step × rate.
        first, second: weights W₁ (hidden × inputs) and W₂ (outputs × hidden).
        modes: :math:`u_i^T W_2 W_1 v_i`, the strength of every mode of the true map.
        loss: :math:`\frac12 |W_2 W_1 - M|^2`.
        gradient: its squared length.
        predicted: half time of every mode.
        measured: when a mode passes half its singular value.
    """

    truth: Float[np.ndarray, "d d"]
    times: Float[np.ndarray, " steps"]
    first: Float[np.ndarray, "steps d d"]
    second: Float[np.ndarray, "steps d d"]
    modes: Float[np.ndarray, "steps d"]
    loss: Float[np.ndarray, " steps"]
    gradient: Float[np.ndarray, " steps"]
    predicted: tuple[float, ...]
    measured: tuple[float, ...]

    def plateau(self, rank: int) -> int:
        """The step between two exits at which the gradient is smallest, next to the saddle of this
        rank; after the last one, the last.
        """
        ends = [0.0, *self.measured]
        if rank == len(self.measured):
            return len(self.times) - 1
        first, last = np.searchsorted(self.times, (ends[rank], ends[rank + 1]))
        return int(first + np.argmin(self.gradient[first:last]))


def train(values: tuple[float, ...], seed: int) -> Training:
    r"""Gradient descent of :math:`\frac12 |W_2 W_1 - M|^2` with white inputs, from weights of size
    10⁻⁶.

    The exit times of Saxe, McClelland & Ganguli 2014 [saxe2014exact]_ for weights that are not
    aligned: the hidden directions :math:`c_i = (W_1 v_i + W_2^T u_i)/2` are made orthogonal in the
    order of the modes, for a mode that is learnt takes its hidden direction away from the others,
    and the half time is :math:`\log(s_i/|c_i^⊥|^2 - 1)/(2 s_i)`.
    """
    rng = np.random.default_rng([seed, 20])
    d = len(values)
    left, right = (np.linalg.qr(rng.normal(size=(d, d)))[0] for _ in range(2))
    truth = left @ np.diag(values) @ right.T
    first, second = SMALL * rng.normal(size=(2, d, d))
    predicted = half_times(values, left, right, first, second)
    count = math.ceil((max(predicted) + AFTER / min(values)) / RATE)
    kept: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    every = max(1, count // 6000)
    for step in range(count + 1):
        if step % every == 0:
            kept[0].append(first.copy())
            kept[1].append(second.copy())
        error = second @ first - truth
        first, second = first - RATE * second.T @ error, second - RATE * error @ first.T
    firsts, seconds = (np.array(part) for part in kept)
    maps = seconds @ firsts
    modes = np.einsum("oi,tok,ki->ti", left, maps, right)
    times = RATE * every * np.arange(len(maps))
    errors = maps - truth
    loss = 0.5 * (errors**2).sum((1, 2))
    back = np.swapaxes(seconds, 1, 2) @ errors, errors @ np.swapaxes(firsts, 1, 2)
    gradient = (back[0] ** 2).sum((1, 2)) + (back[1] ** 2).sum((1, 2))
    measured = tuple(_passes(times, modes[:, i], values[i] / 2) for i in range(d))
    return Training(truth, times, firsts, seconds, modes, loss, gradient, predicted, measured)


def half_times(
    values: tuple[float, ...],
    left: np.ndarray,
    right: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
) -> tuple[float, ...]:
    """When every mode passes half its singular value, from the weights at the start."""
    taken: list[np.ndarray] = []
    found = []
    for i, value in enumerate(values):
        direction = (first @ right[:, i] + second.T @ left[:, i]) / 2
        for other in taken:
            direction = direction - (direction @ other) * other
        length = float(np.linalg.norm(direction))
        found.append(math.log(value / length**2 - 1) / (2 * value))
        taken.append(direction / length)
    return tuple(found)


def _passes(times: np.ndarray, mode: np.ndarray, level: float) -> float:
    k = int(np.argmax(mode > level))
    if not mode[k] > level:
        return math.inf
    share = (level - mode[k - 1]) / (mode[k] - mode[k - 1])
    return float(times[k - 1] + share * (times[k] - times[k - 1]))


def both_signs(
    training: Training, rank: int, values: tuple[float, ...], seed: int
) -> tuple[float, float, int]:
    """Lowest and highest change of the loss in steps of one length from the exact saddle of this
    rank, and its directions of negative curvature.

    The steps are random ones and those along the directions of extreme curvature.
    """
    left, _, right = np.linalg.svd(training.truth)
    d = len(values)
    root = np.diag([math.sqrt(s) if i < rank else 0.0 for i, s in enumerate(values)])
    first, second = root @ right, left @ root
    curvatures, directions = np.linalg.eigh(_hessian(first, second, training.truth))
    flat = np.concatenate(
        [
            np.random.default_rng([seed, 21]).normal(size=(DIRECTIONS, 2 * d * d)),
            directions.T[[0, -1]],
        ]
    )
    steps = (BOTH_SIGNS * flat / np.linalg.norm(flat, axis=1)[:, None]).reshape(-1, 2, d, d)
    maps = (second + steps[:, 1]) @ (first + steps[:, 0])
    changes = (
        0.5 * ((maps - training.truth) ** 2).sum((1, 2))
        - 0.5 * ((second @ first - training.truth) ** 2).sum()
    )
    return float(changes.min()), float(changes.max()), int((curvatures < -1e-9).sum())


def _hessian(first: np.ndarray, second: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Of the loss, at two matrices."""
    d = len(truth)
    error = second @ first - truth
    columns = []
    for k in range(2 * d * d):
        step = np.zeros(2 * d * d)
        step[k] = 1.0
        one, other = step.reshape(2, d, d)
        change = other @ first + second @ one
        columns.append(
            np.concatenate(
                [
                    (other.T @ error + second.T @ change).ravel(),
                    (change @ first.T + error @ one.T).ravel(),
                ]
            )
        )
    return np.array(columns)


def learning_coefficients(
    training: Training, settings: StaircaseWork, seed: int, progress: bool | None
) -> list[Any]:
    """λ̂ of the network's own function at every plateau, and what a run on the loss itself says
    there.
    """
    import torch

    from singlearn.local import llc

    d = len(settings.values)
    inputs = torch.from_numpy(np.tile(math.sqrt(d) * np.eye(d), (COPIES, 1)))
    targets = inputs @ torch.from_numpy(training.truth).T

    def loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return 0.5 * ((output - target) ** 2).sum(-1)

    def measured(rank: int) -> Any:
        module = torch.nn.Sequential(
            torch.nn.Linear(d, d, bias=False), torch.nn.Linear(d, d, bias=False)
        ).double()
        step = training.plateau(rank)
        matrices = training.first[step], training.second[step]
        names = ("0.weight", "1.weight")
        module.load_state_dict(
            {n: torch.from_numpy(m) for n, m in zip(names, matrices, strict=True)}
        )
        own = llc(
            module,
            loss,
            (inputs, targets),
            reference="self",
            nbeta=NBETA,
            gamma=GAMMA,
            sampler="hmc",
            chains=settings.chains,
            tolerance=settings.tolerance,
            max_steps=settings.most,
            seed=seed,
            progress=False,
        )
        of_loss = llc(
            module,
            loss,
            (inputs, targets),
            nbeta=NBETA,
            gamma=GAMMA,
            sampler="hmc",
            chains=4,
            tolerance=0.1,
            max_steps=1000,
            seed=seed,
            progress=False,
        )
        return own, of_loss

    ranks = range(d + 1)
    return [
        found
        for _, found in counted(
            "staircase", ((r, measured(r)) for r in ranks), len(ranks), progress
        )
    ]


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """Train, measure λ̂ at every plateau (``quick``: four modes in place of six, shorter
    chains).
    """
    settings = QUICK if quick else FULL
    training = train(settings.values, seed)
    found = learning_coefficients(training, settings, seed, progress)
    d = len(settings.values)
    rows = []
    for rank, (own, of_loss) in enumerate(found):
        step = training.plateau(rank)
        strengths = np.linalg.svd(training.second[step] @ training.first[step], compute_uv=False)
        low, high, negative = both_signs(training, rank, settings.values, seed)
        rows.append(
            {
                **plateau_row(training, settings.values, rank, own, reduced_rank(d, d, d, rank)),
                "singular values above half of the smallest true one": int(
                    (strengths > min(settings.values) / 2).sum()
                ),
                "lowest change of the loss": low,
                "highest change of the loss": high,
                "directions down": negative,
                "λ̂ of the loss": of_loss.value if math.isfinite(of_loss.value) else None,
                "status of the loss": str(of_loss.status),
            }
        )
    warnings = warnings_of([own for own, _ in found])
    path = out / "staircase.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    draw(training, settings.values, rows).savefig(path, dpi=150)
    return ExperimentResult(rows, warnings, _table(rows, warnings, settings), [path])


def _table(
    rows: list[dict[str, Any]], warnings: list[dict[str, Any]], settings: StaircaseWork
) -> str:
    d = len(settings.values)
    lines = [
        f"linear pair {d}-{d}-{d}, singular values {', '.join(f'{s:g}' for s in settings.values)}, "
        f"weights from {SMALL:g}, nβ = {NBETA:g}, "
        f"γ = {GAMMA:g}",
        "",
    ]
    heads = ["rank", "loss (theory)", "exit (theory)", "λ̂ of its own function", "exact λ"]
    heads += ["width r", "loss - L*, |step| = 0.05", "down", "run on the loss"]
    shown = []
    for row in rows:
        signs = (
            f"{row['lowest change of the loss']:+.1e} to {row['highest change of the loss']:+.1e}"
        )
        own = (f"{row['λ of width r alone']:g}", signs, f"{row['directions down']}")
        shown.append((f"{row['rank']}", *cells(row), *own, f"{row['status of the loss']}"))
    columns = zip(heads, zip(*shown, strict=True), strict=True)
    lines += aligned([Column(head, column) for head, column in columns])
    lines += ending(rows, warnings)
    return "\n".join(lines)


EXPERIMENT = Experiment(
    "staircase",
    "a linear pair from small weights: plateaus, exit times beside theory, λ̂ at each plateau "
    "beside exact λ",
    run,
)
