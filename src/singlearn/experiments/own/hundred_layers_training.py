"""Training many very deep networks at once, each with a learning rate of its own."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from singlearn.experiments.own.hundred_layers_networks import (
    EVERY,
    INITIALISATIONS,
    LayeredArchitecture,
    Weights,
    balance,
    cosine,
    start,
)
from singlearn.running.whole_files import write_whole

RATES = {"SGD": (0.5, 0.1, 0.02, 0.004, 0.0008), "Adam": (1e-2, 3e-3, 1e-3, 3e-4, 1e-4)}
"""Learning rates that every cell tries."""
BETAS, EPSILON = (0.9, 0.999), 1e-8
POINTS = 64


@dataclass(frozen=True)
class LayerUnit:
    """All networks of one architecture and optimiser: every initialisation, seed and learning rate.

    Attributes:
        depth: layers with weights.
        treatment: what is done about depth.
        optimiser: SGD (plain, all data at every step) or Adam.
        steps: of training.
        seeds: of the networks.
    """

    depth: int
    treatment: str
    optimiser: str
    steps: int
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class TrainedLayers:
    """What became of a unit; axes are initialisations, seeds, learning rates where not said
    otherwise.

    Attributes:
        loss: at the end, infinite where training diverged.
        accuracy: on the training data, at the end.
        steepness: log₁₀ of the largest over the smallest gradient norm of a layer, at the first
            step (after balancing), by initialisation and seed.
        norm: total gradient norm there.
        parallel: mean cosine between last hidden activations of two inputs, at the start.
        residual: largest |in - out|/(in + out) that any balancing left.
    """

    loss: Float[np.ndarray, "inits seeds rates"]
    accuracy: Float[np.ndarray, "inits seeds rates"]
    steepness: Float[np.ndarray, "inits seeds"]
    norm: Float[np.ndarray, "inits seeds"]
    parallel: Float[np.ndarray, "inits seeds"]
    residual: float


def moons() -> tuple[Float[torch.Tensor, "2 points"], Float[torch.Tensor, " points"]]:
    """Two half circles that a line cannot part, 32 points each, with noise 0.1, standardised;
    labels 0 and 1.
    """
    rng = np.random.default_rng(20)
    angle = np.pi * rng.random(POINTS)
    label = np.arange(POINTS) % 2
    x = np.stack(
        [
            np.where(label == 0, np.cos(angle), 1 - np.cos(angle)),
            np.where(label == 0, np.sin(angle), 0.5 - np.sin(angle)),
        ]
    )
    x = x + 0.1 * rng.normal(size=x.shape)
    x = (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(label, dtype=torch.float32)


def train(unit: LayerUnit) -> TrainedLayers:
    """Train all networks of a unit on the moons, full batch, cross-entropy."""
    x, label = moons()
    architecture = LayeredArchitecture(unit.treatment, unit.depth)
    rates, inits, seeds = RATES[unit.optimiser], len(INITIALISATIONS), len(unit.seeds)
    every = [start(architecture, name, list(unit.seeds)) for name in INITIALISATIONS]
    shape = (inits, seeds, len(rates))
    weights = Weights(
        *(
            torch.cat(parts).repeat_interleave(len(rates), 0).requires_grad_()
            for parts in zip(*every, strict=True)
        )
    )
    rate = torch.tensor(rates).repeat(inits * seeds)
    memory = [torch.zeros_like(w) for w in weights]
    squares = [torch.zeros_like(w) for w in weights]
    first: dict[str, Any] = {}
    residual = 0.0
    for step in range(unit.steps + 1):
        output, hidden = architecture.forward(weights, x)
        losses = torch.nn.functional.binary_cross_entropy_with_logits(
            output, label.expand_as(output), reduction="none"
        ).mean(1)
        if step == unit.steps:
            break
        for w in weights:
            w.grad = None
        torch.where(torch.isfinite(losses), losses, 0.0).sum().backward()
        for w in weights:
            assert w.grad is not None
            w.grad.nan_to_num_(0.0, 0.0, 0.0)
        what, _, when = unit.treatment.partition(" balanced ")
        if when and (step == 0 or (when != "once" and step % EVERY == 0)):
            tolerance = 1e-4 if step == 0 else 1e-2
            residual = max(
                residual, balance(weights, what, [Weights(*memory)], [Weights(*squares)], tolerance)
            )
        if step == 0:
            first = _at_start(weights, hidden.detach(), shape)
        _step(unit.optimiser, weights, memory, squares, rate, step + 1)
    loss = losses.detach().double().numpy().reshape(shape)
    right = ((output > 0) == (label > 0.5)).double().mean(1).detach().numpy().reshape(shape)
    fine = np.isfinite(loss)
    return TrainedLayers(
        np.where(fine, loss, np.inf), np.where(fine, right, 0.5), **first, residual=residual
    )


def _step(
    optimiser: str,
    weights: Weights,
    memory: list[torch.Tensor],
    squares: list[torch.Tensor],
    rate: torch.Tensor,
    t: int,
) -> None:
    with torch.no_grad():
        for w, m, v in zip(weights, memory, squares, strict=True):
            assert w.grad is not None
            each = rate.view(-1, *[1] * (w.ndim - 1))
            if optimiser == "SGD":
                w.sub_(each * w.grad)
                continue
            m.mul_(BETAS[0]).add_(w.grad, alpha=1 - BETAS[0])
            v.mul_(BETAS[1]).addcmul_(w.grad, w.grad, value=1 - BETAS[1])
            w.sub_(each * (m / (1 - BETAS[0] ** t)) / ((v / (1 - BETAS[1] ** t)).sqrt() + EPSILON))


def _at_start(weights: Weights, hidden: torch.Tensor, shape: tuple[int, ...]) -> dict[str, Any]:
    """What a network is before the first step; the same for all learning rates, of which the first
    is shown.
    """
    grads = [w.grad.double() for w in weights if w.grad is not None]
    layers = torch.cat(
        [
            grads[0].square().sum((1, 2))[:, None],
            grads[2].square().sum((2, 3)),
            grads[4].square().sum((1, 2))[:, None],
        ],
        dim=1,
    ).sqrt()
    spread = torch.log10(layers.amax(1) / layers.amin(1).clamp_min(1e-30))
    norm = torch.stack([g.reshape(len(g), -1).square().sum(1) for g in grads]).sum(0).sqrt()
    return {
        "steepness": spread.numpy().reshape(shape)[..., 0],
        "norm": norm.numpy().reshape(shape)[..., 0],
        "parallel": cosine(hidden).reshape(shape)[..., 0],
    }


def trained(unit: LayerUnit, folder: Path) -> TrainedLayers:
    """Train a unit, or read what became of it from the folder, if the same was trained before."""
    name = (
        f"{unit.depth}-{unit.treatment}-{unit.optimiser}".replace(" ", "-")
        .replace("(", "")
        .replace(")", "")
    )
    path = folder / f"{name}.json"
    asked = {**asdict(unit), "seeds": list(unit.seeds), "rates": list(RATES[unit.optimiser])}
    if path.exists():
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["unit"] == asked:
            found = stored["found"]
            arrays = {
                key: np.array(value, dtype=float)
                for key, value in found.items()
                if key != "residual"
            }
            return TrainedLayers(residual=float(found["residual"]), **arrays)
    result = train(unit)
    found = {
        key: value.tolist() if isinstance(value, np.ndarray) else value
        for key, value in asdict(result).items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps({"unit": asked, "found": found}).encode())
    return result
