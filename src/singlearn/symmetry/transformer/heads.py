"""Symmetries of attention heads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from singlearn.symmetry.transformer.model import Transformer
from singlearn.symmetry.transformer.refusal import checked, require_invertible, square_matrix

PARTS = ("query", "key", "value")


def mix_query_key(model: Transformer, block: int, head: int, matrix: Float[np.ndarray, "d_head d_head"]) -> Transformer:
    r"""Scores are :math:`⟨q, k⟩ = ⟨A q, A^{-T} k⟩`: a GL(d_head) for each head. (With rotary positions, which this model has not, A
    must commute with them.)

    Raises:
        NotASymmetry: A is singular, or too nearly so.
        ValueError: no such block or head, or a matrix of another size.
    """
    at = _attention(model, block, head)
    matrix = square_matrix(matrix, model.weights[f"{at}.query"].shape[1], "matrix")
    require_invertible(matrix, "matrix")
    changes = _mixed(model, at, head, {"query": matrix, "key": np.linalg.inv(matrix).T})
    return checked(model, model.with_weights(changes), "matrix")


def mix_value_output(model: Transformer, block: int, head: int, matrix: Float[np.ndarray, "d_value d_value"]) -> Transformer:
    r"""A head writes :math:`O V x = (O A^{-1}) (A V x)`: a GL(d_value) for each head.

    Raises:
        NotASymmetry: A is singular, or too nearly so.
        ValueError: no such block or head, or a matrix of another size.
    """
    at = _attention(model, block, head)
    matrix = square_matrix(matrix, model.weights[f"{at}.value"].shape[1], "matrix")
    require_invertible(matrix, "matrix")
    changes = _mixed(model, at, head, {"value": matrix})
    changes[f"{at}.output"] = model.weights[f"{at}.output"].copy()
    changes[f"{at}.output"][head] = changes[f"{at}.output"][head] @ np.linalg.inv(matrix)
    return checked(model, model.with_weights(changes), "matrix")


def permute_heads(model: Transformer, block: int, order: Sequence[int] | Int[np.ndarray, " heads"]) -> Transformer:
    """Head k becomes what head ``order[k]`` was.

    Raises:
        ValueError: no such block, or not a permutation of its heads.
    """
    at = _attention(model, block, 0)
    heads = len(model.weights[f"{at}.query"])
    if sorted(order) != list(range(heads)):
        raise ValueError(f"order: got {list(order)}; it should be a permutation of 0, …, {heads - 1}")
    names = [f"{at}.{name}" for part in PARTS for name in (part, f"{part}_bias")] + [f"{at}.output"]
    changes = {name: model.weights[name][np.asarray(order)] for name in names if name in model.weights}
    return checked(model, model.with_weights(changes), "order")


def settle_attention_biases(model: Transformer) -> Transformer:
    r"""Remove key and value biases, which a softmax makes redundant.

    A key bias adds the same to all scores of a query. Attention weights sum to 1, so a value bias is written whole:
    :math:`\sum_h O_h b_h` goes into the output bias.
    """
    weights = dict(model.weights)
    for block in range(model.blocks):
        at = f"blocks.{block}.attention"
        weights.pop(f"{at}.key_bias", None)
        bias = weights.pop(f"{at}.value_bias", None)
        if bias is not None:
            written = np.einsum("hdv,hv->d", model.weights[f"{at}.output"], bias)
            weights[f"{at}.output_bias"] = model.bias(f"{at}.output_bias") + written
    return checked(model, Transformer(weights, model.norm, model.activation, model.epsilon), "biases")


def _attention(model: Transformer, block: int, head: int) -> str:
    if not 0 <= block < model.blocks:
        raise ValueError(f"block: got {block}; the blocks are numbered 0 to {model.blocks - 1}")
    at = f"blocks.{block}.attention"
    heads = len(model.weights[f"{at}.query"])
    if not 0 <= head < heads:
        raise ValueError(f"head: got {head}; the heads are numbered 0 to {heads - 1}")
    return at


def _mixed(model: Transformer, at: str, head: int, matrices: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    changes = {}
    for part, matrix in matrices.items():
        for name in (f"{at}.{part}", f"{at}.{part}_bias"):
            if name in model.weights:
                changes[name] = model.weights[name].copy()
                changes[name][head] = matrix @ changes[name][head]
    return changes
