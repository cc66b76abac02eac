"""Gradient flow: what it keeps, how much of that there is, and what real optimisers do to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singlearn.flow.architecture import Architecture
from singlearn.flow.balance import Balance, balance
from singlearn.flow.count import Count, count
from singlearn.flow.gradient_flows import GradientFlow, gradient_flow
from singlearn.flow.initial import InitialSymmetry, initial_symmetry
from singlearn.flow.initial_breaking import (
    SymmetryAlong,
    symmetry_along_temperature,
    symmetry_along_training,
)
from singlearn.flow.law import Law
from singlearn.flow.laws import laws
from singlearn.flow.laws_found import Broken, Laws
from singlearn.flow.ledger_layers import Layer, layer_laws
from singlearn.flow.ledger_stored import StoredLedger, read_ledger
from singlearn.flow.ledgers import ledger
from singlearn.flow.orbit import Moved, Orbit, orbit
from singlearn.flow.polynomial_laws import PolynomialLaw, PolynomialLaws, polynomial_laws
from singlearn.flow.predictions import (
    Prediction,
    expected_change,
    noise_balance,
    noise_pull,
    predict,
    scalar_pair,
)

if TYPE_CHECKING:
    from singlearn.flow.balanced import Balanced
    from singlearn.flow.balanced_optax import rebalance
    from singlearn.flow.ledger_account import Account
    from singlearn.flow.timeline_of_checkpoints import timeline
    from singlearn.flow.timeline_points import Event, Timeline, TimelinePoint
    from singlearn.flow.timeline_roles import NodeAtCheckpoint, NodeRole, roles_on_data
    from singlearn.flow.torch_ledger import Ledger

__all__ = [
    "Account",
    "Architecture",
    "Balance",
    "Balanced",
    "Broken",
    "Count",
    "Event",
    "GradientFlow",
    "InitialSymmetry",
    "Law",
    "Laws",
    "Layer",
    "Ledger",
    "Moved",
    "NodeAtCheckpoint",
    "NodeRole",
    "Orbit",
    "PolynomialLaw",
    "PolynomialLaws",
    "Prediction",
    "StoredLedger",
    "SymmetryAlong",
    "Timeline",
    "TimelinePoint",
    "balance",
    "count",
    "expected_change",
    "gradient_flow",
    "initial_symmetry",
    "laws",
    "layer_laws",
    "ledger",
    "noise_balance",
    "noise_pull",
    "orbit",
    "polynomial_laws",
    "predict",
    "read_ledger",
    "rebalance",
    "roles_on_data",
    "scalar_pair",
    "symmetry_along_temperature",
    "symmetry_along_training",
    "timeline",
]

LOADED_LATE = {
    "Account": "ledger_account",
    "Balanced": "balanced",
    "Event": "timeline_points",
    "Ledger": "torch_ledger",
    "NodeAtCheckpoint": "timeline_roles",
    "NodeRole": "timeline_roles",
    "Timeline": "timeline_points",
    "TimelinePoint": "timeline_points",
    "rebalance": "balanced_optax",
    "roles_on_data": "timeline_roles",
    "timeline": "timeline_of_checkpoints",
}
"""Names that are loaded when they are first used, for they need PyTorch or JAX, and their files."""


def __getattr__(name: str) -> Any:
    """What needs PyTorch or JAX is loaded when it is first used."""
    if name not in LOADED_LATE:
        raise AttributeError(f"singlearn.flow has no {name}")
    from importlib import import_module

    return getattr(import_module(f"singlearn.flow.{LOADED_LATE[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, *(name for name in globals() if name.startswith("__"))])
