"""Transformations of a transformer's weights that leave its function alone; each is checked, or
refused with the reason.
"""

from singlearn.symmetry.transformer.compress import CompressedTransformer, compress
from singlearn.symmetry.transformer.description import TransformerDescription, describe
from singlearn.symmetry.transformer.directions import Directions, symmetry_directions
from singlearn.symmetry.transformer.equivalent import (
    TransformerEquivalence,
    TransformerWitness,
    equivalent,
)
from singlearn.symmetry.transformer.heads import (
    mix_query_key,
    mix_value_output,
    permute_heads,
    settle_attention_biases,
)
from singlearn.symmetry.transformer.hugging_face import from_hugging_face
from singlearn.symmetry.transformer.mlp import permute_mlp, scale_mlp
from singlearn.symmetry.transformer.model import Transformer
from singlearn.symmetry.transformer.norms import fold_gain, layer_to_rms, rescale_stream
from singlearn.symmetry.transformer.read import is_transformer_path, read_transformer
from singlearn.symmetry.transformer.refusal import NotASymmetryError
from singlearn.symmetry.transformer.rotate import rotate
from singlearn.symmetry.transformer.torch_encoder import from_encoder_state, from_torch_encoder

__all__ = [
    "CompressedTransformer",
    "Directions",
    "NotASymmetryError",
    "Transformer",
    "TransformerDescription",
    "TransformerEquivalence",
    "TransformerWitness",
    "compress",
    "describe",
    "equivalent",
    "fold_gain",
    "from_encoder_state",
    "from_hugging_face",
    "from_torch_encoder",
    "is_transformer_path",
    "layer_to_rms",
    "mix_query_key",
    "mix_value_output",
    "permute_heads",
    "permute_mlp",
    "read_transformer",
    "rescale_stream",
    "rotate",
    "scale_mlp",
    "settle_attention_biases",
    "symmetry_directions",
]
