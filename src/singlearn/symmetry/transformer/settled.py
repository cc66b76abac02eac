"""A transformer brought to a form in which most symmetries have no freedom left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from singlearn.symmetry.transformer.heads import with_settled_biases
from singlearn.symmetry.transformer.model import Transformer
from singlearn.symmetry.transformer.narrow_heads import ROUNDING, narrowed_heads
from singlearn.symmetry.transformer.norms import folded
from singlearn.symmetry.transformer.shapes import local_name
from singlearn.symmetry.transformer.stream import (
    OUTGOING,
    WRITERS,
    readers,
    readers_of_block,
    written_through,
)
from singlearn.symmetry.transformer.units import fewer_units

UNWRITTEN = 64.0
"""Directions along which everything written amounts to less than this many roundings of it are
written by rounding only.
"""


def settled(model: Transformer, unit: float = 2.0**-53) -> Transformer:
    r"""The same function with gains folded, biases where they are written, no means, and no units
    that are not needed.

    * norms in front of what they feed: gains and biases go to the readers; norms behind the
      additions: their biases go to the readers and the next additions;
    * key and value biases go where a softmax lets them; the scale of the scores goes into the
      queries;
    * LayerNorm: nothing is written along (1, …, 1), which has no effect, and nothing read where it
      is constant; where the inputs are tokens it becomes RMSNorm;
    * the mean of the position vectors goes to the token vectors;
    * nothing is read along directions in which nothing is written;
    * dead, constant and duplicate hidden units go (:func:`fewer_units`), and what heads do not need
      (:func:`narrowed_heads`).

    Args:
        unit: relative rounding error of the weights.

    What is left open: the basis of the stream, the bases inside heads, the order of heads and
    units, scales of units.
    """
    if model.norm != "none":
        model = _biases_behind(model) if model.post_norm else folded(model)
    model = with_settled_biases(model)
    scales = [model.score_scale(block) for block in range(model.blocks)]
    changes = {}
    for block, scale in enumerate(scales):
        for name in ("query", "query_bias"):
            if f"blocks.{block}.attention.{name}" in model.weights:
                changes[f"blocks.{block}.attention.{name}"] = (
                    scale * model.weights[f"blocks.{block}.attention.{name}"]
                )
    model = replace(model, weights={**model.weights, **changes}, score_scales=(1.0,) * model.blocks)
    if model.norm == "layer":
        model = _without_means(model)
    if "position" in model.weights:
        mean = model.weights["position"].mean(axis=0)
        moved = {
            "embedding": model.weights["embedding"] + mean,
            "position": model.weights["position"] - mean,
        }
        model = model.with_weights(moved)
    if model.reads_tokens and not model.post_norm:
        model = _without_unwritten(model, unit)
    for block in range(model.blocks):
        made, found = fewer_units(model, block)
        if found:
            model = with_mlp(model, block, made)
        model, _ = narrowed_heads(model, block, ROUNDING, None)
    return model


def _without_unwritten(model: Transformer, unit: float) -> Transformer:
    """Readers that do not look where nothing is written; without an unembedding the outputs do
    look.
    """
    columns = [
        array.reshape(-1, model.width)
        if local_name(name)[0] in WRITERS
        else np.swapaxes(array, -1, -2).reshape(-1, model.width)
        for name, array in model.weights.items()
        if local_name(name)[0] in WRITERS + OUTGOING
    ]
    written = np.vstack([part / max(float(np.linalg.norm(part)), 1e-300) for part in columns])
    values, vectors = np.linalg.eigh(written.T @ written)
    small = vectors[:, values <= 1e-6 * values[-1]]
    # A Gram matrix knows its small values badly; along these few directions they are looked at
    # themselves.
    silent = small[
        :, np.linalg.norm(written @ small, axis=0) <= UNWRITTEN * unit * np.linalg.norm(written)
    ]
    if not silent.shape[1]:
        return model
    return model.with_weights(
        {
            name: model.weights[name] - (model.weights[name] @ silent) @ silent.T
            for name, _ in readers(model)
        }
    )


def with_mlp(model: Transformer, block: int, parts: dict[str, np.ndarray]) -> Transformer:
    """The transformer with another MLP in one block."""
    at = f"blocks.{block}.mlp."
    others = {name: array for name, array in model.weights.items() if not name.startswith(at)}
    return replace(model, weights={**others, **{at + name: array for name, array in parts.items()}})


def _biases_behind(model: Transformer) -> Transformer:
    """Norms behind additions: what a norm's bias does, the readers' biases and the next additions
    do.
    """
    weights = dict(model.weights)
    for block in range(model.blocks):
        first, after = f"blocks.{block}.norm1", f"blocks.{block}.mlp.out_bias"
        moves = [(first, [f"blocks.{block}.mlp.in"], after)]
        if block + 1 < model.blocks:
            names = [f"blocks.{block + 1}.attention.{part}" for part in ("query", "key", "value")]
            moves.append(
                (f"blocks.{block}.norm2", names, f"blocks.{block + 1}.attention.output_bias")
            )
        for place, names, addition in moves:
            bias = weights.pop(f"{place}.bias", None)
            if bias is None:
                continue
            for name in names:
                weights[f"{name}_bias"] = weights.get(f"{name}_bias", 0.0) + weights[name] @ bias
            weights[addition] = weights.get(addition, 0.0) + bias
    return replace(model, weights=weights)


def _without_means(model: Transformer) -> Transformer:
    centring = np.eye(model.width) - 1.0 / model.width
    weights = dict(model.weights)
    if model.post_norm:
        # The norms' outputs have no part along 1/gain, once their biases are gone.
        for block in range(model.blocks):
            for name, _ in readers_of_block(model, block):
                place = f"blocks.{block}.norm1" if ".mlp." in name else f"blocks.{block - 1}.norm2"
                if place.startswith("blocks.-1") or np.any(model.gain(place) == 0):
                    continue
                hidden = 1 / model.gain(place)
                weights[name] = weights[name] - (weights[name] @ hidden)[..., None] * (
                    hidden / (hidden @ hidden)
                )
        last = f"blocks.{model.blocks - 1}.norm2.bias"
        if model.final_norm and last in weights:
            weights[last] = centring @ weights[last]
        inner = replace(model, weights=weights)
        changes = {
            name: array
            for name, array in written_through(inner, centring).items()
            if name.startswith("blocks.")
        }
        return inner.with_weights(changes)
    if not model.final_norm:
        for name, place in readers(model):
            if place != "final_norm":
                weights[name] = weights[name] @ centring
        return replace(model, weights=weights)
    for name, _ in readers(model):
        weights[name] = weights[name] @ centring
    weights |= written_through(replace(model, weights=weights), centring)
    return replace(model, weights=weights, norm="rms" if model.reads_tokens else "layer")
