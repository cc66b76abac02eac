"""What a sampler returns: traces of the final stage, its settings, and functions that continue the
chains.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from jaxtyping import Float

from singlearn.local.target import Tempering, Traces
from singlearn.results.caution import Caution
from singlearn.results.estimate import Estimate

Progress = Callable[[int, int, float], None]
"""Takes the steps done, the steps allowed, and the present mean excess."""
Onward = Callable[[Tempering, int], Traces]
"""Makes so many more draws under another tempering, from where the chains are."""
Recorder = Callable[[int], tuple[Any, Traces]]
"""Makes so many more moves under the same tempering. It gives the state after them, in the target's
form, and their traces. Each call goes on where the last one ended.
"""


@dataclass(frozen=True)
class Start:
    """Where chains begin that others have warmed up under another tempering.

    Attributes:
        offset: w - w*.
        step: of every chain.
        started_away: how far from w* each chain started, at first.
    """

    offset: Float[np.ndarray, "chains d"]
    step: Float[np.ndarray, " chains"]
    started_away: Float[np.ndarray, " chains"]


@dataclass(kw_only=True)
class Drawn:
    """The numbers of one run.

    Attributes:
        sampler: ``"sgld"`` or ``"hmc"``.
        traces: of the final stage.
        started_away: how far from w* each chain started.
        step: of every chain, frozen; for SGLD in parameter², for HMC in parameters.
        acceptance: mean of every chain.
        steps: gradients of every chain, all told.
        batch: samples of each.
        heating: share by which minibatch noise heats
            (:func:`singlearn.local.sampling.langevin.heating`).
        capped: the heating forced the step below its best.
        history: λ̂ of every stage.
        virial: what the virial exceeds d by
            (:func:`singlearn.local.sampling.discretisation.virial_excess`).
        notes: what is to be said about the run.
    """

    sampler: str
    traces: Traces
    started_away: Float[np.ndarray, " chains"]
    step: Float[np.ndarray, " chains"]
    acceptance: Float[np.ndarray, " chains"]
    steps: int
    batch: int
    heating: float = 0.0
    capped: bool = False
    history: list[float] = field(default_factory=list)
    virial: Estimate = field(default_factory=lambda: Estimate(math.nan, math.nan))
    notes: tuple[Caution, ...] = ()

    @property
    def langevin_step(self) -> float:
        """The mean step in parameter²: of a Langevin step with as much noise as one leapfrog."""
        return float(np.mean(self.step)) ** (2 if self.sampler == "hmc" else 1)


@dataclass(kw_only=True)
class Sampled(Drawn):
    """The same with the chains themselves, which can go on.

    Attributes:
        onward: goes on with the same settings under another tempering.
        record: goes on under the same tempering.
        state: where the chains are, in the target's form.
    """

    onward: Onward
    record: Recorder
    state: Any = None

    @property
    def drawn(self) -> Drawn:
        """The numbers alone."""
        return Drawn(**{one.name: getattr(self, one.name) for one in fields(Drawn)})
