"""How a user draws replicated data, where a triple does not say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jaxtyping import Array, Key, PyTree

Draw = Callable[[Key[Array, ""], PyTree, PyTree], Any]
"""``draw(key, w, data)``: data replicated at the parameter w, an array of shape (n, …)."""
