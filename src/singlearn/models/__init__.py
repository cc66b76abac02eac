"""Ready-made triples, one family a file; each says what is known about its learning coefficient."""

from singlearn.models.deep_linear import deep_linear, deep_linear_regression
from singlearn.models.mixture import MixturePrior, gaussian_mixture, location_mixture
from singlearn.models.pendulum import (
    pendulum,
    pendulum_invariants,
    pendulum_orbit,
    pendulum_population,
    pendulum_position,
    pendulum_regression,
)
from singlearn.models.polynomial import polynomial
from singlearn.models.reduced_rank import reduced_rank, reduced_rank_regression
from singlearn.models.relu_population import relu_population_kl, two_layer_population
from singlearn.models.two_layer import (
    silu,
    star_truth,
    tanh_zero_truth,
    two_layer,
    two_layer_network,
    two_layer_regression,
)
from singlearn.models.worked_examples import (
    moving_kink,
    orientation_reversal,
    scaling_valley,
    two_node_degeneracy,
)

__all__ = [
    "MixturePrior",
    "deep_linear",
    "deep_linear_regression",
    "gaussian_mixture",
    "location_mixture",
    "moving_kink",
    "orientation_reversal",
    "pendulum",
    "pendulum_invariants",
    "pendulum_orbit",
    "pendulum_population",
    "pendulum_position",
    "pendulum_regression",
    "polynomial",
    "reduced_rank",
    "reduced_rank_regression",
    "relu_population_kl",
    "scaling_valley",
    "silu",
    "star_truth",
    "tanh_zero_truth",
    "two_layer",
    "two_layer_network",
    "two_layer_population",
    "two_layer_regression",
    "two_node_degeneracy",
]
