"""Gradient flow: what it keeps, how much of that there is, and what real optimisers do to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singlearn.flow.architecture import Architecture
from singlearn.flow.count import Count, count
from singlearn.flow.law import Law
from singlearn.flow.laws import Broken, Laws, laws
from singlearn.flow.orbit import Moved, Orbit, orbit
from singlearn.flow.polynomial_laws import PolynomialLaw, PolynomialLaws, polynomial_laws

if TYPE_CHECKING:
    from singlearn.flow.torch_ledger import Account, Ledger, ledger

__all__ = [
    "Account", "Architecture", "Broken", "Count", "Law", "Laws", "Ledger", "Moved", "Orbit", "PolynomialLaw", "PolynomialLaws", "count",
    "laws", "ledger", "orbit", "polynomial_laws",
]  # fmt: skip

WITH_TORCH = {
    "Account": "torch_ledger",
    "Ledger": "torch_ledger",
    "ledger": "torch_ledger",
}
"""Names that need PyTorch, and their files."""


def __getattr__(name: str) -> Any:
    """What needs PyTorch is loaded when it is first used."""
    if name not in WITH_TORCH:
        raise AttributeError(f"singlearn.flow has no {name}")
    from importlib import import_module

    return getattr(import_module(f"singlearn.flow.{WITH_TORCH[name]}"), name)
