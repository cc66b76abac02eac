"""What a file says about a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Content:
    """Arrays and what the file says beside them.

    Attributes:
        arrays: by name, in the order of the file.
        activation: what the file says stands between the layers; ``None`` where it says nothing.
        keeps_order: whether the order of the arrays may be that of the module they come from.
        is_state_dict: whether a module listed the arrays itself.
    """

    arrays: Mapping[str, Any]
    activation: str | None = None
    keeps_order: bool = True
    is_state_dict: bool = False
