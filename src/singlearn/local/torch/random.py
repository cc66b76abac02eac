"""Random numbers of the caller's process: left as they were, and noticed where they are drawn."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import torch

T = TypeVar("T")


@contextmanager
def random_numbers_kept() -> Iterator[None]:
    """Random numbers of PyTorch, NumPy and Python go on afterwards as if nothing had been drawn."""
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    with torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            np.random.set_state(numpy_state)  # noqa: NPY002
            random.setstate(python_state)


def draws_random_numbers(function: Callable[[], T]) -> tuple[T, bool]:
    """What a function returns, and whether it drew from the random numbers of PyTorch, NumPy or
    Python.

    >>> draws_random_numbers(lambda: 1), draws_random_numbers(lambda: len(torch.rand(2)))
    ((1, False), (2, True))
    """
    before = _states()
    found = function()
    return found, before != _states()


def _states() -> tuple[Any, ...]:
    name, keys, *rest = np.random.get_state()  # noqa: NPY002
    return (
        torch.get_rng_state().numpy().tobytes(),
        name,
        np.asarray(keys).tobytes(),
        *rest,
        random.getstate(),
    )
