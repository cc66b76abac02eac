"""What leaves a ReLU network's function unchanged: kink form, equivalence, minimal width, fibres. Imports neither JAX nor PyTorch."""

from singlearn.symmetry.domain import Box, Domain, Polytope
from singlearn.symmetry.fibre import Fibre, fibre
from singlearn.symmetry.kink_form import Hyperplane, KinkForm, kink_form
from singlearn.symmetry.network import Node, TwoLayerReLU

__all__ = ["Box", "Domain", "Fibre", "Hyperplane", "KinkForm", "Node", "Polytope", "TwoLayerReLU", "fibre", "kink_form"]
