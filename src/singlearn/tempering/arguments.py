"""The arguments that everything tempered has, read once."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from singlearn.running.arguments import random_seed, real_number, whole_number
from singlearn.triple import Triple

SMALLEST_POPULATION = 16
LARGEST_SINGLE_INTEGER = 2**31 - 1


def population_arguments(
    particles: Any, replicates: Any, seed: Any, target_ess: Any = 0.6
) -> tuple[int, int, int, float]:
    """Particles, replicates, seed and target share, each as the number it is.

    Args:
        particles: of each replicate, at least 16.
        replicates: at least 1.
        seed: from 0 to 2⁶³ - 1.
        target_ess: a share of particles, above 0 and below 1.

    Returns:
        The four, as Python's own numbers.

    Raises:
        ValueError: one of them is something else.

    >>> population_arguments(128.0, 4, np.int64(7))
    (128, 4, 7, 0.6)
    """
    return (
        whole_number(
            "particles",
            particles,
            at_least=SMALLEST_POPULATION,
            why="fewer are too few to adapt to",
        ),
        whole_number("replicates", replicates, why="2 or more for a standard error that was seen"),
        random_seed(seed),
        real_number("target_ess", target_ess, above=0, below=1, meaning="a share between 0 and 1"),
    )


def check_precision(triple: Triple, precision: Any) -> None:
    """Raise ``ValueError`` for a precision that there is not, or one that cannot hold the data."""
    if precision not in ("float64", "float32"):
        raise ValueError(f"precision: got {precision!r}; it should be 'float64' or 'float32'")
    if precision == "float64":
        return
    for path, leaf in jax.tree_util.tree_leaves_with_path(triple.data):
        where = "data" + jax.tree_util.keystr(path)
        array = np.asarray(leaf)
        if array.size == 0 or array.dtype == bool:
            continue
        largest = (
            int(np.abs(array).max())
            if np.issubdtype(array.dtype, np.integer)
            else float(np.abs(array).max())
        )
        most = (
            LARGEST_SINGLE_INTEGER
            if np.issubdtype(array.dtype, np.integer)
            else float(np.finfo(np.float32).max)
        )
        if largest > most:
            raise ValueError(
                f"precision: 'float32' cannot hold {where}, whose entries reach {largest:.4g}; use "
                f"'float64'"
            )
