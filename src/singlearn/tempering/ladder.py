"""How far the next rung may be: the step in β that keeps the effective sample size."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq

# Consecutive rungs are at most this factor apart where readings are made, so that each has rungs beside it, also where the energies hardly
# vary. With data that is around 1/log n; from β = 0 to a tenth of it the ladder is only a way there, and the sample size alone decides.
LARGEST_RATIO = 2.0
READINGS_BEGIN = 0.1


def closely_spaced_from(n: float | int, is_population: bool) -> float:
    """The β from which rungs are at most a factor ``LARGEST_RATIO`` apart; 0 for a population triple, whose λ is a limit over decades.

    >>> closely_spaced_from(100, True), round(closely_spaced_from(1000, False), 4)
    (0.0, 0.0145)
    """
    return 0.0 if is_population else READINGS_BEGIN / math.log(max(n, 3))


def log_weights(energies: Float[np.ndarray, "... particles"], step: float) -> Float[np.ndarray, "... particles"]:
    """Log incremental weights -Δβ·U, -inf for particles whose energy is infinite."""
    return np.where(np.isfinite(energies), -step * np.where(np.isfinite(energies), energies, 0.0), -np.inf)


def relative_effective_sample_size(logs: Float[np.ndarray, "replicates particles"]) -> Float[np.ndarray, " replicates"]:
    """(Σw)²/(N Σw²) of each population, between 1/N and 1; 0 if no particle has weight."""
    highest = logs.max(axis=1, keepdims=True)
    weights = np.exp(logs - np.where(np.isfinite(highest), highest, 0.0))
    squares = (weights**2).sum(axis=1)
    return np.where(squares > 0, weights.sum(axis=1) ** 2 / np.where(squares > 0, squares, 1.0) / logs.shape[1], 0.0)


def next_inverse_temperature(
    energies: Float[np.ndarray, "replicates particles"],
    beta: float,
    beta_max: float,
    target_ess: float,
    closely_from: float = 0.0,
) -> float:
    """The largest β' ≤ beta_max at which reweighting from β leaves the mean relative effective sample size at ``target_ess``.

    The step is sought on a logarithmic scale, because energies of prior draws spread over many decades. A step beyond ``closely_from`` at
    most doubles β; one that begins below it may reach it at once.
    """
    finite = energies[np.isfinite(energies)]
    spread = float(finite.max() - finite.min()) if finite.size else 0.0
    longest = beta_max - beta
    if beta > 0:
        longest = min(longest, max((LARGEST_RATIO - 1) * beta, closely_from - beta))

    if spread == 0.0 or _excess(np.log(longest), energies, target_ess) >= 0:
        return beta_max if longest == beta_max - beta else beta + longest
    # A step this small moves no weight by more than a thousandth, so the sample size there is what infinite energies leave.
    shortest = np.log(min(1e-3 / spread, longest * 1e-3))
    if _excess(shortest, energies, target_ess) <= 0:
        return beta + float(np.exp(shortest))
    return beta + float(np.exp(brentq(_excess, shortest, np.log(longest), args=(energies, target_ess), xtol=1e-4)))


def _excess(log_step: float, energies: Float[np.ndarray, "replicates particles"], target_ess: float) -> float:
    """By how much the effective sample size after a step of β exceeds its target."""
    return float(relative_effective_sample_size(log_weights(energies, np.exp(log_step))).mean()) - target_ess
