"""Proven formulas for (λ, m), one family a file. Each function refuses arguments outside its
conditions.
"""

from singlearn.exact.catalogue.deep_linear import deep_linear
from singlearn.exact.catalogue.gaussian_mixture import gaussian_location_mixture
from singlearn.exact.catalogue.hidden_markov import hidden_markov_binary
from singlearn.exact.catalogue.matrix_factorisation import (
    latent_dirichlet_allocation,
    nonnegative_factorisation,
    nonnegative_factorisation_zero_truth,
)
from singlearn.exact.catalogue.naive_bayes import naive_bayes
from singlearn.exact.catalogue.one_factor import one_factor
from singlearn.exact.catalogue.poisson_mixture import poisson_mixture
from singlearn.exact.catalogue.reduced_rank import reduced_rank, reduced_rank_at, reduced_rank_local
from singlearn.exact.catalogue.reduced_rank_strata import (
    FibreStratum,
    reduced_rank_near,
    reduced_rank_strata,
)
from singlearn.exact.catalogue.relu_network import relu_phase, relu_two_layer
from singlearn.exact.catalogue.table import CatalogueTable, Entry, table
from singlearn.exact.catalogue.tanh_network import tanh_one_true_node, tanh_zero_truth, vandermonde
from singlearn.exact.catalogue.variational import variational_mixture, variational_reduced_rank

__all__ = [
    "CatalogueTable",
    "Entry",
    "FibreStratum",
    "deep_linear",
    "gaussian_location_mixture",
    "hidden_markov_binary",
    "latent_dirichlet_allocation",
    "naive_bayes",
    "nonnegative_factorisation",
    "nonnegative_factorisation_zero_truth",
    "one_factor",
    "poisson_mixture",
    "reduced_rank",
    "reduced_rank_at",
    "reduced_rank_local",
    "reduced_rank_near",
    "reduced_rank_strata",
    "relu_phase",
    "relu_two_layer",
    "table",
    "tanh_one_true_node",
    "tanh_zero_truth",
    "vandermonde",
    "variational_mixture",
    "variational_reduced_rank",
]
