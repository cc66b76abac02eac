"""Groups of samples in a matrix of similarities, and how far they are those that were meant."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy.cluster.vq import kmeans2

STARTS = 20


def clusters(similarity: Float[np.ndarray, "n n"], count: int, seed: int) -> Int[np.ndarray, " n"]:
    """Spectral clustering: k-means of the rows of the leading eigenvectors, rows of length one.

    Args:
        similarity: symmetric; what is negative counts as such.
        count: of clusters, and of eigenvectors.
        seed: of the starts, of which the tightest is taken.

    Returns:
        The number of the cluster of every sample.

    >>> clusters(np.kron(np.eye(2), np.ones((2, 2))), 2, 0).tolist() in ([0, 0, 1, 1], [1, 1, 0, 0])
    True
    """
    values, vectors = np.linalg.eigh(similarity)
    rows = vectors[:, ::-1][:, :count] * np.sqrt(np.maximum(values[::-1][:count], 0.0))
    size = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = rows / np.where(size > 0, size, 1.0)
    best, spread = np.zeros(len(rows), dtype=int), np.inf
    for start in range(STARTS):
        centres, found = kmeans2(rows, count, minit="++", seed=seed + start)
        own = float(((rows - centres[found]) ** 2).sum())
        if own < spread:
            best, spread = found, own
    return best


def rand_index(one: Int[np.ndarray, " n"], other: Int[np.ndarray, " n"]) -> float:
    r"""The Rand index adjusted for chance (Hubert & Arabie 1985).

    .. math:: \frac{\sum \binom{n_{ij}}{2} - E}{\frac12(A + B) - E}, \qquad
        A = \sum \binom{a_i}{2},\; B = \sum \binom{b_j}{2},\; E = AB / \binom n2.

    Args:
        one, other: the number of the group of every sample.

    Returns:
        1 where both are the same groups, 0 on average by chance.

    >>> rand_index(np.array([0, 0, 1, 1]), np.array([5, 5, 3, 3]))
    1.0
    >>> round(rand_index(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])), 12)
    -0.5
    """
    counts = np.zeros((int(one.max()) + 1, int(other.max()) + 1))
    np.add.at(counts, (one, other), 1)

    def pairs(n: Float[np.ndarray, "..."]) -> float:
        return float((n * (n - 1) / 2).sum())

    both, a, b = pairs(counts), pairs(counts.sum(1)), pairs(counts.sum(0))
    expected = a * b / pairs(np.array([len(one)], dtype=float))
    most = (a + b) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)
