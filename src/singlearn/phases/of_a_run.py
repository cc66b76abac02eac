"""The phases of a run: who holds which share of the tempered posterior, at every temperature."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, PyTree

from singlearn.measure.ladder_view import LadderView
from singlearn.measure.reweight import ENERGY_CEILING
from singlearn.phases.labeller import Labeller, label_all, name_of
from singlearn.phases.ledger import PhaseLedger, make_ledger
from singlearn.phases.phase_reading import PhaseReading
from singlearn.phases.shares import largest_share, ratio_estimate
from singlearn.results.estimate import Estimate
from singlearn.results.picture import drawn
from singlearn.results.result import Answer
from singlearn.results.table import MISSING, aligned_rows, frame, share_cell
from singlearn.triple import Triple

if TYPE_CHECKING:
    import pandas

# With fewer effective particles a phase is said to be unseen: its share, energy and spread would be
# those of a few neighbours.
SEEN = 10.0


@dataclass(frozen=True, eq=False)
class Phases(Answer):
    """A run sorted by a labeller.

    Only the particles that the run kept are labelled: temper with ``thin=1`` to see rare phases.

    Attributes:
        triple: what was tempered.
        labeller: its name.
        phases: every phase that occurs on any rung, the one with most particles on the coldest rung
            first.
        index: of every kept particle, into ``phases``.
        kept: which particles of a population were kept on each rung, by number.
    """

    triple: Triple
    labeller: str
    phases: tuple[Hashable, ...]
    index: Int[np.ndarray, "rungs replicates kept"]
    view: LadderView = field(repr=False)
    particles: Float[np.ndarray, "rungs replicates kept d"] = field(repr=False)
    kept: Int[np.ndarray, "rungs kept"] = field(repr=False)

    @classmethod
    def of(
        cls,
        triple: Triple,
        view: LadderView,
        particles: Float[np.ndarray, "rungs replicates kept d"],
        kept: Int[np.ndarray, "rungs kept"],
        labeller: Labeller,
    ) -> Phases:
        """Label the kept particles of a ladder; see ``Run.phases``."""
        found, index = label_all(
            labeller, triple.coordinates, particles.reshape(-1, particles.shape[-1])
        )
        index = index.reshape(particles.shape[:-1])
        coldest = np.bincount(index[-1].ravel(), minlength=len(found))
        order = sorted(
            range(len(found)), key=lambda k: (-coldest[k], -int((index == k).sum()), str(found[k]))
        )
        rank = np.argsort(order)
        return cls(
            triple,
            name_of(labeller),
            tuple(found[k] for k in order),
            rank[index],
            view,
            particles,
            kept,
        )

    @property
    def beta_max(self) -> float:
        """The coldest inverse temperature of the ladder, in 1/nats."""
        return float(self.view.inverse_temperatures[-1])

    def weights(self, beta: float | int) -> Float[np.ndarray, "replicates rungs kept"]:
        """Weights at β of the kept particles of all rungs, normalised in every replicate.

        Returns:
            Shares that sum to one in every replicate.

        Raises:
            ValueError: β outside the ladder, or ``thin`` left no particle with weight there.
        """
        weights = np.stack([self._of_kept(r.weights(beta)) for r in self.view.replicates])
        totals = weights.sum(axis=(1, 2), keepdims=True)
        if not np.all(totals > 0):
            raise ValueError(
                f"thin: no kept particle of a replicate has weight at β = {beta:g}; temper with a "
                f"smaller thin"
            )
        found: Float[np.ndarray, "replicates rungs kept"] = weights / totals
        return found

    def _energies(self) -> Float[np.ndarray, "replicates rungs kept"]:
        return np.stack([self._of_kept(r.energies) for r in self.view.replicates])

    def _of_kept(
        self, values: Float[np.ndarray, "rungs particles"]
    ) -> Float[np.ndarray, "rungs kept"]:
        return np.take_along_axis(values, self.kept, axis=1)

    def at(self, beta: float | int) -> list[PhaseReading]:
        """Every phase at β, in the order of ``phases``.

        Returns:
            One reading per phase, energies in nats.

        Raises:
            ValueError: β outside the ladder.
        """
        weights = self.weights(beta)
        energies = self._energies()
        effective = self._effective(weights)
        return [
            self._read(phase, k, float(beta), weights, energies, effective)
            for k, phase in enumerate(self.phases)
        ]

    def reading(self, phase: Hashable, beta: float | int) -> PhaseReading:
        """One phase at β; a phase that never occurred is unseen, with the bound that follows.

        Returns:
            Share, free energy, energy and heat capacity of the phase, in nats.

        Raises:
            ValueError: β outside the ladder.
        """
        weights = self.weights(beta)
        k = self.phases.index(phase) if phase in self.phases else len(self.phases)
        return self._read(
            phase, k, float(beta), weights, self._energies(), self._effective(weights)
        )

    def _effective(self, weights: Float[np.ndarray, "replicates rungs kept"]) -> float:
        """Particles behind a share: not more than one rung has, because rungs descend from each
        other.
        """
        own = 1 / np.sum(weights**2, axis=(1, 2))
        return float(np.minimum(own, weights.shape[2]).sum())

    def _read(
        self,
        phase: Hashable,
        k: int,
        beta: float,
        weights: Float[np.ndarray, "replicates rungs kept"],
        energies: Float[np.ndarray, "replicates rungs kept"],
        effective: float,
    ) -> PhaseReading:
        inside = np.moveaxis(self.index == k, 1, 0)
        own = np.where(inside, weights, 0.0)
        shares = own.sum(axis=(1, 2))
        total = float(shares.sum())
        # In units of the largest weight, whose square need not be a number.
        relative = own / max(float(own.max()), np.finfo(float).tiny)
        ours = float(relative.sum() ** 2 / np.sum(relative**2)) if total > 0 else 0.0
        share = total / len(shares)
        whole = self.view.free_energy(beta)
        bound = largest_share(min(share * effective, effective), effective)
        if ours < SEEN:
            return PhaseReading(phase, beta, ours, bound, whole.value - float(np.log(bound)))
        apart = weights * (inside - shares[:, None, None])
        seen = float(self._errors(beta, apart[None])[0])
        # Rungs descend from each other: together they are no better than draws from one of them.
        share_floor = max(seen, float(np.sqrt(max(share * (1 - share), 0.0) / effective)))
        occupancy = Estimate.from_replicates([float(p) for p in shares], share_floor)
        free_energy = Estimate.from_replicates(
            [
                f - float(np.log(share)) - (float(p) - share) / share
                for f, p in zip(whole.replicates, shares, strict=True)
            ],
            float(np.hypot(self.view.free_energy_floor(beta), share_floor / share)),
        )
        energy, heat_capacity = phase_moments(
            beta, own, energies, shares, lambda directs: self._errors(beta, directs)
        )
        return PhaseReading(
            phase,
            beta,
            ours,
            bound,
            free_energy.value + float(np.log(share / bound)),
            occupancy,
            free_energy,
            energy,
            heat_capacity,
        )

    def _errors(
        self, beta: float, directs: Float[np.ndarray, "points replicates rungs kept"]
    ) -> Float[np.ndarray, " points"]:
        """The standard errors of means over replicates, of which the kept particles have these
        direct influences; see ``LadderView.variances_of``.
        """
        every = []
        for r in range(directs.shape[1]):
            whole = np.zeros((len(directs), *self.view.replicates[r].energies.shape))
            np.put_along_axis(whole, self.kept[None], directs[:, r], axis=2)
            every.append(whole)
        return np.asarray(np.sqrt(self.view.variances_of(beta, every)))

    def lowest_energy(self, phase: Hashable) -> float:
        """The lowest n L_n (population: n K) of any kept particle of the phase, in nats.

        Returns:
            The energy, in nats.

        Raises:
            KeyError: it never occurred.
        """
        return float(self._energies()[self._lowest(phase)])

    def best(self, phase: Hashable) -> PyTree:
        """The parameter of :meth:`lowest_energy`, constrained.

        Returns:
            A pytree in the structure of the prior.

        Raises:
            KeyError: it never occurred.
        """
        replicate, rung, particle = self._lowest(phase)
        with jax.enable_x64(self.particles.dtype == np.float64):
            return jax.tree.map(
                np.asarray,
                self.triple.coordinates.constrain(
                    jnp.asarray(self.particles[rung, replicate, particle])
                ),
            )

    def _lowest(self, phase: Hashable) -> tuple[int, int, int]:
        if phase not in self.phases:
            raise KeyError(
                f"{phase!r} never occurred in this run; it saw {', '.join(map(str, self.phases))}"
            )
        inside = np.moveaxis(self.index == self.phases.index(phase), 1, 0)
        replicate, rung, particle = np.unravel_index(
            np.argmin(np.where(inside, self._energies(), np.inf)), inside.shape
        )
        return int(replicate), int(rung), int(particle)

    def ledger(
        self, beta: float | int | None = None, coefficient_beta: float | int | None = None
    ) -> PhaseLedger:
        r"""The account of accuracy and complexity, :math:`F_k = β n L_n(\hat w_k) + λ_k \log nβ +
        c_k`, of every phase seen; see
        :class:`~singlearn.phases.ledger.PhaseLedger`.

        Args:
            beta: where the accounts are drawn up; default 1, or ``beta_max`` of a population run.
            coefficient_beta: where λ_k is read, as the heat capacity within the phase; default
                1/log n, or ``beta`` of a population run.

        Returns:
            The two sides of the account, phase by phase, in nats.

        Raises:
            ValueError: a temperature outside the ladder, or fewer than one phase seen there.
        """
        if beta is None:
            beta = self.beta_max if self.triple.is_population else min(1.0, self.beta_max)
        if coefficient_beta is None:
            warm = 1 / np.log(self.triple.n) if self.triple.n >= 3 else self.beta_max
            coefficient_beta = (
                beta if self.triple.is_population else min(float(warm), self.beta_max)
            )
        seen = [r for r in self.at(beta) if r.is_seen]
        warm_readings = {r.phase: r for r in self.at(coefficient_beta)}
        entries = [
            (r, warm_readings[r.phase].heat_capacity, self.lowest_energy(r.phase)) for r in seen
        ]
        return make_ledger(self.triple.name, float(self.triple.n), float(beta), entries)

    def _usual(self, beta: float | int | None) -> float:
        if beta is None:
            return self.beta_max if self.triple.is_population else min(1.0, self.beta_max)
        return float(beta)

    def table(self, beta: float | int | None = None) -> pandas.DataFrame:
        """One phase per row at β (default 1 or the coldest temperature); energies in nats. Of an
        unseen phase there are only the bounds: its largest share and its smallest free energy.

        Returns:
            One row per phase.
        """
        return frame(
            {
                "phase": str(r.phase),
                "P(k)": r.occupancy,
                "F_k": r.free_energy,
                "E_k": r.energy,
                "C_k": r.heat_capacity,
                "lowest energy": self.lowest_energy(r.phase),
                "largest P(k)": r.largest_occupancy,
                "smallest F_k": r.smallest_free_energy,
            }
            for r in self.at(self._usual(beta))
        )

    def summary(self, beta: float | int | None = None) -> str:
        """The phases at β (default 1 or the coldest temperature) for people: errors beside values,
        unseen phases with what bounds them.

        Returns:
            The table as text.
        """
        beta = self._usual(beta)
        rows: list[tuple[str, ...]] = [
            ("phase", "P(k)", "F_k [nats]", "E_k [nats]", "C_k", "lowest energy [nats]")
        ]
        readings = self.at(beta)
        for r in readings:
            lowest = f"{self.lowest_energy(r.phase):.4g}"
            if r.occupancy is not None:
                cells = map(str, (r.free_energy, r.energy, r.heat_capacity))
                rows.append((str(r.phase), share_cell(r.occupancy), *cells, lowest))
            else:
                bounds = f"unseen: < {r.largest_occupancy:.2g}", f"> {r.smallest_free_energy:.4g}"
                rows.append((str(r.phase), *bounds, MISSING, MISSING, lowest))
        head = (
            f"{self.triple.name}: phases by {self.labeller} at β = {beta:.4g}, "
            f"F = {self.view.free_energy(beta)} nats"
        )
        lines = [head, "", *aligned_rows(rows)]
        if not all(r.is_seen for r in readings):
            lines.append(
                "  unseen: fewer than ten effective particles; bounds are 95 %, as far as the "
                "sampler moves between phases"
            )
        return "\n".join(lines)

    def plot(self, **options: Any) -> Any:
        """Shares and free energies of the phases against β; see ``singlearn.plot.phases``."""
        return drawn("phases", self, **options)

    def to_dict(self, betas: Sequence[float] | None = None) -> dict[str, Any]:
        """Every phase at ``betas`` (default: all rungs), for machines."""
        chosen = (
            [float(b) for b in np.unique(self.view.inverse_temperatures)]
            if betas is None
            else list(betas)
        )
        return {
            "name": self.triple.name,
            "labeller": self.labeller,
            "phases": [str(phase) for phase in self.phases],
            "lowest_energies": [self.lowest_energy(phase) for phase in self.phases],
            "readings": [[reading.to_dict() for reading in self.at(beta)] for beta in chosen],
        }


def phase_moments(
    beta: float,
    own: Float[np.ndarray, "replicates rungs kept"],
    energies: Float[np.ndarray, "replicates rungs kept"],
    shares: Float[np.ndarray, " replicates"],
    errors_of: Callable[[Float[np.ndarray, "2 replicates rungs kept"]], Float[np.ndarray, " 2"]],
) -> tuple[Estimate, Estimate]:
    """Mean energy and heat capacity within a phase, pooled over replicates.

    ``own`` are weights at β, 0 outside the phase; ``shares`` their sums in every replicate;
    ``errors_of`` the standard errors that belong to direct influences. Energies in nats.
    """
    weighing = own > 0
    if energies[weighing].max() >= ENERGY_CEILING:
        infinite = Estimate(float("inf"), float("nan"))
        return infinite, Estimate(0.0, 0.0) if beta == 0 else infinite
    finite = np.where(weighing, energies, 0.0)
    total = float(shares.sum())
    means = (own * finite).sum(axis=(1, 2))
    mean = float(means.sum()) / total
    centred = np.where(weighing, finite - mean, 0.0)
    variance = float((own * centred**2).sum()) / total
    directs = np.stack([own * centred, own * (centred**2 - variance)]) * (len(shares) / total)
    of_mean, of_variance = errors_of(directs)
    energy = ratio_estimate(means, shares, float(of_mean))
    squares = beta**2 * (own * centred**2).sum(axis=(1, 2))
    return energy, ratio_estimate(squares, shares, beta**2 * float(of_variance))
