"""Fingerprints of weights, to notice that they are not those of an earlier run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from singlearn.running import identity


def digest(arrays: Mapping[str, Any]) -> str:
    """Sixteen hexadecimal digits that depend on names, shapes and every number of arrays of NumPy,
    JAX or PyTorch.

    The same numbers in another container or type have the same digits.

    >>> import numpy as np
    >>> one = digest({"w": np.zeros(2)})
    >>> one == digest({"w": np.zeros(2)}), one == digest({"w": np.zeros(3)})
    (True, False)
    """
    return identity.digest_of(
        {name: identity.array(value)["digest"] for name, value in arrays.items()}
    )
