"""Learning coefficients by algebra: exact fractions, with conditions and sources. Imports neither JAX nor PyTorch."""

from singlearn.exact import catalogue, worked_examples
from singlearn.exact.certificate import Certificate
from singlearn.exact.coefficient import ExactCoefficient
from singlearn.exact.expression import Expression
from singlearn.exact.learning import ResolvedCoefficient
from singlearn.exact.minimal_singularity import MinimalSingularity, ReducedRank, Stratum, minimally_singular
from singlearn.exact.relu_kl import relu_kl
from singlearn.exact.resolution import rlct
from singlearn.exact.true_set_chart import TrueSetChart
from singlearn.exact.verification import Verdict, verify
from singlearn.exact.worked_example import WorkedExample
from singlearn.exact.zeta import Pole, VolumeLaw, volume, zeta

__all__ = [
    "Certificate",
    "ExactCoefficient",
    "Expression",
    "MinimalSingularity",
    "Pole",
    "ReducedRank",
    "ResolvedCoefficient",
    "Stratum",
    "TrueSetChart",
    "Verdict",
    "VolumeLaw",
    "WorkedExample",
    "catalogue",
    "minimally_singular",
    "relu_kl",
    "rlct",
    "verify",
    "volume",
    "worked_examples",
    "zeta",
]
