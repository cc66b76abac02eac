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
    # -- local learning coefficients
    DIVERGED = "diverged"
    ABOVE_TOLERANCE = "above_tolerance"
    NOT_A_MINIMUM = "not_a_minimum"
    LOWER_NEARBY = "lower_nearby"
    DEPENDS_ON_GAMMA = "depends_on_gamma"
    MINIBATCH_NOISE = "minibatch_noise"
    STEPS_TOO_LONG = "steps_too_long"
    RARE_EXCURSIONS = "rare_excursions"
    RARE_SAMPLES = "rare_samples"
    CONSTANT_LOSS = "constant_loss"
    UNFELT_PARAMETERS = "unfelt_parameters"
    SAMPLED_PARAMETERS = "sampled_parameters"
    NUMBER_TYPE = "number_type"
    SLOW = "slow"
    NOT_CHECKED = "not_checked"
    UNFINISHED = "unfinished"
    TOO_FEW_POINTS = "too_few_points"


@dataclass(frozen=True)
class Caution:
    """A reason and the sentence that says what was seen."""

    reason: Reason
    message: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"
