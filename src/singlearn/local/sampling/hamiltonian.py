"""Full-batch Hamiltonian Monte Carlo, for small data and as an oracle."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jaxtyping import Float

from singlearn.local.chains import Chains
from singlearn.local.sampling.agreement import diverged, doubts, error
from singlearn.local.sampling.discretisation import virial_excess
from singlearn.local.sampling.mixing import mixing
from singlearn.local.sampling.sampled import Onward, Progress, Recorder, Sampled, Start
from singlearn.local.target import Flight, Target, Tempering, Traces

ACCEPTANCE = 0.8
FIRST_STAGE = 64
WARM_UP = 64
RETUNING = 16
MOST_LEAPFROGS = 1024
FINE, FINEST = 0.3, 0.01
"""Share of moves with finer steps, and how fine they become."""
FEWEST_ONWARD = 150
FEWEST_MOVES = 400
"""Trajectories are kept so short that ``max_steps`` gradients make at least so many."""


STEEPER = 0.5
"""Lengths l of trajectories have a density as :math:`l^{-1-a}`; this is a."""


def trajectory_length(uniform: float, longest: float) -> int:
    r"""Leapfrog steps of a trajectory, with a density as :math:`l^{-3/2}` from 1 to ``longest``.

    λ̂ owes most to stiff directions, which forget within a few steps, and flat ones need the long
    way: a move then costs :math:`\sqrt{longest}` gradients on average, and about as many are spent
    on the long ones as on all others.

    Args:
        uniform: a uniform random number.
        longest: number of steps, at least 1.

    >>> [trajectory_length(u, 100.0) for u in (0.0, 0.5, 0.9, 1.0)]
    [1, 3, 28, 100]
    """
    length: float = (1 - uniform * (1 - longest**-STEEPER)) ** (-1 / STEEPER)
    return max(1, round(length))


class _Moving:
    """Positions with potential and force, all chains in step."""

    def __init__(
        self,
        target: Target,
        tempering: Tempering,
        offset: Float[np.ndarray, "chains d"],
        seed: int,
        longest: int,
    ) -> None:
        self._target, self._tempering, self._longest = target, tempering, longest
        self._rng = np.random.default_rng(seed)
        value, gradient = target.full(offset)
        force = np.nan_to_num(tempering.nbeta * gradient + tempering.gamma * offset, nan=0.0)
        self._at = Flight(offset, np.zeros_like(offset), tempering.nbeta * value, force)
        self.gradients = 1

    @property
    def offset(self) -> Float[np.ndarray, "chains d"]:
        """w - w*."""
        return self._at.offset

    @property
    def excess(self) -> Float[np.ndarray, " chains"]:
        """nβ (L_n(w) - L_n(w*))."""
        return self._at.excess

    @property
    def squared_distance(self) -> Float[np.ndarray, " chains"]:
        """|w - w*|²."""
        found: Float[np.ndarray, " chains"] = (self._at.offset**2).sum(axis=1)
        return found

    @property
    def virial(self) -> Float[np.ndarray, " chains"]:
        """⟨w - w*, ∇U(w)⟩."""
        found: Float[np.ndarray, " chains"] = (self._at.offset * self._at.force).sum(axis=1)
        return found

    def written(self) -> tuple[Float[np.ndarray, " chains"], ...]:
        """What traces hold of the present positions."""
        return self.excess, self.squared_distance, self.virial

    def _energy(self, at: Flight) -> Float[np.ndarray, " chains"]:
        found: Float[np.ndarray, " chains"] = (
            at.excess
            + 0.5 * self._tempering.gamma * (at.offset**2).sum(axis=1)
            + 0.5 * (at.momentum**2).sum(axis=1)
        )
        return found

    def move(
        self, step: Float[np.ndarray, " chains"], fine: bool = True
    ) -> Float[np.ndarray, " chains"]:
        r"""One trajectory; the acceptance.

        Its length is random (:func:`trajectory_length`), from one step to :math:`π/\sqrt γ`, the
        half period of the slowest direction. With ``fine``, three in ten have steps that are up to
        a hundred times shorter, for walls and edges that are narrow against what suits the rest.
        Neither is chosen by where a chain is, so that each move is reversible.
        """
        longest = min(
            self._longest,
            max(1.0, math.pi / math.sqrt(self._tempering.gamma) / float(np.median(step))),
        )
        leapfrogs = trajectory_length(self._rng.uniform(), float(longest))
        # Shaken, so that no direction has a period that the trajectory always hits.
        step = step * self._rng.uniform(0.8, 1.0)
        if fine and self._rng.uniform() < FINE:
            step = step * FINEST ** self._rng.uniform()
        start = self._at._replace(momentum=self._rng.normal(size=self._at.offset.shape))
        there = self._target.fly(start, step, leapfrogs, self._tempering)
        self.gradients += leapfrogs
        with np.errstate(over="ignore", invalid="ignore"):
            ratio = self._energy(start) - self._energy(there)
        acceptance = np.exp(np.minimum(np.nan_to_num(ratio, nan=-np.inf), 0.0))
        taken = self._rng.uniform(size=len(acceptance)) < acceptance
        self._at = Flight(
            *(
                np.where(taken if new.ndim == 1 else taken[:, None], new, old)
                for new, old in zip(there, start, strict=True)
            )
        )
        found: Float[np.ndarray, " chains"] = acceptance
        return found


def sample_hmc(
    target: Target,
    tempering: Tempering,
    settings: Chains,
    progress: Progress | None = None,
    start: Start | None = None,
) -> Sampled:
    """Warm up with dual averaging of the step (Hoffman & Gelman 2014 [hoffman2014nuts]_), then
    stages as in SGLD, without its bias.

    Every chain has its own step, for one that is stuck in a narrow place is not seen in the mean
    acceptance of all; a trajectory has the same number of steps in all. ``max_steps`` bounds the
    gradients of each chain. With ``start``, chains go on from there, and may stop after their first
    stage.
    """
    away = np.where(np.arange(settings.chains) % 2 == 1, 1 / np.sqrt(tempering.gamma), 0.0)
    rng = np.random.default_rng([settings.seed, 1])
    longest = min(MOST_LEAPFROGS, max(1, settings.max_steps // FEWEST_MOVES))
    begun = away[:, None] * rng.normal(size=(settings.chains, target.dimension))
    chains = _Moving(
        target,
        tempering,
        begun if start is None else start.offset,
        settings.seed,
        longest,
    )
    step, draws = (
        np.full(settings.chains, 1 / math.sqrt(tempering.nbeta + tempering.gamma)),
        FIRST_STAGE,
    )
    if start is not None:
        away, step = start.started_away, start.step
    history: list[float] = []
    stages: list[tuple[Traces, list[np.ndarray]]] = []
    while True:
        before = chains.gradients
        tuning = RETUNING if history or start is not None else WARM_UP
        step = _dual_averaging(chains, step, tuning)
        # A stage that could not be followed by a longer one takes all that is left.
        if (
            settings.max_steps - chains.gradients
            < 2.5 * draws * (chains.gradients - before) / tuning
        ):
            draws = settings.max_steps
        rows: list[tuple[np.ndarray, ...]] = []
        accepted = []
        while len(rows) < draws and (chains.gradients < settings.max_steps or len(rows) < 8):
            accepted.append(chains.move(step))
            rows.append(chains.written())
            if progress is not None:
                progress(
                    min(chains.gradients, settings.max_steps),
                    settings.max_steps,
                    float(chains.excess.mean()),
                )
        latest = _traces(rows)
        history.append(float(latest.excess.mean()))
        stages.append((latest, accepted))
        counted = _counted([traces for traces, _ in stages], away)
        traces = _joined([traces for traces, _ in stages[-counted:]])
        sampled = Sampled(
            sampler="hmc",
            traces=traces,
            started_away=away,
            step=step,
            acceptance=np.mean([one for _, own in stages[-counted:] for one in own], axis=0),
            steps=chains.gradients,
            batch=target.samples,
            onward=_onward(target, chains.offset, step, settings.seed, longest),
            history=history,
            record=_recorder(target, chains, step, settings.seed),
            virial=virial_excess(traces, target.dimension, away),
            state=target.place(chains.offset, settings.seed),
        )
        if (
            diverged(traces, target.dimension, tempering.gamma)
            or chains.gradients >= settings.max_steps
        ):
            return sampled
        excess = mixing(traces.excess, away)
        if (
            len(history) > (1 if start is None else 0)
            and not doubts(excess)
            and error(excess) <= settings.tolerance * abs(excess.mean)
        ):
            return sampled
        draws *= 2


def _traces(rows: list[tuple[np.ndarray, ...]]) -> Traces:
    return Traces(*(np.stack(column, axis=1) for column in zip(*rows, strict=True)))


def _joined(stages: list[Traces]) -> Traces:
    return Traces(*(np.concatenate(parts, axis=1) for parts in zip(*stages, strict=True)))


def _counted(stages: list[Traces], started_away: Float[np.ndarray, " chains"]) -> int:
    """How many of the last stages count: two, where the first is not among them and chains agree
    over both; else one.

    Steps are exact, so that a stage differs from the next by its efficiency alone, and by the way
    that chains still had to go.
    """
    if len(stages) < 3:
        return 1
    excess = _joined(stages[-2:]).excess
    return 2 if np.isfinite(excess).all() and not doubts(mixing(excess, started_away)) else 1


def _onward(
    target: Target,
    offset: Float[np.ndarray, "chains d"],
    step: Float[np.ndarray, " chains"],
    seed: int,
    longest: int,
) -> Onward:
    def go_on(tempering: Tempering, draws: int) -> Traces:
        chains = _Moving(target, tempering, offset, seed + 1, longest)
        tuned = _dual_averaging(chains, step, RETUNING)
        rows = []
        for _ in range(max(draws, FEWEST_ONWARD)):
            chains.move(tuned)
            rows.append(chains.written())
        return _traces(rows)

    return go_on


def _recorder(
    target: Target, chains: _Moving, step: Float[np.ndarray, " chains"], seed: int
) -> Recorder:
    def go_on(steps: int) -> tuple[Any, Traces]:
        rows = []
        for _ in range(steps):
            chains.move(step)
            rows.append(chains.written())
        return target.place(chains.offset, seed), _traces(rows)

    return go_on


def _dual_averaging(
    chains: _Moving, first: Float[np.ndarray, " chains"], moves: int
) -> Float[np.ndarray, " chains"]:
    """The steps that are accepted with 0.8, found while moving; each chain has its own, for one may
    sit where the others never come.
    """
    centre, deficit, average = np.log(first), np.zeros(len(first)), np.log(first)
    log_step = np.log(first)
    for t in range(1, moves + 1):
        deficit += (ACCEPTANCE - chains.move(np.exp(log_step), fine=False) - deficit) / (t + 10)
        log_step = centre - math.sqrt(t) / 0.05 * deficit
        weight = t**-0.75
        average = weight * log_step + (1 - weight) * average
    found: Float[np.ndarray, " chains"] = np.exp(average)
    return found
