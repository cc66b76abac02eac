"""Llama and its relatives Mistral and Qwen2, from their configuration and tensors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from singlearn.symmetry.transformer.activations import LIBRARY_NAMES
from singlearn.symmetry.transformer.configuration import Configuration
from singlearn.symmetry.transformer.gpt2 import unembedding
from singlearn.symmetry.transformer.model import Transformer
from singlearn.symmetry.transformer.rope import rope_frequencies
from singlearn.symmetry.transformer.tensors import Tensors


@dataclass(frozen=True)
class _Defaults:
    """What the library takes where a configuration does not say."""

    vocabulary: int
    hidden: int
    key_heads: int | None


DEFAULTS = {
    "llama": _Defaults(32000, 11008, None),
    "mistral": _Defaults(32000, 14336, 8),
    "qwen2": _Defaults(151936, 22016, 32),
}


def llama(
    configuration: Configuration, tensors: Tensors, with_logits: bool, kind: str
) -> Transformer:
    """The transformer of a ``LlamaForCausalLM``, ``MistralForCausalLM`` or ``Qwen2ForCausalLM``, or
    of one without logits.

    Args:
        kind: ``llama``, ``mistral`` or ``qwen2``: which biases there are, and which windows.

    Raises:
        ValueError: a setting or a tensor that is not understood, or one that is missing.
    """
    defaults = DEFAULTS[kind]
    width = configuration.whole("hidden_size", 4096)
    heads = configuration.whole("num_attention_heads", 32)
    layers = configuration.whole("num_hidden_layers", 32)
    vocabulary = configuration.whole("vocab_size", defaults.vocabulary)
    hidden = configuration.whole("intermediate_size", defaults.hidden)
    given = configuration.take("num_key_value_heads", defaults.key_heads)
    key_heads = (
        heads if given is None else configuration.whole("num_key_value_heads", defaults.key_heads)
    )
    size = (
        width // heads
        if configuration.take("head_dim") is None
        else configuration.whole("head_dim")
    )
    if configuration.take("head_dim") is None and width % heads:
        raise ValueError(
            f"{configuration.source}: hidden_size is {width}; it should be a multiple of "
            f"num_attention_heads, {heads}"
        )
    if heads % key_heads:
        raise ValueError(
            f"{configuration.source}: num_attention_heads is {heads}; it should be a multiple of "
            f"num_key_value_heads, {key_heads}"
        )
    activation = configuration.choice("hidden_act", "silu", LIBRARY_NAMES)
    epsilon = configuration.real("rms_norm_eps", 1e-6)
    tied = configuration.truth("tie_word_embeddings", False)
    configuration.take(
        "max_position_embeddings"
    )  # of no effect on the types of rotary positions that are read
    frequencies = rope_frequencies(configuration, size)
    windows = _windows(configuration, kind, layers)
    attention_bias = kind != "qwen2" and configuration.truth("attention_bias", False)
    mlp_bias = configuration.truth("mlp_bias", False)
    if kind != "llama" and (attention_bias or mlp_bias):
        raise ValueError(
            f"{configuration.source}: attention_bias or mlp_bias is true; a model of type {kind!r} "
            f"has no such biases"
        )
    biased = {
        part: attention_bias or (kind == "qwen2" and part != "o_proj")
        for part in ("q_proj", "k_proj", "v_proj", "o_proj")
    }
    base = "model." if any(name.startswith("model.") for name in tensors.names()) else ""

    weights = {"embedding": tensors.take(f"{base}embed_tokens.weight", vocabulary, width)}
    for i in range(layers):
        at, block = f"{base}layers.{i}", f"blocks.{i}"
        weights[f"{block}.norm1.gain"] = tensors.take(f"{at}.input_layernorm.weight", width)
        weights[f"{block}.norm2.gain"] = tensors.take(
            f"{at}.post_attention_layernorm.weight", width
        )
        weights[f"{block}.attention.frequency"] = frequencies
        for part, name, count in (
            ("query", "q_proj", heads),
            ("key", "k_proj", key_heads),
            ("value", "v_proj", key_heads),
        ):
            matrix = tensors.take(f"{at}.self_attn.{name}.weight", count * size, width)
            weights[f"{block}.attention.{part}"] = matrix.reshape(count, size, width)
            if biased[name]:
                bias = tensors.take(f"{at}.self_attn.{name}.bias", count * size)
                weights[f"{block}.attention.{part}_bias"] = bias.reshape(count, size)
        output = tensors.take(f"{at}.self_attn.o_proj.weight", width, heads * size)
        weights[f"{block}.attention.output"] = output.reshape(width, heads, size).transpose(1, 0, 2)
        if biased["o_proj"]:
            weights[f"{block}.attention.output_bias"] = tensors.take(
                f"{at}.self_attn.o_proj.bias", width
            )
        for part, name, rows, columns in (
            ("gate", "gate_proj", hidden, width),
            ("in", "up_proj", hidden, width),
            ("out", "down_proj", width, hidden),
        ):
            weights[f"{block}.mlp.{part}"] = tensors.take(f"{at}.mlp.{name}.weight", rows, columns)
            if mlp_bias:
                weights[f"{block}.mlp.{part}_bias"] = tensors.take(f"{at}.mlp.{name}.bias", rows)
        _pass_over_frequencies(tensors, f"{at}.self_attn.rotary_emb.inv_freq", frequencies)
    _pass_over_frequencies(tensors, f"{base}rotary_emb.inv_freq", frequencies)
    weights["final_norm.gain"] = tensors.take(f"{base}norm.weight", width)
    if with_logits:
        name = f"{base}embed_tokens.weight"
        weights["unembedding"] = unembedding(
            tensors, weights["embedding"], tied, name, configuration.source
        )
    return Transformer(weights, "rms", activation, epsilon, windows=windows)


def _windows(configuration: Configuration, kind: str, layers: int) -> tuple[int | None, ...] | None:
    """How far back each layer sees.

    Raises:
        ValueError: kinds of layers that are not read, or of which there are not as many as layers.
    """
    if kind == "llama":
        return None
    given = configuration.take("sliding_window", 4096)
    window = None if given is None else configuration.whole("sliding_window", 4096)
    if kind == "mistral":
        return None if window is None else (window,) * layers
    if not configuration.truth("use_sliding_window", False):
        window = None
    first = configuration.take("max_window_layers", 28)
    kinds = configuration.take("layer_types")
    if kinds is None:
        if window is not None and (isinstance(first, bool) or not isinstance(first, int)):
            raise ValueError(
                f"{configuration.source}: max_window_layers is {first!r}; it should be a whole "
                f"number"
            )
        kinds = [
            "sliding_attention" if window is not None and i >= first else "full_attention"
            for i in range(layers)
        ]
    if (
        not isinstance(kinds, list)
        or len(kinds) != layers
        or any(name not in ("full_attention", "sliding_attention") for name in kinds)
    ):
        raise ValueError(
            f"{configuration.source}: layer_types is {kinds!r}; it should name full_attention or "
            f"sliding_attention for each layer"
        )
    if "sliding_attention" in kinds and window is None:
        raise ValueError(
            f"{configuration.source}: layer_types names sliding_attention, but no window is in use"
        )
    return (
        tuple(window if name == "sliding_attention" else None for name in kinds)
        if "sliding_attention" in kinds
        else None
    )


def _pass_over_frequencies(tensors: Tensors, name: str, frequencies: np.ndarray) -> None:
    """Older files keep the rotary speeds; they are passed over if they are those of the
    configuration.
    """
    if name in tensors:
        found = tensors.take(name, len(frequencies))
        if not np.allclose(found, frequencies, rtol=1e-2, atol=0):
            raise ValueError(
                f"{tensors.source}: {name} has other rotary speeds than the configuration"
            )
