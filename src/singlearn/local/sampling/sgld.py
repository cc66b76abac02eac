"""Stochastic gradient Langevin dynamics that tunes and stops itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jaxtyping import Float

from singlearn.local.chains import Chains
from singlearn.local.sampling.agreement import diverged, doubts, error
from singlearn.local.sampling.discretisation import step_errors, virial_excess
from singlearn.local.sampling.langevin import heating
from singlearn.local.sampling.mixing import mixing
from singlearn.local.sampling.sampled import Onward, Progress, Recorder, Sampled, Start
from singlearn.local.target import Target, Tempering, Traces

ACCEPTANCE = 0.95
HEATING = 0.005
RAISED = 0.01
"""Heating may raise λ̂ by at most this share of it: where λ is far below d/2, half a percent of d/2
would be too much.
"""
FIRST_STAGE = 400
BURST = 100
BLOCK = 200
CHECKS = 10
RETRIES = 4
"""Times that a step which lets a chain leave, or changes λ̂, is made shorter."""
SHORTER = 4.0


def sample_sgld(
    target: Target,
    tempering: Tempering,
    settings: Chains,
    progress: Progress | None = None,
    retries: int = RETRIES,
    start: Start | None = None,
) -> Sampled:
    r"""Run chains until they agree, or ``max_steps``.

    Half of the chains start at w*, half at :math:`w^* + N(0, 1/γ)`, so that agreement means
    something. The run goes in stages, each twice as long as the one before. A stage begins with a
    burst of calibration *where the chains are now* and continues with a frozen step. Only the last
    stage counts, so that about the first half of all steps is thrown away. Calibration: the
    Metropolis acceptance of a step is about 0.95, and the heating by minibatch noise
    (:func:`singlearn.local.sampling.langevin.heating`) is at most 0.005 and raises λ̂ by at most 1
    %, for which first the batch grows and then the step shrinks.

    A step may suit the places of a burst and not those where the chains come later. So the drift of
    a step is bounded (:func:`singlearn.local.sampling.langevin.tamed`), and steps are made shorter
    where a chain left without finding a lower loss, or where chains agree but not as exact ones
    would (:mod:`singlearn.local.sampling.discretisation`).

    Args:
        target: the model at w*.
        tempering: nβ and γ.
        settings: of the run.
        progress: called with steps done, steps allowed, and the mean excess.
        retries: how often steps are made shorter, at most.
        start: where chains begin that were run before; they may stop after their first stage.
    """
    chains = settings.chains
    away = np.where(np.arange(chains) % 2 == 1, 1 / np.sqrt(tempering.gamma), 0.0)
    state = target.begin(away, settings.seed)
    batch = min(settings.batch_size, target.samples)
    longest = 1 / tempering.gamma  # beyond it the tie to w* itself would be unstable
    if start is None:
        step = _first_step(target, state, tempering, batch, chains)
    else:
        away, step = start.started_away, np.minimum(start.step, longest)
        state = target.place(start.offset, settings.seed)
    used, length, shortened = 0, FIRST_STAGE, 0
    history: list[float] = []
    while True:
        state, step, batch, heat, capped = _calibrate(
            target, state, step, batch, tempering, settings, _cap(target, history), longest
        )
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
        left = diverged(traces, target.dimension, tempering.gamma)
        if (
            left
            and not found_lower(traces, left)
            and shortened < retries
            and used + 2 * BURST < settings.max_steps
        ):
            # Thrown out by the step, for no lower loss draws it: all chains start again.
            shortened, longest, history = shortened + 1, float(step.min()) / SHORTER, []
            state = target.begin(away, settings.seed + shortened)
            step = np.minimum(step, longest)
            continue
        sampled = Sampled(
            sampler="sgld",
            traces=traces,
            started_away=away,
            step=step,
            acceptance=np.mean(acceptances, axis=0),
            steps=used,
            batch=batch,
            onward=_onward(target, state, step, batch),
            record=_recorder(target, state, step, batch, tempering),
            heating=heat,
            capped=capped,
            history=history,
            state=state,
        )
        if left:
            return sampled
        sampled.virial = virial_excess(traces, target.dimension, away, step)
        excess = mixing(traces.excess, away)
        arrived = (
            len(history) > (1 if start is None else 0)
            and not doubts(excess)
            and error(excess) <= settings.tolerance * abs(excess.mean)
        )
        if used >= settings.max_steps:
            return sampled
        if arrived:
            if not step_errors(traces, sampled.virial, excess.mean) or shortened == retries:
                return sampled
            shortened, longest = shortened + 1, float(step.min()) / SHORTER
        length *= 2


def found_lower(traces: Traces, chains: tuple[int, ...]) -> bool:
    """Whether chains that left are where the loss is lower than at w*: then no step is at fault."""
    last = traces.excess[list(chains), -1]
    return bool((last[np.isfinite(last)] < 0).any())


def _onward(target: Target, state: Any, step: Float[np.ndarray, " chains"], batch: int) -> Onward:
    def go_on(tempering: Tempering, draws: int) -> Traces:
        return target.walk(state, np.minimum(step, 1 / tempering.gamma), batch, draws, tempering)[1]

    return go_on


def _recorder(
    target: Target, state: Any, step: Float[np.ndarray, " chains"], batch: int, tempering: Tempering
) -> Recorder:
    at = [state]

    def go_on(steps: int) -> tuple[Any, Traces]:
        at[0], traces = target.walk(at[0], step, batch, steps, tempering)
        return at[0], traces

    return go_on


def _cap(target: Target, history: list[float]) -> float:
    """Most heating, from λ̂ so far. A chain that is not yet away from w* says nothing: then 1 is
    the least λ̂ that is believed.
    """
    seen = max(history[-1], 1.0) if history else math.inf
    return min(HEATING, RAISED * seen / (0.5 * target.dimension))


def _first_step(
    target: Target, state: Any, tempering: Tempering, batch: int, chains: int
) -> Float[np.ndarray, " chains"]:
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
    settings: Chains,
    cap: float,
    longest: float,
) -> tuple[Any, Float[np.ndarray, " chains"], int, float, bool]:
    """Move and adapt; the state, the step to freeze, the batch, the heating, and whether the cap
    forced the step below its best.
    """
    most = min(settings.largest_batch, target.samples)
    logs, heats = [], []
    for t in range(BURST):
        state, acceptance, noise = target.attempt(state, step, batch, tempering)
        gain = 0.3 / (1 + t / 20) ** 0.6
        step = step * np.exp(gain * np.clip((acceptance - ACCEPTANCE) / (1 - ACCEPTANCE), -5, 1))
        step = np.minimum(step, longest)
        logs.append(np.log(step))
        if t >= BURST // 2:
            heats.append(noise)
    own = np.exp(np.mean(logs[BURST // 2 :], axis=0))
    # Chains that sit in a flat place will come to steeper ones.
    step = np.minimum(own, np.quantile(own, 0.25))
    noise = np.mean(heats, axis=0)
    share = float(np.mean(heating(step, noise, target.dimension)))
    # The batch that an earlier stage needed, with its longer step, may be more than this one needs.
    chosen = batch if batch >= target.samples else min(settings.batch_size, most)
    while share * batch / chosen > cap and chosen < most:
        chosen = min(2 * chosen, most)
    share = 0.0 if chosen >= target.samples else share * batch / chosen
    capped = share > cap
    if capped:
        step, share = step * cap / share, cap
    return state, step, chosen, share, capped
