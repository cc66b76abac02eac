"""How many directions of the weights leave a transformer's function alone, and which symmetry each
belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from singlearn.results.result import Answer
from singlearn.symmetry.transformer.model import Transformer
from singlearn.symmetry.transformer.rotary import frequency_groups
from singlearn.symmetry.transformer.stream import readers_of_block

RANK = 1e-10
"""Singular values below this share of the largest count as 0."""


@dataclass(frozen=True)
class Directions(Answer):
    """Directions that one kind of symmetry gives.

    Attributes:
        kind: of symmetry, in words.
        group: what acts, such as ``GL(64) for each of 12 heads``.
        count: how many directions of the weights.
    """

    kind: str
    group: str
    count: int


def symmetry_directions(model: Transformer) -> list[Directions]:
    r"""Independent directions in which the weights can move without effect on the function, to
    first order.

    Counted are the weights as the library keeps them: gains beside the matrices that read them, one
    array for a tied embedding. The count is exact for weights in general position (then it is the
    nullity of the Jacobian); other weights have at least as many directions. Ranks of queries,
    keys, values and outputs are taken as they are: A in :math:`(A Q, A^{-T} K)` moves :math:`k^2 -
    (k - \mathrm{rank}\,Q)(k - \mathrm{rank}\,K)` directions.

    Returns:
        One entry per kind of direction and place, with its number.

    >>> weights = {"embedding": np.eye(3), "unembedding": np.diag([1.0, 2.0, 3.0])}
    >>> [(found.kind, found.count) for found in symmetry_directions(Transformer(weights, "rms"))]
    [('basis of the stream', 3)]
    """
    parts = [
        _query_key,
        _value_output,
        _attention_biases,
        _mlp,
        _gains,
        _constants,
        _unread,
        _unwritten,
        _positions,
        _basis,
    ]
    return [found for part in parts if (found := part(model)).count]


def _query_key(model: Transformer) -> Directions:
    count, names = 0, set()
    for block in range(model.blocks):
        at = f"blocks.{block}.attention"
        heads, key_heads = model.heads(block)
        size = model.weights[f"{at}.query"].shape[1]
        for head in range(key_heads):
            query = np.hstack(
                [_with_bias(model, f"{at}.query", h) for h in _group(heads, key_heads, head)]
            )
            key = model.weights[f"{at}.key"][head]
            if not model.is_rotary(block):
                count += size**2 - (size - _rank(query)) * (size - _rank(key))
                names.add(f"GL({size})")
                continue
            key = _with_bias(model, f"{at}.key", head)
            frequencies, planes = model.weights[f"{at}.frequency"], size // 2
            for rows in frequency_groups(frequencies):
                m = len(rows)
                turned = [part[rows] + 1j * part[rows + planes] for part in (query, key)]
                count += 2 * (m**2 - (m - _rank(turned[0])) * (m - _rank(turned[1])))
            names.add(f"a turn and a scale of each of {planes} planes" if planes else "")
    return Directions("queries against keys", _each(names, "head of keys"), count)


def _value_output(model: Transformer) -> Directions:
    count, names = 0, set()
    for block in range(model.blocks):
        at = f"blocks.{block}.attention"
        heads, key_heads = model.heads(block)
        size = model.weights[f"{at}.value"].shape[1]
        for head in range(key_heads):
            output = np.vstack(
                [model.weights[f"{at}.output"][h] for h in _group(heads, key_heads, head)]
            )
            count += size**2 - (size - _rank(model.weights[f"{at}.value"][head])) * (
                size - _rank(output)
            )
            names.add(f"GL({size})")
    return Directions("values against outputs", _each(names, "head of values"), count)


def _attention_biases(model: Transformer) -> Directions:
    count = 0
    for block in range(model.blocks):
        at = f"blocks.{block}.attention"
        heads, key_heads = model.heads(block)
        if not model.is_rotary(block) and f"{at}.key_bias" in model.weights:
            count += model.weights[f"{at}.key_bias"].size
        if f"{at}.value_bias" in model.weights:
            count += model.weights[f"{at}.value_bias"].size
            if f"{at}.output_bias" not in model.weights:
                output = model.weights[f"{at}.output"]
                summed = [
                    output[list(_group(heads, key_heads, head))].sum(axis=0)
                    for head in range(key_heads)
                ]
                count -= _rank(np.hstack(summed))
    return Directions(
        "attention biases", "the softmax drops key biases; value biases are written whole", count
    )


def _mlp(model: Transformer) -> Directions:
    count, names = 0, set()
    for block in range(model.blocks):
        hidden = model.weights[f"blocks.{block}.mlp.in"].shape[0]
        if model.is_gated(block):
            count += hidden
            names.add("up against down")
        if model.activation == "relu":
            count += hidden
            names.add("ReLU lets positive factors through")
    return Directions("scales of hidden units", "; ".join(sorted(names)), count)


def _gains(model: Transformer) -> Directions:
    """Gain and bias of a norm against what reads it; behind an addition, a bias against the next
    additions.
    """
    if model.norm == "none":
        return Directions("gains and biases of norms", "", 0)
    count, width = 0, model.width
    for place, names in _read_at(model).items():
        if model.post_norm:
            after = (
                f"{place.removesuffix('norm1')}mlp.out_bias"
                if place.endswith("norm1")
                else _next_output_bias(place)
            )
            count += (
                width
                if f"{place}.bias" in model.weights
                and after in model.weights
                and _biased(model, names)
                else 0
            )
        else:
            count += width if f"{place}.gain" in model.weights else 0
            spare = model.norm == "layer" and not _biased(model, names)
            count += (
                width
                if f"{place}.bias" in model.weights and (_biased(model, names) or spare)
                else 0
            )
    last = f"blocks.{model.blocks - 1}.norm2.bias"
    if model.post_norm and model.final_norm and model.norm == "layer" and last in model.weights:
        count += 1
    group = (
        "the additions behind it take a bias back"
        if model.post_norm
        else "the matrices that read it take both"
    )
    return Directions("gains and biases of norms", group, count)


def _constants(model: Transformer) -> Directions:
    """Without norms, a constant that one addition puts into the stream may be put in by the next
    instead.
    """
    if model.norm != "none" or model.post_norm:
        return Directions("constants of the stream", "", 0)
    weights = model.weights
    count, movable = 0, "position" in weights or (model.reads_tokens and not model.is_tied)
    for block in range(model.blocks):
        for part, names in (("attention", ("query", "key", "value")), ("mlp", ("gate", "in"))):
            at = f"blocks.{block}.{part}"
            bias = f"{at}.output_bias" if part == "attention" else f"{at}.out_bias"
            movable = movable and _biased(
                model, [f"{at}.{name}" for name in names if f"{at}.{name}" in weights]
            )
            count += model.width if movable and bias in weights else 0
            movable = movable or bias in weights
    count += model.width if movable and "unembedding_bias" in weights else 0
    return Directions("constants of the stream", "written by one addition or by the next", count)


def _unread(model: Transformer) -> Directions:
    """What readers may add along the direction in which a LayerNorm gives a constant."""
    count = 0
    if model.norm == "layer":
        for place, names in _read_at(model).items():
            if np.all(model.gain(place) != 0) and (
                _biased(model, names) or f"{place}.bias" not in model.weights
            ):
                count += sum(model.weights[name].size // model.width for name in names)
    return Directions("mean that LayerNorm took", "no reader sees it", count)


def _unwritten(model: Transformer) -> Directions:
    """The mean of everything that is written to a stream which only LayerNorms read."""
    count = 0
    if model.norm == "layer" and (model.final_norm or model.post_norm):
        for name, array in model.weights.items():
            local = name.split(".", 2)[-1]
            if local in ("attention.output", "mlp.out", "attention.output_bias", "mlp.out_bias"):
                count += array.size // model.width
            if (
                name in ("embedding", "position")
                and not (name == "embedding" and model.is_tied)
                and not model.post_norm
            ):
                count += len(array)
    return Directions("mean that LayerNorm takes", "no writer is heard there", count)


def _positions(model: Transformer) -> Directions:
    count = 0
    if "position" in model.weights and not model.is_tied:
        count = model.width - (model.norm == "layer" and model.final_norm and not model.post_norm)
    return Directions(
        "positions against tokens", "one vector added to these, taken from those", count
    )


def _basis(model: Transformer) -> Directions:
    """O(d), or what norms and a tied embedding leave of it."""
    if not model.reads_tokens or "unembedding" not in model.weights or model.post_norm:
        return Directions("basis of the stream", "", 0)
    width = model.width
    if model.norm == "none":
        kind, count = ("O", width * (width - 1) // 2) if model.is_tied else ("GL", width**2)
        return Directions("basis of the stream", f"{kind}({width})", count)
    sizes = [width]
    if model.is_tied and model.final_norm:
        sizes = list(np.unique(model.gain("final_norm"), return_counts=True)[1])
    if model.norm == "layer" and not model.final_norm:
        sizes = []
    less = 1 if model.norm == "layer" else 0
    count = sum((int(m) - less) * (int(m) - less - 1) // 2 for m in sizes)
    scaled = model.final_norm and not model.is_tied and _without_epsilon(model)
    group = f"O({width - less})" if len(sizes) == 1 else "rotations of directions of equal gain"
    return Directions(
        "basis of the stream", group + (" and its scale" if scaled else ""), count + scaled
    )


def _read_at(model: Transformer) -> dict[str, list[str]]:
    """For every place of a norm with free readers, their names."""
    found: dict[str, list[str]] = {}
    for block in range(model.blocks):
        for name, place in readers_of_block(model, block):
            if not model.post_norm:
                found.setdefault(place, []).append(name)
            elif ".mlp." in name:
                found.setdefault(f"blocks.{block}.norm1", []).append(name)
            elif block:
                found.setdefault(f"blocks.{block - 1}.norm2", []).append(name)
    if "unembedding" in model.weights and model.final_norm and not model.is_tied:
        found["final_norm"] = ["unembedding"]
    return found


def _biased(model: Transformer, names: list[str]) -> bool:
    """Whether each reader can take a constant: by its bias, or, for keys and values, by what the
    softmax makes of one.
    """
    for name in names:
        at = name.rsplit(".", 1)[0]
        block = int(name.split(".")[1]) if name.startswith("blocks.") else 0
        if name.endswith("attention.key") and not model.is_rotary(block):
            continue
        if name.endswith("attention.value") and f"{at}.output_bias" in model.weights:
            continue
        if f"{name}_bias" not in model.weights:
            return False
    return True


def _next_output_bias(place: str) -> str:
    return f"blocks.{int(place.split('.')[1]) + 1}.attention.output_bias"


def _without_epsilon(model: Transformer) -> bool:
    places = [f"blocks.{block}.norm{k}" for block in range(model.blocks) for k in (1, 2)] + [
        "final_norm"
    ]
    return all(model.epsilon_at(place) == 0 for place in places)


def _with_bias(model: Transformer, name: str, head: int) -> np.ndarray:
    matrix = model.weights[name][head]
    bias = model.weights.get(f"{name}_bias")
    return matrix if bias is None else np.hstack([matrix, bias[head][:, None]])


def _group(heads: int, key_heads: int, head: int) -> range:
    size = heads // key_heads
    return range(head * size, (head + 1) * size)


def _rank(matrix: np.ndarray) -> int:
    values = np.linalg.svd(matrix, compute_uv=False)
    return int(np.sum(values > RANK * values[0])) if values.size and values[0] > 0 else 0


def _each(names: set[str], what: str) -> str:
    return ", ".join(sorted(names)) + f" for each {what}" if names else ""
