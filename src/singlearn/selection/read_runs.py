"""What the runs of a family say of its models, each beside the others."""

from __future__ import annotations

from singlearn.results.estimate import Estimate
from singlearn.selection.candidate import Candidate
from singlearn.selection.probability import probabilities
from singlearn.tempering import Run


def candidates_of(sizes: list[int], runs: list[Run]) -> tuple[Candidate, ...]:
    """One candidate for each run, all on the same data; all K are equally probable beforehand.

    Args:
        sizes: K of each run.
        runs: to β = 1.

    Returns:
        The candidates, in the order of the runs.
    """
    free_energies = [run.free_energy(1.0) for run in runs]
    return tuple(
        _candidate(size, free_energy, probability, run)
        for size, free_energy, probability, run in zip(
            sizes, free_energies, probabilities(free_energies), runs, strict=True
        )
    )


def _candidate(size: int, free_energy: Estimate, probability: Estimate, run: Run) -> Candidate:
    learning_coefficient: Estimate | None = None
    not_read: str | None = None
    cautions = run.energy_cautions
    try:
        read = run.learning_coefficient()
    except ValueError as error:  # n too small, say: the window around 1/log n reaches beyond β = 1
        not_read = str(error)
    else:
        learning_coefficient = Estimate(read.value, read.standard_error)
        cautions = read.cautions
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
        cautions=cautions,
        run=run,
    )
