"""Singular learning theory: learning coefficients, free energies and phases of models, with errors that were measured.

``Triple`` brings a model, ``temper`` heats and cools it, the ``Run`` it returns is read.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Run", "Triple", "exact", "generalise", "local", "local_run", "models", "phase_diagram", "phases", "plot", "symmetry", "temper"]


def __getattr__(name: str) -> Any:
    """Public names load what they need when they are first used, so that ``singlearn.exact`` starts without JAX."""
    import importlib

    if name == "Triple":
        return importlib.import_module("singlearn.triple").Triple
    if name in ("Run", "local_run", "temper"):
        return getattr(importlib.import_module("singlearn.tempering"), name)
    if name == "phase_diagram":
        return importlib.import_module("singlearn.transitions").phase_diagram
    if name == "phases":
        return importlib.import_module("singlearn.measure.phases")
    if name in ("exact", "generalise", "local", "models", "plot", "symmetry"):
        return importlib.import_module(f"singlearn.{name}")
    raise AttributeError(f"module 'singlearn' has no attribute {name!r}; it has {', '.join(__all__)}")
