"""Local learning coefficient of trained networks, PyTorch or JAX. Neither is imported before a
model of its kind arrives.
"""

from __future__ import annotations

from singlearn.local.audit import Audit, from_devinterp
from singlearn.local.influence.loss_chains import loss_chains
from singlearn.local.influence.response import influence, susceptibilities
from singlearn.local.influence.results import Influence, LossChains, Susceptibilities
from singlearn.local.llc import llc
from singlearn.local.training.points import Trajectory, TrajectoryPoint
from singlearn.local.training.trajectory import trajectory
from singlearn.local.verdict.result import LocalLearningCoefficient
from singlearn.local.verdict.status import Status

__all__ = [
    "Audit",
    "Influence",
    "LocalLearningCoefficient",
    "LossChains",
    "Status",
    "Susceptibilities",
    "Trajectory",
    "TrajectoryPoint",
    "from_devinterp",
    "influence",
    "llc",
    "loss_chains",
    "susceptibilities",
    "trajectory",
]
