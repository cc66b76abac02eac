"""The run as a reader sees it: every replicate reweighted, any β at hand."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from singlearn.measure.families import covariance_of_totals
from singlearn.measure.influence import Curve, Influences
from singlearn.measure.reweight import Reweighting
from singlearn.results.estimate import Estimate
from singlearn.running.arguments import real_number

# Rungs that add less than this share to the variance of a reading are left out of it.
UNCOUNTED = 1e-4


class LadderView:
    """Free energy, energy and heat capacity at any β of the ladder, each with the error seen
    between replicates.

    Args:
        inverse_temperatures: of the rungs, increasing from 0, in 1/nats.
        energies: of all particles, in nats.
        ancestors: the number on the rung before of the particle that each descends from; default:
            particles are independent.
        prior_free_energies: F(0) of each replicate, in nats: -log of the prior mass of the phase a
            restricted run is restricted to.
        prior_floor: the error of those that independent draws alone would leave, of a single
            replicate.
        resolved: the largest β at which rounding leaves the energies their digits; beyond it
            readings are withheld.
    """

    def __init__(
        self,
        inverse_temperatures: Float[np.ndarray, " rungs"],
        energies: Float[np.ndarray, "rungs replicates particles"],
        ancestors: Int[np.ndarray, "rungs replicates particles"] | None = None,
        prior_free_energies: Float[np.ndarray, " replicates"] | None = None,
        prior_floor: float = 0.0,
        resolved: float = math.inf,
    ) -> None:
        self.inverse_temperatures = inverse_temperatures
        self.energies = energies
        self._ancestors = ancestors
        self._prior_free_energies = (
            np.zeros(energies.shape[1]) if prior_free_energies is None else prior_free_energies
        )
        self.prior_floor = prior_floor
        self.resolved = resolved

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
        """The standard error of F(β) that the number of particles alone would leave, in nats; see
        ``covariance``.

        Returns:
            The error of the mean over replicates.
        """
        variance = self._variance(beta, "free_energy")
        return math.sqrt(variance + self.prior_floor**2 / len(self.replicates))

    def _variance(self, beta: float | int, reading: Curve) -> float:
        return float(self.covariance(np.array([float(beta)]), reading)[0, 0])

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
        floor = math.sqrt(self._variance(beta, "energy"))
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
        floor = math.sqrt(self._variance(beta, "heat_capacity"))
        return Estimate.from_replicates([float(value) for value in values], floor)

    def covariance(
        self, betas: Float[np.ndarray, " points"], reading: Curve
    ) -> Float[np.ndarray, "points points"]:
        r"""Covariance of the mean over replicates of a reading at several β, seen within the
        replicates.

        The error of a reading is the sum of what its particles do to it
        (:class:`~singlearn.measure.influence.Influences`), the free energies of the rungs, which
        they share, included. Particles of different families are independent
        (:func:`~singlearn.measure.families.covariance_of_totals`); without ``ancestors``, all are.

        Args:
            betas: within the ladder, in 1/nats.
            reading: ``"energy"``, ``"heat_capacity"`` or ``"free_energy"``.

        Returns:
            The covariance, without what F has from the prior mass of a phase.
        """
        curves = [
            np.stack([own.on_curve(float(beta), reading) for beta in betas])
            for own in self.influences
        ]
        return self.covariance_of(curves)

    def covariance_of(
        self, curves: list[Float[np.ndarray, "points _"]]
    ) -> Float[np.ndarray, "points points"]:
        """Covariance of means over replicates, from the influences of the particles.

        Args:
            curves: by replicate, influences as functions of the energy, one row for each reading.

        Returns:
            The covariance.
        """
        replicates = len(self.replicates)
        of_rungs = np.sum(
            [own.by_rung(rows) for own, rows in zip(self.influences, curves, strict=True)], axis=0
        )
        if self._ancestors is None:
            return np.asarray(of_rungs.sum(axis=0) / replicates**2)
        rungs = _counted(np.einsum("kpp->kp", of_rungs))
        pairs = zip(self.influences, curves, strict=True)
        values = np.stack([own.of_particles(rows, rungs) for own, rows in pairs], axis=2)
        return covariance_of_totals(values, self._ancestors, rungs.start) / replicates**2

    @cached_property
    def influences(self) -> list[Influences]:
        """What the particles of each replicate do to readings."""
        return [Influences(own) for own in self.replicates]

    def means(
        self,
        values: Float[np.ndarray, "points rungs replicates particles"],
        beta: float | int,
        known: Bool[np.ndarray, "rungs replicates particles"] | None = None,
    ) -> list[Estimate]:
        """Means at β of functions of the particles, by weight from all rungs.

        Args:
            values: of each function, at every particle.
            beta: within the ladder, in 1/nats.
            known: at which particles they are known, where they are not at all of them.

        Returns:
            Each mean in the unit of its values, with its standard error.

        Raises:
            ValueError: β beyond the ladder, or beyond ``resolved``; or no particle of known value
                has weight.
        """
        self.check(beta)
        found, directs = [], []
        for r, own in enumerate(self.replicates):
            weights = own.weights(beta)
            mean, direct = weighted(
                weights, values[:, :, r], None if known is None else known[:, r]
            )
            found.append(mean)
            directs.append(direct)
        variances = self.variances_of(float(beta), directs)
        return [
            Estimate.from_replicates([float(mean[i]) for mean in found], math.sqrt(variances[i]))
            for i in range(len(values))
        ]

    def variances_of(
        self,
        beta: float,
        directs: list[Float[np.ndarray, "points rungs particles"]],
    ) -> Float[np.ndarray, " points"]:
        """Variances of means over replicates of weighted means at β.

        Args:
            beta: in 1/nats.
            directs: by replicate, weight times the distance from the mean, of every particle.

        Returns:
            One variance for each function.
        """
        return self.variances_with(beta, directs, None)

    def variances_with(
        self,
        beta: float,
        directs: list[Float[np.ndarray, "points rungs particles"]],
        responses: list[Float[np.ndarray, "points _"]] | None,
    ) -> Float[np.ndarray, " points"]:
        """The same, with more influences that are functions of the energy.

        Returns:
            One variance for each function.
        """
        replicates = len(self.replicates)
        curves = [own.response(beta, g) for own, g in zip(self.influences, directs, strict=True)]
        if responses is not None:
            curves = [own + more for own, more in zip(curves, responses, strict=True)]
        power = sum(
            np.einsum("kpp->kp", own.by_rung(rows)) + np.sum(g**2, axis=2).T
            for own, rows, g in zip(self.influences, curves, directs, strict=True)
        )
        rungs = _counted(np.asarray(power))
        parts = []
        for own, rows, direct in zip(self.influences, curves, directs, strict=True):
            every = direct[:, rungs] + own.of_particles(rows, rungs)
            parts.append(every - every.mean(axis=-1, keepdims=True))
        total = np.stack(parts, axis=2)
        if self._ancestors is None:
            return np.asarray(np.sum(total**2, axis=(1, 2, 3)) / replicates**2)
        found = covariance_of_totals(total, self._ancestors, rungs.start)
        return np.asarray(np.diag(found) / replicates**2)


def weighted(
    weights: Float[np.ndarray, "rungs particles"],
    values: Float[np.ndarray, "points rungs particles"],
    known: Bool[np.ndarray, "rungs particles"] | None,
) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, "points rungs particles"]]:
    """Means by weight, and weight times the distance from them.

    Returns:
        Both, over the particles at which the values are known.

    Raises:
        ValueError: none of those has weight.
    """
    if known is not None:
        weights = np.where(known, weights, 0.0)
    total = float(weights.sum())
    if not total > 0:
        raise ValueError("thin: no kept particle has weight here; temper with a smaller thin")
    weights = weights / total
    here = np.where(weights > 0, values, 0.0)
    means = np.sum(weights * here, axis=(1, 2))
    return means, weights * (here - means[:, None, None])


def _counted(squares: Float[np.ndarray, "rungs points"]) -> slice:
    """The rungs between the first and the last that add to a variance."""
    counted = np.flatnonzero(np.any(squares > UNCOUNTED * squares.sum(axis=0), axis=1))
    return slice(int(counted[0]), int(counted[-1]) + 1) if counted.size else slice(0, 1)
