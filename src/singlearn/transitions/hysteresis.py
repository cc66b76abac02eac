"""Up and down: one population carried along a sweep in both directions, which remembers the phase
it came from.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from singlearn.measure.ladder_view import LadderView
from singlearn.phases import Labeller
from singlearn.phases.labeller import label_all
from singlearn.results.caution import Caution, Reason
from singlearn.results.document import of_each
from singlearn.results.estimate import Estimate
from singlearn.results.result import Answer
from singlearn.results.table import aligned_rows, frame, share_cell
from singlearn.running.arguments import real_number
from singlearn.running.progress import Progress, ProgressBar
from singlearn.running.sweep import Client, FinishedPoints, spread
from singlearn.running.whole_files import as_path
from singlearn.tempering import temper
from singlearn.tempering.anneal import anneal
from singlearn.tempering.arguments import population_arguments
from singlearn.tempering.path import Path, PathFunctions
from singlearn.tempering.settings import Settings
from singlearn.transitions.made_of import differences, made_of
from singlearn.transitions.phase_diagram import distinct_values
from singlearn.transitions.whole_estimate import document_of, estimate_from
from singlearn.triple import Model, Triple

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Branch(Answer):
    """One direction: F and the share of every phase at every value, in the order they were visited.
    Energies in nats.
    """

    direction: str
    values: tuple[float, ...]
    free_energies: tuple[Estimate, ...]
    shares: tuple[dict[str, Estimate], ...]

    def share(self, phase: str, value: float) -> Estimate:
        """Share of a phase at a value; 0 where no particle of this branch was in it."""
        return self.shares[self.values.index(value)].get(phase, Estimate(0.0, 0.0))


@dataclass(frozen=True)
class Hysteresis(Answer):
    """Both branches of a sweep.

    Particles are reweighted from value to value, so that as long as each phase holds particles
    the branches agree; once a phase has died out it comes back only as far as the moves find it.
    Where they disagree beyond their errors, the phases are metastable for this sampler, and neither
    share is to be trusted: runs restricted to each phase are.
    """

    parameter: str
    up: Branch
    down: Branch

    @property
    def phases(self) -> tuple[str, ...]:
        """The names of all phases that were seen, in the order of the alphabet."""
        return tuple(
            sorted(
                {
                    name
                    for branch in (self.up, self.down)
                    for shares in branch.shares
                    for name in shares
                }
            )
        )

    @property
    def disagreement(self) -> list[tuple[float, str]]:
        """(value, phase) where the shares of the two branches differ by more than four standard
        errors and by more than a tenth.
        """
        found = []
        for value in self.up.values:
            for phase in self.phases:
                one, other = self.up.share(phase, value), self.down.share(phase, value)
                error = float(np.hypot(*np.nan_to_num([one.standard_error, other.standard_error])))
                if abs(one.value - other.value) > max(4 * error, 0.1):
                    found.append((value, phase))
        return found

    def summary(self) -> str:
        """All of it, for people."""
        rows: list[tuple[str, ...]] = [
            (self.parameter, *(f"P({p}) {way}" for p in self.phases for way in ("up", "down")))
        ]
        for value in self.up.values:
            cells = [
                share_cell(branch.share(p, value))
                for p in self.phases
                for branch in (self.up, self.down)
            ]
            rows.append((f"{value:.6g}", *cells))
        return "\n".join([*aligned_rows(rows), f"  {self._verdict()}"])

    def _verdict(self) -> str:
        where = sorted({value for value, _ in self.disagreement})
        if not where:
            return "up and down agree"
        listed = ", ".join(f"{value:.4g}" for value in where)
        return f"up and down disagree at {self.parameter} = {listed}"

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """One, where the branches disagree."""
        if not self.disagreement:
            return ()
        return (Caution(Reason.METASTABLE, self._verdict()),)

    def table(self) -> pandas.DataFrame:
        """One value per row: the share of every phase on the way up and on the way down."""
        return frame(
            {
                self.parameter: value,
                **{
                    f"P({phase}) {branch.direction}": branch.share(phase, value)
                    for phase in self.phases
                    for branch in (self.up, self.down)
                },
            }
            for value in self.up.values
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything, for machines."""
        return {
            "parameter": self.parameter,
            "phases": list(self.phases),
            "up": self.up.to_dict(),
            "down": self.down.to_dict(),
            "cautions": of_each(self.cautions),
        }


def hysteresis(
    make_triple: Callable[[float], Triple],
    along: Sequence[float | int],
    labeller: Labeller,
    beta: float | int = 1.0,
    particles: int = 256,
    replicates: int = 4,
    seed: int = 0,
    parameter: str = "θ",
    folder: str | os.PathLike[str] | None = None,
    client: Client | None = None,
    progress: Progress = None,
) -> Hysteresis:
    r"""Temper at one end of a sweep and anneal the population to the other end, and the reverse.

    From θ to θ' it is annealed along :math:`(e^{-βnL_θ}φ_θ)^{1-t} (e^{-βnL_{θ'}}φ_{θ'})^t`, whose
    normalising constants also give the change of F.

    Args:
        make_triple, along, labeller, particles, replicates, seed, parameter: as for
            ``phase_diagram``; all triples have the same parameters.
        beta: inverse temperature, the same all along, in 1/nats.
        folder: the population is written there at every value of each direction, one file each, and
            a sweep that was stopped goes on from the last of them. Each file belongs to what it was
            made of, as for ``phase_diagram``.
        client: a Dask client, to run the two directions on two of its workers; by default they run
            here, one after the other.
        progress: as for ``temper``; workers of a client show none.

    Returns:
        Free energies in nats and the share of every phase, at every value in both directions.

    Raises:
        ValueError: fewer than two distinct finite values, triples of different dimension, or a
            folder of another sweep or with a damaged file.
        OSError: the folder cannot be written to.
    """
    values = distinct_values(along)
    beta = real_number("beta", beta, above=0, meaning="a positive inverse temperature")
    particles, replicates, seed, _ = population_arguments(particles, replicates, seed)
    if len({make_triple(value).dimension for value in values}) > 1:
        raise ValueError(
            "make_triple: its triples differ in dimension; a population cannot be carried from one "
            "to another"
        )
    settings = {
        "values": values,
        "particles": particles,
        "replicates": replicates,
        "seed": seed,
    }
    store = (
        None
        if folder is None
        else FinishedPoints(
            as_path("folder", folder), "hysteresis", settings, "another sweep up and down"
        )
    )
    measure = _BranchMeasurement(
        make_triple, tuple(values), labeller, beta, particles, replicates, seed, store
    )
    if client is not None:
        up, down = spread(parameter, measure, DIRECTIONS, client, progress)
        return Hysteresis(parameter, up, down)
    with ProgressBar("up and down", f"{parameter} = {values[0]:.4g}", progress) as bar:

        def come_to(direction: str, index: int) -> None:
            done = DIRECTIONS.index(direction) * len(values) + index
            value = measure.order(direction)[index]
            bar.show(done / (2 * len(values)), f"{direction}, {parameter} = {value:.4g}")

        up, down = (measure(direction, come_to=come_to) for direction in DIRECTIONS)
    return Hysteresis(parameter, up, down)


DIRECTIONS = ("up", "down")
APART = 1_000_003
"""Between the seeds of the two directions: more than any sweep has values."""


@dataclass(frozen=True)
class _BranchMeasurement:
    """What is done in one direction; an object and no closure, so that it can be sent to another
    process as it is.
    """

    make_triple: Callable[[float], Triple]
    values: tuple[float, ...]
    labeller: Labeller
    beta: float
    particles: int
    replicates: int
    seed: int
    store: FinishedPoints | None

    def order(self, direction: str) -> tuple[float, ...]:
        """The values as they are visited."""
        return self.values if direction == "up" else self.values[::-1]

    def __call__(
        self,
        direction: str,
        wait: bool = True,
        come_to: Callable[[str, int], None] = lambda direction, index: None,
    ) -> Branch:
        if self.store is None:
            return self._walked(direction, come_to)
        with self.store.held(direction, wait):
            return self._walked(direction, come_to)

    def _walked(self, direction: str, come_to: Callable[[str, int], None]) -> Branch:
        order = self.order(direction)
        stations: list[_Station] = []
        before: Triple | None = None
        for index, value in enumerate(order):
            come_to(direction, index)
            triple = self.make_triple(value)
            station = self._finished(direction, index, triple)
            if station is None:
                seed = self.seed + APART * DIRECTIONS.index(direction) + index
                station = (
                    self._begun(triple, seed)
                    if before is None
                    else self._reached(before, triple, stations[-1], seed)
                )
                self._keep(direction, index, triple, station)
            stations.append(station)
            before = triple
        return Branch(
            direction,
            order,
            tuple(station.free_energy for station in stations),
            tuple(station.shares for station in stations),
        )

    def _begun(self, triple: Triple, seed: int) -> _Station:
        """The population at the first value, tempered from the prior."""
        run = temper(
            triple,
            beta_max=self.beta,
            particles=self.particles,
            replicates=self.replicates,
            seed=seed,
            progress=False,
        )
        rung, place = run.coldest()
        population = run.rungs.particles[rung, np.arange(len(rung))[:, None], place]
        shares = _shares(triple, self.labeller, population)
        return _Station(population, run.free_energy(self.beta), shares)

    def _reached(self, before: Triple, triple: Triple, last: _Station, seed: int) -> _Station:
        """The population carried on from the value before."""
        population, step = _carried(before, triple, self.beta, last.population, seed)
        free_energy = Estimate.from_replicates(
            [a + b for a, b in zip(last.free_energy.replicates, step.replicates, strict=True)],
            math.hypot(last.free_energy.standard_error, step.standard_error),
        )
        return _Station(population, free_energy, _shares(triple, self.labeller, population))

    def _finished(self, direction: str, index: int, triple: Triple) -> _Station | None:
        """What the folder has of a value, or ``None``."""
        if self.store is None:
            return None
        found: _Station | None = self.store.load(
            self._name(direction, index),
            lambda earlier: differences(earlier, triple, self.labeller, self.beta),
            _Station.from_dict,
        )
        return found

    def _keep(self, direction: str, index: int, triple: Triple, station: _Station) -> None:
        if self.store is None:
            return
        self.store.save(
            self._name(direction, index),
            station.to_dict(),
            made_of(triple, self.labeller, self.beta, station.population),
        )

    def _name(self, direction: str, index: int) -> str:
        return f"{direction}_{index}_{self.order(direction)[index]!r}"


@dataclass(frozen=True, eq=False)
class _Station:
    """Where a direction has come to: the population there, F in nats and the shares."""

    population: Float[np.ndarray, "replicates particles d"]
    free_energy: Estimate
    shares: dict[str, Estimate]

    def to_dict(self) -> dict[str, Any]:
        """Everything, so that what is read back goes on as if it had not been away."""
        return {
            "free_energy": document_of(self.free_energy),
            "shares": {phase: document_of(share) for phase, share in self.shares.items()},
            "population": self.population.tolist(),
        }

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> _Station:
        """What :meth:`to_dict` wrote."""
        return cls(
            np.array(document["population"], dtype=float),
            estimate_from(document["free_energy"]),
            {phase: estimate_from(share) for phase, share in document["shares"].items()},
        )


def _carried(
    here: Triple,
    there: Triple,
    beta: float,
    population: Float[np.ndarray, "replicates particles d"],
    seed: int,
) -> tuple[Float[np.ndarray, "replicates particles d"], Estimate]:
    """The population at ``there``, and F there minus F here."""
    path = Path(
        _between(here.as_model(), there.as_model()),
        (beta, here.energy_data, there.energy_data),
        there.name,
    )
    replicates, particles, _ = population.shape
    settings = Settings.of(path, 1.0, particles, replicates, seed, 0.6, 1, "float64")
    rungs = anneal(path, settings, None, False, lambda: population)
    view = LadderView(rungs.inverse_temperature, rungs.energies, rungs.ancestor)
    return rungs.particles[-1], view.free_energy(1.0)


def _between(here: Model, there: Model) -> PathFunctions:
    """From the posterior at one value to that at another; its data are β and the data of both."""

    def log_posterior(triple: Triple, beta: Any, own: PyTree, u: Array) -> Float[Array, ""]:
        found: Float[Array, ""] = triple.coordinates.log_prob(u) - beta * triple.energy(u, own)
        return found

    def start(u: Float[Array, " d"], data: PyTree) -> Float[Array, ""]:
        beta, first, _ = data
        return log_posterior(here.triple, beta, first, u)

    def energy(u: Float[Array, " d"], data: PyTree) -> Float[Array, ""]:
        beta, _, second = data
        change = start(u, data) - log_posterior(there.triple, beta, second, u)
        return jnp.where(jnp.isnan(change), jnp.inf, change)

    return PathFunctions((here, there), here.triple.dimension, start, energy)


def _shares(
    triple: Triple, labeller: Labeller, population: Float[np.ndarray, "replicates particles d"]
) -> dict[str, Estimate]:
    replicates, particles, dimension = population.shape
    phases, index = label_all(labeller, triple.coordinates, population.reshape(-1, dimension))
    own = index.reshape(replicates, particles)
    found = {}
    for k, phase in enumerate(phases):
        each = (own == k).mean(axis=1)
        floor = float(np.sqrt(each.mean() * (1 - each.mean()) / own.size))
        found[str(phase)] = Estimate.from_replicates([float(x) for x in each], floor)
    return found
