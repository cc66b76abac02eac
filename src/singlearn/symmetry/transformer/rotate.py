"""Linear changes of basis of the residual stream."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from singlearn.symmetry.transformer.model import Transformer
from singlearn.symmetry.transformer.refusal import (
    NotASymmetryError,
    checked,
    require_invertible,
    square_matrix,
)
from singlearn.symmetry.transformer.stream import (
    places,
    readers,
    require_free_stream,
    written_through,
)

EXACT = 1e-10
"""How far, relative to 1, a matrix may be from what is required of it."""


def rotate(model: Transformer, matrix: Float[np.ndarray, "d d"]) -> Transformer:
    r"""The equivalent transformer whose residual stream is :math:`A x`, or a refusal.

    Everything that writes to the stream writes :math:`A W`. What can be read back depends on the
    norm:

    * ``none``: any invertible A; readers become :math:`W A^{-1}`. The group is GL(d).
    * ``rms``: A orthogonal, since :math:`|A x| = |x|` is needed for all x; readers become :math:`W
      A^T`.
    * ``layer``: A maps the mean direction :math:`1 = (1, …, 1)` to a multiple of itself, and is
      orthogonal on its complement up to multiples of 1, which the norm subtracts: with the centring
      :math:`C = I - 1 1^T/d`, :math:`C A 1 = 0` and :math:`(C A)^T C A = C`. Readers become
      :math:`W R^T` with :math:`R = C A C ± 1 1^T/d`. Orthogonal matrices with :math:`A 1 = ±1` are
      such; a permutation is, a change of some signs is not.

    Where the stream itself is put in or read out (vectors instead of tokens, no unembedding), and
    where norms stand behind the additions, its basis is given and every A is refused.

    A gain g stands between: :math:`R \, \mathrm{diag}(g) R^T` must be diagonal again, the new gain.
    Signed permutations are always that, so under ``rms`` they are safe with any gain, which they
    permute; other rotations mix only directions of equal gain. Where that is in the way,
    :func:`fold_gain` first moves the gains into the readers, after which every R is allowed; and
    :func:`layer_to_rms` turns LayerNorm into RMSNorm, after which every orthogonal matrix is
    [ashkboos2024slicegpt]_.

    Args:
        matrix: A.

    Returns:
        A transformer with other weights, of the same function.

    Raises:
        NotASymmetryError: A is none for this norm and these gains; the message says which condition
            fails.
        ValueError: not a d by d matrix of finite numbers.
    """
    matrix = square_matrix(matrix, model.width, "matrix")
    require_free_stream(model, "another basis")
    if model.norm == "layer" and not model.final_norm:
        raise NotASymmetryError(
            "model: it has LayerNorms but none at the end; its unembedding sees the mean that they "
            "subtract"
        )
    if model.norm == "none":
        require_invertible(matrix, "matrix")
        back = np.linalg.inv(matrix)
        changes = written_through(model, matrix) | {
            name: model.weights[name] @ back for name, _ in readers(model)
        }
        return checked(model, model.with_weights(changes), "matrix")
    rotation = _rms_rotation(matrix) if model.norm == "rms" else _layer_rotation(matrix)
    changes = written_through(model, matrix) | {
        name: model.weights[name] @ rotation.T for name, _ in readers(model)
    }
    for place in places(model):
        if f"{place}.gain" in model.weights:
            changes[f"{place}.gain"] = _rotated_gain(rotation, model.gain(place), place)
        if f"{place}.bias" in model.weights:
            changes[f"{place}.bias"] = rotation @ model.weights[f"{place}.bias"]
    return checked(model, model.with_weights(changes), "matrix")


def _rms_rotation(matrix: np.ndarray) -> np.ndarray:
    error = float(np.max(np.abs(matrix.T @ matrix - np.eye(len(matrix)))))
    if error > EXACT:
        raise NotASymmetryError(
            f"matrix: A^T A is {error:.2g} away from I; RMSNorm keeps only orthogonal matrices, "
            f"which keep every |x|"
        )
    return matrix


def _layer_rotation(matrix: np.ndarray) -> np.ndarray:
    size = len(matrix)
    mean = np.full((size, size), 1.0 / size)
    centring = np.eye(size) - mean
    leaves = float(np.max(np.abs(centring @ matrix @ np.ones(size))))
    if leaves > EXACT:
        raise NotASymmetryError(
            f"matrix: it moves the mean direction (1, …, 1) off itself, by {leaves:.2g}; LayerNorm "
            f"subtracts the mean along it. "
            "Use layer_to_rms first, or a matrix that keeps that direction"
        )
    centred = centring @ matrix
    error = float(np.max(np.abs(centred.T @ centred - centring)))
    if error > EXACT:
        raise NotASymmetryError(
            f"matrix: on the complement of the mean direction it is {error:.2g} away from "
            f"orthogonal; LayerNorm keeps lengths there"
        )
    # On the mean direction, which no normalised vector has, R is free: the sign that makes an
    # orthogonal A its own R.
    found: np.ndarray = centred @ centring + (mean if np.sum(matrix) >= 0 else -mean)
    return found


def _rotated_gain(rotation: np.ndarray, gain: np.ndarray, place: str) -> np.ndarray:
    turned = (rotation * gain) @ rotation.T
    off = float(np.max(np.abs(turned - np.diag(np.diag(turned)))))
    if off > EXACT * max(float(np.max(np.abs(gain))), 1e-300):
        raise NotASymmetryError(
            f"matrix: it mixes directions that the gain of {place} treats differently "
            f"(off-diagonal {off:.2g}); use fold_gain first, "
            "or a matrix that only permutes, changes signs, or mixes directions of equal gain"
        )
    return np.diag(turned).copy()
