"""Networks as JSON: names, and nested lists of numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from singlearn.symmetry.files.content import Content

SURE_DIGITS = 15
"""Every decimal with so many digits comes back from float64 as it was."""


def read_json(path: Path) -> Content:
    """An object whose values are lists of numbers, or lists of such lists, and which may say
    ``"activation": "relu"``.

    Raises:
        ValueError: not JSON, not an object, a name twice, a value that is ragged or not numeric, or
            digits that float64 drops.
    """
    document = load_json(path)
    if not isinstance(document, dict):
        raise ValueError(
            f'{path}: it should be an object such as {{"0.weight": [[1, 2]], "0.bias": [0]}}'
        )
    activation = document.pop("activation", None)
    if activation is not None and not isinstance(activation, str):
        raise ValueError(
            f'{path}: its activation is {activation!r}; it should be a name such as "relu"'
        )
    return Content(document, activation)


def load_json(path: Path) -> Any:
    """The document; integers stay exact and decimals are checked.

    Raises:
        ValueError: not JSON, a name twice in one object, or a decimal that is not what float64
            would print with as many digits.
    """
    try:
        return json.loads(
            path.read_text(encoding="utf-8"), parse_float=_decimal, object_pairs_hook=once
        )
    except RecursionError:
        raise ValueError(f"{path}: its lists are nested too deeply") from None
    except ValueError as error:
        raise ValueError(
            f"{path}: {error}"
            if isinstance(error, _LostError)
            else f"{path}: it is not JSON ({error})"
        ) from None


def write_json(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write the arrays so that reading gives the same floats."""
    document = {"activation": "relu", **{name: array.tolist() for name, array in arrays.items()}}
    path.write_text(json.dumps(document) + "\n", encoding="utf-8")


def once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object none of whose names appears twice.

    Raises:
        ValueError: one does.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _LostError(f"it names {next(n for n in names if names.count(n) > 1)!r} twice")
    return found


class _LostError(ValueError):
    """It is JSON, but not what it seems to say would be read."""


def _decimal(text: str) -> float:
    """The float64 next to a decimal, if that is the number the writer had.

    Writers print more digits than float64 holds (``%.20e``); they are right if they are those of
    the float itself.
    """
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise _LostError(f"{text[:40]} is too large for float64")
    if value == 0 and Decimal(text) != 0:
        raise _LostError(f"{text[:40]} is too small for float64")
    if len(text) <= SURE_DIGITS + 2:
        return value
    digits = len(text.lower().partition("e")[0].replace("-", "").replace(".", "").lstrip("0"))
    exact = Decimal(text)
    if (
        digits > SURE_DIGITS + 2
        and Decimal(value) != exact
        and f"{Decimal(value):.{digits - 1}e}" != f"{exact:.{digits - 1}e}"
    ):
        raise _LostError(f"{text[:60]} has digits that float64 drops; the nearest is {value!r}")
    return value
