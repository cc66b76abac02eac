r"""C of maximum likelihood, without any fit: the maximum of a Gaussian process.

Where the truth is inside the model, n times the error of the maximum of the likelihood tends to
half the square of the
largest value of a Gaussian process over the directions in which the model leaves the truth
(Watanabe 2009,
§6 [watanabe2009algebraic]_); its mean is C of :math:`E\,G(n) ≈ C/n`, at least λ.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from singlearn.results.estimate import Estimate
from singlearn.running.arguments import random_seed, real_number, whole_number


def _mean(values: Float[np.ndarray, " draws"]) -> Estimate:
    return Estimate(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))))


def maximum_over_directions(
    directions: Float[np.ndarray, "directions points"], draws: int = 20000, seed: int = 0
) -> Estimate:
    r""":math:`\frac12 E \max_θ Z(θ)^2`, Z(θ) the normal variable :math:`⟨e_θ, ξ⟩` of a unit
    direction :math:`e_θ`.

    Args:
        directions: one per row, functions at points of equal weight; they are brought to length
            one.
        draws: of the white noise ξ.
        seed: of the draws.

    Returns:
        C with its error over draws.

    Raises:
        ValueError: a direction of length zero, or an argument out of range.

    >>> one = maximum_over_directions(np.array([[1.0, 0.0]]), draws=40000)  # 1/2
    >>> bool(abs(one.value - 0.5) < 4 * one.standard_error < 0.05)
    True
    """
    draws, seed = whole_number("draws", draws, at_least=2), random_seed(seed)
    length = np.linalg.norm(directions, axis=1)
    if not (length > 0).all():
        raise ValueError(
            "directions: got one of length zero; each should be a function that is not zero"
        )
    unit = directions / length[:, None]
    # The rows span a space of few dimensions: noise in that space is all there is.
    left, sizes, _ = np.linalg.svd(unit, full_matrices=False)
    kept = sizes > 1e-7 * sizes[0]
    features = left[:, kept] * sizes[kept]
    noise = np.random.default_rng(seed).normal(size=(draws, int(kept.sum())))
    largest = np.concatenate(
        [
            np.max((part @ features.T) ** 2, axis=1)
            for part in np.array_split(noise, max(1, draws // 2000))
        ]
    )
    return _mean(0.5 * largest)


def one_node_constant(
    activation: Callable[[np.ndarray], np.ndarray] = np.tanh,
    largest: float | int = 10.0,
    directions: int = 400,
    draws: int = 20000,
    seed: int = 0,
) -> Estimate:
    r"""C of :math:`f = a\,σ(bx)` for a truth that is zero, x uniform on [-1, 1], :math:`|b| ≤`
    ``largest``.

    For given b the best a is a projection, so that :math:`n G = \frac12 \max_b Z(b)^2`; b → 0 is
    the direction x.

    Args:
        activation: σ, odd or not, a NumPy function.
        largest: bound of b.
        directions: values of b.
        draws: of the process.
        seed: of the draws.

    Returns:
        C with its error.

    Raises:
        ValueError: an argument out of range.

    >>> c = one_node_constant(draws=4000)
    >>> bool(0.5 < c.value < 1.0)  # more than λ = 1/2, less than two parameters' 1
    True
    """
    largest = real_number("largest", largest, above=0, meaning="positive")
    nodes, weights = np.polynomial.legendre.leggauss(64)
    b = np.concatenate([[1e-4], np.geomspace(1e-2, largest, directions)])
    rows = activation(b[:, None] * nodes) * np.sqrt(weights / 2)
    return maximum_over_directions(rows, draws, seed)


def reduced_rank_constant(
    inputs: int, outputs: int, hidden: int, rank: int, draws: int = 20000, seed: int = 0
) -> Estimate:
    r"""C of reduced rank regression: the true directions, and the largest singular values of noise.

    .. math:: C = \frac12\Big[r(M + N - r) + E ∑_{i ≤ H - r} s_i(Z)^2\Big], \qquad Z ∈
    R^{(N-r)×(M-r)} \text{ of N(0, 1)}

    since the maximum of the likelihood is the best approximation of rank H of what least squares
    finds.

    Args:
        inputs: M.
        outputs: N.
        hidden: H.
        rank: r of the true map.
        draws: of Z.
        seed: of the draws.

    Returns:
        C with its error over draws.

    Raises:
        ValueError: a rank that does not fit.

    >>> full = reduced_rank_constant(3, 2, hidden=2, rank=0, draws=4000)  # all of Z: MN/2
    >>> bool(abs(full.value - 3.0) < 4 * full.standard_error)
    True
    """
    M, N, H = (
        whole_number(k, v)
        for k, v in (("inputs", inputs), ("outputs", outputs), ("hidden", hidden))
    )
    r = whole_number("rank", rank, at_least=0, at_most=min(M, N, H))
    draws, seed = whole_number("draws", draws, at_least=2), random_seed(seed)
    base = 0.5 * r * (M + N - r)
    free = min(H - r, M - r, N - r)
    if free == 0:
        return Estimate(base, 0.0)
    Z = np.random.default_rng(seed).normal(size=(draws, N - r, M - r))
    values = np.linalg.svd(Z, compute_uv=False)[:, :free]
    found = _mean(0.5 * np.sum(values**2, axis=1))
    return Estimate(base + found.value, found.standard_error)
