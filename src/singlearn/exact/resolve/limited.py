"""A search in a process of its own, that is ended when its time or its memory is up.

A single step of algebra inside FLINT cannot be interrupted. Small polynomials have small steps; a
large one is searched here, so that ``timeout`` holds whatever the step.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from typing import Any

MEMORY = 4 * 2**30
"""Bytes of address space of the process, where the system can limit it (not on Windows)."""

CODE = "from singlearn.exact.answer_in_a_process import answer; answer()"


class LimitError(Exception):
    """The process was ended before it had an answer; the message says what was used up."""


def resolve_in_a_process(arguments: dict[str, Any], seconds: float) -> Any:
    """What ``resolution.resolve(**arguments)`` returns, if it does so in time.

    Args:
        arguments: of ``resolution.resolve``; they are sent by pickle.
        seconds: after which the process is ended, its start included.

    Returns:
        The result.

    Raises:
        ValueError: as ``resolve`` does.
        LimitError: time or memory was up.
    """
    path = os.pathsep.join(p for p in sys.path if p)
    process = subprocess.Popen(
        [sys.executable, "-c", CODE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
    )
    try:
        found, _ = process.communicate(pickle.dumps(arguments), timeout=seconds)
    except subprocess.TimeoutExpired:
        raise LimitError("time ran out in one step of algebra") from None
    finally:
        process.kill()
        process.wait()
    if process.returncode or not found:
        raise LimitError(f"memory ran out ({MEMORY // 2**30} GiB) or the process ended early")
    kind, result = pickle.loads(found)
    if kind == "ValueError":
        raise ValueError(result)
    return result
