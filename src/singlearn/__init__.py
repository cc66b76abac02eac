"""Singular learning theory: learning coefficients, free energies and phases of models, with errors
that were measured.

``Triple`` brings a model, ``temper`` heats and cools it, the ``Run`` it returns is read.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from singlearn import (
        benchmark,
        data,
        exact,
        experiments,
        flow,
        generalise,
        local,
        measure,
        models,
        phases,
        plot,
        selection,
        symmetry,
        tempering,
        transitions,
        triple,
        volume,
    )
    from singlearn.agreement import agreement
    from singlearn.explore import explore
    from singlearn.measure.collapse import collapse
    from singlearn.measure.limit_of_curve import limit_of_curve
    from singlearn.running.compilation_cache import use_compilation_cache
    from singlearn.selection import select
    from singlearn.tempering.run import Run
    from singlearn.tempering.temper import temper
    from singlearn.tempering.temper_from import temper_from
    from singlearn.transitions.phase_diagram import phase_diagram
    from singlearn.triple import Triple
    from singlearn.triple.fisher import (
        diagnose,
        empirical_divergence,
        empirical_entropy,
        fisher_information,
        relatively_finite_variance,
    )
    from singlearn.volume.zeta import zeta

    __version__: str

ROOMS = (
    "agreement",
    "benchmark",
    "data",
    "exact",
    "experiments",
    "explore",
    "flow",
    "generalise",
    "local",
    "measure",
    "models",
    "phases",
    "plot",
    "selection",
    "symmetry",
    "tempering",
    "transitions",
    "triple",
    "volume",
)
NAMES = {
    "Run": "tempering.run",
    "Triple": "triple",
    "collapse": "measure.collapse",
    "diagnose": "triple.fisher",
    "empirical_divergence": "triple.fisher",
    "empirical_entropy": "triple.fisher",
    "fisher_information": "triple.fisher",
    "limit_of_curve": "measure.limit_of_curve",
    "phase_diagram": "transitions.phase_diagram",
    "relatively_finite_variance": "triple.fisher",
    "select": "selection",
    "temper": "tempering.temper",
    "temper_from": "tempering.temper_from",
    "use_compilation_cache": "running.compilation_cache",
    "zeta": "volume.zeta",
}
"""Public names and the rooms they are in."""

__all__ = [
    "Run",
    "Triple",
    "__version__",
    "agreement",
    "benchmark",
    "collapse",
    "data",
    "diagnose",
    "empirical_divergence",
    "empirical_entropy",
    "exact",
    "experiments",
    "explore",
    "fisher_information",
    "flow",
    "generalise",
    "limit_of_curve",
    "local",
    "measure",
    "models",
    "phase_diagram",
    "phases",
    "plot",
    "relatively_finite_variance",
    "select",
    "selection",
    "symmetry",
    "temper",
    "temper_from",
    "tempering",
    "transitions",
    "triple",
    "use_compilation_cache",
    "volume",
    "zeta",
]


def __getattr__(name: str) -> Any:
    """Public names load what they need when they are first used, so that ``singlearn.exact`` starts
    without JAX.
    """
    if name == "__version__":
        return _version()
    if name in ROOMS:
        return import_module(f"singlearn.{name}")
    if name in NAMES:
        return getattr(import_module(f"singlearn.{NAMES[name]}"), name)
    raise AttributeError(
        f"module 'singlearn' has no attribute {name!r}; it has {', '.join(__all__)}"
    )


def _version() -> str:
    """As the installed package says; reading it takes milliseconds that an import need not."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("singlearn")
    except PackageNotFoundError:  # a source tree that is not installed
        return "0+unknown"


def __dir__() -> list[str]:
    return sorted([*__all__, *(name for name in globals() if name.startswith("__"))])
