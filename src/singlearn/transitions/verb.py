"""The verb: temper along a parameter."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from singlearn.measure.phases import Labeller
from singlearn.measure.phases.labeller import name_of
from singlearn.running.arguments import real_number
from singlearn.tempering.arguments import population_arguments
from singlearn.transitions.diagram import PhaseDiagram
from singlearn.transitions.finished_points import Client, FinishedPoints, spread
from singlearn.transitions.point import Point, measure_point
from singlearn.triple import Triple


def phase_diagram(
    make_triple: Callable[[float], Triple],
    along: Sequence[float | int],
    labeller: Labeller,
    restricted: Sequence[Hashable] = (),
    beta: float | int | Callable[[float], float | int] = 1.0,
    particles: int = 512,
    replicates: int = 4,
    seed: int = 0,
    parameter: str = "θ",
    folder: str | os.PathLike[str] | None = None,
    client: Client | None = None,
    progress: bool | None = None,
) -> PhaseDiagram:
    r"""Sweep anything - n, the truth, a prior width, β, a model's width - and find where the posterior changes phase.

    Every value is one tempered run with a seed of its own. F, its first two differences, energy, heat capacity and the share of every
    phase are kept; transitions are where the free energies :math:`F_k = F - \log P(k)` of the two best phases cross.

    Args:
        make_triple: the triple at a value; a population triple costs like log n, and those made by ``with_setting`` and ``with_n``
            compile once for all.
        along: at least two distinct values, in any order.
        labeller: as for ``Run.phases``.
        restricted: phases that at every value are tempered by themselves as well, so that their free energies are known where they
            hold no share. A first-order transition at large n needs it: one step further on, the losing phase is gone.
        beta: inverse temperature the runs end at and are read at, in 1/nats, or a function of the value.
        particles, replicates, seed: as for ``temper``; replicates are what errors at a transition come from.
        parameter: name of what is swept, for tables.
        folder: finished points are written there, one file each, and not run again when the sweep is started again.
        client: a Dask client, to spread the points over its workers; by default they run here, one after the other.
        progress: show a progress bar on standard error; default: if it is a terminal.

    Raises:
        ValueError: fewer than two distinct finite values, or a folder that belongs to another sweep; and as ``temper`` does.

    >>> import numpyro.distributions as dist
    >>> # a single well that slides from the left half to the right half; with a setting, all values share what is compiled
    >>> well = Triple.population(lambda w, w0: 0.5 * (w - w0) ** 2, dist.Uniform(-3.0, 3.0), n=10, setting=0.0)
    >>> diagram = phase_diagram(well.with_setting, [-0.3, 0.0, 0.4], lambda w: w > 0, particles=64)
    >>> [t.order for t in diagram.transitions] in ([], ["higher order or a crossover"])
    True
    """
    values = distinct_values(along)
    particles, replicates, seed, _ = population_arguments(particles, replicates, seed)
    if not callable(beta):
        beta = real_number("beta", beta, above=0, meaning="a positive inverse temperature, or a function of the value")
    settings = _settings(labeller, restricted, particles, replicates, seed, parameter)
    store = None if folder is None else FinishedPoints(Path(folder), "sweep", settings, "another sweep")

    measure = _Measurement(make_triple, tuple(values), labeller, tuple(restricted), beta, particles, replicates, seed, store)
    found = {value: Point.from_dict(kept) for value in values if store is not None and (kept := store.load(_name(value))) is not None}
    missing = [value for value in values if value not in found]
    measured = spread(parameter, measure, missing, client, progress)
    found |= dict(zip(missing, measured, strict=True))
    return PhaseDiagram(parameter, tuple(found[value] for value in values))


def distinct_values(along: Sequence[float | int]) -> list[float]:
    """The values of a sweep in order. Raises ``ValueError`` unless there are at least two distinct finite ones."""
    meaning = "at least two distinct finite values"
    values = sorted({real_number("along", value, meaning=meaning) for value in along})
    if len(values) < 2:
        raise ValueError(f"along: got {list(along)}; it should be {meaning}")
    return values


@dataclass(frozen=True)
class _Measurement:
    """What is done at one value; an object and no closure, so that it can be sent to another process as it is."""

    make_triple: Callable[[float], Triple]
    values: tuple[float, ...]
    labeller: Labeller
    restricted: tuple[Hashable, ...]
    beta: float | int | Callable[[float], float | int]
    particles: int
    replicates: int
    seed: int
    store: FinishedPoints | None

    def __call__(self, value: float) -> Point:
        beside = self.values[self.values.index(value) + (1 if value < self.values[-1] else -1)]
        neighbour = (self.make_triple(beside), beside, self._end(beside))
        point = measure_point(
            self.make_triple(value), value, self.labeller, self.restricted, neighbour, self._end(value), self.particles, self.replicates,
            self.seed,
        )  # fmt: skip
        if self.store is not None:
            self.store.save(_name(value), point.to_dict())
        return point

    def _end(self, value: float) -> float:
        return float(self.beta(value)) if callable(self.beta) else float(self.beta)


def _name(value: float) -> str:
    return f"point_{value!r}"


def _settings(
    labeller: Labeller, restricted: Sequence[Hashable], particles: int, replicates: int, seed: int, parameter: str
) -> dict[str, Any]:
    return {
        "labeller": name_of(labeller), "restricted": [str(phase) for phase in restricted], "particles": particles,
        "replicates": replicates, "seed": seed, "parameter": parameter,
    }  # fmt: skip
