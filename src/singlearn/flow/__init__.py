"""Gradient flow: what it keeps, how much of that there is, and what real optimisers do to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singlearn.flow.architecture import Architecture
from singlearn.flow.balance import Balance, balance
from singlearn.flow.count import Count, count
from singlearn.flow.initial import InitialSymmetry, initial_symmetry
from singlearn.flow.initial_breaking import SymmetryAlong, symmetry_along_temperature, symmetry_along_training
from singlearn.flow.law import Law
from singlearn.flow.polynomial_laws import PolynomialLaw, PolynomialLaws, polynomial_laws

if TYPE_CHECKING:
    from singlearn.flow.balanced import Balanced
    from singlearn.flow.balanced_optax import rebalance
    from singlearn.flow.torch_ledger import Account, Ledger, ledger
    from singlearn.flow.torch_module import Laws, module_laws

__all__ = [
    "Account", "Architecture", "Balance", "Balanced", "Count", "InitialSymmetry", "Law", "Laws", "Ledger", "PolynomialLaw",
    "PolynomialLaws", "SymmetryAlong", "balance", "count", "initial_symmetry", "ledger", "module_laws", "polynomial_laws", "rebalance",
    "symmetry_along_temperature", "symmetry_along_training",
]  # fmt: skip

WITH_TORCH = {
    "Account": "torch_ledger",
    "Balanced": "balanced",
    "Ledger": "torch_ledger",
    "Laws": "torch_module",
    "ledger": "torch_ledger",
    "module_laws": "torch_module",
    "rebalance": "balanced_optax",
}
"""Names that need PyTorch or JAX, and their files."""


def __getattr__(name: str) -> Any:
    """What needs PyTorch or JAX is loaded when it is first used."""
    if name not in WITH_TORCH:
        raise AttributeError(f"singlearn.flow has no {name}")
    from importlib import import_module

    return getattr(import_module(f"singlearn.flow.{WITH_TORCH[name]}"), name)
