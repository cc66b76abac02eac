"""The other side of a search in a process of its own."""

from __future__ import annotations

import pickle
import sys
from typing import Any

from singlearn.exact.resolution import resolve
from singlearn.exact.resolve.limited import MEMORY


def answer() -> None:
    """The other side: read the arguments, search, write the result."""
    try:
        import resource
    except ImportError:
        pass  # no such limit on this system
    else:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        limit = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    arguments = pickle.load(sys.stdin.buffer)
    try:
        found: tuple[str, Any] = ("result", resolve(**arguments))
    except ValueError as error:
        found = ("ValueError", str(error))
    sys.stdout.buffer.write(pickle.dumps(found))
    sys.stdout.flush()
