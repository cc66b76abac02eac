"""Symmetries of attention heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int

from singlearn.running.arguments import whole_number
from singlearn.symmetry.transformer.model import Transformer
from singlearn.symmetry.transformer.refusal import (
    NotASymmetryError,
    block_number,
    checked,
    permutation,
    require_invertible,
    square_matrix,
)
from singlearn.symmetry.transformer.rotary import EXACT, commuting_part


def mix_query_key(
    model: Transformer, block: int, head: int, matrix: Float[np.ndarray, "d_head d_head"]
) -> Transformer:
    r"""Scores are :math:`⟨q, k⟩ = ⟨A q, A^{-T} k⟩`: a GL(d_head) for each head of keys, all of
    whose queries take part.

    With rotary positions A must commute with the rotations: where all planes have different speeds,
    a turn and a scale of each plane are left.

    Args:
        head: of keys; where queries are grouped, there are fewer of them than heads.

    Returns:
        A transformer with other weights, of the same function.

    Raises:
        NotASymmetryError: A is singular, or too nearly so, or does not commute with the rotary
            positions.
        ValueError: no such block or head, or a matrix of another size.
    """
    block, head, at = _attention(model, block, head)
    matrix = square_matrix(matrix, model.weights[f"{at}.query"].shape[1], "matrix")
    require_invertible(matrix, "matrix")
    if model.is_rotary(block):
        allowed = commuting_part(matrix, model.weights[f"{at}.frequency"])
        off = float(np.max(np.abs(matrix - allowed)))
        if off > EXACT * float(np.max(np.abs(matrix))):
            raise NotASymmetryError(
                f"matrix: it does not commute with the rotary positions (off by {off:.2g}); they "
                f"leave a turn and a scale of each "
                "plane (i, i + d_head/2), and mixtures of planes of equal speed"
            )
        matrix = allowed
    heads, key_heads = model.heads(block)
    group = range(head * (heads // key_heads), (head + 1) * (heads // key_heads))
    changes = _mixed(model, at, "query", group, matrix) | _mixed(
        model, at, "key", [head], np.linalg.inv(matrix).T
    )
    return checked(model, model.with_weights(changes), "matrix")


def mix_value_output(
    model: Transformer, block: int, head: int, matrix: Float[np.ndarray, "d_value d_value"]
) -> Transformer:
    r"""A head writes :math:`O V x = (O A^{-1}) (A V x)`: a GL(d_value) for each head of values,
    shared by all that read it.

    Args:
        head: of values; where queries are grouped, there are fewer of them than heads.

    Returns:
        A transformer with other weights, of the same function.

    Raises:
        NotASymmetryError: A is singular, or too nearly so.
        ValueError: no such block or head, or a matrix of another size.
    """
    block, head, at = _attention(model, block, head)
    matrix = square_matrix(matrix, model.weights[f"{at}.value"].shape[1], "matrix")
    require_invertible(matrix, "matrix")
    changes = _mixed(model, at, "value", [head], matrix)
    heads, key_heads = model.heads(block)
    group = slice(head * (heads // key_heads), (head + 1) * (heads // key_heads))
    changes[f"{at}.output"] = model.weights[f"{at}.output"].copy()
    changes[f"{at}.output"][group] = changes[f"{at}.output"][group] @ np.linalg.inv(matrix)
    return checked(model, model.with_weights(changes), "matrix")


def permute_heads(
    model: Transformer, block: int, order: Sequence[int] | Int[np.ndarray, " heads"]
) -> Transformer:
    """Head k becomes what head ``order[k]`` was.

    Returns:
        A transformer with other weights, of the same function.

    Raises:
        NotASymmetryError: heads that read one head of keys and values would be torn apart.
        ValueError: no such block, or not a permutation of its heads.
    """
    block = block_number(model, block)
    at = f"blocks.{block}.attention"
    heads, key_heads = model.heads(block)
    order = permutation(order, heads, "heads")
    if not heads:
        return model
    size = heads // key_heads
    groups = order.reshape(key_heads, size) // size
    if np.any(groups != groups[:, :1]):
        raise NotASymmetryError(
            f"order: got {list(map(int, order))}; heads share keys and values in groups of {size}, "
            f"which should stay together"
        )
    orders = {"query": order, "key": groups[:, 0], "value": groups[:, 0], "output": order}
    changes = {
        name: model.weights[name][turned]
        for part, turned in orders.items()
        for name in (f"{at}.{part}", f"{at}.{part}_bias")
        if name in model.weights and name != f"{at}.output_bias"
    }
    return checked(model, model.with_weights(changes), "order")


def settle_attention_biases(model: Transformer) -> Transformer:
    r"""Remove key and value biases that a softmax makes redundant.

    A key bias adds the same to all scores of a query, unless rotary positions turn it: then it
    stays. Attention weights sum to 1, so a value bias is written whole: :math:`\sum_h O_h b_{h'}`
    goes into the output bias.

    Returns:
        A transformer with other weights, of the same function.
    """
    return checked(model, with_settled_biases(model), "biases")


def with_settled_biases(model: Transformer) -> Transformer:
    """:func:`settle_attention_biases` without its check."""
    weights = dict(model.weights)
    for block in range(model.blocks):
        at = f"blocks.{block}.attention"
        heads, key_heads = model.heads(block)
        if not model.is_rotary(block):
            weights.pop(f"{at}.key_bias", None)
        bias = weights.pop(f"{at}.value_bias", None)
        if bias is not None:
            shared = np.repeat(bias, heads // max(1, key_heads), axis=0)
            written = np.einsum("hdv,hv->d", model.weights[f"{at}.output"], shared)
            weights[f"{at}.output_bias"] = model.bias(f"{at}.output_bias") + written
    return replace(model, weights=weights)


def _attention(model: Transformer, block: int, head: int) -> tuple[int, int, str]:
    block = block_number(model, block)
    key_heads = model.heads(block)[1]
    if not key_heads:
        raise ValueError(f"head: got {head}; block {block} has no heads")
    head = whole_number(
        "head",
        head,
        at_least=0,
        at_most=key_heads - 1,
        why="the number of a head of keys and values",
    )
    return block, head, f"blocks.{block}.attention"


def _mixed(
    model: Transformer, at: str, part: str, heads: Sequence[int], matrix: np.ndarray
) -> dict[str, np.ndarray]:
    changes = {}
    for name in (f"{at}.{part}", f"{at}.{part}_bias"):
        if name in model.weights:
            changes[name] = model.weights[name].copy()
            for head in heads:
                changes[name][head] = matrix @ changes[name][head]
    return changes
