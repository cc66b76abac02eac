"""``phase_diagram``: temper along a parameter."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from singlearn.phases import Labeller
from singlearn.running.arguments import real_number
from singlearn.running.identity import Part
from singlearn.running.progress import Progress
from singlearn.running.sweep import Client, FinishedPoints, spread
from singlearn.running.whole_files import as_path
from singlearn.tempering.arguments import population_arguments
from singlearn.transitions.diagram import PhaseDiagram
from singlearn.transitions.made_of import differences, made_of
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
    progress: Progress = None,
) -> PhaseDiagram:
    r"""Sweep anything - n, the truth, a prior width, β, a model's width - and find where the
    posterior changes phase.

    Every value is one tempered run with a seed of its own. F, its first two differences, energy,
    heat capacity and the share of every phase are kept; transitions are where the free energies
    :math:`F_k = F - \log P(k)` of the two best phases cross.

    Args:
        make_triple: the triple at a value; a population triple costs like log n, and those made by
            ``with_setting`` and ``with_n`` compile once for all.
        along: at least two distinct values, in any order.
        labeller: as for ``Run.phases``.
        restricted: phases that at every value are tempered by themselves as well, so that their
            free energies are known where they hold no share. A first-order transition at large n
            needs it: one step further on, the losing phase is gone.
        beta: inverse temperature the runs end at and are read at, in 1/nats, or a function of the
            value.
        particles, replicates, seed: as for ``temper``; replicates are what errors at a transition
            come from.
        parameter: name of what is swept, for tables.
        folder: finished points are written there, one file each, and not run again when the sweep
            is started again. Each belongs to what it was made of: ``make_triple``, ``labeller`` and
            ``beta`` are compared by their values at the point. Several processes may share one
            folder: each takes points that no other process works on, and all return all points.
        client: a Dask client, to spread the points over its workers; by default they run here, one
            after the other.
        progress: ``True`` or ``False``, or a function ``progress(share, words)``; default: a bar
            where standard error is a terminal or a notebook, else a line per minute.

    Returns:
        Every point with its phases, and the transitions between them.

    Raises:
        ValueError: fewer than two distinct finite values, or a folder of another sweep or with a
            damaged file; and as ``temper`` does.
        OSError: the folder cannot be written to.

    >>> import numpyro.distributions as dist

    A single well slides from the left half to the right half; with a setting, all values share what
    is compiled:

    >>> def kl(w, w0):
    ...     return 0.5 * (w - w0) ** 2
    >>> well = Triple.population(kl, dist.Uniform(-3.0, 3.0), n=10, setting=0.0)
    >>> diagram = phase_diagram(well.with_setting, [-0.3, 0.0, 0.4], lambda w: w > 0, particles=64)
    >>> [t.order for t in diagram.transitions] in ([], ["higher order or a crossover"])
    True
    """
    values = distinct_values(along)
    particles, replicates, seed, _ = population_arguments(particles, replicates, seed)
    if not callable(beta):
        beta = real_number(
            "beta",
            beta,
            above=0,
            meaning="a positive inverse temperature, or a function of the value",
        )
    settings = {
        "restricted": [str(phase) for phase in restricted],
        "particles": particles,
        "replicates": replicates,
        "seed": seed,
    }
    store = (
        None
        if folder is None
        else FinishedPoints(as_path("folder", folder), "sweep", settings, "another sweep")
    )

    measure = _PointMeasurement(
        make_triple,
        tuple(values),
        labeller,
        tuple(restricted),
        beta,
        particles,
        replicates,
        seed,
        store,
    )
    found = {value: kept for value in values if (kept := measure.finished(value)) is not None}
    missing = [value for value in values if value not in found]
    measured = spread(parameter, measure, missing, client, progress)
    found |= dict(zip(missing, measured, strict=True))
    return PhaseDiagram(parameter, tuple(found[value] for value in values))


def distinct_values(along: Sequence[float | int]) -> list[float]:
    """The values of a sweep in order.

    Returns:
        The values, increasing and distinct.

    Raises:
        ValueError: there are not at least two distinct finite ones.
    """
    meaning = "at least two distinct finite values"
    values = sorted({real_number("along", value, meaning=meaning) for value in along})
    if len(values) < 2:
        raise ValueError(f"along: got {list(along)}; it should be {meaning}")
    return values


@dataclass(frozen=True)
class _PointMeasurement:
    """What is done at one value; an object and no closure, so that it can be sent to another
    process as it is.
    """

    make_triple: Callable[[float], Triple]
    values: tuple[float, ...]
    labeller: Labeller
    restricted: tuple[Hashable, ...]
    beta: float | int | Callable[[float], float | int]
    particles: int
    replicates: int
    seed: int
    store: FinishedPoints | None

    def finished(self, value: float) -> Point | None:
        """The point, if it is in the folder.

        Returns:
            The point, or ``None`` where it is not there yet.

        Raises:
            ValueError: it is another's, or damaged.
        """
        if self.store is None:
            return None

        def different(earlier: Mapping[str, Part]) -> list[str]:
            return differences(earlier, self.make_triple(value), self.labeller, self._end(value))

        found: Point | None = self.store.load(_name(value), different, Point.from_dict)
        return found

    def __call__(self, value: float, wait: bool = True) -> Point:
        if self.store is None:
            return self._measured(value)[0]
        with self.store.held(_name(value), wait):
            finished = self.finished(value)
            if finished is not None:  # by another process, meanwhile
                return finished
            point, made_of = self._measured(value)
            self.store.save(_name(value), point.to_dict(), made_of)
        return point

    def _measured(self, value: float) -> tuple[Point, dict[str, Part] | None]:
        beside = self.values[self.values.index(value) + (1 if value < self.values[-1] else -1)]
        neighbour = (self.make_triple(beside), beside, self._end(beside))
        triple = self.make_triple(value)
        point, draws = measure_point(
            triple,
            value,
            self.labeller,
            self.restricted,
            neighbour,
            self._end(value),
            self.particles,
            self.replicates,
            self.seed,
        )
        if self.store is None:
            return point, None
        return point, made_of(triple, self.labeller, self._end(value), draws)

    def _end(self, value: float) -> float:
        return float(self.beta(value)) if callable(self.beta) else float(self.beta)


def _name(value: float) -> str:
    return f"point_{value!r}"
