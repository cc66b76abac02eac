"""One picture a file; each takes a result and returns a matplotlib Figure, and no global style is touched."""

from singlearn.plot.fibre_path import animate_fibre_path, fibre_path
from singlearn.plot.selection import selection
from singlearn.plot.thermodynamics import thermodynamics

__all__ = ["animate_fibre_path", "fibre_path", "selection", "thermodynamics"]
