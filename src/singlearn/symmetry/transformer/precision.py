"""In which number format weights are kept, told by their values."""

from __future__ import annotations

import numpy as np

from singlearn.symmetry.transformer.model import Transformer

FORMATS = {"bfloat16": 2.0**-9, "float16": 2.0**-11, "float32": 2.0**-24, "float64": 2.0**-53}
"""The largest relative error that rounding to a format makes."""


ENOUGH = 64
"""Different numbers, of which it would be no accident that all of them fit a coarse format."""


def kept_as(model: Transformer) -> str:
    """The coarsest format that holds every weight exactly; float64 where there are too few
    different numbers to tell.

    >>> kept_as(Transformer({"embedding": np.eye(2) / 3, "unembedding": np.eye(2)}, "rms"))
    'float64'
    >>> single = np.linspace(1, 2, 200, dtype=np.float32).reshape(100, 2)
    >>> kept_as(Transformer({"embedding": single, "unembedding": single}, "rms"))
    'float32'
    """
    left = list(FORMATS)
    for name, array in model.weights.items():
        if not name.endswith("frequency"):
            # Most formats are ruled out by the first few numbers.
            while not (_holds(left[0], array.ravel()[:1024]) and _holds(left[0], array)):
                left = left[1:]
    return left[0] if left[0] == "float64" or _has_enough(model) else "float64"


def _has_enough(model: Transformer) -> bool:
    seen: set[float] = set()
    for name, array in model.weights.items():
        if not name.endswith("frequency"):
            seen.update(np.abs(array.ravel()[:4096]).tolist())
            if len(seen) >= ENOUGH:
                return True
    return False


def _holds(kind: str, array: np.ndarray) -> bool:
    if kind == "float64":
        return True
    with np.errstate(over="ignore", under="ignore"):
        if kind == "float16":
            return bool(np.array_equal(array.astype(np.float16).astype(np.float64), array))
        single = array.astype(np.float32)
        if not np.array_equal(single.astype(np.float64), array):
            return False
    return kind == "float32" or not np.any(single.view(np.uint32) & 0xFFFF)


def rerounded(model: Transformer, unit: float, seed: int) -> Transformer:
    """Every weight moved by twice the error of one rounding, or left, at random."""
    random = np.random.default_rng(seed)
    changes = {
        name: array * (1 + 2 * unit * random.integers(-1, 2, array.shape))
        for name, array in model.weights.items()
        if not name.endswith("frequency")
    }
    return model.with_weights(changes)
