"""Phases: which part of parameter space a tempered posterior sits in, and what each part costs."""

from singlearn.measure.phases.labeller import Labeller
from singlearn.measure.phases.ledger import Account, Crossing, Ledger
from singlearn.measure.phases.model_labels import numerical_rank, occupied_components
from singlearn.measure.phases.phases import Phases
from singlearn.measure.phases.reading import PhaseReading
from singlearn.measure.phases.relu_labels import NodeRoles, Orientation, ReluPhase, live_nodes, node_roles, orientation, relu_phase

__all__ = [
    "Account",
    "Crossing",
    "Labeller",
    "Ledger",
    "NodeRoles",
    "Orientation",
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
