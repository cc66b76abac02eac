"""One picture a file; each takes a result and returns a matplotlib Figure that shows itself in a
notebook; no global style is touched.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from singlearn.plot.barcode_of_structure import barcode
    from singlearn.plot.benchmark_scores import benchmark
    from singlearn.plot.blown_up_curve import curve_blow_up
    from singlearn.plot.boundary_lines import activation_boundaries
    from singlearn.plot.charts_of_blow_up import blow_up
    from singlearn.plot.collapsed_curves import collapsed
    from singlearn.plot.curves_along_a_parameter import phase_diagram
    from singlearn.plot.curves_of_phases import phases
    from singlearn.plot.derivatives_of_divergence import smoothness
    from singlearn.plot.descent_in_valleys import sharp_and_flat
    from singlearn.plot.divergence_on_a_plane import plane
    from singlearn.plot.function_on_a_line import kinks
    from singlearn.plot.function_surface import surface
    from singlearn.plot.graph_of_nodes import network_graph
    from singlearn.plot.kernel_of_losses import influence, loss_kernel
    from singlearn.plot.lanes_of_nodes import timeline
    from singlearn.plot.laplace_with_epsilon import epsilon_laplace
    from singlearn.plot.learning_curves import generalisation_error
    from singlearn.plot.ledger_of_optimiser import ledger
    from singlearn.plot.llc_chains import chains
    from singlearn.plot.model_comparison import selection
    from singlearn.plot.parts_of_posterior import modes
    from singlearn.plot.path_of_equal_functions import animate_fibre_path, fibre_path
    from singlearn.plot.poles_of_zeta import zeta
    from singlearn.plot.polyhedron_of_exponents import newton_polygon, newton_polyhedron
    from singlearn.plot.resolution_tree import chart_tree
    from singlearn.plot.scan_of_chains import scan
    from singlearn.plot.side import Side
    from singlearn.plot.sliding_kinks import hidden_kinks
    from singlearn.plot.thermodynamic_curves import thermodynamics
    from singlearn.plot.trajectory_of_training import trajectory
    from singlearn.plot.valley_and_posterior import valley
    from singlearn.plot.volume_curve import volume

PICTURES = {
    "Side": "side",
    "activation_boundaries": "boundary_lines",
    "animate_fibre_path": "path_of_equal_functions",
    "barcode": "barcode_of_structure",
    "benchmark": "benchmark_scores",
    "blow_up": "charts_of_blow_up",
    "chains": "llc_chains",
    "chart_tree": "resolution_tree",
    "collapsed": "collapsed_curves",
    "fibre_path": "path_of_equal_functions",
    "generalisation_error": "learning_curves",
    "hidden_kinks": "sliding_kinks",
    "influence": "kernel_of_losses",
    "loss_kernel": "kernel_of_losses",
    "scan": "scan_of_chains",
    "kinks": "function_on_a_line",
    "modes": "parts_of_posterior",
    "network_graph": "graph_of_nodes",
    "newton_polygon": "polyhedron_of_exponents",
    "newton_polyhedron": "polyhedron_of_exponents",
    "phase_diagram": "curves_along_a_parameter",
    "phases": "curves_of_phases",
    "plane": "divergence_on_a_plane",
    "selection": "model_comparison",
    "smoothness": "derivatives_of_divergence",
    "surface": "function_surface",
    "thermodynamics": "thermodynamic_curves",
    "ledger": "ledger_of_optimiser",
    "timeline": "lanes_of_nodes",
    "trajectory": "trajectory_of_training",
    "curve_blow_up": "blown_up_curve",
    "epsilon_laplace": "laplace_with_epsilon",
    "sharp_and_flat": "descent_in_valleys",
    "valley": "valley_and_posterior",
    "volume": "volume_curve",
    "zeta": "poles_of_zeta",
}
"""Function and the module it is in. Modules are imported when used, so that pictures of networks do
not load JAX, and have other names than the functions, or importing one would put the module in the
function's place."""

__all__ = [
    "Side",
    "activation_boundaries",
    "animate_fibre_path",
    "barcode",
    "benchmark",
    "blow_up",
    "chains",
    "chart_tree",
    "collapsed",
    "curve_blow_up",
    "epsilon_laplace",
    "fibre_path",
    "generalisation_error",
    "hidden_kinks",
    "influence",
    "kinks",
    "ledger",
    "loss_kernel",
    "modes",
    "network_graph",
    "newton_polygon",
    "newton_polyhedron",
    "phase_diagram",
    "phases",
    "plane",
    "scan",
    "selection",
    "sharp_and_flat",
    "smoothness",
    "surface",
    "thermodynamics",
    "timeline",
    "trajectory",
    "valley",
    "volume",
    "zeta",
]


def __getattr__(name: str) -> Any:
    if name not in PICTURES:
        raise AttributeError(
            f"module 'singlearn.plot' has no attribute {name!r}; it has {', '.join(PICTURES)}"
        )
    return getattr(import_module(f"singlearn.plot.{PICTURES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, *(name for name in globals() if name.startswith("__"))])
