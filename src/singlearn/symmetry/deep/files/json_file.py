"""Networks as JSON: names, and nested lists of numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np


def read_json(path: Path) -> dict[str, np.ndarray]:
    """An object whose values are lists of numbers, or lists of such lists.

    Raises:
        ValueError: not JSON, not an object, or a value that is ragged or not numeric.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: it is not JSON ({error})") from None
    if not isinstance(document, dict):
        raise ValueError(f'{path}: it should be an object such as {{"0.weight": [[1, 2]], "0.bias": [0]}}')
    arrays = {}
    for name, values in document.items():
        try:
            arrays[name] = np.array(values, dtype=np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"{path}: {name!r} is ragged or not numeric; it should be nested lists of numbers of equal length") from None
    return arrays


def write_json(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write the arrays so that reading gives the same floats."""
    path.write_text(json.dumps({name: array.tolist() for name, array in arrays.items()}) + "\n", encoding="utf-8")
