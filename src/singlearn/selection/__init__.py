"""Choosing among models of one family by their free energies."""

from singlearn.selection.candidate import Candidate, Difference, difference
from singlearn.selection.select import select
from singlearn.selection.selection import Selection

__all__ = ["Candidate", "Difference", "Selection", "difference", "select"]
