"""How far to trust the mean of several chains."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from arviz_stats.base import array_stats
from jaxtyping import Float

BLOCKS = 50


@dataclass(frozen=True)
class Mixing:
    """Mean of a trace and what there is to doubt about it.

    Attributes:
        mean: over all draws of all chains.
        standard_error: the larger of the spread between chains and the Monte Carlo error within
            them.
        per_chain: means.
        effective_sample_size: of all chains together.
        r_hat: split R-hat of block means (single draws carry minibatch noise, which would hide
            disagreement).
        drift: mean of the second half minus mean of the first.
        drift_error: its standard error.
        gap: mean of the chains that started away from w* minus mean of those that started at it;
            NaN where all started alike.
        gap_error: its standard error.
    """

    mean: float
    standard_error: float
    per_chain: tuple[float, ...]
    effective_sample_size: float
    r_hat: float
    drift: float
    drift_error: float
    gap: float
    gap_error: float


def mixing(
    trace: Float[np.ndarray, "chains draws"], started_away: Float[np.ndarray, " chains"]
) -> Mixing:
    r"""Read a trace: :math:`\widehat{s.e.} = \max(s_{chains}/\sqrt{C},\; s/\sqrt{ESS})`, split
    R-hat, drift, gap between starts.

    Args:
        trace: finite.
        started_away: how far from w* each chain started, 0 for those that started at it.

    Raises:
        ValueError: fewer than two chains or eight draws.

    >>> rng = np.random.default_rng(0)
    >>> seen = mixing(rng.normal(size=(4, 1000)), np.array([0.0, 0.0, 1.0, 1.0]))
    >>> bool(abs(seen.mean) < 4 * seen.standard_error < 0.3), bool(seen.r_hat < 1.05)
    (True, True)
    >>> mixing(rng.normal(size=(4, 1000)) + np.arange(4)[:, None], np.zeros(4)).r_hat > 1.5
    True
    >>> mixing(np.zeros((4, 100)), np.array([0.0, 0.0, 1.0, 1.0])).gap
    0.0
    """
    chains, draws = trace.shape
    if chains < 2 or draws < 8:
        raise ValueError(
            f"trace: got {chains} chains of {draws} draws; agreement needs at least 2 of 8"
        )
    per_chain = trace.mean(axis=1)
    blocks = block_means(trace, BLOCKS)
    spread = float(per_chain.std(ddof=1))
    away, home = per_chain[started_away > 0], per_chain[started_away == 0]
    both = len(away) > 1 and len(home) > 1
    if float(np.ptp(trace)) == 0.0:  # numbers that are all the same agree, whatever they come from
        gap = 0.0 if both else math.nan
        return Mixing(
            float(trace.mean()),
            0.0,
            tuple(map(float, per_chain)),
            float(trace.size),
            1.0,
            0.0,
            0.0,
            gap,
            gap,
        )
    effective = float(array_stats.ess(trace, chain_axis=0, draw_axis=1, method="mean"))
    within = _monte_carlo_error(trace)
    halves = trace[:, draws // 2 :].mean(axis=1) - trace[:, : draws // 2].mean(axis=1)
    error = max(spread / math.sqrt(chains), within)
    if both:
        gap = float(away.mean() - home.mean())
        # The error of a gap must not grow with the gap: so each kind of start is taken about its
        # own mean.
        alike = trace - np.where(started_away > 0, away.mean(), home.mean())[:, None]
        within_alike = _monte_carlo_error(alike)
        gap_error = max(
            math.sqrt(away.var(ddof=1) / len(away) + home.var(ddof=1) / len(home)), 2 * within_alike
        )
    else:
        gap, gap_error = math.nan, math.nan
    return Mixing(
        mean=float(trace.mean()),
        standard_error=error,
        per_chain=tuple(map(float, per_chain)),
        effective_sample_size=effective,
        r_hat=float(array_stats.rhat(blocks, chain_axis=0, draw_axis=1, method="split")),
        drift=float(halves.mean()),
        drift_error=max(float(halves.std(ddof=1)) / math.sqrt(chains), 2 * within),
        gap=gap,
        gap_error=gap_error,
    )


def _monte_carlo_error(trace: Float[np.ndarray, "chains draws"]) -> float:
    """Standard deviation over the root of the effective sample size."""
    effective = float(array_stats.ess(trace, chain_axis=0, draw_axis=1, method="mean"))
    return float(trace.std(ddof=1)) / math.sqrt(max(effective, 1.0))


def block_means(
    trace: Float[np.ndarray, "chains draws"], blocks: int
) -> Float[np.ndarray, "chains blocks"]:
    """Means of ``blocks`` equal stretches of every chain (the oldest draws that do not fit are
    dropped); all draws if there are fewer.

    >>> block_means(np.array([[9.0, 1.0, 3.0, 5.0, 7.0]]), 2)
    array([[2., 6.]])
    """
    chains, draws = trace.shape
    length = max(draws // blocks, 1)
    count = draws // length if draws < blocks else blocks
    found: Float[np.ndarray, "chains blocks"] = (
        trace[:, draws - count * length :].reshape(chains, count, length).mean(axis=2)
    )
    return found
