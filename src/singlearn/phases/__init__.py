"""Phases: which part of parameter space a tempered posterior sits in, and what each part costs."""

from singlearn.phases.labeller import Labeller
from singlearn.phases.ledger import Crossing, PhaseAccount, PhaseLedger
from singlearn.phases.model_labels import numerical_rank, occupied_components
from singlearn.phases.of_a_run import Phases
from singlearn.phases.phase_reading import PhaseReading
from singlearn.phases.relu_labels import (
    NodeRoles,
    Orientation,
    ReluPhase,
    live_nodes,
    node_roles,
    orientation,
    relu_phase,
)

__all__ = [
    "Crossing",
    "Labeller",
    "NodeRoles",
    "Orientation",
    "PhaseAccount",
    "PhaseLedger",
    "PhaseReading",
    "Phases",
    "ReluPhase",
    "live_nodes",
    "node_roles",
    "numerical_rank",
    "occupied_components",
    "orientation",
    "relu_phase",
]
