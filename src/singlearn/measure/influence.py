r"""How much each particle of a ladder moves what is read off it."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_array

from singlearn.measure.reweight import ENERGY_CEILING, Reweighting, solve_banded

Curve = Literal["energy", "heat_capacity", "free_energy"]


class Influences:
    r"""First-order influences of the particles of one replicate.

    A reading is :math:`R = R(\text{weights}, f)`, and the free energies :math:`f_k` of the rungs
    come from the same particles: the equations :math:`Σ_x p_k(x) = N` move them by :math:`δf =
    -H^{-1} Σ_x (p(x) - E[p])` with :math:`H = N - Σ_x p(x) p(x)^T`. A particle x therefore moves
    the reading by

    .. math:: ψ(x) = g(x) + \sum_k (H^{-1} c)_k\, p_k(x), \qquad c_k = \sum_x g(x) p_k(x)

    counted from the mean of its rung, where g is what it does with f held fixed: :math:`g = -w`
    for F, :math:`w (U - E)` for E, and :math:`β^2 w ((U - E)^2 - V)` for C. The error of the
    reading is :math:`Σ_x ψ(x)`. For independent particles its variance is the asymptotic
    covariance of Shirts and Chodera 2008 [shirts2008mbar]_; g alone leaves out what f adds.

    Args:
        reweighting: of the replicate.

    Two rungs are read by Bennett's ratio, whose variance is an integral over both densities:

    >>> betas = np.array([0.0, 1.0])  # U = x²/2: p = N(0, 1) and q = N(0, 1/2)
    >>> x = np.random.default_rng(0).normal(size=(2, 4000)) / np.sqrt(1 + betas)[:, None]
    >>> own = Influences(Reweighting(betas, x**2 / 2))
    >>> variance = own.by_rung(own.on_curve(1.0, "free_energy")[None]).sum()
    >>> w = np.arange(-9, 9, 0.01)
    >>> p, q = (np.exp(-w * w * b / 2) * (b / (2 * np.pi)) ** 0.5 for b in (1, 2))
    >>> bennett = (1 / np.sum(0.01 * p * q / (p + q)) - 2) / 4000
    >>> bool(abs(variance / bennett - 1) < 0.05)
    True
    """

    def __init__(self, reweighting: Reweighting) -> None:
        self.reweighting = reweighting
        self._energies, self._counts, self._denominators, parts = reweighting.nodes()
        rungs, nodes, shares = [], [], []
        for at, own, values in parts:
            rungs.append(np.repeat(np.arange(own.start, own.stop), values.shape[1]))
            nodes.append(np.tile(np.arange(at.start, at.stop), len(values)))
            shares.append(values.ravel())
        places = (np.concatenate(rungs), np.concatenate(nodes))
        shape = (len(reweighting.inverse_temperatures), len(self._energies))
        # Of every node in every rung that counts there.
        self._shares = csr_array((np.concatenate(shares), places), shape=shape)

    @cached_property
    def _hessian(self) -> Float[np.ndarray, "offsets rungs"]:
        """The lower half of H without the rung whose f is fixed."""
        expected, overlaps = self.reweighting.balance()
        found = -overlaps[:, 1:]
        found[0] += expected[1:] + 1e-12 * self.reweighting.energies.shape[1]
        return found

    def _response(self, along: Float[np.ndarray, " rungs"]) -> Float[np.ndarray, " rungs"]:
        r""":math:`H^{-1}` times a vector of rungs, 0 on the first, whose f is fixed."""
        found = np.zeros(len(along))
        if len(along) > 1:
            particles = self.reweighting.energies.shape[1]
            found[1:] = solve_banded(self._hessian, along[1:], particles)
        return found

    def on_curve(self, beta: float, reading: Curve) -> Float[np.ndarray, " nodes"]:
        """ψ as a function of the energy, at the nodes of the reweighting.

        Args:
            beta: within the ladder, in 1/nats.
            reading: F, E or C.

        Returns:
            Its values, in the unit of the reading.
        """
        own = self.reweighting
        weights = own.weights_at(beta, self._energies, self._denominators)
        if reading == "free_energy":
            direct = -weights
        else:
            mean, variance = own.mean_and_variance(beta)
            centred = np.where(self._energies < ENERGY_CEILING, self._energies - mean, 0.0)
            direct = weights * centred
            if reading == "heat_capacity":
                direct = weights * beta**2 * (centred**2 - variance)
        response = self._response(self._shares @ (self._counts * direct))
        return np.asarray(direct + response @ self._shares)

    def by_rung(
        self, influences: Float[np.ndarray, "points nodes"]
    ) -> Float[np.ndarray, "rungs points points"]:
        """What independent particles of each rung add to the covariance of readings.

        Args:
            influences: one row for each reading, at the nodes.

        Returns:
            N times the covariance of ψ within the rung.
        """
        particles = self.reweighting.energies.shape[1]
        means = self._shares @ (self._counts * influences).T / particles
        # From values close to their means: those of a rung may differ by little.
        centre = means.mean(axis=0)
        apart, means = influences - centre[:, None], means - centre
        points = len(influences)
        found = np.empty((len(means), points, points))
        for i in range(points):
            squares = self._shares @ (self._counts * apart[i] * apart).T
            found[:, i] = squares - particles * means[:, [i]] * means
        return found

    def of_particles(
        self, influences: Float[np.ndarray, "points nodes"], rungs: slice
    ) -> Float[np.ndarray, "points rungs particles"]:
        """ψ of every particle of some rungs, counted from the mean of its rung."""
        found = np.stack([self.reweighting.from_nodes(own, rungs) for own in influences])
        return np.asarray(found - found.mean(axis=-1, keepdims=True))

    def response(
        self, beta: float, direct: Float[np.ndarray, "points rungs particles"]
    ) -> Float[np.ndarray, "points nodes"]:
        """What f adds to ψ for weighted means at β of functions of the particles.

        Args:
            beta: within the ladder, in 1/nats.
            direct: g, which is weight times the distance from the mean; 0 without weight.

        Returns:
            ψ - g as a function of the energy, at the nodes.
        """
        own = self.reweighting
        flat = direct.reshape(len(direct), -1)[:, own.order]
        along = np.zeros((len(direct), len(own.inverse_temperatures)))
        for members in own.members(own.window(beta)):
            along[:, members.rungs] += flat[:, members.particles] @ members.shares.T
        responses = np.stack([self._response(one) for one in along])
        return np.asarray(responses @ self._shares)
