"""Phase transitions: many runs along one parameter, and where the posterior changes its mind."""

from singlearn.transitions.diagram import PhaseDiagram
from singlearn.transitions.point import PhasePoint, Point
from singlearn.transitions.transition import HeatCapacityPeak, Transition
from singlearn.transitions.up_and_down import Branch, Hysteresis, hysteresis
from singlearn.transitions.verb import phase_diagram

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
