"""Networks made of floats: the exact network nearby, and what is true of it."""

from singlearn.symmetry.snap.hierarchy import Bar, DeepHierarchy, Hierarchy, Level, hierarchy
from singlearn.symmetry.snap.relation import Kind, Relation
from singlearn.symmetry.snap.snapping import Snap, snap

__all__ = [
    "Bar",
    "DeepHierarchy",
    "Hierarchy",
    "Kind",
    "Level",
    "Relation",
    "Snap",
    "hierarchy",
    "snap",
]
