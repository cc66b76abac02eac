"""One share of a list of work, for the tasks of a job array."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeVar

Task = TypeVar("Task")


def share_of(tasks: Sequence[Task], shard: Any) -> list[Task]:
    """Every N-th task, from the i-th on, for the share ``"i/N"``.

    Args:
        tasks: all of them, in the same order in every process.
        shard: ``"1/4"`` to ``"4/4"``; ``None``: all.

    Returns:
        The tasks of this share.

    Raises:
        ValueError: no such share.

    >>> [share_of("abcde", shard) for shard in ("1/2", "2/2", None)]
    [['a', 'c', 'e'], ['b', 'd'], ['a', 'b', 'c', 'd', 'e']]
    """
    if shard is None:
        return list(tasks)
    match = re.fullmatch(r"(\d+)/(\d+)", shard) if isinstance(shard, str) else None
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise ValueError(f"shard: got {shard!r}; it should be i/N with i from 1 to N, such as 1/4")
    return list(tasks)[int(match[1]) - 1 :: int(match[2])]
