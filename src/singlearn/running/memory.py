"""How much may be evaluated at once: by the memory there is, and not by what is free just now, so
that a run can be repeated exactly.
"""

from __future__ import annotations

import os
from pathlib import Path

SHARE = 0.25
"""Of all memory, that one evaluation may take."""
WITH_BACKWARD = 2
"""A derivative keeps what the forward pass made, and makes as much again."""
ASSUMED = 8 * 2**30
"""Where the system does not say."""
LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Where Linux says how much a container may have."""


def host_memory() -> int:
    """Bytes of this machine, or of this container."""
    found = (
        [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
        if hasattr(os, "sysconf")
        else [ASSUMED]
    )
    for path in LIMITS:
        text = path.read_text().strip() if path.exists() else ""
        if text.isdigit():
            found.append(int(text))
    return min(found)


def samples_that_fit(bytes_a_sample: int, memory: int) -> int:
    """Samples × chains whose derivatives fit into a quarter of the memory, at least 1.

    Returns:
        A whole number.

    >>> samples_that_fit(1000, memory=80_000)
    10
    """
    return max(1, int(SHARE * memory / (WITH_BACKWARD * max(bytes_a_sample, 1))))


def pieces(rows: int, columns: int, at_once: int) -> tuple[int, int]:
    """How many rows, and how many columns of each, to take at once, so that their product is at
    most ``at_once``: whole rows first.

    Returns:
        Rows, and columns of each.

    >>> pieces(8, 64, at_once=1000), pieces(8, 64, at_once=200), pieces(8, 64, at_once=20)
    ((8, 64), (3, 64), (1, 20))
    """
    whole = min(rows, at_once // columns)
    return (whole, columns) if whole else (1, max(1, min(columns, at_once)))
