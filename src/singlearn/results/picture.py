"""The picture of an answer, by name: pictures know the answers they draw, not the reverse."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def drawn(name: str, answer: Any, **options: Any) -> Any:
    """The figure that ``singlearn.plot`` makes of an answer; Matplotlib is loaded only now.

    Args:
        name: of the function of ``singlearn.plot``.
        answer: what it draws.
        options: its other arguments.

    Returns:
        What the function returns.
    """
    return getattr(import_module("singlearn.plot"), name)(answer, **options)
