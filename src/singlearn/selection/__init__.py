"""Choosing among models of one family by their free energies."""

from singlearn.selection.select import select
from singlearn.selection.selection import Candidate, Difference, Selection, difference

__all__ = ["Candidate", "Difference", "Selection", "difference", "select"]
