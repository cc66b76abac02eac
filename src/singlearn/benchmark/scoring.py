"""Hold a sampler to problems whose truth is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future, as_completed
from pathlib import Path
from typing import Any

from singlearn.benchmark.comparison import comparisons
from singlearn.benchmark.outcome import Outcome
from singlearn.benchmark.problem import Problem, load
from singlearn.benchmark.scores import Scores, Trial
from singlearn.running import identity
from singlearn.running.arguments import whole_number
from singlearn.running.progress import Progress, ProgressBar
from singlearn.running.sweep import FinishedPoints
from singlearn.running.whole_files import as_path

Sampler = Callable[[Problem, int, int], Outcome]
"""``sampler(problem, budget, seed)``. What the budget counts is the sampler's: particles, live
points, draws. What it cost is measured."""

LONGEST_FAILURE = 300


def score(
    sampler: Sampler,
    problems: Iterable[Problem | str],
    budget: int = 1024,
    *,
    seeds: int | Sequence[int] = 8,
    name: str | None = None,
    folder: str | Path | None = None,
    executor: Executor | None = None,
    progress: Progress = None,
) -> Scores:
    """Run a sampler on problems with several seeds, and hold every number to the truth.

    A run that raises an exception is a trial that says so. CPU seconds are those of the process of
    the run, with its threads and with compilation: an executor should be of processes.

    Args:
        sampler: ``sampler(problem, budget, seed)`` that returns an :class:`Outcome`; for an
            executor of processes a function of a module.
        problems: or their names.
        budget: passed on to the sampler.
        seeds: how many, counted from 0, or the seeds.
        name: of the sampler in tables; default: that of its module or of the function.
        folder: one file for each problem and seed; what is there is not run again. Several
            processes may share it.
        executor: any of ``concurrent.futures``; default: one trial after the other.
        progress: as for :func:`singlearn.temper`.

    Returns:
        All trials, in the order of problems and seeds.

    Raises:
        ValueError: an argument out of range, or a folder of another sampler or budget.
        TypeError: something that is no sampler or no problem.

    >>> def exact(problem, budget, seed):
    ...     return Outcome(log_evidence=-problem.known_value("free_energy").value,
    ...                    log_evidence_error=0.01)
    >>> scores = score(exact, ["polynomial-w4"], seeds=2, name="the truth")
    >>> [trial.comparisons[0].error for trial in scores.trials]
    [0.0, 0.0]
    """
    if not callable(sampler):
        raise TypeError(f"sampler: got {sampler!r}; it should be sampler(problem, budget, seed)")
    budget = whole_number("budget", budget)
    listed = [load(item) if isinstance(item, str) else item for item in problems]
    for item in listed:
        if not isinstance(item, Problem):
            raise TypeError(f"problems: got {type(item).__name__}; each should be a Problem")
    chosen = (
        list(range(whole_number("seeds", seeds)))
        if not isinstance(seeds, Sequence)
        else [whole_number("seeds", seed, at_least=0) for seed in seeds]
    )
    called = name or str(getattr(sampler, "__qualname__", type(sampler).__name__))
    kept = None
    if folder is not None:
        kept = FinishedPoints(
            as_path("folder", folder),
            "benchmark",
            {"sampler": called, "budget": budget},
            "another sampler or another budget",
        )
    places = [(problem, seed) for problem in listed for seed in chosen]
    found: dict[tuple[str, int], Trial] = {}
    for problem, seed in places:
        stored = None if kept is None else _stored(kept, problem, seed)
        if stored is not None:
            found[problem.name, seed] = stored
    missing = [place for place in places if (place[0].name, place[1]) not in found]
    with ProgressBar("benchmark", called, progress) as bar:

        def finished(trial: Trial, problem: Problem) -> None:
            found[trial.problem, trial.seed] = trial
            if kept is not None:
                kept.save(_point(problem, trial.seed), trial.to_dict(), _made_of(problem))
            bar.show(len(found) / len(places), f"{called}: {trial.problem}")

        if executor is None:
            for problem, seed in missing:
                finished(run_trial(sampler, problem, budget, seed, called), problem)
        else:
            futures: dict[Future[Trial], tuple[Problem, int]] = {
                executor.submit(run_trial, sampler, problem, budget, seed, called): (problem, seed)
                for problem, seed in missing
            }
            for future in as_completed(futures):
                problem, seed = futures[future]
                error = future.exception()
                finished(
                    future.result()
                    if error is None
                    else _failed(called, problem, budget, seed, error, None),
                    problem,
                )
    return Scores(tuple(found[problem.name, seed] for problem, seed in places))


def run_trial(sampler: Sampler, problem: Problem, budget: int, seed: int, name: str) -> Trial:
    """One run of a sampler, held to the truth.

    Args:
        sampler: to be run.
        problem: on which.
        budget: passed on.
        seed: passed on.
        name: of the sampler.

    Returns:
        The trial; where the sampler raised an exception, one that says so.
    """
    start = time.process_time()
    try:
        outcome = sampler(problem, budget, seed)
        if not isinstance(outcome, Outcome):
            raise TypeError(f"the sampler returned {type(outcome).__name__}, not an Outcome")
        seconds = time.process_time() - start
        compared = comparisons(problem, outcome)
    except Exception as error:  # a sampler may raise anything
        return _failed(name, problem, budget, seed, error, time.process_time() - start)
    return Trial(
        sampler=name,
        problem=problem.name,
        budget=budget,
        seed=seed,
        comparisons=compared,
        likelihood_evaluations=outcome.likelihood_evaluations,
        gradient_evaluations=outcome.gradient_evaluations,
        cpu_seconds=seconds,
        reported=tuple(outcome.cautions),
        failure=None,
    )


def _failed(
    name: str,
    problem: Problem,
    budget: int,
    seed: int,
    error: BaseException,
    seconds: float | None,
) -> Trial:
    sentence = f"{type(error).__name__}: {' '.join(str(error).split())}"[:LONGEST_FAILURE]
    return Trial(name, problem.name, budget, seed, (), None, None, seconds, (), sentence)


def _point(problem: Problem, seed: int) -> str:
    return f"{problem.name}-seed-{seed}"


def _made_of(problem: Problem) -> dict[str, Any]:
    document = problem.to_dict()
    return {"problem": identity.setting(identity.digest_of(document))}


def _stored(kept: FinishedPoints, problem: Problem, seed: int) -> Trial | None:
    now = _made_of(problem)
    trial: Trial | None = kept.load(
        _point(problem, seed), lambda then: identity.differences(then, now), Trial.from_dict
    )
    return trial
