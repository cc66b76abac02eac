"""Small random transformers of every kind that is read, and a member of each one's orbit."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from singlearn.symmetry import transformer as st
from singlearn.symmetry.transformer import NotASymmetryError, Transformer
from singlearn.symmetry.transformer.rotary import commuting_part


@dataclass(frozen=True)
class Kind:
    """What a transformer is made of."""

    norm: str = "layer"
    activation: str = "gelu_new"
    tied: bool = True
    rotary: bool = False
    gated: bool = False
    grouped: bool = False
    biases: bool = True
    attention_biases: bool = True
    vectors: bool = False
    post_norm: bool = False
    final_norm: bool = True
    positions: bool = True
    head: int = 2


KINDS = {
    "gpt2": Kind(),
    "gpt2-untied": Kind(tied=False),
    "gpt2-relu": Kind(activation="relu", tied=False),
    "llama": Kind("rms", "silu", False, True, True, True, False, False, positions=False, head=4),
    "llama-tied": Kind(
        "rms", "silu", True, True, True, True, False, False, positions=False, head=4
    ),
    "qwen2": Kind("rms", "silu", False, True, True, True, False, True, positions=False, head=4),
    "reglu": Kind("rms", "relu", True, True, True, False, False, False, positions=False),
    "no norm": Kind("none", "gelu"),
    "encoder": Kind(vectors=True),
    "encoder-post": Kind(vectors=True, post_norm=True),
    "encoder-post-relu": Kind(activation="relu", vectors=True, post_norm=True, final_norm=False),
}
WIDTH, VOCABULARY, HIDDEN, BLOCKS, PLACES = 4, 6, 5, 2, 6


def made(kind: Kind, seed: int = 0) -> Transformer:
    random = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray:
        return random.standard_normal(shape) * 0.8

    weights: dict[str, np.ndarray] = {}
    if not kind.vectors:
        weights["embedding"] = normal(VOCABULARY, WIDTH)
        weights["unembedding"] = weights["embedding"] if kind.tied else normal(VOCABULARY, WIDTH)
        if kind.positions:
            weights["position"] = normal(PLACES, WIDTH)
    for block in range(BLOCKS):
        at = f"blocks.{block}"
        for part, count in (("query", 2), ("key", 2 - kind.grouped), ("value", 2 - kind.grouped)):
            weights[f"{at}.attention.{part}"] = normal(count, kind.head, WIDTH)
            if kind.attention_biases:
                weights[f"{at}.attention.{part}_bias"] = normal(count, kind.head)
        weights[f"{at}.attention.output"] = normal(2, WIDTH, kind.head)
        if kind.rotary:
            weights[f"{at}.attention.frequency"] = np.array([1.0, 0.3])[: kind.head // 2]
        for part in ["gate", "in"] if kind.gated else ["in"]:
            weights[f"{at}.mlp.{part}"] = normal(HIDDEN, WIDTH)
            if kind.biases:
                weights[f"{at}.mlp.{part}_bias"] = normal(HIDDEN)
        weights[f"{at}.mlp.out"] = normal(WIDTH, HIDDEN)
        if kind.biases:
            weights[f"{at}.attention.output_bias"], weights[f"{at}.mlp.out_bias"] = (
                normal(WIDTH),
                normal(WIDTH),
            )
    if kind.norm != "none":
        places = [f"blocks.{block}.norm{k}" for block in range(BLOCKS) for k in (1, 2)]
        for place in places + ["final_norm"] * kind.final_norm:
            weights[f"{place}.gain"] = np.exp(normal(WIDTH) / 2)
            if kind.biases:
                weights[f"{place}.bias"] = normal(WIDTH)
    return Transformer(
        weights,
        kind.norm,
        kind.activation,
        0.1,
        post_norm=kind.post_norm,
        final_norm=kind.final_norm,
        causal=not kind.vectors,
    )


def elsewhere_in_orbit(model: Transformer, seed: int = 3) -> Transformer:
    """The same function by every move there is: folded, mixed, permuted, scaled, and where it is
    allowed turned and rescaled.
    """
    random = np.random.default_rng(seed)
    for move in (st.fold_gain, st.layer_to_rms):
        try:
            model = move(model)
        except NotASymmetryError:
            continue
    for block in range(model.blocks):
        heads, key_heads = model.heads(block)
        at = f"blocks.{block}"
        for head in range(key_heads):
            size = model.weights[f"{at}.attention.query"].shape[1]
            matrix = random.standard_normal((size, size))
            if model.is_rotary(block):
                matrix = commuting_part(matrix, model.weights[f"{at}.attention.frequency"])
            model = st.mix_query_key(model, block, head, matrix)
            model = st.mix_value_output(model, block, head, random.standard_normal((size, size)))
        group = heads // key_heads
        order = [
            int(i * group + k)
            for i in random.permutation(key_heads)
            for k in random.permutation(group)
        ]
        model = st.permute_heads(model, block, order)
        hidden = len(model.weights[f"{at}.mlp.in"])
        model = st.permute_mlp(model, block, random.permutation(hidden))
        if model.is_gated(block):
            model = st.scale_mlp(model, block, random.standard_normal(hidden))
        if model.activation == "relu":
            model = st.scale_mlp(
                model,
                block,
                np.exp(random.standard_normal(hidden)),
                "gate" if model.is_gated(block) else None,
            )
    matrix = random.standard_normal((WIDTH, WIDTH))
    try:
        return st.rescale_stream(
            st.rotate(model, matrix if model.norm == "none" else np.linalg.qr(matrix)[0]), 2.5
        )
    except NotASymmetryError:
        return model


def with_change(model: Transformer, name: str, relative: float, seed: int = 1) -> Transformer:
    """One weight of an array changed."""
    array = model.weights[name].copy()
    index = tuple(np.random.default_rng(seed).integers(size) for size in array.shape)
    array[index] *= 1 + relative
    return model.with_weights({name: array})


def with_redundancy(model: Transformer) -> Transformer:
    """Dead, constant and duplicate units and thin heads in the first block, a silent head or group
    in the second.
    """
    weights = {name: array.copy() for name, array in model.weights.items()}
    block, factor = "blocks.0.", 2.0 if model.activation == "relu" else 1.0
    passing = "gate" if model.is_gated(0) else "in"
    for name in (f"{block}mlp.{passing}", f"{block}mlp.{passing}_bias"):
        if name in weights:
            weights[name][1] = factor * weights[name][0]
    if model.is_gated(0):
        weights[f"{block}mlp.in"][1] = -3 * weights[f"{block}mlp.in"][0]
    weights[f"{block}mlp.out"][:, 2] = 0
    if f"{block}mlp.in_bias" in weights:
        weights[f"{block}mlp.in"][3], weights[f"{block}mlp.in_bias"][3] = 0, 0.7
    weights[f"{block}attention.value"][:, 1] = 2 * weights[f"{block}attention.value"][:, 0]
    if model.is_rotary(0):
        planes = model.weights[f"{block}attention.frequency"].size
        for name in (f"{block}attention.key", f"{block}attention.key_bias"):
            if name in weights and planes > 1:
                weights[name][:, [planes - 1, 2 * planes - 1]] = 0
    else:
        weights[f"{block}attention.key"][:, 1] = -weights[f"{block}attention.key"][:, 0]
    weights["blocks.1.attention.output"][: model.heads(1)[0] // model.heads(1)[1]] = 0
    if model.is_tied:
        weights["unembedding"] = weights["embedding"]
    return replace(model, weights=weights)
