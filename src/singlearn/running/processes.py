"""Tasks over processes, one a core: work of many small JAX calls, which threads of one process do
not speed up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from multiprocessing.queues import Queue
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")
# Each holds JAX and what it compiled, some two gigabytes after hours.
LARGEST_POOL = 8


def over_processes(measure: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
    """``map(measure, tasks)``, each process with a core of its own where the system can say so; no
    process for no or one task.

    ``measure`` and the tasks are sent as they are, so ``measure`` should be an object or function
    of a module and no closure.

    Yields:
        The results, in the order of the tasks.

    >>> list(over_processes(abs, [-3]))
    [3]
    """
    cores = (
        sorted(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else list(range(os.cpu_count() or 1))
    )
    workers = min(len(cores), len(tasks), LARGEST_POOL)
    if workers < 2:
        yield from map(measure, tasks)
        return
    # Not forked: JAX has threads.
    context = get_context("spawn")
    free = context.Queue()
    for core in cores[:workers]:
        free.put(core)
    with ProcessPoolExecutor(workers, context, _keep_to_one_core, (free,)) as pool:
        yield from pool.map(measure, tasks)


def _keep_to_one_core(free: Queue[int]) -> None:
    """XLA starts a thread for every core it sees, and the threads of one process take the cores of
    the others.
    """
    core = free.get()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
