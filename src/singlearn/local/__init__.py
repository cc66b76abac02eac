"""Local learning coefficient of trained networks, PyTorch or JAX. Neither is imported before a
model of its kind arrives.
"""

from __future__ import annotations

from singlearn.local.audit import Audit, from_devinterp
from singlearn.local.influence.datamodeling import DatamodelingScore, linear_datamodeling_score
from singlearn.local.influence.loss_chains import loss_chains
from singlearn.local.influence.response import influence, loss_kernel, susceptibilities
from singlearn.local.influence.results import Influence, LossChains, LossKernel, Susceptibilities
from singlearn.local.llc import llc
from singlearn.local.scan import Curve, Plateau, Scan, ScanPoint, scan
from singlearn.local.training.by_component import (
    ComponentCoefficient,
    ComponentCoefficients,
    llc_by_component,
)
from singlearn.local.training.points import Trajectory, TrajectoryPoint
from singlearn.local.training.trajectory import trajectory
from singlearn.local.verdict.result import LocalLearningCoefficient
from singlearn.local.verdict.status import Status

__all__ = [
    "Audit",
    "ComponentCoefficient",
    "ComponentCoefficients",
    "Curve",
    "DatamodelingScore",
    "Influence",
    "LocalLearningCoefficient",
    "LossChains",
    "LossKernel",
    "Plateau",
    "Scan",
    "ScanPoint",
    "Status",
    "Susceptibilities",
    "Trajectory",
    "TrajectoryPoint",
    "from_devinterp",
    "influence",
    "linear_datamodeling_score",
    "llc",
    "llc_by_component",
    "loss_chains",
    "loss_kernel",
    "scan",
    "susceptibilities",
    "trajectory",
]
