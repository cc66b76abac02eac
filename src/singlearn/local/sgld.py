"""Stochastic gradient Langevin dynamics that tunes and stops itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from singlearn.local.diagnostics import mixing
from singlearn.local.langevin import heating
from singlearn.local.settings import Settings
from singlearn.local.status import diverged, doubts, error
from singlearn.local.target import Target, Tempering, Traces

ACCEPTANCE = 0.95
HEATING = 0.005
RAISED = 0.01
"""Heating may raise λ̂ by at most this share of it: where λ is far below d/2, half a percent of d/2 would be too much."""
FIRST_STAGE = 400
BURST = 100
BLOCK = 200
CHECKS = 10
Progress = Callable[[int, int, float], None]
Onward = Callable[[Tempering, int], Traces]


@dataclass
class Sampled:
    """What a sampler hands to the result: traces of the part that counts, how it was run, and ``onward``, which goes on from where the
    chains are, with the same settings, for so many draws under another tempering."""

    sampler: str
    traces: Traces
    started_away: Float[np.ndarray, " chains"]
    step: Float[np.ndarray, " chains"]
    acceptance: Float[np.ndarray, " chains"]
    steps: int
    batch: int
    onward: Onward
    heating: float = 0.0
    capped: bool = False
    history: list[float] = field(default_factory=list)
    state: Any = None


def sample_sgld(target: Target, tempering: Tempering, settings: Settings, progress: Progress | None = None) -> Sampled:
    r"""Run chains until they agree, or ``max_steps``.

    Half of the chains start at w*, half at :math:`w^* + N(0, 1/γ)`, so that agreement means something. The run goes in stages, each
    twice as long as the one before. A stage begins with a burst of calibration *where the chains are now* and continues with a frozen step.
    Only the last stage counts, so that about the first half of all steps is thrown away. Calibration: the Metropolis acceptance of a step
    is about 0.95, and the heating by minibatch noise (:func:`singlearn.local.langevin.heating`) is at most 0.005 and raises λ̂ by at most
    1 %, for which first the batch grows and then the step shrinks.
    """
    chains = settings.chains
    away = np.where(np.arange(chains) % 2 == 1, 1 / np.sqrt(tempering.gamma), 0.0)
    state = target.begin(away, settings.seed)
    batch = min(settings.batch, target.samples)
    step = _first_step(target, state, tempering, batch, chains)
    used, length = 0, FIRST_STAGE
    history: list[float] = []
    while True:
        state, step, batch, heat, capped = _calibrate(target, state, step, batch, tempering, settings, _cap(target, history))
        used += BURST
        remaining = settings.max_steps - used
        if remaining < 2.5 * length + BURST:
            length = remaining
        parts, acceptances = [], []
        for begun in range(0, length, max(BLOCK, length // CHECKS)):
            now = min(max(BLOCK, length // CHECKS), length - begun)
            # Judged, not adapted: the step is frozen.
            acceptances.append(target.attempt(state, step, batch, tempering).acceptance)
            state, part = target.walk(state, step, batch, now, tempering)
            parts.append(part)
            used += now
            if progress is not None:
                progress(used, settings.max_steps, float(part.excess.mean()))
            if diverged(part, target.dimension, tempering.gamma):
                break
        traces = Traces(*(np.concatenate(pieces, axis=1) for pieces in zip(*parts, strict=True)))
        history.append(float(traces.excess.mean()))
        onward = _onward(target, state, step, batch)
        sampled = Sampled("sgld", traces, away, step, np.mean(acceptances, axis=0), used, batch, onward, heat, capped, history, state)
        if diverged(traces, target.dimension, tempering.gamma) or used >= settings.max_steps:
            return sampled
        excess = mixing(traces.excess, away)
        if len(history) > 1 and not doubts(excess) and error(excess) <= settings.tolerance * abs(excess.mean):
            return sampled
        length *= 2


def _onward(target: Target, state: Any, step: Float[np.ndarray, " chains"], batch: int) -> Onward:
    def go_on(tempering: Tempering, draws: int) -> Traces:
        return target.walk(state, np.minimum(step, 1 / tempering.gamma), batch, draws, tempering)[1]

    return go_on


def _cap(target: Target, history: list[float]) -> float:
    """Most heating, from λ̂ so far. A chain that is not yet away from w* says nothing: then 1 is the least λ̂ that is believed."""
    seen = max(history[-1], 1.0) if history else math.inf
    return min(HEATING, RAISED * seen / (0.5 * target.dimension))


def _first_step(target: Target, state: Any, tempering: Tempering, batch: int, chains: int) -> Float[np.ndarray, " chains"]:
    """The largest power of two times 1/nβ that is accepted with 0.9 where the chain is."""
    step = np.full(chains, 1 / (tempering.nbeta + tempering.gamma))
    down = np.zeros(chains, dtype=bool)
    settled = np.zeros(chains, dtype=bool)
    for _ in range(60):
        good = target.attempt(state, step, batch, tempering).acceptance > 0.9
        settled |= down & good
        if settled.all():
            break
        rising = good & ~down & (step * tempering.gamma < 0.5)
        down |= ~rising
        step = np.where(settled, step, np.where(rising, 2 * step, np.where(good, step, step / 2)))
    return step


def _calibrate(
    target: Target,
    state: Any,
    step: Float[np.ndarray, " chains"],
    batch: int,
    tempering: Tempering,
    settings: Settings,
    cap: float,
) -> tuple[Any, Float[np.ndarray, " chains"], int, float, bool]:
    """Move and adapt; the state, the step to freeze, the batch, the heating, and whether the cap forced the step below its best."""
    most = min(settings.largest_batch, target.samples)
    logs, heats = [], []
    for t in range(BURST):
        state, acceptance, noise = target.attempt(state, step, batch, tempering)
        gain = 0.3 / (1 + t / 20) ** 0.6
        step = step * np.exp(gain * np.clip((acceptance - ACCEPTANCE) / (1 - ACCEPTANCE), -5, 1))
        # Beyond 1/γ the tie to w* itself would be unstable.
        step = np.minimum(step, 1 / tempering.gamma)
        logs.append(np.log(step))
        if t >= BURST // 2:
            heats.append(noise)
    own = np.exp(np.mean(logs[BURST // 2 :], axis=0))
    # Chains that sit in a flat place will come to steeper ones.
    step = np.minimum(own, np.quantile(own, 0.25))
    noise = np.mean(heats, axis=0)
    share = float(np.mean(heating(step, noise, target.dimension)))
    # The batch that an earlier stage needed, with its longer step, may be more than this one needs.
    chosen = batch if batch >= target.samples else min(settings.batch, most)
    while share * batch / chosen > cap and chosen < most:
        chosen = min(2 * chosen, most)
    share = 0.0 if chosen >= target.samples else share * batch / chosen
    capped = share > cap
    if capped:
        step, share = step * cap / share, cap
    return state, step, chosen, share, capped
