"""What λ̂ of every head through the training of a large model takes: a cost model and a table."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

# Operations per parameter and token: forward, backward to the part, and forward at w*.
OF_A_PART = 6.0
# Of its matrix products, what a step of Langevin chains reaches on small networks on one core.
MEASURED_SHARE = 0.4


@dataclass(frozen=True)
class Model:
    """A transformer and the parts that are measured, each sampled with the rest at w*."""

    parameters: float
    parts: int
    part_parameters: float
    bytes_per_token: float
    """Activations that are kept for the gradient."""


@dataclass(frozen=True)
class Effort:
    """How much is asked of each part."""

    checkpoints: int
    chains: int
    steps: int
    tokens: int
    """Of one chain in one step."""


@dataclass(frozen=True)
class Devices:
    """What it runs on."""

    count: int
    operations: float
    """Of a matrix product, per second and device."""
    share: float
    """Of these that a step reaches."""
    hours_between_failures: float
    """Of one device."""
    restart: float = 600.0
    """Seconds until a failed process is at work again."""


# 24 layers of 16 heads of 128, width 2048: a head has 4 · 2048 · 128 parameters.
BILLION = Model(1.3e9, 24 * 16, 4 * 2048 * 128, 24 * 34 * 2048)
EFFORTS = {
    "defaults": Effort(100, 8, 1400, 64 * 1024),
    "20 checkpoints, 4 chains, 8 sequences": Effort(20, 4, 1400, 8 * 1024),
    "the same, 400 steps": Effort(20, 4, 400, 8 * 1024),
    "the same, one layer in four": Effort(20, 4, 400, 8 * 1024),
}


@dataclass(frozen=True)
class Cost:
    """Operations, hours of one device and of all, bytes, and what failures add."""

    operations: float
    device_hours: float
    hours: float
    task_seconds: float
    memory: float
    read: float
    lost: float


def cost(model: Model, effort: Effort, devices: Devices, part: float = OF_A_PART) -> Cost:
    """The cost model: every task is one part of one checkpoint on one device, and is lost with it.

    Args:
        model: that is measured.
        effort: chains, steps, tokens.
        devices: where.
        part: operations per parameter and token.

    Returns:
        What it takes; ``lost`` is the share of time that failures cost.
    """
    task = part * model.parameters * effort.tokens * effort.chains * effort.steps
    seconds = task / (devices.operations * devices.share)
    tasks = effort.checkpoints * model.parts
    # A failure takes half a task and a restart, on average.
    lost = (seconds / 2 + devices.restart) / (3600 * devices.hours_between_failures)
    hours = tasks * seconds * (1 + lost) / 3600
    return Cost(
        operations=tasks * task,
        device_hours=hours,
        hours=hours / devices.count,
        task_seconds=seconds,
        # bfloat16 weights; of the part each chain's position, w*, gradient and noise in float32;
        # chains one after the other where activations do not fit together.
        memory=2 * model.parameters
        + 4 * 4 * effort.chains * model.part_parameters
        + effort.tokens * model.bytes_per_token,
        # Every device reads each checkpoint once if its tasks are sorted by checkpoint.
        read=2 * model.parameters * effort.checkpoints * devices.count,
        lost=lost,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="run.py large-model", description=__doc__)
    parser.add_argument("--devices", type=int, default=64)
    parser.add_argument("--operations", type=float, default=9.9e14, help="per second and device")
    parser.add_argument("--share", type=float, default=MEASURED_SHARE, help="of these")
    parser.add_argument("--hours-between-failures", type=float, default=20_000.0)
    chosen = parser.parse_args(arguments)
    print(f"{chosen.devices} devices of {chosen.operations:.3g} operations per second")
    print(
        f"{'1.3e9 parameters, each of 384 heads':<42}{'operations':>11}{'device h':>10}{'h':>8}"
        f"{'task s':>8}{'GB':>6}{'TB read':>9}{'lost':>8}"
    )
    for name, effort in EFFORTS.items():
        model = BILLION
        if "one layer" in name:
            model = Model(
                model.parameters, model.parts // 4, model.part_parameters, model.bytes_per_token
            )
        found = cost(
            model,
            effort,
            Devices(chosen.devices, chosen.operations, chosen.share, chosen.hours_between_failures),
        )
        print(
            f"{name:<42}{found.operations:>11.1e}{found.device_hours:>10.0f}{found.hours:>8.1f}"
            f"{found.task_seconds:>8.0f}{found.memory / 1e9:>6.0f}{found.read / 1e12:>9.2f}"
            f"{found.lost:>8.2%}"
        )


if __name__ == "__main__":
    main()
