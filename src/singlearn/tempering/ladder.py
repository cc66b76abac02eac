"""How far the next rung may be: the step in β that keeps the effective sample size."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq

# Consecutive rungs are at most this factor apart where readings are made, so that each has rungs
# beside it, also where the energies hardly vary. With data that is around 1/log n; from β = 0 to a
# tenth of it the ladder is only a way there, and the sample size alone decides.
LARGEST_RATIO = 2.0
READINGS_BEGIN = 0.1
# The first rung of all: where the energies of the prior's draws hardly vary on the scale of 1/β, no
# sample size keeps it from the end.
FIRST_STEP = 1e-4
FIRST_TARGET_ESS = 0.95
# With data it ends before the window around 1/log n, whose lower end is at 6.7 times where readings
# begin.
FIRST_OF_DATA = 5.0


def closely_spaced_from(n: float | int, is_population: bool) -> float:
    """The β from which rungs are at most a factor ``LARGEST_RATIO`` apart; 0 for a population
    triple, whose λ is a limit over decades.

    >>> closely_spaced_from(100, True), round(closely_spaced_from(1000, False), 4)
    (0.0, 0.0145)
    """
    return 0.0 if is_population else READINGS_BEGIN / math.log(max(n, 3))


def log_weights(
    energies: Float[np.ndarray, "... particles"], step: float
) -> Float[np.ndarray, "... particles"]:
    """Log incremental weights -Δβ·U, -inf for particles whose energy is infinite."""
    return np.where(
        np.isfinite(energies), -step * np.where(np.isfinite(energies), energies, 0.0), -np.inf
    )


def relative_effective_sample_size(
    logs: Float[np.ndarray, "replicates particles"],
) -> Float[np.ndarray, " replicates"]:
    """(Σw)²/(N Σw²) of each population, between 1/N and 1; 0 if no particle has weight."""
    highest = logs.max(axis=1, keepdims=True)
    weights = np.exp(logs - np.where(np.isfinite(highest), highest, 0.0))
    squares = (weights**2).sum(axis=1)
    return np.where(
        squares > 0,
        weights.sum(axis=1) ** 2 / np.where(squares > 0, squares, 1.0) / logs.shape[1],
        0.0,
    )


def next_inverse_temperature(
    energies: Float[np.ndarray, "replicates particles"],
    beta: float,
    beta_max: float,
    target_ess: float,
    closely_from: float = 0.0,
) -> float:
    """The largest β' ≤ beta_max at which reweighting from β leaves the mean relative effective
    sample size at ``target_ess``.

    The step is sought on a logarithmic scale, because energies of prior draws spread over many
    decades. A step beyond ``closely_from`` at most doubles β; one that begins below it may reach it
    at once. The first step, from β = 0, ends at five times ``closely_from`` at the latest, so that
    there are rungs in the window around 1/log n. Without one, where it would end within three
    doublings of ``beta_max``, it ends earlier, at a ten thousandth of ``beta_max`` or an effective
    sample size of 0.95, so that a λ as small as 1/100 is read off enough rungs.
    """
    finite = energies[np.isfinite(energies)]
    spread = float(finite.max() - finite.min()) if finite.size else 0.0
    longest = beta_max - beta
    if beta > 0:
        longest = min(longest, max((LARGEST_RATIO - 1) * beta, closely_from - beta))
    else:
        longest = _first_step(energies, beta_max, target_ess, closely_from)

    if spread == 0.0 or _excess(np.log(longest), energies, target_ess) >= 0:
        return beta_max if longest == beta_max - beta else beta + longest
    # A step this small moves no weight by more than a thousandth, so the sample size there is what
    # infinite energies leave.
    shortest = np.log(min(1e-3 / spread, longest * 1e-3))
    if _excess(shortest, energies, target_ess) <= 0:
        return beta + float(np.exp(shortest))
    return beta + float(
        np.exp(brentq(_excess, shortest, np.log(longest), args=(energies, target_ess), xtol=1e-4))
    )


def _first_step(
    energies: Float[np.ndarray, "replicates particles"],
    beta_max: float,
    target_ess: float,
    closely_from: float,
) -> float:
    """The longest step from β = 0."""
    if closely_from > 0:
        return min(beta_max, FIRST_OF_DATA * closely_from)
    last = beta_max / LARGEST_RATIO**3
    if _excess(np.log(last), energies, target_ess) < 0:
        return beta_max
    shortest = FIRST_STEP * beta_max
    if (
        _excess(np.log(shortest), energies, FIRST_TARGET_ESS) <= 0
        or _excess(np.log(last), energies, FIRST_TARGET_ESS) >= 0
    ):
        return shortest
    gentle = float(
        np.exp(
            brentq(
                _excess,
                np.log(shortest),
                np.log(last),
                args=(energies, FIRST_TARGET_ESS),
                xtol=1e-4,
            )
        )
    )
    return max(shortest, gentle)


def _excess(
    log_step: float, energies: Float[np.ndarray, "replicates particles"], target_ess: float
) -> float:
    """By how much the effective sample size after a step of β exceeds its target."""
    return (
        float(relative_effective_sample_size(log_weights(energies, np.exp(log_step))).mean())
        - target_ess
    )
