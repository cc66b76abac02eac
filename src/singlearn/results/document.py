"""One JSON document: what ``to_dict`` returns and ``--json`` prints."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """The value in JSON's own types; numbers that are not finite become null, which JSON can say.

    Answers say themselves what they are to a machine, by ``to_dict``; of other records the fields
    that are shown, functions by name, anything else as text.

    Returns:
        Numbers, strings, truth values, ``None``, lists and dictionaries.

    >>> plain({"λ": np.float64(0.5), "error": float("nan"), "rows": (1, np.array([2]))})
    {'λ': 0.5, 'error': None, 'rows': [1, [2]]}
    """
    if hasattr(value, "to_dict") and not isinstance(value, type):
        return plain(value.to_dict())
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return [plain(item) for item in sorted(value, key=str)]
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, (Fraction, Path, complex)):
        return str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value) if f.repr}
    if callable(value):
        return getattr(value, "__qualname__", type(value).__name__)
    return value if value is None or isinstance(value, (str, int)) else str(value)


def of_each(answers: Iterable[Any]) -> list[Any]:
    """The documents of some answers, of cautions for instance; ``None`` where there is none."""
    return [None if answer is None else answer.to_dict() for answer in answers]


def print_document(document: Mapping[str, Any]) -> None:
    """Print it, alone, with nothing that strict readers refuse."""
    print(json.dumps(plain(document), allow_nan=False, ensure_ascii=False, indent=2))
