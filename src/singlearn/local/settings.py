"""What the controller may do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Limits and goals of one run.

    Attributes:
        chains: half of them start at w*, half away from it.
        tolerance: wanted standard error of λ̂, relative.
        max_steps: of every chain, calibration included.
        batch: samples of a minibatch at the start; raised when its noise heats the chains.
        largest_batch: it is not raised beyond this.
        seed: same seed, same numbers.
        sampler: ``"auto"``, ``"sgld"`` or ``"hmc"``.
    """

    chains: int
    tolerance: float
    max_steps: int
    batch: int
    largest_batch: int
    seed: int
    sampler: str = "auto"
