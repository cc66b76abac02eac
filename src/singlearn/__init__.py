"""Singular learning theory: learning coefficients, free energies and phases of models, with errors
that were measured.

``Triple`` brings a model, ``temper`` heats and cools it, the ``Run`` it returns is read.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from singlearn import (
        data,
        exact,
        experiments,
        flow,
        generalise,
        local,
        measure,
        models,
        plot,
        selection,
        symmetry,
        tempering,
        transitions,
        triple,
    )
    from singlearn.explore import explore
    from singlearn.measure import phases
    from singlearn.measure.zeta_of_volume import zeta
    from singlearn.tempering import Run, local_run, temper
    from singlearn.transitions import phase_diagram
    from singlearn.triple import Triple
    from singlearn.triple.fisher import (
        diagnose,
        empirical_divergence,
        empirical_entropy,
        fisher_information,
        relatively_finite_variance,
    )

ROOMS = (
    "data", "exact", "experiments", "explore", "flow", "generalise", "local", "measure", "models", "plot", "selection", "symmetry",
    "tempering", "transitions", "triple",
)  # fmt: skip
NAMES = {
    "Run": "tempering",
    "Triple": "triple",
    "diagnose": "triple.fisher",
    "empirical_divergence": "triple.fisher",
    "empirical_entropy": "triple.fisher",
    "fisher_information": "triple.fisher",
    "relatively_finite_variance": "triple.fisher",
    "local_run": "tempering",
    "phase_diagram": "transitions",
    "phases": "measure",
    "temper": "tempering",
    "zeta": "measure.zeta_of_volume",
}
"""Public names and the rooms they are in."""

__all__ = [
    "Run", "Triple", "data", "diagnose", "empirical_divergence", "empirical_entropy", "exact", "experiments", "explore",
    "fisher_information", "flow", "generalise", "local", "local_run", "measure", "models", "phase_diagram", "phases", "plot",
    "relatively_finite_variance", "selection", "symmetry", "temper", "tempering", "transitions", "triple",
    "zeta",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Public names load what they need when they are first used, so that ``singlearn.exact`` starts
    without JAX.
    """
    if name in ROOMS:
        return import_module(f"singlearn.{name}")
    if name == "phases":
        return import_module("singlearn.measure.phases")
    if name in NAMES:
        return getattr(import_module(f"singlearn.{NAMES[name]}"), name)
    raise AttributeError(
        f"module 'singlearn' has no attribute {name!r}; it has {', '.join(__all__)}"
    )


def __dir__() -> list[str]:
    return sorted([*__all__, *(name for name in globals() if name.startswith("__"))])
