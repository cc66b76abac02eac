"""Sub-tasks of a network found again from how the losses of its samples move together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.experiments.recipes.checkpoints import trained
from singlearn.experiments.recipes.clusters import clusters, rand_index
from singlearn.experiments.recipes.report import cell, doubts_of, number, report
from singlearn.plot.kernel_of_losses import loss_kernel as picture

if TYPE_CHECKING:
    import torch

BITS, RATE = 4, 1e-2
PAIRS = ((0, 1), (2, 3), (0, 2), (1, 3), (0, 3), (1, 2))
"""Every sub-task is the parity of two of four bits; they share bits, so that these do not tell the
sub-tasks apart."""
CODES = np.array(
    [[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1], [-1, 1, 1, -1], [-1, 1, -1, 1]]
)
"""Four signs together say which sub-task is asked for; no single one does."""


@dataclass(frozen=True)
class LossKernelWork:
    """Sub-tasks, hidden nodes, steps of training, and what chains do."""

    tasks: int
    width: int
    steps: int
    draws: int
    most: int


FULL = LossKernelWork(6, 48, 6000, 6000, 20_000)
QUICK = LossKernelWork(4, 24, 3000, 1600, 1_500)
NOISE = 0.1
"""Standard deviation of the answers under the likelihood; the answers themselves have none."""
STIFF = 4500.0
"""γ, in units of 1/parameter²: a weight moves by a hundredth or two, a few per cent of itself, and
the network is linear that far. The full run also takes the γ that the library chooses."""


def questions(settings: LossKernelWork) -> tuple[Any, Any, Int[np.ndarray, " n"]]:
    """Signs that say which sub-task, four bits as signs, and their parity: all 16 patterns of each
    sub-task.

    Returns:
        Inputs (n × 8) and answers (n × 1, ±1) as tensors, and the sub-task of each.
    """
    import torch

    patterns = 2.0 * ((np.arange(2**BITS)[:, None] >> np.arange(BITS)) & 1) - 1
    task = np.repeat(np.arange(settings.tasks), len(patterns))
    bits = np.tile(patterns, (settings.tasks, 1))
    one, other = np.array(PAIRS)[task].T
    rows = np.arange(len(task))
    answer = bits[rows, one] * bits[rows, other]
    inputs = np.concatenate([CODES[task], bits], axis=1)
    return (
        torch.from_numpy(inputs.astype(np.float32)),
        torch.from_numpy(answer.astype(np.float32)[:, None]),
        task,
    )


def gaussian(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Squared error over twice the variance of the noise, per sample, in nats."""
    return ((output - target) ** 2).sum(-1) / (2 * NOISE**2)


def network(settings: LossKernelWork, x: Any, y: Any, seed: int) -> torch.nn.Module:
    """A two-layer ReLU network, trained on all samples; a little decay of the weights, and a rate
    that falls at the end.
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = torch.nn.Sequential(
            torch.nn.Linear(x.shape[1], settings.width),
            torch.nn.ReLU(),
            torch.nn.Linear(settings.width, 1),
        )
    for rate, share in ((RATE, 0.8), (RATE / 10, 0.2)):
        descent = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
        trained(model, gaussian, lambda step: (x, y), descent, [round(share * settings.steps)])
    return model


def same_and_other(
    kernel: Float[np.ndarray, "n n"], task: Int[np.ndarray, " n"]
) -> tuple[float, float]:
    """Mean of a kernel over pairs of samples of one sub-task, and over those of different ones.

    >>> same_and_other(np.array([[1.0, 0.5], [0.5, 1.0]]), np.array([0, 0]))
    (0.5, nan)
    """
    pairs = ~np.eye(len(task), dtype=bool)
    same = task[:, None] == task[None, :]
    means = []
    for chosen in (pairs & same, pairs & ~same):
        means.append(float(kernel[chosen].mean()) if chosen.any() else float("nan"))
    return means[0], means[1]


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """Train, sample around the network, and look for the sub-tasks in the kernel, in the inputs
    and in the hidden layer.
    """
    import torch

    from singlearn.local import loss_chains, loss_kernel

    settings = QUICK if quick else FULL
    x, y, task = questions(settings)
    model = network(settings, x, y, seed)
    runs = {
        gamma: loss_chains(
            model,
            gaussian,
            (x, y),
            gamma=gamma,
            chains=8,
            draws=settings.draws,
            max_steps=settings.most,
            tolerance=0.1,
            seed=seed,
            progress=progress,
        )
        for gamma in ((STIFF,) if quick else (STIFF, "auto"))
    }
    kernels = {gamma: loss_kernel(chains) for gamma, chains in runs.items()}
    with torch.no_grad():
        hidden = model[1](model[0](x)).numpy()  # type: ignore[index]
        right = float((model(x) * y > 0).float().mean())
    sources: dict[str, Shaped[np.ndarray, "n n"]] = {
        f"losses along chains, γ = {gamma}": kernel["correlation"].values
        for gamma, kernel in kernels.items()
    }
    sources |= {"inputs": _alike(x.numpy()), "hidden layer": _alike(hidden)}
    rows: list[dict[str, Any]] = []
    for name, matrix in sources.items():
        finite = bool(np.isfinite(matrix).all())
        found = clusters(matrix, settings.tasks, seed) if finite else np.zeros(len(task), int)
        same, other = same_and_other(matrix, task)
        rows.append(
            {
                "read from": name,
                "same sub-task": number(same),
                "other sub-task": number(other),
                "adjusted Rand index": number(rand_index(found, task)) if finite else None,
            }
        )
    doubts = doubts_of(
        ({"γ": gamma}, caution) for gamma, kernel in kernels.items() for caution in kernel.cautions
    )
    notes = [f"{right:.0%} of {len(task)} samples right, nβ = {kernels[STIFF].attrs['nbeta']:.4g}"]
    for gamma, chains in runs.items():
        head = chains.table().iloc[0]
        shown = cell(number(head.learning_coefficient), head.standard_error)
        notes.append(f"γ = {gamma}: λ̂ = {shown} ({head.status})")
    notes.append(
        "adjusted Rand index: 1 where clusters are the sub-tasks, 0 where they are as good as "
        "chance; clusters are k-means on the leading eigenvectors"
    )
    table: list[tuple[str, ...]] = [("read from", "same sub-task", "other", "adjusted Rand index")]
    for row in rows:
        names = ("same sub-task", "other sub-task", "adjusted Rand index")
        table.append((row["read from"], *(cell(row[name]) for name in names)))
    title = (
        f"{settings.tasks} sub-tasks, {len(x) // settings.tasks} samples each, network "
        f"{x.shape[1]}-{settings.width}-1: mean correlation of pairs"
    )
    figure = picture(kernels[STIFF], task)
    return report(rows, doubts, title, table, notes, figure, out / "loss-kernel.png")


def _alike(rows: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n n"]:
    """Correlation of rows, after the mean row is taken away."""
    centred = rows - rows.mean(axis=0)
    size = np.linalg.norm(centred, axis=1)
    size[size == 0] = 1.0
    found: Float[np.ndarray, "n n"] = (centred @ centred.T) / np.outer(size, size)
    return found


EXPERIMENT = Experiment(
    "loss-kernel",
    "sub-tasks of a network found again from the covariance of its samples' losses",
    run,
)
