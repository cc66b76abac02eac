r"""Several ladders over disjoint parts of parameter space, read as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from singlearn.measure.ladder_view import LadderView
from singlearn.measure.reweight import UNREAD, Members, Reweighting


class JoinedReweighting(Reweighting):
    r"""One replicate of several ladders, whose parts of parameter space are disjoint and make up the whole.

    Part k begins at :math:`F_k(0) = -\log` of its prior mass :math:`m_k`. Since :math:`Z(β) = Σ_k m_k Σ_{x∈k} e^{-βU(x) - D_k(x)}`,
    all samples together are one reweighting with the denominators :math:`D_k(x) - \log m_k`. Rungs are those of all parts, one after
    the other.

    Args:
        parts: the reweighting of each part.
        prior_free_energies: :math:`F_k(0)`, in nats.

    >>> rng = np.random.default_rng(0)
    >>> betas, x = np.array([0.0, 1.0]), rng.normal(size=4000)
    >>> halves = [Reweighting(betas[:1], np.abs(x[None, :2000])), Reweighting(betas[:1], np.abs(x[None, 2000:]))]
    >>> both = JoinedReweighting(halves, [np.log(2), np.log(2)])
    >>> bool(abs(both.free_energy(0.0)) < 1e-12)
    True
    """

    def __init__(self, parts: Sequence[Reweighting], prior_free_energies: Sequence[float]) -> None:
        self.inverse_temperatures = np.concatenate([part.inverse_temperatures for part in parts])
        self.energies = np.concatenate([part.energies for part in parts])
        self._lowest = min(part._lowest for part in parts)
        excess = self.energies - self._lowest
        self.order = np.argsort(excess, axis=None, kind="stable")
        self._sorted = excess.ravel()[self.order]
        starts = list(zip(parts, prior_free_energies, strict=True))
        self.free_energies = np.concatenate([part.free_energies + start for part, start in starts])
        denominators = np.concatenate([part.log_denominators + start for part, start in starts])
        self._sorted_denominators = denominators.ravel()[self.order]
        self._moments = {}

    def window(self, beta: float | int, depth: float = UNREAD) -> slice:
        """All particles: of different parts, those of one energy have different weights."""
        self._check(beta)
        return slice(0, self._sorted.size)

    def members(self) -> Iterator[Members]:
        """Refused: the shares of a particle in the rungs are those of its part.

        Raises:
            ValueError: always.
        """
        raise ValueError("modes: V(t) is not read off a run to which modes were added; temper with modes='warn'")


class JoinedView(LadderView):
    """A view of several ladders over disjoint parts of parameter space: F, E and C of the whole, at every β.

    ``energies``, ``inverse_temperatures`` and the weights of ``replicates`` have the rungs of all parts, one part after the other.

    Args:
        parts: views of the ladders, of equally many replicates and particles.
    """

    def __init__(self, parts: Sequence[LadderView]) -> None:
        self.parts = tuple(parts)
        super().__init__(
            np.concatenate([part.inverse_temperatures for part in parts]),
            np.concatenate([part.energies for part in parts]),
            np.concatenate([part._effective_sample_size for part in parts]),
            resolved=min(part.resolved for part in parts),
        )

    @cached_property
    def replicates(self) -> list[Reweighting]:
        """The joined reweighting of each replicate; solved once."""
        starts = [part._prior_free_energies for part in self.parts]
        return [
            JoinedReweighting([part.replicates[r] for part in self.parts], [float(own[r]) for own in starts])
            for r in range(self.energies.shape[1])
        ]

    def free_energy_floor(self, beta: float | int) -> float:
        """The standard error of F(β) that independent particles alone would leave, in nats: each part's, by its share."""
        values = np.array([part.free_energy(beta).value for part in self.parts])
        shares = np.exp(values.min() - values)
        floors = np.array([part.free_energy_floor(beta) for part in self.parts])
        return float(np.sqrt(np.sum((shares / shares.sum() * floors) ** 2)))

    def as_one_ladder(self, seed: int = 0) -> LadderView:
        """The same posteriors at the β of the first part, each rung drawn by weight from all parts: for readings that go rung by rung."""
        first, generator = self.parts[0], np.random.default_rng(seed)
        energies = np.empty_like(first.energies)
        for r, own in enumerate(self.replicates):
            for k, beta in enumerate(first.inverse_temperatures):
                edges = np.cumsum(own.weights(float(beta)).ravel())
                places = (np.arange(energies.shape[2]) + generator.uniform()) / energies.shape[2] * edges[-1]
                energies[k, r] = own.energies.ravel()[np.minimum(np.searchsorted(edges, places), edges.size - 1)]
        view = LadderView(first.inverse_temperatures, energies, first._effective_sample_size, resolved=self.resolved)
        # Any β is still read from all samples: neighbouring rungs of the whole need not overlap, those of its parts do.
        view.__dict__["replicates"] = self.replicates
        return view


def joined_view(views: Sequence[LadderView]) -> LadderView:
    """One view as it is, several joined."""
    return views[0] if len(views) == 1 else JoinedView(views)
