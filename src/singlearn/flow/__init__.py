"""Gradient flow: what it keeps, how much of that there is, and what real optimisers do to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singlearn.flow.architecture import Architecture
from singlearn.flow.count import Count, count
from singlearn.flow.gradient_flows import GradientFlow, gradient_flow
from singlearn.flow.law import Law
from singlearn.flow.laws import Broken, Laws, laws
from singlearn.flow.ledger_layers import Layer, layer_laws
from singlearn.flow.ledger_stored import StoredLedger, read_ledger
from singlearn.flow.ledgers import ledger
from singlearn.flow.orbit import Moved, Orbit, orbit
from singlearn.flow.polynomial_laws import PolynomialLaw, PolynomialLaws, polynomial_laws
from singlearn.flow.predictions import Prediction, expected_change, noise_balance, noise_pull, predict, scalar_pair

if TYPE_CHECKING:
    from singlearn.flow.ledger_account import Account
    from singlearn.flow.torch_ledger import Ledger

__all__ = [
    "Account",
    "Architecture",
    "Broken",
    "Count",
    "GradientFlow",
    "Law",
    "Laws",
    "Layer",
    "Ledger",
    "Moved",
    "Orbit",
    "PolynomialLaw",
    "PolynomialLaws",
    "Prediction",
    "StoredLedger",
    "count",
    "expected_change",
    "gradient_flow",
    "laws",
    "layer_laws",
    "ledger",
    "noise_balance",
    "noise_pull",
    "orbit",
    "polynomial_laws",
    "predict",
    "read_ledger",
    "scalar_pair",
]  # fmt: skip

WITH_TORCH = {
    "Account": "ledger_account",
    "Ledger": "torch_ledger",
}
"""Names that need PyTorch, and their files."""


def __getattr__(name: str) -> Any:
    """What needs PyTorch is loaded when it is first used."""
    if name not in WITH_TORCH:
        raise AttributeError(f"singlearn.flow has no {name}")
    from importlib import import_module

    return getattr(import_module(f"singlearn.flow.{WITH_TORCH[name]}"), name)
