"""One picture a file; each takes a result and returns a matplotlib Figure, and no global style is touched."""

from singlearn.plot.chart_tree import chart_tree
from singlearn.plot.newton_polygon import newton_polygon
from singlearn.plot.selection import selection
from singlearn.plot.thermodynamics import thermodynamics

__all__ = ["chart_tree", "newton_polygon", "selection", "thermodynamics"]
