"""Products with the curvature, a few vectors and some thousand samples at a time, so that memory
does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Integer

VECTORS = 16
SAMPLES = 4096

Products = Callable[[Float[np.ndarray, "k d"], Integer[np.ndarray, " m"]], Float[np.ndarray, "k d"]]
"""From vectors and the numbers of samples to the products with the mean curvature of these samples.
"""


def curvature_in_blocks(
    products: Products,
    vectors: Float[np.ndarray, "k d"],
    index: Integer[np.ndarray, " m"],
    at_once: int = VECTORS,
    samples: int = SAMPLES,
) -> Float[np.ndarray, "k d"]:
    """Mean over all samples ``index``. Blocks of vectors have one size (the last is filled up), so
    that one compilation serves all.

    >>> curvature = np.array([1.0, 2.0, 6.0])       # of three samples of a model with one parameter
    >>> def products(v, rows): return v * curvature[rows].mean()
    >>> curvature_in_blocks(products, np.ones((2, 1)), np.arange(3), at_once=4)
    array([[3.],
           [3.]])
    """
    at_once = min(at_once, max(len(vectors), 1))
    result = np.zeros_like(vectors, dtype=np.float64)
    for begun in range(0, len(vectors), at_once):
        block = vectors[begun : begun + at_once]
        full = np.concatenate([block, np.zeros((at_once - len(block), vectors.shape[1]))])
        for first in range(0, len(index), samples):
            rows = index[first : first + samples]
            result[begun : begun + at_once] += (
                len(rows) / len(index) * products(full, rows)[: len(block)]
            )
    return result
