"""Is a model regular or singular: Fisher information, its kernel, other parameters of the same
density.
"""

from singlearn.triple.fisher.diagnose import diagnose
from singlearn.triple.fisher.diagnosis import Diagnosis
from singlearn.triple.fisher.divergence import empirical_divergence, empirical_entropy
from singlearn.triple.fisher.finite_variance import FiniteVariance, relatively_finite_variance
from singlearn.triple.fisher.information import FisherInformation, fisher_information

__all__ = [
    "Diagnosis",
    "FiniteVariance",
    "FisherInformation",
    "diagnose",
    "empirical_divergence",
    "empirical_entropy",
    "fisher_information",
    "relatively_finite_variance",
]
