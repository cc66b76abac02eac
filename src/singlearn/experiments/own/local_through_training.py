"""A toy model of superposition, trained from scratch: λ̂ and the loss on its plateaus and between
them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.local import Trajectory, TrajectoryPoint, trajectory
from singlearn.plot.trajectory_of_training import trajectory as picture

FEATURES, HIDDEN = 6, 2
SAMPLES = 300
SPREAD = 0.02
RATE = 0.3
LAST = 2000
NOISE = 0.5
GAMMA = 100.0
REPRESENTED = 0.7
FIRST_SEED = 4
"""With seed 0 of the command line: of the first six, a run that rests at four features before it
finds five.
"""


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """Train, measure λ̂ at checkpoints even in log step, find the stages; finished points are kept
    in ``out/local-through-training``.
    """
    weights, x, model, loss = train(seed)
    steps = checkpoint_steps(9 if quick else 22)
    folder = out / "local-through-training" / f"{'quick-' if quick else ''}{seed}"
    found = trajectory(
        {step: weights[step] for step in steps},
        model,
        loss,
        (x, x),
        gamma=GAMMA,
        chains=4 if quick else 6,
        batch_size=SAMPLES,
        tolerance=0.1 if quick else 0.05,
        max_steps=1000 if quick else 4000,
        seed=seed,
        folder=folder,
        progress=progress,
    )
    rows = [_row(point, weights[int(point.step)]["weight"].numpy()) for point in found.points]
    warnings = [{"reason": str(c.reason), "message": c.message} for c in found.cautions]
    path = out / "local-through-training.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(
        found, f"{FEATURES} features in {HIDDEN} dimensions, n = {SAMPLES}, γ = {GAMMA:g}"
    ).savefig(path, dpi=140)
    return ExperimentResult(rows, warnings, table(found, rows), [path])


def checkpoint_steps(count: int) -> list[int]:
    """Whole numbers, even in log step from 4 to the last; before that only the biases move."""
    return sorted({round(step) for step in np.geomspace(4, LAST, count)})


def train(seed: int) -> tuple[dict[int, dict[str, Any]], Any, Any, Any]:
    r"""Full-batch gradient descent of :math:`x \mapsto \mathrm{ReLU}(W^T W x + b)` from small
    weights, on single features of random size.

    Elhage et al. 2022 [elhage2022toy]_; λ of its critical points: Chen et al. 2023
    [chen2023dynamical]_.

    Returns:
        weights after every step, the inputs (n × features), a module that they fit, and the loss
        per sample in nats, :math:`|y - x|^2 / 2σ^2` with σ = 0.5.
    """
    import torch

    class Autoencoder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(HIDDEN, FEATURES))
            self.bias = torch.nn.Parameter(torch.zeros(FEATURES))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(x @ self.weight.T @ self.weight + self.bias)

    def loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return ((output - target) ** 2).sum(-1) / (2 * NOISE**2)

    generator = torch.Generator().manual_seed(FIRST_SEED + seed)
    x = torch.zeros(SAMPLES, FEATURES)
    x[torch.arange(SAMPLES), torch.randint(FEATURES, (SAMPLES,), generator=generator)] = torch.rand(
        SAMPLES, generator=generator
    )
    model = Autoencoder()
    with torch.no_grad():
        model.weight.copy_(SPREAD * torch.randn(HIDDEN, FEATURES, generator=generator))
    optimiser = torch.optim.SGD(model.parameters(), lr=RATE)
    kept = {}
    for step in range(LAST + 1):
        kept[step] = {name: value.clone() for name, value in model.state_dict().items()}
        optimiser.zero_grad()
        ((model(x) - x) ** 2).sum(-1).mean().backward()
        optimiser.step()
    return kept, x, model, loss


def _row(point: TrajectoryPoint, weight: Any) -> dict[str, Any]:
    plain = point.to_dict()
    return {
        "step": point.step,
        "loss": plain["loss"],
        "λ̂": plain["value"],
        "standard error": plain["standard_error"],
        "status": plain["status"],
        "features represented": int((np.linalg.norm(weight, axis=0) > REPRESENTED).sum()),
    }


def table(found: Trajectory, rows: list[dict[str, Any]]) -> str:
    """λ̂ and loss by checkpoint, then the stages and the number of features with a direction of
    their own.
    """
    counts = ", ".join(f"{row['features represented']} at {row['step']:g}" for row in rows)
    return f"{found}\n  features with |w| > {REPRESENTED:g}, by step: {counts}"


EXPERIMENT = Experiment(
    "local-through-training",
    "λ̂ and the loss of a toy model of superposition through its training, and the stages they "
    "fall into",
    run,
)
