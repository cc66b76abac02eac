"""Proven formulas for (λ, m), one family a file. Each function refuses arguments outside its conditions."""

from singlearn.exact.catalogue.deep_linear import deep_linear
from singlearn.exact.catalogue.gaussian_mixture import gaussian_location_mixture
from singlearn.exact.catalogue.reduced_rank import reduced_rank
from singlearn.exact.catalogue.relu_network import relu_phase, relu_two_layer
from singlearn.exact.catalogue.tanh_network import tanh_zero_truth

__all__ = [
    "deep_linear",
    "gaussian_location_mixture",
    "reduced_rank",
    "relu_phase",
    "relu_two_layer",
    "tanh_zero_truth",
]
