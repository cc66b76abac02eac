r"""Several ladders over disjoint parts of parameter space, read as one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from jaxtyping import Float
from scipy.special import logsumexp

from singlearn.measure.influence import Curve
from singlearn.measure.ladder_view import LadderView
from singlearn.measure.reweight import Reweighting


class JoinedReweighting(Reweighting):
    r"""One replicate of several ladders, whose parts of parameter space are disjoint and make up
    the whole.

    Part k begins at :math:`F_k(0) = -\log` of its prior mass and has the share :math:`p_k(β) =
    e^{F(β) - F_k(β)}` of :math:`e^{-F(β)} = Σ_k e^{-F_k(β)}`: its samples have that share of the
    weights, and moments are those of the mixture. Rungs are those of all parts, one part after the
    other.

    Args:
        parts: the reweighting of each part.
        prior_free_energies: :math:`F_k(0)`, in nats.

    >>> betas, x = np.array([0.0]), np.random.default_rng(0).normal(size=4000)
    >>> halves = [
    ...     Reweighting(betas, np.abs(x[None, :2000])),
    ...     Reweighting(betas, np.abs(x[None, 2000:])),
    ... ]
    >>> both = JoinedReweighting(halves, [float(np.log(2))] * 2)
    >>> bool(abs(both.free_energy(0.0)) < 1e-12), both.weights(0.0).shape
    (True, (2, 2000))
    """

    def __init__(self, parts: Sequence[Reweighting], prior_free_energies: Sequence[float]) -> None:
        self.parts = tuple(parts)
        self.prior_free_energies = tuple(prior_free_energies)
        self.inverse_temperatures = np.concatenate([part.inverse_temperatures for part in parts])
        self.energies = np.concatenate([part.energies for part in parts])
        self.order = np.argsort(self.energies, axis=None, kind="stable")

    def _each(self, beta: float | int) -> Float[np.ndarray, " parts"]:
        """F_k(β), in nats."""
        return np.array(
            [
                start + part.free_energy(beta)
                for part, start in zip(self.parts, self.prior_free_energies, strict=True)
            ]
        )

    def shares(self, beta: float | int) -> Float[np.ndarray, " parts"]:
        """The share of each part at β."""
        return np.exp(self.free_energy(beta) - self._each(beta))

    def free_energy(self, beta: float | int) -> float:
        """F(β) of the whole, in nats."""
        return -float(logsumexp(-self._each(beta)))

    def weights(self, beta: float | int) -> Float[np.ndarray, "rungs particles"]:
        """Normalised weights of all particles of all parts at β."""
        return np.concatenate(
            [
                share * part.weights(beta)
                for share, part in zip(self.shares(beta), self.parts, strict=True)
            ]
        )

    def mean_and_variance(self, beta: float | int) -> tuple[float, float]:
        """Mean and variance of the energy at β, in nats and nats²: of the mixture of the parts."""
        shares = self.shares(beta)
        means, variances = np.array([part.mean_and_variance(beta) for part in self.parts]).T
        mean = float(shares @ means)
        # A part without weight may have no moments.
        held = shares > 0
        return mean, float(shares[held] @ (variances[held] + (means[held] - mean) ** 2))

    def effective_sample_size(self, beta: float | int) -> float:
        """Kish's effective number of particles at β."""
        return 1.0 / float(np.sum(self.weights(beta) ** 2))

    def window(self, beta: float | int, depth: float = np.inf) -> slice:
        """All of the order of energies: the weights of several parts have no single peak in it."""
        return slice(0, self.energies.size)

    def weights_within(self, beta: float | int, window: slice) -> Float[np.ndarray, " window"]:
        """Weights at β of the particles in a window of the order of energies, normalised over
        it.

        Returns:
            Weights that sum to one.
        """
        found = self.weights(beta).ravel()[self.order[window]]
        value: Float[np.ndarray, " window"] = found / found.sum()
        return value

    def energies_within(self, window: slice) -> Float[np.ndarray, " window"]:
        """Energies of a window of the order of energies, in nats."""
        found: Float[np.ndarray, " window"] = self.energies.ravel()[self.order[window]]
        return found


class JoinedView(LadderView):
    """A view of several ladders over disjoint parts of parameter space: F, E and C of the whole, at
    every β.

    ``energies``, ``inverse_temperatures`` and the weights of ``replicates`` have the rungs of all
    parts, one part after the other.

    Args:
        parts: views of the ladders, of equally many replicates and particles.
    """

    def __init__(self, parts: Sequence[LadderView]) -> None:
        self.parts = tuple(parts)
        super().__init__(
            np.concatenate([part.inverse_temperatures for part in parts]),
            np.concatenate([part.energies for part in parts]),
            resolved=min(part.resolved for part in parts),
        )

    @cached_property
    def replicates(self) -> list[Reweighting]:
        """The joined reweighting of each replicate; solved once."""
        starts = [part._prior_free_energies for part in self.parts]
        return [
            JoinedReweighting(
                [part.replicates[r] for part in self.parts], [float(own[r]) for own in starts]
            )
            for r in range(self.energies.shape[1])
        ]

    def free_energy_floor(self, beta: float | int) -> float:
        """The standard error of F(β) that the number of particles alone would leave, in nats, with
        that of the prior masses of the parts.

        Returns:
            The standard error in nats, at least.
        """
        variance = self._variance(beta, "free_energy")
        for k, part in enumerate(self.parts):
            for own in self._joined:
                share = own.shares(beta)[k] / len(self._joined)
                variance += (share * part.prior_floor) ** 2
        return math.sqrt(variance)

    @property
    def _joined(self) -> list[JoinedReweighting]:
        return [own for own in self.replicates if isinstance(own, JoinedReweighting)]

    def covariance(
        self, betas: Float[np.ndarray, " points"], reading: Curve
    ) -> Float[np.ndarray, "points points"]:
        r"""Covariance of the mean over replicates of a reading at several β.

        With :math:`dp_k = p_k (dF - dF_k)` for the shares of the parts, :math:`dF = Σ_k p_k dF_k`,
        :math:`dE = Σ_k p_k (dE_k - (E_k - E) dF_k)`, and the same for the variance. The parts are
        independent.

        Args:
            betas: within the ladders, in 1/nats.
            reading: ``"energy"``, ``"heat_capacity"`` or ``"free_energy"``.

        Returns:
            The covariance.
        """
        total = np.zeros((len(betas), len(betas)))
        for k, part in enumerate(self.parts):
            curves = []
            for r, whole in enumerate(self._joined):
                rows, masses = [], []
                for beta in betas:
                    terms = _terms(whole, k, float(beta), reading)
                    rows.append(
                        sum(
                            factor * part.influences[r].on_curve(float(beta), of)
                            for of, factor in terms.items()
                        )
                    )
                    masses.append(terms["free_energy"])
                curves.append(np.stack(rows))
                if reading != "free_energy":
                    total += np.outer(masses, masses) * (part.prior_floor / len(self._joined)) ** 2
            total += part.covariance_of(curves)
        return total

    def variances_of(
        self,
        beta: float,
        directs: list[Float[np.ndarray, "points rungs particles"]],
    ) -> Float[np.ndarray, " points"]:
        """Variances of means over replicates of weighted means at β over the whole; what a part has
        more than its mean moves with its share.

        Args:
            beta: in 1/nats.
            directs: by replicate, weight times the distance from the mean, of every particle.

        Returns:
            One variance for each function.
        """
        variances = np.zeros(len(directs[0]))
        start = 0
        for part in self.parts:
            stop = start + len(part.inverse_temperatures)
            own, masses = [], []
            for r, alone in enumerate(part.replicates):
                direct = directs[r][:, start:stop]
                more = direct.sum(axis=(1, 2))
                own.append(direct - more[:, None, None] * alone.weights(beta))
                masses.append(-more)
            curves = [
                more[:, None] * influences.on_curve(beta, "free_energy")
                for more, influences in zip(masses, part.influences, strict=True)
            ]
            variances += part.variances_with(beta, own, curves)
            variances += np.sum(np.square(masses), axis=0) * (part.prior_floor / len(masses)) ** 2
            start = stop
        return variances

    def as_one_ladder(self, seed: int = 0) -> LadderView:
        """The same posteriors at the β of the first part, each rung drawn by weight from all parts:
        for readings that go rung by rung.

        Returns:
            A ladder of the first part's β.
        """
        first, generator = self.parts[0], np.random.default_rng(seed)
        energies = np.empty_like(first.energies)
        for r, own in enumerate(self.replicates):
            for k, beta in enumerate(first.inverse_temperatures):
                edges = np.cumsum(own.weights(float(beta)).ravel())
                places = (
                    (np.arange(energies.shape[2]) + generator.uniform())
                    / energies.shape[2]
                    * edges[-1]
                )
                energies[k, r] = own.energies.ravel()[
                    np.minimum(np.searchsorted(edges, places), edges.size - 1)
                ]
        return _OneLadder(self, first.inverse_temperatures, energies)


class _OneLadder(LadderView):
    """The rungs of a joined view as those of one ladder; any β is still read from all samples, for
    neighbouring rungs of the whole need not overlap, those of its parts do.
    """

    def __init__(
        self,
        whole: JoinedView,
        inverse_temperatures: Float[np.ndarray, " rungs"],
        energies: Float[np.ndarray, "rungs replicates particles"],
    ) -> None:
        super().__init__(inverse_temperatures, energies, resolved=whole.resolved)
        self._whole = whole

    @cached_property
    def replicates(self) -> list[Reweighting]:
        return self._whole.replicates

    def free_energy_floor(self, beta: float | int) -> float:
        return self._whole.free_energy_floor(beta)

    def covariance(
        self, betas: Float[np.ndarray, " points"], reading: Curve
    ) -> Float[np.ndarray, "points points"]:
        return self._whole.covariance(betas, reading)


def _terms(whole: JoinedReweighting, part: int, beta: float, reading: Curve) -> dict[Curve, float]:
    """How a reading of the whole changes with those of a part."""
    share = float(whole.shares(beta)[part])
    if reading == "free_energy" or share == 0:
        return {"free_energy": share}
    mean, variance = whole.mean_and_variance(beta)
    own_mean, own_variance = whole.parts[part].mean_and_variance(beta)
    apart = own_mean - mean
    if reading == "energy":
        return {"energy": share, "free_energy": -share * apart}
    return {
        "heat_capacity": share,
        "energy": share * beta**2 * 2 * apart,
        "free_energy": -share * beta**2 * (own_variance + apart**2 - variance),
    }


def joined_view(views: Sequence[LadderView]) -> LadderView:
    """One view as it is, several joined."""
    return views[0] if len(views) == 1 else JoinedView(views)
