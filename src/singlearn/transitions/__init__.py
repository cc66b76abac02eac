"""Phase transitions: many runs along one parameter, and where the posterior changes its mind."""

from singlearn.transitions.diagram import PhaseDiagram
from singlearn.transitions.hysteresis import Branch, Hysteresis, hysteresis
from singlearn.transitions.phase_diagram import phase_diagram
from singlearn.transitions.point import PhasePoint, Point
from singlearn.transitions.transition import HeatCapacityPeak, Transition

__all__ = [
    "Branch",
    "HeatCapacityPeak",
    "Hysteresis",
    "PhaseDiagram",
    "PhasePoint",
    "Point",
    "Transition",
    "hysteresis",
    "phase_diagram",
]
