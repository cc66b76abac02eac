"""Tempering every model of a family."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from singlearn.results.caution import Caution
from singlearn.results.estimate import Estimate
from singlearn.selection.probability import probabilities
from singlearn.selection.selection import Candidate, Selection
from singlearn.tempering import Run, temper
from singlearn.tempering.arguments import population_arguments
from singlearn.triple import Triple


def select(
    family: Callable[[int], Triple],
    values: Iterable[int],
    particles: int = 512,
    replicates: int = 4,
    seed: int = 0,
    thin: int = 1,
    name: str = "selection",
    description: str = "",
    progress: bool | None = None,
) -> Selection:
    """Temper ``family(K)`` for every K and compare free energies.

    Args:
        family: K to a triple; all triples must have the same observations.
        values: the K to compare.
        particles: of each replicate; 512 leave a standard error of about 0.1 nats for the mixtures
            of the galaxy data.
        replicates: independent populations; standard errors are their spread.
        seed: every K is tempered with it, so that ``temper(family(K), seed=seed)`` gives the same
            row again.
        thin: keep every ``thin``-th particle; WAIC is read from kept ones.
        name: of the data, for tables and figures.
        description: one line for tables and figures.
        progress: show a progress bar on standard error; default: if it is a terminal.

    Raises:
        ValueError: no K, a triple without data, or triples with different observations.
    """
    sizes = list(values)
    if not sizes:
        raise ValueError("values: got none; at least one K is needed")
    particles, replicates, seed, _ = population_arguments(particles, replicates, seed)
    triples = [family(size) for size in sizes]
    for size, triple in zip(sizes, triples, strict=True):
        if triple.is_population:
            raise ValueError(
                f"family: K = {size} is a population triple; models are selected on data"
            )
        if triple.n != triples[0].n:
            raise ValueError(
                f"family: K = {size} has {triple.n:g} observations; K = {sizes[0]} has "
                f"{triples[0].n:g}"
            )
        if _has_other_observations(triple, triples[0]):
            raise ValueError(
                f"family: K = {size} has other observations than K = {sizes[0]}; they should be "
                "the same"
            )
    runs = [
        temper(
            triple,
            particles=particles,
            replicates=replicates,
            seed=seed,
            thin=thin,
            progress=progress,
        )
        for triple in triples
    ]
    return compared(sizes, runs, name, description)


def compared(sizes: list[int], runs: list[Run], name: str, description: str) -> Selection:
    """A selection of runs of the same data, one for each K; all K are equally probable beforehand."""
    free_energies = [run.free_energy(1.0) for run in runs]
    return Selection(
        name,
        description,
        tuple(
            _candidate(size, free_energy, probability, run)
            for size, free_energy, probability, run in zip(
                sizes, free_energies, probabilities(free_energies), runs, strict=True
            )
        ),
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


def _candidate(size: int, free_energy: Estimate, probability: Estimate, run: Run) -> Candidate:
    learning_coefficient: Estimate | None = None
    not_read: str | None = None
    warnings: tuple[Caution, ...] = tuple(run.energy_warnings)
    try:
        read = run.learning_coefficient()
    except ValueError as error:  # n too small, say: the window around 1/log n reaches beyond β = 1
        not_read = str(error)
    else:
        learning_coefficient, warnings = Estimate(read.value, read.standard_error), read.warnings
    optimum = run.find_optimum()
    assert optimum is not None  # population triples were refused
    return Candidate(
        size=size,
        free_energy=free_energy,
        probability=probability,
        wbic=run.wbic() if run.n >= 3 else None,
        waic=None if run.posterior.log_likelihood is None else run.waic(),
        loo=None if run.posterior.log_likelihood is None else run.loo(),
        bic=run.bic(),
        is_likelihood_maximum=optimum.is_likelihood_maximum,
        spike_height=0.0 if optimum.spike_energy is None else optimum.energy - optimum.spike_energy,
        learning_coefficient=learning_coefficient,
        not_read=not_read,
        half_dimension=run.dimension / 2,
        warnings=warnings,
        run=run,
    )
