"""Learning coefficients by algebra: exact fractions, with conditions and sources. Imports neither JAX nor PyTorch."""

from singlearn.exact import catalogue
from singlearn.exact.coefficient import ExactCoefficient
from singlearn.exact.expression import Expression
from singlearn.exact.relu_kl import relu_kl

__all__ = ["ExactCoefficient", "Expression", "catalogue", "relu_kl"]
