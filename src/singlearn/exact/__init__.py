"""Learning coefficients by algebra: exact fractions, with conditions and sources. Imports neither JAX nor PyTorch."""

from singlearn.exact import catalogue
from singlearn.exact.certificate import Certificate
from singlearn.exact.coefficient import ExactCoefficient
from singlearn.exact.expression import Expression
from singlearn.exact.learning import ResolvedCoefficient
from singlearn.exact.resolution import rlct
from singlearn.exact.verification import Verdict, verify
from singlearn.exact.zeta import Pole, VolumeLaw, volume, zeta

__all__ = [
    "Certificate",
    "ExactCoefficient",
    "Expression",
    "Pole",
    "ResolvedCoefficient",
    "Verdict",
    "VolumeLaw",
    "catalogue",
    "rlct",
    "verify",
    "volume",
    "zeta",
]
