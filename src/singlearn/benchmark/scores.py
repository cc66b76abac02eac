"""How well samplers did: errors, claimed errors, calibration and cost."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from singlearn.benchmark.comparison import ClaimAgainstTruth, from_document
from singlearn.results.caution import Caution, Reason
from singlearn.results.picture import drawn
from singlearn.results.result import Answer
from singlearn.results.table import MISSING, aligned_rows, frame

if TYPE_CHECKING:
    import pandas

NARROW, FAR_OFF = 2.0, 5.0
"""Claimed errors within which nineteen of twenty truths should lie, and beyond which none should
without a caution."""


@dataclass(frozen=True)
class BenchmarkTrial(Answer):
    """One run of one sampler on one problem.

    Attributes:
        sampler: its name.
        problem: its name.
        budget: as it was given.
        seed: as it was given.
        comparisons: every number whose truth is known.
        likelihood_evaluations: as the sampler counted; ``None``: it did not.
        gradient_evaluations: the same.
        cpu_seconds: of the process, with compilation; ``None`` where the process died.
        reported: cautions of the sampler.
        failure: the exception that it raised, in words, or ``None``.
    """

    sampler: str
    problem: str
    budget: int
    seed: int
    comparisons: tuple[ClaimAgainstTruth, ...]
    likelihood_evaluations: int | None
    gradient_evaluations: int | None
    cpu_seconds: float | None
    reported: tuple[Caution, ...]
    failure: str | None

    def evidence(self) -> ClaimAgainstTruth | None:
        """The comparison of F at β = 1, if there is one."""
        for comparison in self.comparisons:
            if comparison.quantity == "free_energy" and comparison.inverse_temperature == 1.0:
                return comparison
        return None

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> BenchmarkTrial:
        """The inverse of ``to_dict``."""
        own = dict(document)
        own["comparisons"] = tuple(from_document(item) for item in own["comparisons"])
        own["reported"] = tuple(Caution.from_dict(item) for item in own["reported"])
        return cls(**own)


@dataclass(frozen=True)
class Calibration(Answer):
    """How often the truth lay where a sampler said.

    Attributes:
        quantity: of which.
        compared: numbers with a claimed error.
        within_two: of these, those at most two claimed errors from the truth.
        far_off: those more than five claimed errors off, in runs without a caution.
        median_error: of |error|, over all numbers.
        median_claimed_error: of the claimed errors.
    """

    quantity: str
    compared: int
    within_two: int
    far_off: int
    median_error: float
    median_claimed_error: float

    @property
    def share(self) -> float:
        """Of the truths, those within two claimed errors; 0.95 for errors that are normal."""
        return self.within_two / self.compared if self.compared else math.nan


@dataclass(frozen=True)
class BenchmarkScores(Answer):
    """Trials of one or several samplers; ``a + b`` puts two side by side.

    Attributes:
        trials: in order.
    """

    trials: tuple[BenchmarkTrial, ...]

    def __add__(self, other: BenchmarkScores) -> BenchmarkScores:
        return BenchmarkScores((*self.trials, *other.trials))

    @property
    def samplers(self) -> tuple[str, ...]:
        """Their names, in order of appearance."""
        return tuple(dict.fromkeys(trial.sampler for trial in self.trials))

    def of(self, sampler: str) -> tuple[BenchmarkTrial, ...]:
        """The trials of one sampler."""
        return tuple(trial for trial in self.trials if trial.sampler == sampler)

    def calibration(self, sampler: str, quantity: str = "evidence") -> Calibration:
        """How often the truth lay where a sampler said.

        Args:
            sampler: its name.
            quantity: ``evidence`` for F at β = 1, or one of
                :data:`singlearn.benchmark.truth.QUANTITIES` for all β.

        Returns:
            Counts and medians over all trials that did not fail.
        """
        found = [
            (comparison, trial)
            for trial in self.of(sampler)
            for comparison in trial.comparisons
            if (
                comparison.quantity == quantity
                or (
                    quantity == "evidence"
                    and comparison.quantity == "free_energy"
                    and comparison.inverse_temperature == 1.0
                )
            )
        ]
        sizes = [(c.in_claimed_errors, t) for c, t in found if c.in_claimed_errors is not None]
        claimed = [c.claimed_error for c, _ in found if c.claimed_error is not None]
        return Calibration(
            quantity,
            len(sizes),
            sum(size <= NARROW for size, _ in sizes),
            sum(not size <= FAR_OFF and not trial.reported for size, trial in sizes),
            _median(abs(c.error) for c, _ in found),
            _median(claimed),
        )

    def far_off(self, sampler: str) -> list[tuple[BenchmarkTrial, ClaimAgainstTruth]]:
        """Every number more than five claimed errors off in a run that gave no caution: the worst
        that can happen.

        Returns:
            Runs with the numbers.
        """
        return [
            (trial, comparison)
            for trial in self.of(sampler)
            if not trial.reported
            for comparison in trial.comparisons
            if comparison.in_claimed_errors is not None
            and not comparison.in_claimed_errors <= FAR_OFF
        ]

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """Runs that failed, and errors that no caution announced."""
        found = []
        for sampler in self.samplers:
            failed = [trial for trial in self.of(sampler) if trial.failure is not None]
            if failed:
                found.append(
                    Caution(
                        Reason.NO_ANSWER,
                        f"{sampler}: {len(failed)} of {len(self.of(sampler))} runs failed, "
                        f"{failed[0].problem} for instance: {failed[0].failure}",
                    )
                )
            far = self.far_off(sampler)
            if far:
                trial, worst = max(far, key=lambda item: item[1].in_claimed_errors or 0.0)
                found.append(
                    Caution(
                        Reason.READINGS_DISAGREE,
                        f"{sampler}: {len(far)} numbers are more than {FAR_OFF:g} claimed errors "
                        f"off without a word; the worst is {worst.quantity} of {trial.problem}, "
                        f"seed {trial.seed}: {worst.value:.6g} ± {worst.claimed_error:.2g}, truth "
                        f"{worst.truth:.6g}",
                    )
                )
        return tuple(found)

    def rows(self) -> list[dict[str, Any]]:
        """One row for each sampler."""
        found = []
        for sampler in self.samplers:
            trials = self.of(sampler)
            evidence = self.calibration(sampler)
            moments = [
                self.calibration(sampler, quantity)
                for quantity in ("mean", "mean_square", "phase_share")
            ]
            compared = sum(part.compared for part in moments)
            seconds = [t.cpu_seconds for t in trials if t.failure is None and t.cpu_seconds]
            found.append(
                {
                    "sampler": sampler,
                    "problems": len({trial.problem for trial in trials}),
                    "runs": len(trials),
                    "failed": sum(trial.failure is not None for trial in trials),
                    "with cautions": sum(bool(trial.reported) for trial in trials),
                    "F compared": evidence.compared,
                    "median |error| of F": evidence.median_error,
                    "median claimed": evidence.median_claimed_error,
                    "F within 2": evidence.share,
                    "beyond 5, no caution": len(self.far_off(sampler)),
                    "moments within 2": sum(part.within_two for part in moments) / compared
                    if compared
                    else math.nan,
                    "likelihoods": _median(
                        t.likelihood_evaluations
                        for t in trials
                        if t.likelihood_evaluations is not None
                    ),
                    "gradients": _median(
                        t.gradient_evaluations for t in trials if t.gradient_evaluations is not None
                    ),
                    "CPU s": _median(seconds),
                }
            )
        return found

    def by_problem(self) -> list[dict[str, Any]]:
        """One row for each problem and sampler: errors of F at β = 1."""
        found = []
        for problem in dict.fromkeys(trial.problem for trial in self.trials):
            for sampler in self.samplers:
                trials = [t for t in self.of(sampler) if t.problem == problem]
                if not trials:
                    continue
                pairs = [e for t in trials if (e := t.evidence()) is not None]
                claimed = [e.claimed_error for e in pairs if e.claimed_error is not None]
                sizes = [e.in_claimed_errors for e in pairs if e.in_claimed_errors is not None]
                found.append(
                    {
                        "problem": problem,
                        "sampler": sampler,
                        "runs": len(trials),
                        "failed": sum(t.failure is not None for t in trials),
                        "cautions": sum(bool(t.reported) for t in trials),
                        "truth of F": pairs[0].truth if pairs else math.nan,
                        "rms error": _root_mean_square(e.error for e in pairs),
                        "rms claimed": _root_mean_square(claimed),
                        "within 2": sum(size <= NARROW for size in sizes),
                        "of": len(sizes),
                        "CPU s": _median(t.cpu_seconds for t in trials if t.cpu_seconds),
                    }
                )
        return found

    def table(self) -> pandas.DataFrame:
        """One row for each sampler."""
        return frame(self.rows())

    def problem_table(self) -> pandas.DataFrame:
        """One row for each problem and sampler."""
        return frame(self.by_problem())

    def plot(self, **options: Any) -> Any:
        """Error against cost, and honest against claimed error; see
        ``singlearn.plot.benchmark``.

        Returns:
            The figure.
        """
        return drawn("benchmark", self, **options)

    def summary(self) -> str:
        """The table of samplers and what is wrong with them."""
        rows = self.rows()
        if not rows:
            return "no trials"
        heads = list(rows[0])
        lines = aligned_rows([heads, *[[_cell(row[head]) for head in heads] for row in rows]])
        return "\n".join([*lines, *[f"  {caution}" for caution in self.cautions]])

    def to_dict(self) -> dict[str, Any]:
        """Rows for samplers and problems, and every trial, for machines."""
        return {
            "samplers": self.rows(),
            "problems": self.by_problem(),
            "trials": [trial.to_dict() for trial in self.trials],
            "cautions": [caution.to_dict() for caution in self.cautions],
        }


def joined(parts: Sequence[BenchmarkScores]) -> BenchmarkScores:
    """The scores of several samplers as one."""
    return BenchmarkScores(tuple(trial for part in parts for trial in part.trials))


def _median(values: Iterable[float | None]) -> float:
    listed = [value for value in values if value is not None and not math.isnan(value)]
    return float(median(listed)) if listed else math.nan


def _root_mean_square(values: Iterable[float]) -> float:
    squares = [value**2 for value in values]
    return math.sqrt(sum(squares) / len(squares)) if squares else math.nan


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return MISSING if math.isnan(value) else f"{value:.3g}" if value < 1000 else f"{value:.2g}"
    return str(value)
