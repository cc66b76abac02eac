"""Choosing among models of one family by their free energies."""

from singlearn.selection.predictive_check import PredictiveCheck, predictive_check
from singlearn.selection.select import select
from singlearn.selection.selection import Candidate, Difference, Selection, difference

__all__ = [
    "Candidate",
    "Difference",
    "PredictiveCheck",
    "Selection",
    "difference",
    "predictive_check",
    "select",
]
