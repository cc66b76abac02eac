"""GPT-2, from its configuration and tensors."""

from __future__ import annotations

import numpy as np

from singlearn.symmetry.transformer.activations import LIBRARY_NAMES
from singlearn.symmetry.transformer.configuration import Configuration
from singlearn.symmetry.transformer.model import Transformer
from singlearn.symmetry.transformer.tensors import Tensors


def gpt2(configuration: Configuration, tensors: Tensors, with_logits: bool) -> Transformer:
    """The transformer of a ``GPT2LMHeadModel``, or of a ``GPT2Model`` without the logits.

    Its ``Conv1D`` keep matrices transposed; queries, keys and values lie side by side in one of
    them.

    Raises:
        ValueError: a setting or a tensor that is not understood, or one that is missing.
    """
    width = configuration.whole("n_embd", 768, ("hidden_size",))
    heads = configuration.whole("n_head", 12, ("num_attention_heads",))
    layers = configuration.whole("n_layer", 12, ("num_hidden_layers",))
    positions = configuration.whole("n_positions", 1024, ("n_ctx", "max_position_embeddings"))
    vocabulary = configuration.whole("vocab_size", 50257)
    hidden = 4 * width if configuration.take("n_inner") is None else configuration.whole("n_inner")
    activation = configuration.choice("activation_function", "gelu_new", LIBRARY_NAMES)
    epsilon = configuration.real("layer_norm_epsilon", 1e-5)
    scaled = configuration.truth("scale_attn_weights", True)
    by_layer = configuration.truth("scale_attn_by_inverse_layer_idx", False)
    tied = configuration.truth("tie_word_embeddings", True)
    if width % heads:
        raise ValueError(
            f"{configuration.source}: n_embd is {width}; it should be a multiple of n_head, {heads}"
        )
    size = width // heads
    base = (
        "transformer." if any(name.startswith("transformer.") for name in tensors.names()) else ""
    )

    def vector(name: str, length: int) -> np.ndarray:
        return tensors.take(f"{base}{name}", length)

    def matrix(name: str, rows: int, columns: int) -> np.ndarray:
        return tensors.take(f"{base}{name}", rows, columns)

    weights = {
        "embedding": matrix("wte.weight", vocabulary, width),
        "position": matrix("wpe.weight", positions, width),
    }
    for i in range(layers):
        at, block = f"h.{i}", f"blocks.{i}"
        for norm, place in (("ln_1", f"{block}.norm1"), ("ln_2", f"{block}.norm2")):
            weights[f"{place}.gain"], weights[f"{place}.bias"] = (
                vector(f"{at}.{norm}.{part}", width) for part in ("weight", "bias")
            )
        joined = matrix(f"{at}.attn.c_attn.weight", width, 3 * width).T.reshape(
            3, heads, size, width
        )
        biases = vector(f"{at}.attn.c_attn.bias", 3 * width).reshape(3, heads, size)
        for k, part in enumerate(("query", "key", "value")):
            weights[f"{block}.attention.{part}"], weights[f"{block}.attention.{part}_bias"] = (
                joined[k],
                biases[k],
            )
        output = matrix(f"{at}.attn.c_proj.weight", width, width).reshape(heads, size, width)
        weights[f"{block}.attention.output"] = output.transpose(0, 2, 1)
        weights[f"{block}.attention.output_bias"] = vector(f"{at}.attn.c_proj.bias", width)
        weights[f"{block}.mlp.in"] = matrix(f"{at}.mlp.c_fc.weight", width, hidden).T
        weights[f"{block}.mlp.in_bias"] = vector(f"{at}.mlp.c_fc.bias", hidden)
        weights[f"{block}.mlp.out"] = matrix(f"{at}.mlp.c_proj.weight", hidden, width).T
        weights[f"{block}.mlp.out_bias"] = vector(f"{at}.mlp.c_proj.bias", width)
        _pass_over_masks(tensors, f"{base}{at}.attn")
    weights["final_norm.gain"], weights["final_norm.bias"] = (
        vector("ln_f.weight", width),
        vector("ln_f.bias", width),
    )
    if with_logits:
        weights["unembedding"] = unembedding(
            tensors, weights["embedding"], tied, f"{base}wte.weight", configuration.source
        )
    scales = tuple(
        (size**-0.5 if scaled else 1.0) / (i + 1 if by_layer else 1) for i in range(layers)
    )
    plain = scaled and not by_layer
    return Transformer(
        weights, "layer", activation, epsilon, score_scales=None if plain else scales
    )


def unembedding(
    tensors: Tensors, embedding: np.ndarray, tied: bool, name: str, source: str
) -> np.ndarray:
    """The matrix behind the last norm: ``lm_head.weight``, or the embedding again.

    Raises:
        ValueError: they should be one and are not, or there is none.
    """
    if "lm_head.weight" in tensors:
        own = tensors.take("lm_head.weight", *embedding.shape)
        if tied and not np.array_equal(own, embedding):
            raise ValueError(
                f"{tensors.source}: lm_head.weight is not {name}, although {source} has "
                f"tie_word_embeddings true; versions of the "
                "library differ in which of them is used. Remove one, or set tie_word_embeddings "
                "to false"
            )
        return own
    if not tied:
        raise ValueError(
            f"{tensors.source}: lm_head.weight is missing, and {source} has tie_word_embeddings "
            f"false"
        )
    return embedding


def _pass_over_masks(tensors: Tensors, at: str) -> None:
    """Older files keep the causal mask; it is passed over if it is that."""
    if f"{at}.bias" in tensors:
        side = tensors.shape(f"{at}.bias")[-1:]
        mask = tensors.take(f"{at}.bias", 1, 1, *side, *side, integers=True)
        if not np.array_equal(mask[0, 0] != 0, np.tril(np.ones((*side, *side), dtype=bool))):
            raise ValueError(f"{tensors.source}: {at}.bias is another mask than the causal one")
    if f"{at}.masked_bias" in tensors:
        tensors.take(f"{at}.masked_bias", integers=True)
