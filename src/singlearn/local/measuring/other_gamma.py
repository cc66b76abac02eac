"""How much λ̂ depends on the tie: the same chains once more, tied twice and half as strongly."""

from __future__ import annotations

import math

import numpy as np

from singlearn.local.sampling.agreement import error
from singlearn.local.sampling.mixing import mixing
from singlearn.local.sampling.sampled import Sampled
from singlearn.local.target import Tempering
from singlearn.results.estimate import Estimate

TWICE, HALF = 0.25, 0.1
"""Shares of the counted draws that the further runs take."""
FEWEST, ROUND = 64, 100
"""Draws at least, and what more are a multiple of: JAX compiles a walk for every length."""


def at_other_gamma(tempering: Tempering, sampled: Sampled, factor: float, share: float) -> Estimate:
    r"""λ̂ at another γ, from a short run that begins where the chains of the first have ended; NaN
    if a chain leaves.

    The first third is dropped: under another tie chains move to another distance from w* within
    :math:`1/εγ` steps, and the first run, if it has arrived, is longer than that. The derivative of
    the reweighted mean, :math:`-\frac γ2 \mathrm{Cov}(nβ ΔL, |w-w^*|^2)`, would need no further
    run, but its noise is that of every minibatch times a distance that changes slowly: it was
    larger than λ̂ for small networks.

    Args:
        tempering: of the first run, nβ and γ.
        sampled: the first run; no chain diverged.
        factor: by which γ is multiplied.
        share: of the counted draws, that it takes.

    Returns:
        λ̂ there with its error.
    """
    wanted = math.ceil(share * sampled.traces.excess.shape[1])
    draws = max(FEWEST, wanted if wanted < ROUND else wanted - wanted % ROUND)
    kept = sampled.onward(Tempering(tempering.nbeta, factor * tempering.gamma), draws).excess[
        :, draws // 3 :
    ]
    if not np.isfinite(kept).all():
        return Estimate(math.nan, math.nan)
    found = mixing(kept, sampled.started_away)
    return Estimate(found.mean, error(found), found.per_chain)


def least_error(spread: float, share: float) -> float:
    """What the error of the further run cannot be below: a short run knows little of its own, the
    longer one says what draws are worth.

    >>> round(least_error(0.1, 0.25), 3)
    0.245
    """
    return spread / math.sqrt(share * 2 / 3)
