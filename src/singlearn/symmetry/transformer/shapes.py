"""The names that a transformer's weights have here, their shapes, and whether given ones fit."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

SHAPES: dict[str, tuple[str, ...]] = {
    "embedding": ("vocabulary", "d"),
    "position": ("positions", "d"),
    "norm1.gain": ("d",),
    "norm1.bias": ("d",),
    "attention.query": ("heads", "d_head", "d"),
    "attention.query_bias": ("heads", "d_head"),
    "attention.key": ("key_heads", "d_head", "d"),
    "attention.key_bias": ("key_heads", "d_head"),
    "attention.value": ("key_heads", "d_value", "d"),
    "attention.value_bias": ("key_heads", "d_value"),
    "attention.output": ("heads", "d", "d_value"),
    "attention.output_bias": ("d",),
    "attention.frequency": ("planes",),
    "norm2.gain": ("d",),
    "norm2.bias": ("d",),
    "mlp.gate": ("hidden", "d"),
    "mlp.gate_bias": ("hidden",),
    "mlp.in": ("hidden", "d"),
    "mlp.in_bias": ("hidden",),
    "mlp.out": ("d", "hidden"),
    "mlp.out_bias": ("d",),
    "final_norm.gain": ("d",),
    "final_norm.bias": ("d",),
    "unembedding": ("vocabulary", "d"),
    "unembedding_bias": ("vocabulary",),
}
"""Every name a weight may have, behind ``blocks.<i>.`` where it belongs to a block, and its shape.
"""

OUTSIDE = (
    "embedding",
    "position",
    "final_norm.gain",
    "final_norm.bias",
    "unembedding",
    "unembedding_bias",
)
NEEDED_INSIDE = (
    "attention.query",
    "attention.key",
    "attention.value",
    "attention.output",
    "mlp.in",
    "mlp.out",
)
NEEDS = {"position": "embedding", "unembedding_bias": "unembedding", "mlp.gate_bias": "mlp.gate"}


def local_name(name: str) -> tuple[str, int | None]:
    """The name without ``blocks.<i>.``, and i; ``None`` outside the blocks.

    >>> local_name("blocks.3.mlp.in"), local_name("embedding")
    (('mlp.in', 3), ('embedding', None))
    """
    inside = re.fullmatch(r"blocks\.(\d+)\.(.+)", name)
    return (inside[2], int(inside[1])) if inside else (name, None)


def check_weights(arrays: Mapping[str, np.ndarray], has_norms: bool, has_final_norm: bool) -> None:
    """Refuse arrays that are not the weights of one transformer.

    Raises:
        ValueError: an unknown name, a missing one, shapes that do not fit, blocks that are not
            numbered 0, 1, …, heads that do not share keys evenly, or rotary frequencies that are
            not one for two entries of a key.
    """
    blocks: set[int] = set()
    sizes: dict[tuple[int | None, str], tuple[int, str]] = {}
    for name, array in arrays.items():
        local, block = local_name(name)
        if local not in SHAPES or (local in OUTSIDE) == (block is not None):
            raise ValueError(
                f"weights: {name!r} is not the name of a weight; the names are those of SHAPES, "
                f"such as 'blocks.0.attention.query'"
            )
        if "norm" in local and not (has_final_norm if local.startswith("final") else has_norms):
            raise ValueError(f"weights: {name!r} is given although there is no such norm")
        if block is not None:
            blocks.add(block)
        if array.ndim != len(SHAPES[local]):
            raise ValueError(
                f"weights[{name!r}]: got shape {array.shape}; it should be "
                f"({', '.join(SHAPES[local])})"
            )
        for size, axis in zip(array.shape, SHAPES[local], strict=True):
            shared = None if axis in ("d", "vocabulary", "positions") else block
            known = sizes.setdefault((shared, axis), (size, name))
            if known[0] != size:
                raise ValueError(
                    f"weights[{name!r}]: its {axis} is {size}, that of {known[1]!r} is {known[0]}; "
                    f"they should be equal"
                )
    if blocks != set(range(len(blocks))):
        raise ValueError(f"weights: found blocks {sorted(blocks)}; they should be numbered 0, 1, …")
    needed = [f"blocks.{block}.{name}" for block in sorted(blocks) for name in NEEDED_INSIDE]
    needed += [
        name[: len(name) - len(local_name(name)[0])] + NEEDS[local_name(name)[0]]
        for name in arrays
        if local_name(name)[0] in NEEDS
    ]
    missing = [name for name in needed if name not in arrays]
    if missing:
        raise ValueError(f"weights: {missing[0]!r} is missing")
    if not blocks and "embedding" not in arrays:
        raise ValueError("weights: there are neither blocks nor an embedding")
    for block in blocks:
        _check_heads({axis: size for (of, axis), (size, _) in sizes.items() if of == block}, block)


def _check_heads(size: Mapping[str, int], block: int) -> None:
    heads, key_heads, planes = size["heads"], size["key_heads"], size.get("planes")
    if (key_heads == 0 and heads) or (key_heads and (heads % key_heads or not heads)):
        raise ValueError(
            f"weights: block {block} has {heads} heads for {key_heads} heads of keys and values; "
            "each of the latter should serve equally many"
        )
    if planes is not None and 2 * planes != size["d_head"]:
        raise ValueError(
            f"weights: block {block} rotates {planes} planes, but its queries have "
            f"{size['d_head']} entries; "
            "they should be twice as many (entry i is rotated with entry i + d_head/2)"
        )
