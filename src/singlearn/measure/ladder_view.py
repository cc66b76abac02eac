"""The run as a reader sees it: every replicate reweighted, any β at hand."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
from jaxtyping import Float

from singlearn.measure.reweight import ENERGY_CEILING, Reweighting
from singlearn.results.estimate import Estimate
from singlearn.running.arguments import real_number

# A rung that remembers more than this of the one before has a caution of its own.
LONGEST_MEMORY = 0.95


class LadderView:
    """Free energy, energy and heat capacity at any β of the ladder, each with the error seen
    between replicates.

    Args:
        inverse_temperatures: of the rungs, increasing from 0, in 1/nats.
        energies: of all particles, in nats.
        effective_sample_size: share of particles the step to each rung left.
        prior_free_energies: F(0) of each replicate, in nats: -log of the prior mass of the phase a
            restricted run is restricted to.
        prior_floor: the error of those that independent draws alone would leave, of a single
            replicate.
        resolved: the largest β at which rounding leaves the energies their digits; beyond it
            readings are withheld.
        memory: correlation of the energies of a rung with those before its moves; default: none.
    """

    def __init__(
        self,
        inverse_temperatures: Float[np.ndarray, " rungs"],
        energies: Float[np.ndarray, "rungs replicates particles"],
        effective_sample_size: Float[np.ndarray, "rungs replicates"],
        prior_free_energies: Float[np.ndarray, " replicates"] | None = None,
        prior_floor: float = 0.0,
        resolved: float = math.inf,
        memory: Float[np.ndarray, " rungs"] | None = None,
    ) -> None:
        self.inverse_temperatures = inverse_temperatures
        self.energies = energies
        self._effective_sample_size = effective_sample_size
        self._prior_free_energies = (
            np.zeros(energies.shape[1]) if prior_free_energies is None else prior_free_energies
        )
        self._prior_floor = prior_floor
        self.resolved = resolved
        self._memory = (
            np.zeros(len(inverse_temperatures))
            if memory is None
            else np.clip(np.nan_to_num(memory), 0.0, LONGEST_MEMORY)
        )

    @cached_property
    def replicates(self) -> list[Reweighting]:
        """The reweighting of each replicate; solved once."""
        return [
            Reweighting(self.inverse_temperatures, self.energies[:, r])
            for r in range(self.energies.shape[1])
        ]

    @property
    def coldest(self) -> float:
        """The largest β at which readings are made: the end of the ladder, or of what rounding
        leaves of it.
        """
        return min(float(self.inverse_temperatures[-1]), self.resolved)

    def check(self, beta: float | int) -> None:
        """Raise ``ValueError`` where rounding has taken the digits that a reading at β needs, or β
        is not a number.
        """
        real_number("beta", beta, meaning="a finite inverse temperature, one at a time")
        if beta > self.resolved * (1 + 1e-12):
            raise ValueError(
                f"beta: got {beta:.4g}; rounding leaves the energies no digits beyond β = "
                f"{self.resolved:.3g}, so nothing is read there "
                "(beta_max below that, precision='float64', or a log likelihood without large "
                "constants)"
            )

    def free_energy(self, beta: float | int) -> Estimate:
        """F(β) = -log ∫ exp(-β n L_n) φ dw, in nats.

        Returns:
            F in nats, with its standard error over replicates.

        Raises:
            ValueError: β beyond the ladder, or beyond ``resolved``.
        """
        self.check(beta)
        values = [
            start + r.free_energy(beta)
            for start, r in zip(self._prior_free_energies, self.replicates, strict=True)
        ]
        return Estimate.from_replicates(
            [float(value) for value in values], self.free_energy_floor(beta)
        )

    def free_energy_floor(self, beta: float | int) -> float:
        r"""The standard error of F(β) that the number of particles alone would leave, in nats.

        F is a sum of steps, :math:`F ≈ Σ_k a_k \bar U_k` with :math:`a_k` half the step before a
        rung and half the step after it. A step has the variance :math:`s^2 = 1/\text{ESS} - 1` per
        particle, so that a rung counts with :math:`(s_{k-1} + s_k)^2/4N`; what the energies of a
        rung remember of the rung before makes their errors go along.

        Returns:
            The error of the mean over replicates.
        """
        particles = self.energies.shape[2]
        # Of the log incremental weights of one particle, rung by rung; of the step that ends
        # beyond β the part up to it.
        spread = np.sqrt(1 / np.clip(self._effective_sample_size[1:], 1 / particles, 1.0) - 1)
        lengths = np.diff(self.inverse_temperatures)
        part = np.clip((beta - self.inverse_temperatures[:-1]) / lengths, 0.0, 1.0)
        steps = spread * part[:, None] / 2
        # A rung is read for the step before it and for the step after it, with the same particles.
        zero = np.zeros((1, steps.shape[1]))
        weights = np.concatenate([steps, zero]) + np.concatenate([zero, steps])
        variance = float(np.mean(_variance_of_sum(weights, self._memory)) / particles)
        return math.sqrt((variance + self._prior_floor**2) / len(self.replicates))

    def energy(self, beta: float | int) -> Estimate:
        """E(β) = E_w^β[n L_n], in nats.

        Returns:
            E in nats, with its standard error over replicates.

        Raises:
            ValueError: β beyond the ladder, or beyond ``resolved``.
        """
        self.check(beta)
        moments = [r.mean_and_variance(beta) for r in self.replicates]
        if not np.isfinite(moments).all():
            return Estimate(float("inf"), float("nan"), tuple(m for m, _ in moments))
        effective = sum(r.effective_sample_size(beta) for r in self.replicates)
        floor = float(np.sqrt(np.mean([v for _, v in moments]) / effective))
        return Estimate.from_replicates([m for m, _ in moments], floor)

    def heat_capacity(self, beta: float | int) -> Estimate:
        """C(β) = β² Var_w^β[n L_n], dimensionless.

        Returns:
            C without a unit, with its standard error over replicates.

        Raises:
            ValueError: β beyond the ladder, or beyond ``resolved``.
        """
        self.check(beta)
        if beta == 0:
            return Estimate(0.0, 0.0, (0.0,) * len(self.replicates))
        values = [beta**2 * r.mean_and_variance(beta)[1] for r in self.replicates]
        floor = math.sqrt(float(self.covariance(np.array([float(beta)]), "heat_capacity")[0, 0]))
        return Estimate.from_replicates([float(value) for value in values], floor)

    def covariance(
        self, betas: Float[np.ndarray, " points"], reading: str
    ) -> Float[np.ndarray, "points points"]:
        """Covariance of the mean over replicates of a reading at several β, had the particles been
        independent.

        Args:
            betas: within the ladder, in 1/nats.
            reading: ``"energy"``, ``"heat_capacity"`` or ``"free_energy"``.

        Returns:
            The sum over particles of the products of their influences on the readings.
        """
        total = np.zeros((len(betas), len(betas)))
        for r in self.replicates:
            windows = [r.window(float(beta)) for beta in betas]
            whole = slice(min(w.start for w in windows), max(w.stop for w in windows))
            energies = r.energies_within(whole)
            rows = np.zeros((len(betas), len(energies)))
            for row, beta, window in zip(rows, betas, windows, strict=True):
                inside = slice(window.start - whole.start, window.stop - whole.start)
                weights = r.weights_within(float(beta), window)
                mean, variance = r.mean_and_variance(float(beta))
                centred = np.where(energies[inside] < ENERGY_CEILING, energies[inside] - mean, 0.0)
                if reading == "energy":
                    row[inside] = weights * centred
                elif reading == "heat_capacity":
                    row[inside] = weights * beta**2 * (centred**2 - variance)
                else:
                    row[inside] = -weights
            total += rows @ rows.T
        return total / len(self.replicates) ** 2


def _variance_of_sum(
    weights: Float[np.ndarray, "rungs replicates"], memory: Float[np.ndarray, " rungs"]
) -> Float[np.ndarray, " replicates"]:
    """The variance of Σ a_k x_k, where each x_k has variance 1 and remembers ``memory[k]`` of the
    one before.

    Returns:
        It, by replicate.
    """
    total = np.zeros(weights.shape[1])
    carried = np.zeros(weights.shape[1])
    for own, remembered in zip(weights, memory, strict=True):
        carried = remembered * carried
        total += own**2 + 2 * own * carried
        carried = carried + own
    return total
