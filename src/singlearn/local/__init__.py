"""Local learning coefficient of trained networks, PyTorch or JAX. Neither is imported before a model of its kind arrives."""

from singlearn.local.result import LocalLearningCoefficient
from singlearn.local.status import Status
from singlearn.local.verb import llc

__all__ = ["LocalLearningCoefficient", "Status", "llc"]
