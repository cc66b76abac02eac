"""Choosing among models of one family by their free energies."""

from singlearn.selection.selection import Candidate, Selection
from singlearn.selection.verb import select

__all__ = ["Candidate", "Selection", "select"]
