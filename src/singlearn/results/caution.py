"""What can be wrong with a number, as values with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a number should not be taken at face value."""

    PHASE_ELSEWHERE = "phase_elsewhere"
    READINGS_DISAGREE = "readings_disagree"
    POOR_MIXING = "poor_mixing"
    TOO_FEW_RUNGS = "too_few_rungs"
    INFINITE_ENERGIES = "infinite_energies"
    TOO_FEW_DECADES = "too_few_decades"
    PLATEAU = "plateau"
    NO_ZERO = "no_zero"
    ROUNDING = "rounding"
    ABOVE_HALF_DIMENSION = "above_half_dimension"
    NOT_LEVEL = "not_level"
    PRIOR_DOMINATED = "prior_dominated"
    MULTIPLICITY_UNCERTAIN = "multiplicity_uncertain"
    NEGATIVE_ENERGY = "negative_energy"
    SATURATED_CHART = "saturated_chart"
    PRIOR_MISMATCH = "prior_mismatch"
    UNMIXED_COORDINATE = "unmixed_coordinate"
    UNSEEN_MODE = "unseen_mode"
    IMPUTED_OBSERVATIONS = "imputed_observations"
    ONE_OBSERVATION = "one_observation"
    NO_MINIMUM = "no_minimum"
    ONLY_BOUNDS = "only_bounds"
    NOT_PROVED = "not_proved"


@dataclass(frozen=True)
class Caution:
    """A reason and the sentence that says what was seen."""

    reason: Reason
    message: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"
