"""Hidden units that an MLP does not need: dead, constant, duplicate."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from singlearn.symmetry.transformer.activations import ACTIVATIONS
from singlearn.symmetry.transformer.model import Transformer

ROUNDING = 4.0
"""Incoming weights that differ by up to this many roundings of float64 count as equal."""


def fewer_units(model: Transformer, block: int) -> tuple[dict[str, np.ndarray], list[str]]:
    r"""The MLP's weights without the units that it does not need, and what was found.

    * dead: nothing goes out of it, or what passes the activation is 0 at every input. That is
      proven for ReLU behind a norm whose gain was folded: then :math:`|ν(x)| ≤ \sqrt d`, so
      :math:`|w| \sqrt d + b ≤ 0` is enough.
    * constant: nothing comes in but its bias; :math:`φ(b)` times its outgoing weights joins the
      output bias.
    * duplicate: units with one incoming row (for ReLU: up to a positive factor) add up. Behind one
      gate, :math:`φ(g) \sum_j o_j ⟨u_j, x⟩` needs as many units as :math:`\sum_j o_j u_j^T` has
      rank.

    Returns:
        The weights of this MLP by their names in it (``in``, ``out_bias``, …), and a count of each
        kind, in words.
    """
    at = f"blocks.{block}.mlp"
    parts = {
        name[len(at) + 1 :]: array
        for name, array in model.weights.items()
        if name.startswith(f"{at}.")
    }
    gated = "gate" in parts
    passing = "gate" if gated else "in"
    act = ACTIVATIONS[model.activation]
    rows = _rows(parts, passing)
    up = _rows(parts, "in")
    out = parts["out"]
    out_bias = np.array(parts.get("out_bias", np.zeros(len(out))))
    found: list[str] = []

    dead = np.all(out == 0, axis=0) | (np.all(rows == 0, axis=1))
    dead |= np.all(up == 0, axis=1)
    if model.activation == "relu":
        dead |= _never_positive(model, f"blocks.{block}", rows)
    constant = ~dead & np.all(rows[:, :-1] == 0, axis=1) & np.all(up[:, :-1] == 0, axis=1)
    if np.any(constant):
        size = act(rows[constant, -1]) * (up[constant, -1] if gated else 1.0)
        out_bias = out_bias + out[:, constant] @ size
    kept = np.flatnonzero(~dead & ~constant)
    for name, count in (("dead", dead.sum()), ("constant", constant.sum())):
        if count:
            found.append(f"{count} {name}")

    scale = np.ones(len(rows))
    if model.activation == "relu":
        scale[kept] = np.linalg.norm(rows[kept], axis=1)
    directions = rows / scale[:, None]
    new_rows, new_up, new_out, merged = [], [], [], 0
    for group in _equal_rows(directions, kept):
        first = group[0]
        if len(group) == 1 or not gated:
            factor = scale[group] / scale[first]
            new_rows.append(rows[first])
            new_up.append(up[first])
            new_out.append(out[:, group] @ factor)
            merged += len(group) - 1
            continue
        left, sizes, right = np.linalg.svd(
            (out[:, group] * (scale[group] / scale[first])) @ up[group], full_matrices=False
        )
        rank = (
            int(np.sum(sizes > len(up[0]) * np.finfo(float).eps * sizes[0])) if sizes[0] > 0 else 0
        )
        if rank >= len(group):
            new_rows += list(rows[group])
            new_up += list(up[group])
            new_out += list(out[:, group].T)
            continue
        merged += len(group) - rank
        for k in range(rank):
            root = np.sqrt(sizes[k])
            new_rows.append(rows[first])
            new_up.append(right[k] * root)
            new_out.append(left[:, k] * root)
    if merged:
        found.append(f"{merged} duplicate")
    if not found:
        return parts, []
    width = len(out)
    made = {"out": np.array(new_out).reshape(-1, width).T}
    for name, source in ((passing, new_rows), ("in", new_up if gated else new_rows)):
        table = np.array(source).reshape(-1, width + 1)
        made[name] = table[:, :-1]
        if f"{name}_bias" in parts or np.any(table[:, -1]):
            made[f"{name}_bias"] = table[:, -1]
    if "out_bias" in parts or np.any(out_bias):
        made["out_bias"] = out_bias
    return made, found


def _rows(parts: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Incoming weights, the bias behind them."""
    bias = parts.get(f"{name}_bias", np.zeros(len(parts[name])))
    return np.hstack([parts[name], bias[:, None]])


def _never_positive(model: Transformer, block: str, rows: np.ndarray) -> np.ndarray:
    if (
        model.norm == "none"
        or model.post_norm
        or f"{block}.norm2.gain" in model.weights
        or f"{block}.norm2.bias" in model.weights
    ):
        return np.zeros(len(rows), dtype=bool)
    reach = np.linalg.norm(rows[:, :-1], axis=1) * np.sqrt(model.width) * (1 + 1e-12)
    found: np.ndarray = reach + rows[:, -1] <= 0
    return found


def _equal_rows(rows: np.ndarray, kept: np.ndarray) -> Iterator[np.ndarray]:
    """Units with equal rows, up to rounding, in the order of their first."""
    near = ROUNDING * np.finfo(float).eps
    sizes = np.max(np.abs(rows[kept]), axis=1) if len(kept) else np.zeros(0)
    # Rows that are equal have equal sums, so only neighbours in this order can be.
    weights = np.random.default_rng(0).uniform(0.5, 1.5, rows.shape[1])
    sums = rows[kept] @ weights
    order = np.argsort(sums, kind="stable")
    slack = near * rows.shape[1] * 4
    taken: dict[int, int] = {}
    groups: dict[int, list[int]] = {}
    for i, place in enumerate(order):
        leader = place
        for other in order[:i][::-1]:
            if sums[place] - sums[other] > slack * max(sizes[place], sizes[other]):
                break
            if np.max(np.abs(rows[kept[place]] - rows[kept[other]])) <= near * max(
                sizes[place], sizes[other]
            ):
                leader = taken[int(other)]
                break
        taken[int(place)] = int(leader)
        groups.setdefault(int(leader), []).append(int(place))
    for members in sorted((sorted(group) for group in groups.values()), key=lambda group: group[0]):
        yield kept[np.array(members)]
