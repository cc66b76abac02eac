"""One picture a file; each takes a result and returns a matplotlib Figure, and no global style is touched."""

from __future__ import annotations

from importlib import import_module
from typing import Any

PICTURES = {
    "Side": "divergence_on_a_plane",
    "activation_boundaries": "boundary_lines",
    "animate_fibre_path": "path_of_equal_functions",
    "chains": "chains_of_local_run",
    "chart_tree": "resolution_tree",
    "fibre_path": "path_of_equal_functions",
    "generalisation_error": "learning_curves",
    "kinks": "function_on_a_line",
    "modes": "parts_of_posterior",
    "network_graph": "graph_of_nodes",
    "newton_polygon": "newton_polyhedron",
    "phase_diagram": "curves_along_a_parameter",
    "phases": "curves_of_phases",
    "plane": "divergence_on_a_plane",
    "selection": "model_comparison",
    "smoothness": "derivatives_of_divergence",
    "surface": "function_surface",
    "thermodynamics": "thermodynamic_curves",
    "trajectory": "trajectory_of_training",
    "valley": "valley_and_posterior",
    "volume": "volume_curve",
}
"""Function and the module it is in. Modules are imported when used, so that pictures of networks do not load JAX, and have other names than
the functions, or importing one would put the module in the function's place."""

__all__ = list(PICTURES)


def __getattr__(name: str) -> Any:
    if name not in PICTURES:
        raise AttributeError(f"module 'singlearn.plot' has no attribute {name!r}; it has {', '.join(PICTURES)}")
    return getattr(import_module(f"singlearn.plot.{PICTURES[name]}"), name)
