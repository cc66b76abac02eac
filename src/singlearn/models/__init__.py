"""Ready-made triples, one family a file; each says what is known about its learning coefficient."""

from singlearn.models.boltzmann_machine import (
    boltzmann_log_likelihood,
    boltzmann_machine,
    boltzmann_population,
)
from singlearn.models.classification import classification, classifier_logits
from singlearn.models.deep_linear import deep_linear, deep_linear_regression
from singlearn.models.hidden_markov import (
    hidden_markov,
    hidden_markov_log_likelihood,
    hidden_markov_population,
)
from singlearn.models.latent_dirichlet import (
    latent_dirichlet_allocation,
    latent_dirichlet_allocation_population,
    topic_log_likelihood,
)
from singlearn.models.linear_regression import linear_regression
from singlearn.models.mixture import MixturePrior, gaussian_mixture, location_mixture
from singlearn.models.naive_bayes import (
    naive_bayes,
    naive_bayes_log_likelihood,
    naive_bayes_population,
)
from singlearn.models.one_factor import one_factor, one_factor_covariance, one_factor_population
from singlearn.models.pendulum import (
    pendulum,
    pendulum_invariants,
    pendulum_orbit,
    pendulum_population,
    pendulum_position,
    pendulum_regression,
)
from singlearn.models.pendulum_readings import pendulum_four, pendulum_regular
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
    population_of,
    scaling_valley,
    two_node_degeneracy,
)

__all__ = [
    "MixturePrior",
    "boltzmann_log_likelihood",
    "boltzmann_machine",
    "boltzmann_population",
    "classification",
    "classifier_logits",
    "deep_linear",
    "deep_linear_regression",
    "gaussian_mixture",
    "hidden_markov",
    "hidden_markov_log_likelihood",
    "hidden_markov_population",
    "latent_dirichlet_allocation",
    "latent_dirichlet_allocation_population",
    "linear_regression",
    "location_mixture",
    "moving_kink",
    "naive_bayes",
    "naive_bayes_log_likelihood",
    "naive_bayes_population",
    "one_factor",
    "one_factor_covariance",
    "one_factor_population",
    "orientation_reversal",
    "pendulum",
    "pendulum_four",
    "pendulum_invariants",
    "pendulum_orbit",
    "pendulum_population",
    "pendulum_position",
    "pendulum_regression",
    "pendulum_regular",
    "polynomial",
    "population_of",
    "reduced_rank",
    "reduced_rank_regression",
    "relu_population_kl",
    "scaling_valley",
    "silu",
    "star_truth",
    "tanh_zero_truth",
    "topic_log_likelihood",
    "two_layer",
    "two_layer_network",
    "two_layer_population",
    "two_layer_regression",
    "two_node_degeneracy",
]
