"""A number that was claimed beside the number that is known."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from singlearn.benchmark.outcome import ClaimedNumber, Outcome
from singlearn.benchmark.problem import Problem, coordinate
from singlearn.benchmark.truth import KnownValue
from singlearn.results.result import Answer


@dataclass(frozen=True)
class ClaimAgainstTruth(Answer):
    """A claim and the truth.

    Attributes:
        quantity: of both.
        inverse_temperature: β of both.
        of: which parameter or phase.
        value: as the sampler has it.
        claimed_error: as it claims; ``None`` where it claims none.
        truth: as it is known.
        truth_error: as its method bounds it.
    """

    quantity: str
    inverse_temperature: float
    of: str
    value: float
    claimed_error: float | None
    truth: float
    truth_error: float

    @property
    def error(self) -> float:
        """What it is off by: value - truth."""
        return self.value - self.truth

    @property
    def in_claimed_errors(self) -> float | None:
        """|error| over the claimed error, with that of the truth added in squares; ``None`` where
        no error is claimed.
        """
        if self.claimed_error is None or not math.isfinite(self.claimed_error):
            return None
        size = math.hypot(self.claimed_error, self.truth_error)
        return abs(self.error) / size if size > 0 else (0.0 if self.error == 0 else math.inf)


def comparisons(problem: Problem, outcome: Outcome) -> tuple[ClaimAgainstTruth, ...]:
    """Every number of an outcome whose truth is known.

    Args:
        problem: with its truths.
        outcome: of a sampler on it.

    Returns:
        One for each number that both have.
    """
    truths = {value.key: value for value in problem.known}
    found = []
    claimed = outcome.all_readings()
    own = {(reading.quantity, reading.inverse_temperature, reading.of) for reading in claimed}
    # What a sampler says itself goes before what is read off its draws.
    drawn = [
        reading
        for reading in _of_draws(problem, outcome)
        if (reading.quantity, reading.inverse_temperature, reading.of) not in own
    ]
    for reading in (*claimed, *drawn):
        known = truths.get((reading.quantity, reading.inverse_temperature, reading.of))
        if known is None:
            known = _local(problem, reading)
        if known is not None:
            found.append(_beside(reading, known))
    return tuple(found)


def _local(problem: Problem, reading: ClaimedNumber) -> KnownValue | None:
    if reading.quantity != "local_learning_coefficient" or problem.minimum is None:
        return None
    top, _, bottom = str(problem.minimum["learning_coefficient"]).partition("/")
    value = int(top) / int(bottom or 1)
    return KnownValue(reading.quantity, reading.inverse_temperature, value, 0.0, "theorem")


def _beside(reading: ClaimedNumber, known: KnownValue) -> ClaimAgainstTruth:
    return ClaimAgainstTruth(
        reading.quantity,
        reading.inverse_temperature,
        reading.of,
        float(reading.value),
        None if reading.claimed_error is None else float(reading.claimed_error),
        known.value,
        known.error,
    )


def _of_draws(problem: Problem, outcome: Outcome) -> Iterator[ClaimedNumber]:
    if outcome.draws is None:
        return
    phases = {phase.name: phase for phase in problem.phases}
    for known in problem.known:
        if known.inverse_temperature != 1.0:
            continue
        if known.quantity in ("mean", "mean_square"):
            values = coordinate(outcome.draws, known.of)
            values = values if known.quantity == "mean" else values**2
        elif known.quantity == "phase_share":
            phase = phases[known.of]
            values = phase.holds(coordinate(outcome.draws, phase.parameter)).astype(float)
        else:
            continue
        mean, error = mean_with_error(np.asarray(values, float), outcome.draws_are)
        yield ClaimedNumber(known.quantity, 1.0, mean, error, known.of)


def mean_with_error(values: Float[np.ndarray, "groups draws"], kind: str) -> tuple[float, float]:
    """The mean, and the standard error that draws of this kind have.

    Args:
        values: one number for each draw.
        kind: ``chains``, ``replicates`` or ``independent``, as in :class:`Outcome`.

    Returns:
        Both, in the unit of the values.

    Raises:
        ValueError: another kind.

    >>> mean_with_error(np.array([[0.0, 2.0], [0.0, 2.0]]), "independent")
    (1.0, 0.5)
    """
    mean, spread = float(values.mean()), float(values.std())
    alone = spread / math.sqrt(values.size)
    if kind == "independent":
        return mean, alone
    if kind == "replicates":
        groups = values.mean(axis=1)
        if len(groups) < 2:
            return mean, math.nan
        return mean, max(alone, float(groups.std(ddof=1)) / math.sqrt(len(groups)))
    if kind != "chains":
        raise ValueError(f"kind: got {kind!r}; it should be chains, replicates or independent")
    if spread == 0:
        return mean, 0.0
    from numpyro.diagnostics import effective_sample_size

    effective = float(effective_sample_size(values))
    return mean, spread / math.sqrt(effective) if effective > 0 else math.nan


def from_document(document: dict[str, Any]) -> ClaimAgainstTruth:
    """The inverse of ``ClaimAgainstTruth.to_dict``."""
    return ClaimAgainstTruth(**document)
