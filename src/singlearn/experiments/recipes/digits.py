"""Images of digits, 8 × 8, drawn by us: strokes of a small font, moved, thickened, blurred and made
noisy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int
from scipy.ndimage import gaussian_filter, shift

if TYPE_CHECKING:
    import torch

SIDE, CLASSES = 8, 10
FONT = (
    "01110 10001 10011 10101 11001 10001 01110",
    "00100 01100 00100 00100 00100 00100 01110",
    "01110 10001 00001 00110 01000 10000 11111",
    "11111 00010 00100 00010 00001 10001 01110",
    "00010 00110 01010 10010 11111 00010 00010",
    "11111 10000 11110 00001 00001 10001 01110",
    "00110 01000 10000 11110 10001 10001 01110",
    "11111 00001 00010 00100 01000 01000 01000",
    "01110 10001 10001 01110 10001 10001 01110",
    "01110 10001 10001 01111 00001 00010 01100",
)
"""Seven rows of five dots for every digit."""


def images(
    count: int, seed: int, noise: float = 0.2
) -> tuple[Float[np.ndarray, "count 64"], Int[np.ndarray, " count"]]:
    """Digits with equal probabilities.

    Args:
        count: of images.
        seed: same seed, same images.
        noise: standard deviation of every pixel; ink is 1, paper 0, before the mean is taken away.

    Returns:
        Pixels, row by row, and digits.

    >>> pixels, digit = images(200, 0)
    >>> pixels.shape, sorted(set(digit.tolist())) == list(range(10))
    ((200, 64), True)
    """
    rng = np.random.default_rng([seed, 43])
    digit = rng.integers(CLASSES, size=count)
    pixels = np.zeros((count, SIDE, SIDE))
    for k, number in enumerate(digit):
        strokes = np.array([[float(dot) for dot in row] for row in FONT[number].split()])
        page = np.zeros((SIDE, SIDE))
        page[:7, 1:6] = strokes
        moved = shift(page, rng.uniform((-0.5, -1.0), (1.0, 1.0)), order=1)
        pixels[k] = rng.uniform(0.7, 1.2) * gaussian_filter(moved, rng.uniform(0.3, 0.7))
    pixels += noise * rng.normal(size=pixels.shape)
    return pixels.reshape(count, -1) - 0.3, digit


def tensors(count: int, seed: int) -> tuple[Any, Any]:
    """The same as tensors: pixels in single precision, digits as whole numbers."""
    import torch

    pixels, digit = images(count, seed)
    return torch.from_numpy(pixels.astype(np.float32)), torch.from_numpy(digit)


def perceptron(width: int, seed: int) -> torch.nn.Module:
    """Two layers of tanh nodes for them."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return torch.nn.Sequential(
            torch.nn.Linear(SIDE * SIDE, width), torch.nn.Tanh(), torch.nn.Linear(width, CLASSES)
        )
