"""Symmetries of the hidden units of a transformer's MLPs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from singlearn.symmetry.transformer.model import Transformer
from singlearn.symmetry.transformer.refusal import (
    NotASymmetryError,
    block_number,
    checked,
    permutation,
    real_array,
)

INCOMING = ("gate", "gate_bias", "in", "in_bias")


def permute_mlp(
    model: Transformer, block: int, order: Sequence[int] | Int[np.ndarray, " hidden"]
) -> Transformer:
    """Hidden unit k becomes what unit ``order[k]`` was.

    Returns:
        A transformer with other weights, of the same function.

    Raises:
        ValueError: no such block, or not a permutation of its hidden units.
    """
    block = block_number(model, block)
    at, turned = f"blocks.{block}.mlp", permutation(order, _hidden(model, block), "hidden units")
    changes = {
        f"{at}.{part}": model.weights[f"{at}.{part}"][turned]
        for part in INCOMING
        if f"{at}.{part}" in model.weights
    }
    changes[f"{at}.out"] = model.weights[f"{at}.out"][:, turned]
    return checked(model, model.with_weights(changes), "order")


def scale_mlp(
    model: Transformer, block: int, scales: Float[np.ndarray, " hidden"], branch: str | None = None
) -> Transformer:
    r"""Multiply the incoming weights of each hidden unit by s, its outgoing ones by :math:`1/s`.

    The up branch of a gated MLP enters linearly, so any :math:`s ≠ 0` will do, whatever the
    activation. What passes the activation takes :math:`s > 0`, and only if the activation is ReLU:
    ReLU(s u) = s ReLU(u).

    Args:
        scales: s, one per hidden unit.
        branch: ``"in"``, the up branch of a gated MLP and the only one of an MLP without gate (the
            default), or ``"gate"``.

    Returns:
        A transformer with other weights, of the same function.

    Raises:
        NotASymmetryError: a factor that the activation does not let through.
        ValueError: no such block or branch, or another number of scales.
    """
    block = block_number(model, block)
    hidden = _hidden(model, block)
    branch = "in" if branch is None else branch
    if branch not in ("in", "gate") or (branch == "gate" and not model.is_gated(block)):
        raise ValueError(
            f"branch: got {branch!r}; it should be 'in'"
            + (" or 'gate'" if model.is_gated(block) else "")
        )
    scales = real_array(scales, "scales", f"{hidden} in a row")
    if np.shape(scales) != (hidden,):
        raise ValueError(f"scales: got shape {np.shape(scales)}; there are {hidden} hidden units")
    if model.is_gated(block) and branch == "in":
        if not np.all((scales != 0) & np.isfinite(scales)):
            raise NotASymmetryError("scales: the up branch takes any factors but 0")
    elif model.activation != "relu":
        raise NotASymmetryError(
            f"model: its activation is {model.activation!r}; only ReLU commutes with positive "
            f"scaling"
        )
    elif not np.all((scales > 0) & np.isfinite(scales)):
        raise NotASymmetryError("scales: ReLU commutes with positive factors only")
    at = f"blocks.{block}.mlp"
    changes = {f"{at}.{branch}": model.weights[f"{at}.{branch}"] * scales[:, None]}
    changes[f"{at}.out"] = model.weights[f"{at}.out"] / scales
    if f"{at}.{branch}_bias" in model.weights:
        changes[f"{at}.{branch}_bias"] = model.weights[f"{at}.{branch}_bias"] * scales
    return checked(model, model.with_weights(changes), "scales")


def _hidden(model: Transformer, block: int) -> int:
    return len(model.weights[f"blocks.{block}.mlp.in"])
