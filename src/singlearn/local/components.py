"""Parts of a transformer by name: ``l0h3``, ``l0h3 q``, ``l0 attn``, ``l1 mlp``, ``embed``,
``unembed``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

NAME = re.compile(r"(embed|unembed)|l(\d+)(?:h(\d+))?(?: (attn|mlp|q|k|v|o))?")
GRAMMAR = "l0h3, l0h3 q (or k, v, o), l0 attn, l1 mlp, embed, unembed"
Shapes = Mapping[str, tuple[int, ...]]


class Heads(NamedTuple):
    """How many heads a layer has, and how many keys and values they share."""

    queries: int
    keys: int


class TransformerFamily(NamedTuple):
    """How one family of transformers calls its parts; ``{}`` is the number of the layer.

    Attributes:
        name: of the family.
        attention: beginning of the names of an attention layer.
        mlp: beginning of the names of a perceptron.
        embed: ends of the names of embeddings.
        unembed: ends of the names of the map to scores.
    """

    name: str
    attention: str
    mlp: str
    embed: tuple[str, ...]
    unembed: tuple[str, ...]


FAMILIES = (
    TransformerFamily(
        "GPT-2", "h.{}.attn.", "h.{}.mlp.", ("wte.weight", "wpe.weight"), ("lm_head.weight",)
    ),
    TransformerFamily(
        "GPT-NeoX",
        "layers.{}.attention.",
        "layers.{}.mlp.",
        ("embed_in.weight",),
        ("embed_out.weight",),
    ),
    TransformerFamily(
        "Llama",
        "layers.{}.self_attn.",
        "layers.{}.mlp.",
        ("embed_tokens.weight",),
        ("lm_head.weight",),
    ),
    TransformerFamily(
        "TransformerLens",
        "blocks.{}.attn.",
        "blocks.{}.mlp.",
        ("embed.W_E", "pos_embed.W_pos"),
        ("unembed.W_U", "unembed.b_U"),
    ),
)
MARKS = {
    "GPT-2": "attn.c_attn.weight",
    "GPT-NeoX": "attention.query_key_value.weight",
    "Llama": "self_attn.q_proj.weight",
    "TransformerLens": "attn.W_Q",
}
"""A name that only this family has."""


class Owners(NamedTuple):
    """Whose the entries of an attention tensor are, along one axis.

    Attributes:
        axis: of the tensor.
        heads: the head of every place.
        parts: ``q``, ``k``, ``v`` or ``o`` of every place.
    """

    axis: int
    heads: Int[np.ndarray, " places"]
    parts: np.ndarray


def split(selection: str, signs: str = ",+") -> list[str]:
    """The parts of a union such as ``l0h3, l1 mlp``, without those signs that stand in brackets.

    >>> split("l0h3,l1 mlp + embed"), split("layers.[0,1].*")
    (['l0h3', 'l1 mlp', 'embed'], ['layers.[0,1].*'])
    """
    return [part.strip() for part in re.split(rf"[{signs}](?![^\[]*\])", selection) if part.strip()]


def is_component(name: object) -> bool:
    """Whether a word names a part of a transformer.

    >>> [is_component(word) for word in ("l0h3", "l12 mlp", "unembed", "layers.0.*", "l0 x")]
    [True, True, True, False, False]
    """
    return isinstance(name, str) and NAME.fullmatch(name) is not None


def component_masks(
    component: str, shapes: Shapes, heads: Heads | None
) -> dict[str, Bool[np.ndarray, "..."]]:
    """The entries of a part of a transformer, as masks by name.

    A head has its columns of the maps to queries, keys and values with their biases, and its rows
    of the map from heads to the residual stream; the bias of the latter is no head's. ``attn`` and
    ``mlp`` are whole layers without the norms before them.

    Args:
        component: its name.
        shapes: of all parameters, by name.
        heads: of every layer; ``None`` where it is not given (for TransformerLens, by shapes).

    Returns:
        Masks of the parameters of which some entries belong to it.

    Raises:
        ValueError: another kind of network, a layer or head that it does not have, a head whose
            keys and values are shared with others, or an unembedding that is the embedding.

    >>> shapes = {"blocks.0.attn.W_Q": (2, 4, 3), "blocks.0.attn.b_O": (4,)}
    >>> {name: int(mask.sum()) for name, mask in component_masks("l0h1", shapes, None).items()}
    {'blocks.0.attn.W_Q': 12}
    """
    match = NAME.fullmatch(component)
    if match is None:
        raise ValueError(f"only: {component!r} is not part of a transformer; such are {GRAMMAR}")
    family = _family(component, shapes)
    table, layer, head, part = match.groups()
    if table is not None:
        return _tables(table, family, shapes)
    if head is None and part in ("attn", "mlp"):
        return _layer(component, family.attention if part == "attn" else family.mlp, layer, shapes)
    if (head is None and part is None) or (head is not None and part in ("attn", "mlp")):
        raise ValueError(f"only: {component!r} is not part of a transformer; such are {GRAMMAR}")
    inside = _layer(component, family.attention, layer, shapes)
    owned = _owned(component, family, inside, heads)
    count = max((int(owners.heads.max()) + 1 for owners in owned.values()), default=0)
    if head is not None and int(head) >= count:
        raise ValueError(f"only: {component!r}: layer {layer} has the heads 0 to {count - 1}")
    own = {}
    for name, owners in owned.items():
        chosen = np.ones(len(owners.heads), dtype=bool) if part is None else owners.parts == part
        if not chosen.any():
            continue
        if head is not None:
            keys = int(owners.heads.max()) + 1
            if keys < count:
                raise ValueError(
                    f"only: {component!r}: {count} heads share {keys} keys and values, which are "
                    f"no head's own; such parts are l{layer}h{head} q and l{layer}h{head} o"
                )
            chosen &= owners.heads == int(head)
        along = [1] * len(shapes[name])
        along[owners.axis] = len(chosen)
        own[name] = np.broadcast_to(chosen.reshape(along), shapes[name]).copy()
    return own


def _family(component: str, shapes: Shapes) -> TransformerFamily:
    for family in FAMILIES:
        if any(name.endswith(MARKS[family.name]) for name in shapes):
            return family
    known = ", ".join(family.name for family in FAMILIES)
    raise ValueError(
        f"only: {component!r} is a part of a transformer by the names of {known}, and this network "
        "has no such names; give a pattern, or masks by name"
    )


def _tables(
    table: str, family: TransformerFamily, shapes: Shapes
) -> dict[str, Bool[np.ndarray, "..."]]:
    ends = family.embed if table == "embed" else family.unembed
    found = {
        name: np.ones(shape, dtype=bool)
        for name, shape in shapes.items()
        if any(name == end or name.endswith(f".{end}") for end in ends)
        and not (table == "embed" and ".unembed." in f".{name}")
    }
    if not found:
        tied = "; it may be tied to the embedding, which is then embed" * (table == "unembed")
        raise ValueError(f"only: {table!r}: no parameter ends in {' or '.join(ends)}{tied}")
    return found


def _layer(
    component: str, beginning: str, layer: str, shapes: Shapes
) -> dict[str, Bool[np.ndarray, "..."]]:
    part = beginning.format(int(layer))
    found = {
        name: np.ones(shape, dtype=bool)
        for name, shape in shapes.items()
        if name.startswith(part) or f".{part}" in name
    }
    if not found:
        numbered = re.escape(beginning).replace(r"\{\}", r"(\d+)")
        there = {
            int(seen[1]) for name in shapes if (seen := re.search(rf"(?:^|\.){numbered}", name))
        }
        said = f"its layers are {min(there)} to {max(there)}" if there else "it has no such layer"
        raise ValueError(f"only: {component!r}: {said}")
    return found


def _owned(
    component: str,
    family: TransformerFamily,
    inside: Mapping[str, Bool[np.ndarray, "..."]],
    heads: Heads | None,
) -> dict[str, Owners]:
    """The tensors of an attention layer with their owners."""
    lens = family.name == "TransformerLens"
    if heads is None and not lens:
        raise ValueError(
            f"only: {component!r}: the network does not say how many heads it has (config."
            "num_attention_heads); give masks by name"
        )
    found = {
        name: _of_lens(name.rpartition("attn.")[2], whole.shape)
        if heads is None or lens
        else _of_hugging_face(name, whole.shape, heads)
        for name, whole in inside.items()
    }
    for name, owners in found.items():
        matrix = name.endswith(".weight") and inside[name].ndim > 1
        if owners is None and matrix and not lens:
            raise ValueError(
                f"only: {component!r}: which head owns what of {name}, of shape "
                f"{inside[name].shape}, is not known; give masks by name"
            )
    return {name: owners for name, owners in found.items() if owners is not None}


def _of_lens(last: str, shape: tuple[int, ...]) -> Owners | None:
    match = re.fullmatch(r"_?(?:W|b)_([QKVO])", last)
    if match is None or last == "b_O":
        return None
    return Owners(0, np.arange(shape[0]), np.full(shape[0], match[1].lower()))


def _of_hugging_face(name: str, shape: tuple[int, ...], heads: Heads) -> Owners | None:
    kind, _, what = name.rpartition(".")
    kind = kind.rpartition(".")[2]
    count = heads.queries
    if kind == "c_attn":  # queries, keys and values side by side, as columns
        if len(shape) > 1 and shape[1] != 3 * shape[0]:
            return None  # rows, or keys and values that all heads share
        width = shape[-1] // (3 * count)
        each = np.repeat(np.arange(count), width)
        return Owners(len(shape) - 1, np.tile(each, 3), np.repeat(list("qkv"), shape[-1] // 3))
    if kind == "query_key_value":  # head by head, as rows
        if len(shape) > 1 and shape[0] != 3 * shape[1]:
            return None
        width = shape[0] // (3 * count)
        parts = np.tile(np.repeat(list("qkv"), width), count)
        return Owners(0, np.repeat(np.arange(count), 3 * width), parts)
    if kind in ("q_proj", "k_proj", "v_proj"):
        count = count if kind == "q_proj" else heads.keys
        each = np.repeat(np.arange(count), shape[0] // count)
        return Owners(0, each, np.full(shape[0], kind[0]))
    if what == "weight" and kind in ("c_proj", "dense", "o_proj"):
        axis = 0 if kind == "c_proj" else 1
        each = np.repeat(np.arange(count), shape[axis] // count)
        return Owners(axis, each, np.full(shape[axis], "o"))
    return None
