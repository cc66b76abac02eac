"""ReLU networks of any depth: what they share their function with, what can be left out, what can
be moved.
"""

from singlearn.symmetry.deep.canonical import CanonicalForm, canonical
from singlearn.symmetry.deep.compress import Compression, compress_deep
from singlearn.symmetry.deep.equivalence import DeepEquivalence, Sameness, equivalent_deep
from singlearn.symmetry.deep.explained_rank import DeepExplainedRank, explained_rank_deep
from singlearn.symmetry.deep.general_position import general_position_failures
from singlearn.symmetry.deep.hidden_polytopes import HiddenKink, hidden_polytopes
from singlearn.symmetry.deep.jacobian import parameter_jacobian
from singlearn.symmetry.deep.mix_bypassed import mix_bypassed
from singlearn.symmetry.deep.network import DeepReLU
from singlearn.symmetry.deep.null_directions import (
    linear_fields,
    scaling_fields,
    shift_fields,
    unread_fields,
    unspanned_fields,
)
from singlearn.symmetry.deep.scale_permutation import ScalePermutation
from singlearn.symmetry.deep.states import NodeState, NodeStates, Proof, node_states
from singlearn.symmetry.deep.torch_sequential import from_torch, to_torch
from singlearn.symmetry.deep.witness import DeepWitness
from singlearn.symmetry.files import read_network, write_network

__all__ = [
    "CanonicalForm",
    "Compression",
    "DeepEquivalence",
    "DeepExplainedRank",
    "DeepReLU",
    "DeepWitness",
    "HiddenKink",
    "NodeState",
    "NodeStates",
    "Proof",
    "Sameness",
    "ScalePermutation",
    "canonical",
    "compress_deep",
    "equivalent_deep",
    "explained_rank_deep",
    "from_torch",
    "general_position_failures",
    "hidden_polytopes",
    "linear_fields",
    "mix_bypassed",
    "node_states",
    "parameter_jacobian",
    "read_network",
    "scaling_fields",
    "shift_fields",
    "to_torch",
    "unread_fields",
    "unspanned_fields",
    "write_network",
]
