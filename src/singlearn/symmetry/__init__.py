"""What leaves a ReLU network's function unchanged: kink form, equivalence, minimal width, fibres. Imports neither JAX nor PyTorch."""

from singlearn.symmetry.compress import compress
from singlearn.symmetry.distance import Distance, sup_distance
from singlearn.symmetry.domain import Box, Domain, Polytope
from singlearn.symmetry.equivalence import Equivalence, equivalent
from singlearn.symmetry.explained_rank import ExplainedRank, explained_rank, fisher_kernel
from singlearn.symmetry.generators import Field, Generator, generators
from singlearn.symmetry.kink_form import Hyperplane, KinkForm, kink_form
from singlearn.symmetry.minimal_width import MinimalWidth, minimal_width
from singlearn.symmetry.nearby import Nearby, nearby
from singlearn.symmetry.network import Node, TwoLayerReLU
from singlearn.symmetry.roles import Role, node_roles
from singlearn.symmetry.transformation import Transformation
from singlearn.symmetry.witness import Witness

__all__ = [
    "Box",
    "Distance",
    "Domain",
    "Equivalence",
    "ExplainedRank",
    "Field",
    "Generator",
    "Hyperplane",
    "KinkForm",
    "MinimalWidth",
    "Nearby",
    "Node",
    "Polytope",
    "Role",
    "Transformation",
    "TwoLayerReLU",
    "Witness",
    "compress",
    "equivalent",
    "explained_rank",
    "fisher_kernel",
    "generators",
    "kink_form",
    "minimal_width",
    "nearby",
    "node_roles",
    "sup_distance",
]
