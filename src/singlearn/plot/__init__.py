"""One picture a file; each takes a result and returns a matplotlib Figure, and no global style is touched."""

from singlearn.plot.plane import Side, plane
from singlearn.plot.selection import selection
from singlearn.plot.smoothness import smoothness
from singlearn.plot.thermodynamics import thermodynamics
from singlearn.plot.valley import valley

__all__ = ["Side", "plane", "selection", "smoothness", "thermodynamics", "valley"]
