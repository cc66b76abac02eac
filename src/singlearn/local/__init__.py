"""Local learning coefficient of trained networks, PyTorch or JAX. Neither is imported before a model of its kind arrives."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from singlearn.local.recorded_losses import loss_chains
from singlearn.local.response import influence, susceptibilities
from singlearn.local.result import LocalLearningCoefficient
from singlearn.local.status import Status
from singlearn.local.trajectory_points import Trajectory, TrajectoryPoint
from singlearn.local.verb import llc

if TYPE_CHECKING:
    from singlearn.local.through_training import trajectory

__all__ = [
    "LocalLearningCoefficient",
    "Status",
    "Trajectory",
    "TrajectoryPoint",
    "influence",
    "llc",
    "loss_chains",
    "susceptibilities",
    "trajectory",
]


def __getattr__(name: str) -> Any:
    if name == "trajectory":  # its store of finished points is in a room that imports JAX
        return import_module("singlearn.local.through_training").trajectory
    raise AttributeError(f"module 'singlearn.local' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted([*__all__, *(name for name in globals() if name.startswith("__"))])
