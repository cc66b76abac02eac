"""The run as a reader sees it: every replicate reweighted, any β at hand."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from jaxtyping import Float

from singlearn.measure.estimate import Estimate
from singlearn.measure.reweight import ENERGY_CEILING, Reweighting


class LadderView:
    """Free energy, energy and heat capacity at any β of the ladder, each with the error seen between replicates.

    Args:
        inverse_temperatures: of the rungs, increasing from 0, in 1/nats.
        energies: of all particles, in nats.
        effective_sample_size: share of particles the step to each rung left.
        prior_free_energies: F(0) of each replicate, in nats: -log of the prior mass of the phase a restricted run is restricted to.
        prior_floor: the error of those that independent draws alone would leave, of a single replicate.
    """

    def __init__(
        self,
        inverse_temperatures: Float[np.ndarray, " rungs"],
        energies: Float[np.ndarray, "rungs replicates particles"],
        effective_sample_size: Float[np.ndarray, "rungs replicates"],
        prior_free_energies: Float[np.ndarray, " replicates"] | None = None,
        prior_floor: float = 0.0,
    ) -> None:
        self.inverse_temperatures = inverse_temperatures
        self.energies = energies
        self._effective_sample_size = effective_sample_size
        self._prior_free_energies = np.zeros(energies.shape[1]) if prior_free_energies is None else prior_free_energies
        self._prior_floor = prior_floor

    @cached_property
    def replicates(self) -> list[Reweighting]:
        """The reweighting of each replicate; solved once."""
        return [Reweighting(self.inverse_temperatures, self.energies[:, r]) for r in range(self.energies.shape[1])]

    def free_energy(self, beta: float | int) -> Estimate:
        """F(β) = -log ∫ exp(-β n L_n) φ dw, in nats."""
        values = [start + r.free_energy(beta) for start, r in zip(self._prior_free_energies, self.replicates, strict=True)]
        return Estimate.from_replicates([float(value) for value in values], self.free_energy_floor(beta))

    def free_energy_floor(self, beta: float | int) -> float:
        """The standard error of F(β) that independent particles alone would leave, in nats."""
        particles = self.energies.shape[2]
        upto = self.inverse_temperatures[1:] <= beta
        # Variance of the log incremental weights of independent particles, half of it: each interval is read from both its ends.
        steps = np.sum(1 / self._effective_sample_size[1:][upto] - 1, axis=0) / (2 * particles)
        return float(np.sqrt((steps.mean() + self._prior_floor**2) / len(self.replicates)))

    def energy(self, beta: float | int) -> Estimate:
        """E(β) = E_w^β[n L_n], in nats."""
        moments = [r.mean_and_variance(beta) for r in self.replicates]
        if not np.isfinite(moments).all():
            return Estimate(float("inf"), float("nan"), tuple(m for m, _ in moments))
        effective = sum(r.effective_sample_size(beta) for r in self.replicates)
        floor = float(np.sqrt(np.mean([v for _, v in moments]) / effective))
        return Estimate.from_replicates([m for m, _ in moments], floor)

    def heat_capacity(self, beta: float | int) -> Estimate:
        """C(β) = β² Var_w^β[n L_n], dimensionless."""
        if beta == 0:
            return Estimate(0.0, 0.0, (0.0,) * len(self.replicates))
        values, floors = [], []
        for r in self.replicates:
            mean, variance = r.mean_and_variance(beta)
            weights = r.weights(beta)
            weighing = weights > 0
            influence = beta**2 * ((r.energies[weighing] - mean) ** 2 - variance)
            values.append(beta**2 * variance)
            floors.append(float(np.sum((weights[weighing] * influence) ** 2)))
        return Estimate.from_replicates(values, float(np.sqrt(np.mean(floors) / len(floors))))

    def influence(self, betas: Float[np.ndarray, " points"], reading: str) -> list[Float[np.ndarray, "points samples"]]:
        """Influence of every sample of every replicate on a reading at each β: their outer product is a covariance.

        ``reading`` is ``"energy"``, ``"heat_capacity"`` or ``"free_energy"``.
        """
        rows: list[Float[np.ndarray, "points samples"]] = []
        for r in self.replicates:
            influences = []
            for beta in betas:
                weights = r.weights(float(beta))
                used = weights > 0
                mean, variance = r.mean_and_variance(float(beta))
                centred = np.where(used & (r.energies < ENERGY_CEILING), r.energies - mean, 0.0)
                if reading == "energy":
                    value = weights * centred
                elif reading == "heat_capacity":
                    value = weights * beta**2 * (centred**2 - variance)
                else:
                    value = -weights
                influences.append(value.ravel())
            rows.append(np.stack(influences))
        return rows
