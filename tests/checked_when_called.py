"""The type checker of the tests: beartype, put on a function when it is first called."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from beartype import beartype


def checked_when_called(function: Callable[..., Any]) -> Callable[..., Any]:
    """``beartype(function)``, made at the first call.

    jaxtyping asks for two checks of each function when its module is imported, and each process of
    a test run imports every module; most functions are never called in most processes.
    """
    checked: Callable[..., Any] | None = None

    @wraps(function)
    def check(*args: Any, **kwargs: Any) -> Any:
        nonlocal checked
        if checked is None:
            checked = beartype(function)
        return checked(*args, **kwargs)

    return check
