"""Heads without the entries, the rotary planes and the heads that their function does not need."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from singlearn.symmetry.transformer.model import Transformer
from singlearn.symmetry.transformer.rotary import frequency_groups

ROUNDING = 64 * np.finfo(float).eps
"""Singular values up to this share of a product of factors count as 0 where no tolerance is given.
"""


@dataclass(frozen=True)
class Removal:
    """One thing that was taken away.

    Attributes:
        block: where.
        what: in words.
        bound: proven, of what is written to the stream or added to a score, at any input behind a
            norm; 0 where nothing but rounding changes; ``None`` where no norm bounds the inputs.
    """

    block: int
    what: str
    bound: float | None

    def __str__(self) -> str:
        changes = (
            ""
            if self.bound == 0
            else ", not bounded"
            if self.bound is None
            else f", at most {self.bound:.2g}"
        )
        return f"block {self.block}: {self.what}{changes}"


def narrowed_heads(
    model: Transformer, block: int, share: float, reach: float | None
) -> tuple[Transformer, list[Removal]]:
    """The transformer with fewer entries per head, rotary planes and heads in one block, and what
    was taken away.

    Args:
        share: singular values up to this share of the largest one go.
        reach: the largest length of what heads read; ``None`` where nothing bounds it.
    """
    removals: list[Removal] = []
    for step in (_values, _rotary_planes if model.is_rotary(block) else _keys, _silent_heads):
        model, gone = step(model, block, share, reach)
        removals += gone
    return model, removals


Step = tuple[Transformer, list[Removal]]


def _values(model: Transformer, block: int, share: float, reach: float | None) -> Step:
    at = f"blocks.{block}.attention"
    heads, key_heads = model.heads(block)
    size = model.weights[f"{at}.value"].shape[1]
    if not key_heads or not size:
        return model, []
    spread = heads // key_heads
    thin = [
        _thin(
            np.vstack(list(model.weights[f"{at}.output"][h * spread : (h + 1) * spread])),
            model.weights[f"{at}.value"][h],
            share,
        )
        for h in range(key_heads)
    ]
    rank = max(len(sizes) for _, sizes, _, _ in thin)
    if rank >= size:
        return model, []
    value = np.zeros((key_heads, rank, model.width))
    output = np.zeros((heads, model.width, rank))
    for h, (left, sizes, right, _) in enumerate(thin):
        root = np.sqrt(sizes)
        value[h, : len(sizes)] = root[:, None] * right
        stacked = (left * root).reshape(spread, model.width, len(sizes))
        output[h * spread : (h + 1) * spread, :, : len(sizes)] = stacked
    lost = max(dropped for _, _, _, dropped in thin)
    removal = Removal(block, f"values of {size} entries now have {rank}", _bound(lost, reach, 1.0))
    return model.with_weights({f"{at}.value": value, f"{at}.output": output}), [removal]


def _keys(model: Transformer, block: int, share: float, reach: float | None) -> Step:
    at = f"blocks.{block}.attention"
    heads, key_heads = model.heads(block)
    size = model.weights[f"{at}.query"].shape[1]
    if not key_heads or size < 2:
        return model, []
    spread = heads // key_heads
    bias = model.weights.get(f"{at}.query_bias", np.zeros((heads, size)))
    query = np.concatenate([model.weights[f"{at}.query"], bias[..., None]], axis=-1)
    thin = [
        _thin(
            np.vstack([part.T for part in query[h * spread : (h + 1) * spread]]),
            model.weights[f"{at}.key"][h],
            share,
        )
        for h in range(key_heads)
    ]
    rank = max(1, *(len(sizes) for _, sizes, _, _ in thin))
    if rank >= size:
        return model, []
    queries = np.zeros((heads, rank, model.width + 1))
    keys = np.zeros((key_heads, rank, model.width))
    for h, (left, sizes, right, _) in enumerate(thin):
        root = np.sqrt(sizes)
        keys[h, : len(sizes)] = root[:, None] * right
        stacked = (left * root).reshape(spread, model.width + 1, len(sizes))
        queries[h * spread : (h + 1) * spread, : len(sizes)] = stacked.transpose(0, 2, 1)
    changes = {f"{at}.query": queries[..., :-1], f"{at}.key": keys}
    if f"{at}.query_bias" in model.weights:
        changes[f"{at}.query_bias"] = queries[..., -1]
    lost = max(dropped for _, _, _, dropped in thin)
    scale = model.score_scale(block)
    # Queries read (ν, 1), of length up to sqrt(d + 1), keys read ν.
    bound = None if reach is None else _bound(lost, np.sqrt(reach**2 + 1) * reach, scale)
    removal = Removal(
        block, f"queries and keys of {size} entries now have {rank}", 0.0 if lost == 0 else bound
    )
    return _with_scales(model).with_weights(changes), [removal]


def _rotary_planes(model: Transformer, block: int, share: float, reach: float | None) -> Step:
    at = f"blocks.{block}.attention"
    names = [
        f"{at}.{name}"
        for name in ("query", "query_bias", "key", "key_bias")
        if f"{at}.{name}" in model.weights
    ]
    speeds = model.weights[f"{at}.frequency"]
    planes = len(speeds)
    _, key_heads = model.heads(block)
    if any(len(group) > 1 for group in frequency_groups(speeds)) or planes < 2 or not key_heads:
        return model, []
    sizes = np.zeros((2, key_heads, planes))
    for name in names:
        squares = np.sum(
            model.weights[name].reshape(*model.weights[name].shape[:2], -1) ** 2, axis=-1
        )
        squares = squares[:, :planes] + squares[:, planes:]
        side = 0 if "query" in name else 1
        sizes[side] += squares.reshape(key_heads, -1, planes).sum(axis=1)
    product = np.sqrt(sizes[0] * sizes[1])
    needed = np.any(product > share * np.max(product, axis=1, keepdims=True), axis=0)
    needed[0] |= not np.any(needed)
    if np.all(needed):
        return model, []
    rows = np.concatenate([np.flatnonzero(needed), np.flatnonzero(needed) + planes])
    changes = {name: model.weights[name][:, rows] for name in names} | {
        f"{at}.frequency": speeds[needed]
    }
    lost = float(np.max(product[:, ~needed].sum(axis=1)))
    bound = None if reach is None else _bound(lost, reach**2 + 1, model.score_scale(block))
    removal = Removal(
        block, f"{int(np.sum(~needed))} of {planes} rotary planes", 0.0 if lost == 0 else bound
    )
    return replace(_with_scales(model), weights={**model.weights, **changes}), [removal]


def _silent_heads(model: Transformer, block: int, share: float, reach: float | None) -> Step:
    at = f"blocks.{block}.attention"
    heads, key_heads = model.heads(block)
    if not key_heads:
        return model, []
    spread = heads // key_heads
    written = [
        max(
            _size(model.weights[f"{at}.output"][h], model.weights[f"{at}.value"][k])
            for h in range(k * spread, (k + 1) * spread)
        )
        for k in range(key_heads)
    ]
    silent = np.array(written) == 0
    if not np.any(silent):
        return model, []
    kept = np.flatnonzero(~silent)
    kept_heads = np.flatnonzero(np.repeat(~silent, spread))
    changes = {}
    for part, rows in (
        ("query", kept_heads),
        ("output", kept_heads),
        ("key", kept),
        ("value", kept),
    ):
        for name in (f"{at}.{part}", f"{at}.{part}_bias"):
            if name in model.weights and name != f"{at}.output_bias":
                changes[name] = model.weights[name][rows]
    count = int(np.sum(silent)) * spread
    return model.with_weights(changes), [
        Removal(block, f"{count} of {heads} heads, which write nothing", 0.0)
    ]


def _thin(
    left: np.ndarray, right: np.ndarray, share: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """The singular value decomposition of ``left @ right`` from its thin factors, without small
    values; and the first of those.

    What rounding could have made is measured against the sizes of the factors, what a tolerance
    allows against the largest singular value.
    """
    q_left, r_left = np.linalg.qr(left)
    q_right, r_right = np.linalg.qr(right.T)
    u, sizes, v = np.linalg.svd(r_left @ r_right.T)
    noise = ROUNDING * float(np.linalg.norm(left, 2) * np.linalg.norm(right, 2))
    kept = sizes > max(noise, share * sizes[0] if share > ROUNDING else 0.0)
    lost = float(sizes[~kept][0]) if not np.all(kept) else 0.0
    return (
        (q_left @ u)[:, : len(sizes)][:, kept],
        sizes[kept],
        (v @ q_right.T)[: len(sizes)][kept],
        0.0 if lost <= noise else lost,
    )


def _size(left: np.ndarray, right: np.ndarray) -> float:
    return float(np.linalg.norm(left @ right)) if left.shape[1] else 0.0


def _bound(lost: float, reach: float | None, scale: float) -> float | None:
    if lost == 0:
        return 0.0
    return None if reach is None else lost * reach * scale * (1 + 1e-12)


def _with_scales(model: Transformer) -> Transformer:
    """The scales of the scores written down, so that narrower queries do not change them."""
    return replace(
        model, score_scales=tuple(model.score_scale(block) for block in range(model.blocks))
    )
