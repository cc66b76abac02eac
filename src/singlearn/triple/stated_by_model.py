"""The prior of a NumPyro model, which only the model can state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class StatedByModel:
    """A NumPyro model, and copies of what it is called with.

    The triple can be made again of it in another process.
    """

    model: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
