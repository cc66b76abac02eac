"""Learning coefficients by algebra: exact fractions, with conditions and sources. Imports neither JAX nor PyTorch."""

from singlearn.exact import catalogue, worked_examples
from singlearn.exact.coefficient import ExactCoefficient
from singlearn.exact.expression import Expression
from singlearn.exact.minimal_singularity import MinimalSingularity, ReducedRank, Stratum, minimally_singular
from singlearn.exact.relu_kl import relu_kl
from singlearn.exact.true_set_chart import TrueSetChart
from singlearn.exact.worked_example import WorkedExample

__all__ = [
    "ExactCoefficient",
    "Expression",
    "MinimalSingularity",
    "ReducedRank",
    "Stratum",
    "TrueSetChart",
    "WorkedExample",
    "catalogue",
    "minimally_singular",
    "relu_kl",
    "worked_examples",
]
