"""Which matrix between two linear layers makes both of least norm, or gives a law its value."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.linalg import solve_continuous_lyapunov

SINGULAR = 1e-6
"""Singular values below this share of the largest are lifted to it, so that the matrix has an
inverse.
"""
RANK = 1e-12
STEPS = 200


class ChangeOfBasis(NamedTuple):
    """An invertible matrix A between two layers: W₁ → A W₁, W₂ → W₂ A⁻¹.

    Attributes:
        matrix: A, symmetric and positive definite, so that it is the change nearest to none.
        inverse: A⁻¹.
        infimum: of the squared norm over all invertible A.
        attained: whether one of them reaches it.
    """

    matrix: Float[np.ndarray, "k k"]
    inverse: Float[np.ndarray, "k k"]
    infimum: float
    attained: bool


def geometric_mean_change(
    first: Float[np.ndarray, "k n"], second: Float[np.ndarray, "m k"], contragredient: bool
) -> ChangeOfBasis:
    r"""The A of least :math:`|A^{-T} G_1|^2 + |G_2 A^T|^2` (gradients), or of least :math:`|A
    W_1|^2 + |W_2 A^{-1}|^2` (weights).

    With :math:`B = G_2^T G_2` and :math:`C = G_1 G_1^T` it is :math:`A^T A = B^{-1} \# C`, the
    geometric mean of the two matrices (of weights: with B and C in each other's place), and the
    least value is :math:`2 \| G_2 G_1 \|_*`. It is computed from triangular factors of both,
    without their squares.

    Args:
        first: of the layer that writes the hidden coordinates, one row for each.
        second: of the layer that reads them, one column for each.
        contragredient: true for gradients.

    Returns:
        The change. Where the least value is not attained, of matrices whose small singular values
        are lifted.

    >>> change = geometric_mean_change(np.array([[4.0]]), np.array([[1.0]]), contragredient=True)
    >>> change.matrix, change.infimum
    (array([[2.]]), 8.0)
    """
    into, out = _triangular(first.T), _triangular(second)
    whole = into @ out.T
    infimum = 2 * float(np.linalg.svd(whole, compute_uv=False).sum())
    ranks = {_rank(into), _rank(out), _rank(whole)}
    lifted, other = _lifted(into), _lifted(out)
    if not contragredient:
        lifted, other = other, lifted
    # P = other⁻¹ (other lifted^T lifted other^T)^{1/2} other^{-T} solves P B P = C; A is any matrix
    # with A^T A = P.
    _, s, v = np.linalg.svd(lifted @ other.T)
    root = np.sqrt(s)[:, None] * np.linalg.solve(other, v.T).T
    _, size, axes = np.linalg.svd(root)
    return ChangeOfBasis(axes.T * size @ axes, axes.T / size @ axes, infimum, len(ranks) == 1)


def _triangular(matrix: Float[np.ndarray, "m k"]) -> Float[np.ndarray, "k k"]:
    """R with RᵀR = MᵀM."""
    k = matrix.shape[1]
    padded = (
        matrix if len(matrix) >= k else np.concatenate([matrix, np.zeros((k - len(matrix), k))])
    )
    return np.asarray(np.linalg.qr(padded, mode="r"))


def _rank(matrix: Float[np.ndarray, "k k"]) -> int:
    s = np.linalg.svd(matrix, compute_uv=False)
    return int((s > RANK * len(matrix) * s.max(initial=0.0)).sum())


def _lifted(matrix: Float[np.ndarray, "k k"]) -> Float[np.ndarray, "k k"]:
    u, s, v = np.linalg.svd(matrix)
    largest = s.max(initial=0.0)
    if largest == 0:
        return np.eye(len(matrix))
    return matrix if s.min() > SINGULAR * largest else u * np.maximum(s, SINGULAR * largest) @ v


def change_to_law(
    first: Float[np.ndarray, "k n"],
    second: Float[np.ndarray, "m k"],
    target: Float[np.ndarray, "k k"],
) -> tuple[Float[np.ndarray, "k k"], Float[np.ndarray, "k k"]] | None:
    r"""An A for which :math:`A C A^T - A^{-T} B A^{-1}` is the target, C = W₁W₁ᵀ and B = W₂ᵀW₂.

    A step :math:`A \mapsto (1 + S) A` with symmetric S changes the law by :math:`S M + M S`, M the
    sum of both terms; the S of a wanted change solves this Lyapunov equation.

    Args:
        first: W₁, with its bias as a column.
        second: W₂.
        target: of the law W₁W₁ᵀ - W₂ᵀW₂, symmetric.

    Returns:
        A and its inverse; None where the steps do not arrive, as when the target has more positive
        eigenvalues than W₁ has rank.

    >>> a, inverse = change_to_law(np.array([[2.0]]), np.array([[1.0]]), np.array([[0.0]]))
    >>> (a**4).round(12)
    array([[0.25]])
    """
    k = len(target)
    a, inverse = np.eye(k), np.eye(k)
    w, v = first, second
    scale = np.square(w).sum() + np.square(v).sum() + np.abs(target).max(initial=0.0)
    missing = target - (w @ w.T - v.T @ v)
    for _ in range(STEPS):
        if np.abs(missing).max(initial=0.0) <= 4e-16 * k * scale:
            break
        both = w @ w.T + v.T @ v
        if np.linalg.cond(both) > 1e14:
            return None
        step = solve_continuous_lyapunov(both, missing)
        step = (step + step.T) / 2
        values, axes = np.linalg.eigh(step)
        size = min(1.0, 0.5 / max(np.abs(values).max(), 1e-300))
        for _half in range(30):
            grown = axes * np.exp(size * values) @ axes.T
            shrunk = axes * np.exp(-size * values) @ axes.T
            new_w, new_v = grown @ w, v @ shrunk
            left = target - (new_w @ new_w.T - new_v.T @ new_v)
            if np.linalg.norm(left) < np.linalg.norm(missing):
                break
            size /= 2
        else:
            break
        a, inverse, w, v, missing = grown @ a, inverse @ shrunk, new_w, new_v, left
    return (a, inverse) if np.abs(missing).max(initial=0.0) <= 1e-9 * scale else None
