"""A second reading of λ, by the variance of the loss along the chains."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from singlearn.local.sampling.sampled import Sampled
from singlearn.local.target import Target, Tempering
from singlearn.results.estimate import Estimate

PLACES = 16
"""Of every chain, at which two minibatches are compared."""
SHARE = 0.1
"""Of the counted steps, that chains make on the way through these places."""
STILL = 1e-30
"""A step that moves nothing, in parameter²: what is written down are losses at one place."""


def variance_reading(target: Target, tempering: Tempering, sampled: Sampled) -> Estimate:
    r"""λ as a heat capacity, without a loss at w* to compare with.

    .. math:: \hat λ_V = (nβ)^2 \left( \mathrm{Var}\, L - \tfrac12 E (L_A - L_B)^2 \right)
        = \hat λ - \frac{d \hat λ}{d \log nβ}.

    Var L is over the counted draws of all chains. The second term is the noise of minibatches, from
    pairs A, B of them at the same places: every step draws its own batch, so that the noise of a
    loss is independent of the place and adds to the variance. λ̂ compares with :math:`L_n(w^*)`,
    and this reading does not: both agree where w* is a minimum and λ̂ is level in nβ.

    Args:
        target: the model at w*.
        tempering: nβ and γ.
        sampled: the chains, none of which diverged; they go on for a tenth of the counted steps,
            except where all samples were used, and there is no noise.

    Returns:
        The reading, with its error from the spread of the chains.
    """
    noise = np.zeros(len(sampled.step))
    if sampled.sampler != "hmc" and sampled.batch < target.samples:
        noise = minibatch_noise(target, tempering, sampled)
    return from_traces(sampled.traces.excess, noise)


def from_traces(
    excess: Float[np.ndarray, "chains draws"], noise: Float[np.ndarray, " chains"]
) -> Estimate:
    """The reading, from traces of nβ (L - L(w*)) and the variance of their noise.

    Args:
        excess: of every chain and draw.
        noise: its variance that is not the place's, by chain.

    >>> rng = np.random.default_rng(0)
    >>> draws = rng.gamma(2.0, size=(8, 4000)) + 3.0 * rng.normal(size=(8, 4000))
    >>> found = from_traces(draws, np.full(8, 9.0))
    >>> bool(abs(found.value - 2.0) < 4 * found.standard_error < 0.5)
    True
    """
    with np.errstate(invalid="ignore", over="ignore"):
        own = ((excess - excess.mean()) ** 2).mean(axis=1) - noise
    if not np.isfinite(own).all():
        return Estimate(math.nan, math.nan)
    return Estimate.from_replicates([float(one) for one in own])


def minibatch_noise(
    target: Target, tempering: Tempering, sampled: Sampled
) -> Float[np.ndarray, " chains"]:
    """Variance of nβ (L - L(w*)) of a minibatch at one place, of every chain."""
    between = max(1, round(SHARE * sampled.traces.excess.shape[1] / PLACES))
    still = np.full(len(sampled.step), STILL)
    halves = []
    for place in range(PLACES):
        state, _ = sampled.record(between)
        here = target.place(target.offset(state), place + 1)
        pair = target.walk(here, still, sampled.batch, 2, tempering)[1].excess
        halves.append(0.5 * (pair[:, 0] - pair[:, 1]) ** 2)
    found: Float[np.ndarray, " chains"] = np.mean(halves, axis=0)
    return found
