"""Networks made of floats: the exact network nearby, and what is true of it."""

from singlearn.symmetry.snap.relation import Kind, Relation
from singlearn.symmetry.snap.snapping import Snap, snap

__all__ = ["Kind", "Relation", "Snap", "snap"]
