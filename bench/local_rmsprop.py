"""RMSprop-preconditioned Langevin steps (Li et al. 2016) beside exact chains and our own Langevin
steps: the bias of λ̂ and what it costs. ``python bench/local_rmsprop.py``, two minutes of CPU.

Steps of RMSprop follow devinterp 2: w ← w - ε/2 G (nβ g + γ (w - w*)) + √(ε G) z, with
G = 1/(√V + e) and V a running mean of squares of the minibatch's gradient nβ g; the derivative of G
is left out, as everywhere. No step is judged, and ε is chosen by hand, so that several are shown.
"""

from __future__ import annotations

import math
import time
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch

import singlearn as sl
from singlearn.local.sampling.mixing import mixing
from singlearn.local.torch.target import TorchTarget

SAMPLES, CHAINS, STEPS, BATCH, GAMMA = 500, 8, 4000, 64, 10.0
DECAY, FLOOR = 0.99, 0.1
RATES = (1e-4, 1e-3, 1e-2)


class Case(NamedTuple):
    """A network at a minimum, with its data."""

    name: str
    model: torch.nn.Module
    data: tuple[torch.Tensor, torch.Tensor]


def squared(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Half the squared error over the variance 1/4 of the noise."""
    return 2.0 * ((output - target) ** 2).sum(-1)


def cases() -> list[Case]:
    """A regression with curvatures over four decades, and deep linear networks."""
    torch.manual_seed(0)
    x = torch.randn(SAMPLES, 8) * torch.logspace(-2, 0, 8)
    layer = torch.nn.Linear(8, 1, bias=False)
    y = layer(x).detach() + 0.5 * torch.randn(SAMPLES, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.linalg.lstsq(x, y).solution.T)
    found = [Case("regression, h over 4 decades", layer, (x, y))]
    for widths in ((4, 8, 4), (5, 8, 8, 5)):
        layers = [torch.nn.Linear(a, b, bias=False) for a, b in pairwise(widths)]
        model = torch.nn.Sequential(*layers)
        x = torch.randn(SAMPLES, widths[0])
        y = model(x).detach() + 0.5 * torch.randn(SAMPLES, widths[-1])
        found.append(Case("linear " + "-".join(map(str, widths)), trained(model, x, y), (x, y)))
    return found


def trained(model: torch.nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.nn.Module:
    """At its minimum, by L-BFGS."""
    optimiser = torch.optim.LBFGS(model.parameters(), max_iter=300, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimiser.zero_grad()
        loss = squared(model(x), y).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    optimiser.step(closure)
    return model


def rmsprop(case: Case, rate: float) -> tuple[float, float, float]:
    """λ̂, its error, CPU seconds."""
    began = time.process_time()
    target = TorchTarget(case.model, squared, case.data, gamma=GAMMA)
    nbeta = target.samples / math.log(target.samples)
    generator = torch.Generator().manual_seed(0)
    centre = target._centre
    away = torch.tensor([0.0, GAMMA**-0.5] * (CHAINS // 2))
    w = centre + away[:, None] * torch.randn(CHAINS, target.dimension, generator=generator)
    seen, square = [], None
    for begun in range(0, STEPS, 50):
        del begun
        for minibatch in target._evaluation.minibatches(50, CHAINS, BATCH, generator):
            value, gradient = minibatch(w)
            force = nbeta * gradient
            square = force**2 if square is None else DECAY * square + (1 - DECAY) * force**2
            metric = 1 / (square.sqrt() + FLOOR)
            noise = torch.randn(w.shape, generator=generator)
            drift = force + GAMMA * (w - centre)
            w = w - 0.5 * rate * metric * drift + (rate * metric).sqrt() * noise
            seen.append(nbeta * value.double())
    trace = torch.stack(seen, dim=1).numpy()[:, STEPS // 2 :]
    if not np.isfinite(trace).all():
        return math.nan, math.nan, time.process_time() - began
    found = mixing(trace, away.numpy())
    return found.mean, found.standard_error, time.process_time() - began


def ours(case: Case, sampler: str) -> tuple[float, float, float]:
    """λ̂, its error, CPU seconds, at the default settings."""
    began = time.process_time()
    steps = 20_000 if sampler == "hmc" else 2 * STEPS
    found = sl.local.llc(
        case.model, squared, case.data, gamma=GAMMA, sampler=sampler, max_steps=steps,
        tolerance=0.02, progress=False,
    )  # type: ignore[arg-type] # fmt: skip
    return found.value, found.standard_error, time.process_time() - began


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    print(f"{'':32}{'λ̂':>9}{'s.e.':>8}{'bias':>9}{'CPU s':>8}")
    for case in cases():
        exact = ours(case, "hmc")
        rows = [("hmc", exact), ("sgld, ours", ours(case, "sgld"))]
        rows += [(f"rmsprop, ε = {rate:g}", rmsprop(case, rate)) for rate in RATES]
        print(case.name)
        for name, (value, error, seconds) in rows:
            bias = value / exact[0] - 1
            print(f"  {name:30}{value:9.3f}{error:8.3f}{bias:+9.1%}{seconds:8.1f}", flush=True)


if __name__ == "__main__":
    main()
