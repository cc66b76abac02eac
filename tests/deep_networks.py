"""Random deep networks for the tests of symmetry.deep."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from hypothesis import strategies as st

from singlearn.symmetry.deep import DeepReLU, ScalePermutation

WIDTHS = ((3, 5, 4, 2), (6, 5, 4, 3, 1), (1, 4, 1), (2, 3, 3, 1), (4, 4, 4), (2, 2))
seeds = st.integers(min_value=0, max_value=2**32 - 1)


def random_network(widths: Sequence[int], seed: int, bias: float = 0.4) -> DeepReLU:
    random = np.random.default_rng(seed)
    weights = [
        random.standard_normal((out, into)) / np.sqrt(into) for into, out in pairwise(widths)
    ]
    return DeepReLU(weights, [bias * random.standard_normal(out) for out in widths[1:]])


def random_move(net: DeepReLU, seed: int, spread: float = 2.0) -> ScalePermutation:
    random = np.random.default_rng(seed)
    hidden = net.widths[1:-1]
    return ScalePermutation(
        [random.permutation(width) for width in hidden],
        [np.exp(spread * random.standard_normal(width)) for width in hidden],
    )


def absolute_value() -> DeepReLU:
    return DeepReLU([[[1.0], [-1.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.0]])
