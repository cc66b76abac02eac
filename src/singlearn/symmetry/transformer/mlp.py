"""Symmetries of the hidden nodes of a transformer's MLPs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from singlearn.symmetry.transformer.model import Transformer
from singlearn.symmetry.transformer.refusal import NotASymmetry, checked


def permute_mlp(model: Transformer, block: int, order: Sequence[int] | Int[np.ndarray, " nodes"]) -> Transformer:
    """Hidden node k becomes what node ``order[k]`` was.

    Raises:
        ValueError: no such block, or not a permutation of its hidden nodes.
    """
    hidden = _hidden(model, block)
    if sorted(order) != list(range(hidden)):
        raise ValueError(f"order: got {len(order)} numbers; it should be a permutation of 0, …, {hidden - 1}")
    return checked(model, model.with_weights(_moved(model, block, np.asarray(order), np.ones(hidden))), "order")


def scale_mlp(model: Transformer, block: int, scales: Float[np.ndarray, " hidden"]) -> Transformer:
    r"""Multiply the incoming weights of each hidden node by :math:`s > 0`, its outgoing ones by :math:`1/s`: ReLU(s u) = s ReLU(u).

    Raises:
        NotASymmetry: the activation is not ReLU, or a scale is not positive.
        ValueError: no such block, or another number of scales.
    """
    hidden = _hidden(model, block)
    if model.activation != "relu":
        raise NotASymmetry(f"model: its activation is {model.activation!r}; only ReLU commutes with positive scaling")
    if scales.shape != (hidden,):
        raise ValueError(f"scales: got shape {scales.shape}; there are {hidden} hidden nodes")
    if not np.all((scales > 0) & np.isfinite(scales)):
        raise NotASymmetry("scales: ReLU commutes with positive factors only")
    return checked(model, model.with_weights(_moved(model, block, np.arange(hidden), scales)), "scales")


def _hidden(model: Transformer, block: int) -> int:
    if not 0 <= block < model.blocks:
        raise ValueError(f"block: got {block}; the blocks are numbered 0 to {model.blocks - 1}")
    return len(model.weights[f"blocks.{block}.mlp.in"])


def _moved(model: Transformer, block: int, order: np.ndarray, scales: np.ndarray) -> dict[str, np.ndarray]:
    at = f"blocks.{block}.mlp"
    changes = {
        f"{at}.in": model.weights[f"{at}.in"][order] * scales[:, None],
        f"{at}.out": model.weights[f"{at}.out"][:, order] / scales,
    }
    if f"{at}.in_bias" in model.weights:
        changes[f"{at}.in_bias"] = model.weights[f"{at}.in_bias"][order] * scales
    return changes
