"""Learning coefficients by algebra: exact fractions, with conditions and sources. Imports neither JAX nor PyTorch."""

from singlearn.exact import catalogue
from singlearn.exact.coefficient import ExactCoefficient
from singlearn.exact.expression import Expression
from singlearn.exact.minimal_singularity import MinimalSingularity, ReducedRank, Stratum, minimally_singular
from singlearn.exact.relu_kl import relu_kl
from singlearn.exact.true_set_chart import TrueSetChart

__all__ = [
    "ExactCoefficient",
    "Expression",
    "MinimalSingularity",
    "ReducedRank",
    "Stratum",
    "TrueSetChart",
    "catalogue",
    "minimally_singular",
    "relu_kl",
]
