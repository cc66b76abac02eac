"""The one door: what a user brings is understood as its framework means it, or refused by name."""

from singlearn.triple.intake.arrays import as_array, as_data, matrix
from singlearn.triple.intake.distributions import check_distribution, in_double_precision
from singlearn.triple.intake.shapes import (
    check_parameter_matches,
    check_pointwise_shape,
    check_population_size,
    leading_lengths,
)

__all__ = [
    "as_array",
    "as_data",
    "check_distribution",
    "check_parameter_matches",
    "check_pointwise_shape",
    "check_population_size",
    "in_double_precision",
    "leading_lengths",
    "matrix",
]
