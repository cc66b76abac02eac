"""Tempering every model of a family."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from singlearn.running.arguments import whole_number
from singlearn.running.progress import Progress
from singlearn.running.sweep import Client, spread
from singlearn.running.whole_files import as_path
from singlearn.selection.read_runs import candidates_of
from singlearn.selection.selection import Selection
from singlearn.tempering import Run, temper
from singlearn.tempering.arguments import population_arguments
from singlearn.triple import Triple


def select(
    make_triple: Callable[[int], Triple],
    sizes: Iterable[int],
    particles: int = 512,
    replicates: int = 4,
    seed: int = 0,
    thin: int = 1,
    name: str = "selection",
    description: str = "",
    folder: str | os.PathLike[str] | None = None,
    client: Client | None = None,
    progress: Progress = None,
) -> Selection:
    """Temper ``make_triple(K)`` for every K and compare free energies.

    Args:
        make_triple: K to a triple; any family of models, whose triples have the same observations.
        sizes: the K to compare.
        particles: of each replicate; 512 leave a standard error of about 0.1 nats for the mixtures
            of the galaxy data.
        replicates: independent sets of particles; standard errors are their spread.
        seed: every K is tempered with it, so that ``temper(make_triple(K), seed=seed)`` gives the
            same row again.
        thin: keep every ``thin``-th particle; WAIC is read from kept ones.
        name: of the data, for tables and figures.
        description: one line for tables and figures.
        folder: where every rung of every K is kept, in a folder per K; a selection that was begun
            there is resumed. It belongs to what it was made of, as a ``checkpoint`` of ``temper``.
        client: a Dask client, to spread the K over its workers; by default they run here, one after
            the other.
        progress: as for ``temper``; workers of a client show none.

    Returns:
        One candidate per K, in the order of ``sizes``.

    Raises:
        ValueError: no K, a triple without data, triples with different observations, or a folder of
            another selection.
        TypeError: ``make_triple`` returns no triple.
    """
    values = [whole_number("sizes", size, at_least=0) for size in sizes]
    if not values:
        raise ValueError("sizes: got none; at least one K is needed")
    particles, replicates, seed, _ = population_arguments(particles, replicates, seed)
    where = None if folder is None else as_path("folder", folder)
    triples = [make_triple(size) for size in values]
    for size, triple in zip(values, triples, strict=True):
        if not isinstance(triple, Triple):
            raise TypeError(
                f"make_triple: K = {size} gives {type(triple).__name__}; it should be a Triple"
            )
        if triple.is_population:
            raise ValueError(
                f"make_triple: K = {size} is a population triple; models are selected on data"
            )
        if triple.n != triples[0].n:
            raise ValueError(
                f"make_triple: K = {size} has {triple.n:g} observations; K = {values[0]} has "
                f"{triples[0].n:g}"
            )
        if _has_other_observations(triple, triples[0]):
            raise ValueError(
                f"make_triple: K = {size} has other observations than K = {values[0]}; they "
                "should be the same"
            )
    measure = _Tempered(
        make_triple, particles, replicates, seed, thin, None if where is None else where.absolute()
    )
    runs = (
        [measure(size, progress=progress) for size in values]
        if client is None
        else spread(name, measure, values, client, progress)
    )
    return Selection(name, description, candidates_of(values, runs))


@dataclass(frozen=True)
class _Tempered:
    """What is done for one K; an object and no closure, so that it can be sent to another process
    as it is.
    """

    make_triple: Callable[[int], Triple]
    particles: int
    replicates: int
    seed: int
    thin: int
    folder: Path | None

    def __call__(self, size: int, wait: bool = True, progress: Progress = False) -> Run:
        return temper(
            self.make_triple(size),
            particles=self.particles,
            replicates=self.replicates,
            seed=self.seed,
            thin=self.thin,
            progress=progress,
            checkpoint=None if self.folder is None else self.folder / f"K_{size}",
        )


def _has_other_observations(triple: Triple, first: Triple) -> bool:
    """Whether both model one array of observations, or both are NumPyro models, and the
    observations are not the same; inputs of regressions may differ, and are not looked at.
    """
    if triple.sites.observed and first.sites.observed:
        digests, of_first = _observations(triple), _observations(first)
        return len(digests) == len(of_first) and digests != of_first
    both = (triple.data, first.data)
    return all(isinstance(data, np.ndarray) for data in both) and not np.array_equal(*both)


def _observations(triple: Triple) -> list[str]:
    """Digests of the observed values of a NumPyro model, site by site, whatever the sites are
    called.
    """
    return sorted(site.digest for site in triple.sites.observed)
