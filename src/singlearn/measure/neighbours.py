"""What neighbouring rungs say of each other: Bennett's ratio, for all pairs at once."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.special import expit, logsumexp

ITERATIONS = 100
BALANCED = 1e-7


def neighbour_differences(
    inverse_temperatures: Float[np.ndarray, " rungs"],
    energies: Float[np.ndarray, "rungs particles"],
) -> Float[np.ndarray, " steps"]:
    r"""Free energy differences of neighbouring rungs, in nats, each from the particles of the two
    (Bennett 1976).

    :math:`Δ = f_{k+1} - f_k` solves :math:`Σ_x σ(Δ - (β_{k+1} - β_k) U(x)) = N`, the sum over the
    2N particles of both rungs. The left side grows with Δ, so that Newton's steps are kept within a
    bracket.

    Args:
        inverse_temperatures: increasing, in 1/nats.
        energies: in nats, counted from the lowest one; infinite ones as a number so large that they
            weigh nothing.

    Returns:
        One difference per step.

    >>> x = np.random.default_rng(0).normal(size=(2, 40000)) / np.sqrt(
    ...     [[1.0], [3.0]]
    ... )  # U = x²/2, β = 0 and 2
    >>> bool(abs(neighbour_differences(np.array([0.0, 2.0]), x**2 / 2)[0] - 0.5 * np.log(3)) < 0.02)
    True
    """
    rungs, particles = energies.shape
    found = np.empty(rungs - 1)
    pairs = max(1, 2**19 // (2 * particles))
    for start in range(0, rungs - 1, pairs):
        stop = min(start + pairs, rungs - 1)
        steps = np.diff(inverse_temperatures[start : stop + 1])[:, None]
        costs = steps * np.concatenate(
            [energies[start:stop], energies[start + 1 : stop + 1]], axis=1
        )
        found[start:stop] = _balance(costs, particles)
    return found


def _balance(costs: Float[np.ndarray, "steps both"], particles: int) -> Float[np.ndarray, " steps"]:
    # From the hotter rung alone; the bracket is where the sum is next to nothing and next to all
    # there is.
    difference = np.log(particles) - logsumexp(-costs[:, :particles], axis=1)
    low = costs.min(axis=1) - 50.0
    high = np.partition(costs, particles, axis=1)[:, particles] + 50.0
    difference = np.clip(difference, low, high)
    for _ in range(ITERATIONS):
        shares = expit(difference[:, None] - costs)
        surplus = shares.sum(axis=1) - particles
        if np.all(np.abs(surplus) < BALANCED * particles):
            break
        low, high = np.where(surplus < 0, difference, low), np.where(surplus > 0, difference, high)
        slope = np.sum(shares * (1 - shares), axis=1)
        newton = difference - surplus / np.maximum(slope, 1e-300)
        inside = (newton > low) & (newton < high)
        difference = np.where(
            np.abs(surplus) < BALANCED * particles,
            difference,
            np.where(inside, newton, (low + high) / 2),
        )
    found: Float[np.ndarray, " steps"] = difference
    return found
