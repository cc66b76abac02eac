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
    from singlearn.selection import select
    from singlearn.tempering import Run, temper, temper_from
    from singlearn.transitions import phase_diagram
    from singlearn.triple import Triple

ROOMS = (
    "agreement",
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
    "Run": "tempering",
    "Triple": "triple",
    "phase_diagram": "transitions",
    "select": "selection",
    "temper": "tempering",
    "temper_from": "tempering",
}
"""Public names and the rooms they are in."""

__all__ = [
    "Run",
    "Triple",
    "agreement",
    "data",
    "exact",
    "experiments",
    "explore",
    "flow",
    "generalise",
    "local",
    "measure",
    "models",
    "phase_diagram",
    "phases",
    "plot",
    "select",
    "selection",
    "symmetry",
    "temper",
    "temper_from",
    "tempering",
    "transitions",
    "triple",
    "volume",
]


def __getattr__(name: str) -> Any:
    """Public names load what they need when they are first used, so that ``singlearn.exact`` starts
    without JAX.
    """
    if name in ROOMS:
        return import_module(f"singlearn.{name}")
    if name in NAMES:
        return getattr(import_module(f"singlearn.{NAMES[name]}"), name)
    raise AttributeError(
        f"module 'singlearn' has no attribute {name!r}; it has {', '.join(__all__)}"
    )


def __dir__() -> list[str]:
    return sorted([*__all__, *(name for name in globals() if name.startswith("__"))])
