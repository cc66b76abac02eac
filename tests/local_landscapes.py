"""A loss surface in NumPy as a target of the samplers of ``sl.local``, and λ̂ of its tempered,
localised posterior by quadrature.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from singlearn.local.sampling.langevin import advance, kick, log_acceptance, tamed
from singlearn.local.sampling.leapfrog import fly_in_chunks
from singlearn.local.target import Flight, Tempering, Traces, Trial


class State(NamedTuple):
    position: np.ndarray
    noise: np.ndarray
    seed: int


@dataclass(eq=False)
class Landscape:
    """Loss K(w) with its gradient, both of arrays chains × d, the same for each of ``samples``
    samples, at w* = 0.

    With ``noise`` the gradient of a minibatch of b samples is off by ``noise`` / √b, standard
    normal, and the loss to match.
    """

    loss: Callable[[np.ndarray], np.ndarray]
    gradient: Callable[[np.ndarray], np.ndarray]
    dimension: int = 1
    samples: int = 1000
    gamma: float = 10.0
    cost: int = 1
    noise: float = 0.0
    centre_loss: float = 0.0
    notes: tuple[Any, ...] = ()
    tie: float = 10.0
    chosen: bool = False
    groups: dict[str, slice] = field(default_factory=dict)
    rounding: float = 0.0

    def begin(self, spread: np.ndarray, seed: int) -> State:
        return self.place(
            spread[:, None]
            * np.random.default_rng([seed, 0]).normal(size=(len(spread), self.dimension)),
            seed,
        )

    def place(self, offset: np.ndarray, seed: int) -> State:
        return State(offset, np.random.default_rng([seed, 1]).normal(size=offset.shape), seed)

    def offset(self, state: State) -> np.ndarray:
        return state.position

    def full(self, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with np.errstate(all="ignore"):
            return self.loss(offset) - self.loss(np.zeros((1, self.dimension))), self.gradient(
                offset
            )

    def _potential(self, where: np.ndarray, slope: Any, tempering: Tempering) -> tuple[Any, ...]:
        value, gradient = self.full(where)
        value, gradient = value + (slope * where).sum(1), gradient + slope
        with np.errstate(all="ignore"):
            force = np.nan_to_num(tempering.nbeta * gradient + tempering.gamma * where)
            energy = tempering.nbeta * value + 0.5 * tempering.gamma * (where**2).sum(1)
        return tempering.nbeta * value, energy, force

    def _slope(self, rng: Any, shape: tuple[int, ...], batch: int) -> Any:
        return (
            self.noise / math.sqrt(batch) * rng.normal(size=shape)
            if batch < self.samples
            else np.zeros(shape)
        )

    def walk(
        self, state: State, step: np.ndarray, batch: int, steps: int, tempering: Tempering
    ) -> tuple[State, Traces]:
        position, before, seed = state
        rng, rows, step = np.random.default_rng([seed, 2]), [], step[:, None]
        for _ in range(steps):
            excess, _, force = self._potential(
                position, self._slope(rng, position.shape, batch), tempering
            )
            rows.append((excess, (position**2).sum(1), (position * force).sum(1)))
            noise = rng.normal(size=position.shape)
            position, before = (
                advance(position, tamed(force, step), kick(before, noise, step), step),
                noise,
            )
        return State(position, before, seed + 1), Traces(
            *(np.stack(column, axis=1) for column in zip(*rows, strict=True))
        )

    def attempt(self, state: State, step: np.ndarray, batch: int, tempering: Tempering) -> Trial:
        position, before, seed = state
        rng, step = np.random.default_rng([seed, 3]), step[:, None]
        slope, other = (self._slope(rng, position.shape, batch) for _ in range(2))
        _, energy, force = self._potential(position, slope, tempering)
        force = tamed(force, step)
        noise = rng.normal(size=position.shape)
        there = advance(position, force, kick(noise, noise, step), step)
        _, energy_there, force_there = self._potential(there, slope, tempering)
        with np.errstate(all="ignore"):
            ratio = log_acceptance(
                energy, energy_there, force, tamed(force_there, step), noise, step
            )
        acceptance = np.nan_to_num(np.exp(np.minimum(ratio, 0.0)), nan=0.0)
        return Trial(
            State(there, before, seed + 1),
            acceptance,
            tempering.nbeta**2 * ((slope - other) ** 2).sum(1),
        )

    def fly(self, flight: Flight, step: np.ndarray, leapfrogs: int, tempering: Tempering) -> Flight:
        return fly_in_chunks(self.full, flight, step, leapfrogs, tempering)

    def losses(self, state: State, data: Any = None) -> np.ndarray:
        return np.repeat(self.full(state.position)[0][:, None], self.samples, axis=1)

    def curvature(self, vectors: np.ndarray, index: Any) -> np.ndarray:
        width = 1e-4 * np.eye(self.dimension)
        return vectors @ (self.gradient(width) - self.gradient(-width)) / 2e-4


def tempering(samples: int, gamma: float = 10.0) -> Tempering:
    """At nβ = n / log n."""
    return Tempering(samples / math.log(samples), gamma)


def by_quadrature(
    loss: Callable[[np.ndarray], np.ndarray],
    dimension: int,
    tempering: Tempering,
    points: int = 1501,
) -> float:
    """nβ E[K - K(0)] under exp(-nβ K - γ/2 |w|²) in one or two dimensions, on a grid that is finest
    around w* = 0.
    """
    at = np.linspace(-1, 1, points if dimension > 1 else 200_001)
    side, weight = 9 / math.sqrt(tempering.gamma) * np.sign(at) * np.abs(at) ** 3, at**2
    grid = np.stack(np.meshgrid(*[side] * dimension, indexing="ij"), axis=-1).reshape(-1, dimension)
    volume = (
        np.stack(np.meshgrid(*[weight] * dimension, indexing="ij"), axis=-1)
        .reshape(-1, dimension)
        .prod(1)
    )
    with np.errstate(over="ignore"):
        excess = tempering.nbeta * (loss(grid) - loss(np.zeros((1, dimension))))
        density = volume * np.exp(-excess - 0.5 * tempering.gamma * (grid**2).sum(1))
    kept = density > 0
    return float((excess[kept] * density[kept]).sum() / density.sum())
