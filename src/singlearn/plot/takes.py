"""What a picture is drawn of, checked before anything is drawn."""

from __future__ import annotations

from typing import Any


def takes(argument: str, value: Any, kind: type, made_by: str) -> None:
    """Raise ``TypeError`` unless ``value`` is a result of this kind.

    Args:
        argument: what the picture calls it.
        value: what was given.
        kind: what it should be.
        made_by: how such a result is made, for the sentence.

    >>> takes("run", "a file", dict, "sl.temper")
    Traceback (most recent call last):
    TypeError: run: got str; it should be a dict, as sl.temper makes it
    """
    if not isinstance(value, kind):
        raise TypeError(
            f"{argument}: got {type(value).__name__}; it should be a {kind.__name__}, as {made_by} "
            f"makes it"
        )
