"""Gradient flow: what it keeps, how much of that there is, and what real optimisers do to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singlearn.flow.architecture import Architecture
from singlearn.flow.count import Count, count
from singlearn.flow.law import Law
from singlearn.flow.ledger_layers import Layer, layer_laws
from singlearn.flow.ledgers import ledger
from singlearn.flow.polynomial_laws import PolynomialLaw, PolynomialLaws, polynomial_laws

if TYPE_CHECKING:
    from singlearn.flow.ledger_account import Account
    from singlearn.flow.torch_ledger import Ledger
    from singlearn.flow.torch_module import Laws, module_laws

__all__ = [
    "Account", "Architecture", "Count", "Law", "Laws", "Layer", "Ledger", "PolynomialLaw", "PolynomialLaws", "count", "layer_laws", "ledger",
    "module_laws", "polynomial_laws",
]  # fmt: skip

WITH_TORCH = {
    "Account": "ledger_account",
    "Ledger": "torch_ledger",
    "Laws": "torch_module",
    "module_laws": "torch_module",
}
"""Names that need PyTorch, and their files."""


def __getattr__(name: str) -> Any:
    """What needs PyTorch is loaded when it is first used."""
    if name not in WITH_TORCH:
        raise AttributeError(f"singlearn.flow has no {name}")
    from importlib import import_module

    return getattr(import_module(f"singlearn.flow.{WITH_TORCH[name]}"), name)
