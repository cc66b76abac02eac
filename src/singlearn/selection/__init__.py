"""Choosing among models of one family by their free energies."""

from singlearn.selection.selection import Candidate, Difference, Selection, difference
from singlearn.selection.verb import select

__all__ = ["Candidate", "Difference", "Selection", "difference", "select"]
