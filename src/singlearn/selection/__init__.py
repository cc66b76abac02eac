"""Choosing among models of one family by their free energies; CSV tables and ready-made families.

What reads tables does not load JAX: a file that cannot be read is refused before it is imported.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from singlearn.selection.candidate import Candidate, Difference, difference
    from singlearn.selection.compare import select
    from singlearn.selection.csv_table import Dialect, Table, read_csv
    from singlearn.selection.families import (
        Family,
        galaxies_family,
        mixture_family,
        reduced_rank_family,
        standardised,
    )
    from singlearn.selection.replicated_data import PredictiveCheck, predictive_check
    from singlearn.selection.selection import Selection

__all__ = [
    "Candidate",
    "Dialect",
    "Difference",
    "Family",
    "PredictiveCheck",
    "Selection",
    "Table",
    "difference",
    "galaxies_family",
    "mixture_family",
    "predictive_check",
    "read_csv",
    "reduced_rank_family",
    "select",
    "standardised",
]

PLACES = {
    "compare": ("select",),
    "csv_table": ("Dialect", "Table", "read_csv"),
    "families": (
        "Family",
        "galaxies_family",
        "mixture_family",
        "reduced_rank_family",
        "standardised",
    ),
    "candidate": ("Candidate", "Difference", "difference"),
    "replicated_data": ("PredictiveCheck", "predictive_check"),
    "selection": ("Selection",),
}
"""Public names by the module they are in."""


def __getattr__(name: str) -> Any:
    for module, names in PLACES.items():
        if name in names:
            return getattr(import_module(f"singlearn.selection.{module}"), name)
    raise AttributeError(
        f"module 'singlearn.selection' has no attribute {name!r}; it has {', '.join(__all__)}"
    )


def __dir__() -> list[str]:
    return sorted([*__all__, *(name for name in globals() if name.startswith("__"))])
