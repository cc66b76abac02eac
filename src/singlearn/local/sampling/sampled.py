"""What a sampler hands on: traces of the part that counts, how it was run, and how to go on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from singlearn.local.sampling.target import Tempering, Traces
from singlearn.results.estimate import Estimate

Progress = Callable[[int, int, float], None]
"""Steps done, steps allowed, the present mean excess."""
Onward = Callable[[Tempering, int], Traces]
"""So many more draws from where the chains are, under another tempering."""
Recorder = Callable[[int], tuple[Any, Traces]]
"""So many more moves under the same tempering: the state after them, in the target's form, and
their traces. Each call goes on.
"""


@dataclass
class Sampled:
    """One run.

    Attributes:
        sampler: ``"sgld"`` or ``"hmc"``.
        traces: of the part that counts.
        started_away: how far from w* each chain started.
        step: of every chain, frozen; for SGLD in parameter², for HMC in parameters.
        acceptance: mean of every chain.
        steps: gradients of every chain, all told.
        batch: samples of each.
        onward: goes on with the same settings under another tempering.
        record: goes on under the same tempering.
        heating: share by which minibatch noise heats
            (:func:`singlearn.local.sampling.langevin.heating`).
        capped: the heating forced the step below its best.
        history: λ̂ of every stage.
        virial: what the virial exceeds d by
            (:func:`singlearn.local.sampling.discretisation.virial_excess`).
        state: where the chains are, in the target's form.
        notes: sentences about the run.
    """

    sampler: str
    traces: Traces
    started_away: Float[np.ndarray, " chains"]
    step: Float[np.ndarray, " chains"]
    acceptance: Float[np.ndarray, " chains"]
    steps: int
    batch: int
    onward: Onward
    record: Recorder
    heating: float = 0.0
    capped: bool = False
    history: list[float] = field(default_factory=list)
    virial: Estimate = field(default_factory=lambda: Estimate(math.nan, math.nan))
    state: Any = None
    notes: tuple[str, ...] = ()
