"""Full-batch Hamiltonian Monte Carlo, for small data and as an oracle."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from singlearn.local.diagnostics import mixing
from singlearn.local.settings import Settings
from singlearn.local.sgld import Progress, Sampled
from singlearn.local.status import diverged, doubts, error
from singlearn.local.target import Target, Tempering, Traces

ACCEPTANCE = 0.8
FIRST_STAGE = 32
WARM_UP = 64
RETUNING = 16
MOST_LEAPFROGS = 64


class _Chains:
    """Positions with potential and force, all chains in step."""

    def __init__(self, target: Target, tempering: Tempering, offset: Float[np.ndarray, "chains d"], seed: int) -> None:
        self._target, self._tempering = target, tempering
        self._rng = np.random.default_rng(seed)
        self.offset = offset
        self.excess, self.energy, self.force = self._evaluate(offset)
        self.gradients = 1

    def _evaluate(
        self, offset: Float[np.ndarray, "chains d"]
    ) -> tuple[Float[np.ndarray, " chains"], Float[np.ndarray, " chains"], Float[np.ndarray, "chains d"]]:
        value, gradient = self._target.full(offset)
        excess = self._tempering.nbeta * value
        gamma = self._tempering.gamma
        return excess, excess + 0.5 * gamma * (offset**2).sum(axis=1), self._tempering.nbeta * gradient + gamma * offset

    def move(self, step: float) -> Float[np.ndarray, " chains"]:
        r"""One trajectory of random length up to :math:`π/\sqrt γ`, the half period of the slowest direction; the acceptance."""
        longest = math.pi / math.sqrt(self._tempering.gamma)
        leapfrogs = max(1, min(MOST_LEAPFROGS, math.ceil(self._rng.uniform(0.1, 1.0) * longest / step)))
        # Shaken, so that no direction has a period that the trajectory always hits.
        step = step * self._rng.uniform(0.8, 1.0)
        momentum = self._rng.normal(size=self.offset.shape)
        before = self.energy + 0.5 * (momentum**2).sum(axis=1)
        offset, force = self.offset, self.force
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(leapfrogs):
                momentum = momentum - 0.5 * step * force
                offset = offset + step * momentum
                excess, energy, force = self._evaluate(offset)
                momentum = momentum - 0.5 * step * force
            ratio = before - energy - 0.5 * (momentum**2).sum(axis=1)
        self.gradients += leapfrogs
        acceptance = np.exp(np.minimum(np.nan_to_num(ratio, nan=-np.inf), 0.0))
        taken = self._rng.uniform(size=len(acceptance)) < acceptance
        self.offset = np.where(taken[:, None], offset, self.offset)
        self.force = np.where(taken[:, None], force, self.force)
        self.excess, self.energy = np.where(taken, excess, self.excess), np.where(taken, energy, self.energy)
        return acceptance


def sample_hmc(target: Target, tempering: Tempering, settings: Settings, progress: Progress | None = None) -> Sampled:
    """Warm up with dual averaging of the step (Hoffman & Gelman 2014 [hoffman2014nuts]_), then stages as in SGLD, without its bias.

    All chains share one step and one trajectory length. ``max_steps`` bounds the gradients of each chain.
    """
    away = np.where(np.arange(settings.chains) % 2 == 1, 1 / np.sqrt(tempering.gamma), 0.0)
    rng = np.random.default_rng([settings.seed, 1])
    chains = _Chains(target, tempering, away[:, None] * rng.normal(size=(settings.chains, target.dimension)), settings.seed)
    step, draws = 1 / math.sqrt(tempering.nbeta + tempering.gamma), FIRST_STAGE
    history: list[float] = []
    while True:
        step = _dual_averaging(chains, step, RETUNING if history else WARM_UP)
        rows: list[tuple[np.ndarray, np.ndarray]] = []
        accepted = []
        while len(rows) < draws and (chains.gradients < settings.max_steps or len(rows) < 8):
            accepted.append(chains.move(step))
            rows.append((chains.excess, (chains.offset**2).sum(axis=1)))
            if progress is not None:
                progress(min(chains.gradients, settings.max_steps), settings.max_steps, float(chains.excess.mean()))
        traces = Traces(*(np.stack(column, axis=1) for column in zip(*rows, strict=True)))
        history.append(float(traces.excess.mean()))
        sampled = Sampled(
            sampler="hmc",
            traces=traces,
            started_away=away,
            step=np.full(settings.chains, step),
            acceptance=np.mean(accepted, axis=0),
            steps=chains.gradients,
            batch=target.samples,
            history=history,
        )
        if diverged(traces, target.dimension, tempering.gamma) or chains.gradients >= settings.max_steps:
            return sampled
        excess = mixing(traces.excess, away)
        if len(history) > 1 and not doubts(excess) and error(excess) <= settings.tolerance * abs(excess.mean):
            return sampled
        draws *= 2


def _dual_averaging(chains: _Chains, first: float, moves: int) -> float:
    """The step that is accepted with 0.8, found while moving."""
    centre, deficit, average = math.log(first), 0.0, math.log(first)
    log_step = math.log(first)
    for t in range(1, moves + 1):
        deficit += (ACCEPTANCE - float(chains.move(math.exp(log_step)).mean()) - deficit) / (t + 10)
        log_step = centre - math.sqrt(t) / 0.05 * deficit
        weight = t**-0.75
        average = weight * log_step + (1 - weight) * average
    return math.exp(average)
