"""What leaves a network's function unchanged: kink form, equivalence, minimal width, fibres.
Imports neither JAX nor PyTorch.
"""

from singlearn.symmetry import deep, smooth, transformer
from singlearn.symmetry.any_depth import (
    compress,
    equivalent,
    explained_rank,
    fibre,
    generators,
    kink_form,
    minimal_width,
    node_roles,
)
from singlearn.symmetry.conversions import (
    from_deep,
    from_parameters,
    read,
    to_deep,
    to_parameters,
    write,
)
from singlearn.symmetry.deep import (
    DeepReLU,
    canonical,
    from_torch,
    hidden_polytopes,
    mix_bypassed,
    node_states,
    to_torch,
)
from singlearn.symmetry.domain import Box, Domain, Polytope
from singlearn.symmetry.fibre.fibre import Fibre
from singlearn.symmetry.linear_domains import LinearDomain, linear_domains
from singlearn.symmetry.smooth import TwoLayerSmooth, proximate_rank
from singlearn.symmetry.trained.hierarchy import hierarchy
from singlearn.symmetry.trained.hierarchy_of_layer import Hierarchy
from singlearn.symmetry.trained.relation import Relation
from singlearn.symmetry.trained.snapping import Snap, snap
from singlearn.symmetry.two_layer.distance import Distance, sup_distance
from singlearn.symmetry.two_layer.equivalence import Equivalence
from singlearn.symmetry.two_layer.explained_rank import ExplainedRank, fisher_kernel
from singlearn.symmetry.two_layer.free_energy_bound import FreeEnergyBound, free_energy_bound
from singlearn.symmetry.two_layer.generators import Field, Generator
from singlearn.symmetry.two_layer.kink_form import Hyperplane, KinkForm
from singlearn.symmetry.two_layer.minimal_width import MinimalWidth
from singlearn.symmetry.two_layer.nearby import Nearby, nearby
from singlearn.symmetry.two_layer.network import Node, TwoLayerReLU
from singlearn.symmetry.two_layer.roles import Role
from singlearn.symmetry.two_layer.transformation import Transformation
from singlearn.symmetry.two_layer.witness import Witness

__all__ = [
    "Box",
    "DeepReLU",
    "Distance",
    "Domain",
    "Equivalence",
    "ExplainedRank",
    "Fibre",
    "Field",
    "FreeEnergyBound",
    "Generator",
    "Hierarchy",
    "Hyperplane",
    "KinkForm",
    "LinearDomain",
    "MinimalWidth",
    "Nearby",
    "Node",
    "Polytope",
    "Relation",
    "Role",
    "Snap",
    "Transformation",
    "TwoLayerReLU",
    "TwoLayerSmooth",
    "Witness",
    "canonical",
    "compress",
    "deep",
    "equivalent",
    "explained_rank",
    "fibre",
    "fisher_kernel",
    "free_energy_bound",
    "from_deep",
    "from_parameters",
    "from_torch",
    "generators",
    "hidden_polytopes",
    "hierarchy",
    "kink_form",
    "linear_domains",
    "minimal_width",
    "mix_bypassed",
    "nearby",
    "node_roles",
    "node_states",
    "proximate_rank",
    "read",
    "smooth",
    "snap",
    "sup_distance",
    "to_deep",
    "to_parameters",
    "to_torch",
    "transformer",
    "write",
]
