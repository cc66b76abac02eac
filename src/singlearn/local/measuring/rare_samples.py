"""The excess over all samples, where minibatches may not have met every one of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from singlearn.local.sampling.sampled import Sampled
from singlearn.local.target import Target, Tempering

OFTEN = 5.0
"""How often every sample should be met by a chain while draws count."""
POSITIONS = 4
BYTES = 2**30
"""That the losses of all samples at these positions may take."""


@dataclass(frozen=True)
class OverAll:
    """How often minibatches met a sample, and what all samples say where chains end.

    Attributes:
        samples: n.
        visits: draws × minibatch / n, how often a chain met a sample; infinite where all samples
            were in every step.
        excess: :math:`nβ(L_n(w) - L_n(w^*))` over all samples at the ends of up to four chains;
            empty where it was not needed or not affordable.
    """

    samples: int
    visits: float = math.inf
    excess: Float[np.ndarray, " positions"] | None = None

    @property
    def seldom(self) -> bool:
        """Whether some samples may have been missed."""
        return self.visits < OFTEN

    @property
    def mean(self) -> float:
        """The mean excess, NaN where it was not measured."""
        return math.nan if self.excess is None else float(self.excess.mean())


def excess_over_all(target: Target, tempering: Tempering, sampled: Sampled) -> OverAll:
    """Evaluate all samples at the ends of a few chains, if minibatches met each of them less than
    five times.

    A sample that is met less than about once pulls at no chain: the chains move along what only it
    feels as if that were flat, and then its loss is large.

    Args:
        target: the model at w*.
        tempering: nβ and γ.
        sampled: the run; no chain diverged.

    Returns:
        The excess over all samples, where it was needed and affordable.
    """
    if sampled.batch >= target.samples or sampled.state is None:
        return OverAll(target.samples)
    visits = sampled.traces.excess.shape[1] * sampled.batch / target.samples
    few = sampled.state._replace(position=sampled.state.position[:POSITIONS])
    if visits >= OFTEN or 8 * target.samples * len(few.position) > BYTES:
        return OverAll(target.samples, visits)
    return OverAll(target.samples, visits, tempering.nbeta * target.losses(few).mean(axis=1))
