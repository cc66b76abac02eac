"""What leaves a network's function unchanged: kink form, equivalence, minimal width, fibres. Imports neither JAX nor PyTorch."""

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
from singlearn.symmetry.conversions import from_deep, from_parameters, read, to_deep, to_parameters, write
from singlearn.symmetry.deep import DeepReLU, canonical, from_torch, hidden_polytopes, mix_bypassed, node_states, to_torch
from singlearn.symmetry.distance import Distance, sup_distance
from singlearn.symmetry.domain import Box, Domain, Polytope
from singlearn.symmetry.equivalence import Equivalence
from singlearn.symmetry.explained_rank import ExplainedRank, fisher_kernel
from singlearn.symmetry.fibre import Fibre
from singlearn.symmetry.free_energy_bound import FreeEnergyBound, free_energy_bound
from singlearn.symmetry.generators import Field, Generator
from singlearn.symmetry.kink_form import Hyperplane, KinkForm
from singlearn.symmetry.linear_domains import LinearDomain, linear_domains
from singlearn.symmetry.minimal_width import MinimalWidth
from singlearn.symmetry.nearby import Nearby, nearby
from singlearn.symmetry.network import Node, TwoLayerReLU
from singlearn.symmetry.roles import Role
from singlearn.symmetry.smooth import TwoLayerSmooth, proximate_rank
from singlearn.symmetry.snap import Hierarchy, Relation, Snap, hierarchy, snap
from singlearn.symmetry.transformation import Transformation
from singlearn.symmetry.witness import Witness

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
