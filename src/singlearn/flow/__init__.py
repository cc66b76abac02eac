"""Gradient flow: what it keeps, how much of that there is, and what real optimisers do to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singlearn.flow.architecture import Architecture
from singlearn.flow.count import Count, count
from singlearn.flow.law import Law
from singlearn.flow.polynomial_laws import PolynomialLaw, PolynomialLaws, polynomial_laws

if TYPE_CHECKING:
    from singlearn.flow.timeline_of_checkpoints import timeline
    from singlearn.flow.timeline_points import Event, Timeline, TimelinePoint
    from singlearn.flow.timeline_roles import Node, NodeRole, roles_on_data
    from singlearn.flow.torch_ledger import Account, Ledger, ledger
    from singlearn.flow.torch_module import Laws, module_laws

__all__ = [
    "Account", "Architecture", "Count", "Event", "Law", "Laws", "Ledger", "Node", "NodeRole", "PolynomialLaw", "PolynomialLaws", "Timeline",
    "TimelinePoint", "count", "ledger", "module_laws", "polynomial_laws", "roles_on_data", "timeline",
]  # fmt: skip

WITH_TORCH = {
    "Account": "torch_ledger",
    "Event": "timeline_points",
    "Ledger": "torch_ledger",
    "Node": "timeline_roles",
    "NodeRole": "timeline_roles",
    "Timeline": "timeline_points",
    "TimelinePoint": "timeline_points",
    "Laws": "torch_module",
    "ledger": "torch_ledger",
    "module_laws": "torch_module",
    "roles_on_data": "timeline_roles",
    "timeline": "timeline_of_checkpoints",
}
"""Names that are loaded when they are used, most of them because they need PyTorch, and their files."""


def __getattr__(name: str) -> Any:
    """What needs PyTorch is loaded when it is first used."""
    if name not in WITH_TORCH:
        raise AttributeError(f"singlearn.flow has no {name}")
    from importlib import import_module

    return getattr(import_module(f"singlearn.flow.{WITH_TORCH[name]}"), name)
