"""Bring a model: the triple of model, truth and prior."""

from singlearn.triple.coordinates import Coordinates, Prior
from singlearn.triple.sufficient import LinearInInputs
from singlearn.triple.triple import Model, Triple

__all__ = ["Coordinates", "LinearInInputs", "Model", "Prior", "Triple"]
