"""Two-layer networks of tanh, sigmoid, erf, SiLU and GELU: equivalence, minimal width, fibres, with
proofs in the docstrings.
"""

from singlearn.symmetry.smooth.activation import Activation
from singlearn.symmetry.smooth.constant import Constant
from singlearn.symmetry.smooth.equivalence import SmoothEquivalence, equivalent_smooth
from singlearn.symmetry.smooth.explained_rank import smooth_explained_rank
from singlearn.symmetry.smooth.fibre import SmoothComponent, SmoothFibre, smooth_fibre
from singlearn.symmetry.smooth.form import SmoothForm, Unit, smooth_form
from singlearn.symmetry.smooth.generators import smooth_generators
from singlearn.symmetry.smooth.in_base import in_base
from singlearn.symmetry.smooth.minimal_width import (
    SmoothWidth,
    compress_smooth,
    minimal_width_smooth,
)
from singlearn.symmetry.smooth.network import TwoLayerSmooth, require_smooth
from singlearn.symmetry.smooth.proximate_rank import ProximateRank, proximate_rank
from singlearn.symmetry.smooth.roles import smooth_roles

__all__ = [
    "Activation",
    "Constant",
    "ProximateRank",
    "SmoothComponent",
    "SmoothEquivalence",
    "SmoothFibre",
    "SmoothForm",
    "SmoothWidth",
    "TwoLayerSmooth",
    "Unit",
    "compress_smooth",
    "equivalent_smooth",
    "in_base",
    "minimal_width_smooth",
    "proximate_rank",
    "require_smooth",
    "smooth_explained_rank",
    "smooth_fibre",
    "smooth_form",
    "smooth_generators",
    "smooth_roles",
]
