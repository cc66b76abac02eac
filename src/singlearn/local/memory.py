"""How much of a PyTorch evaluation fits into memory at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

SHARE = 0.25
"""Of all memory, that one evaluation may take."""
WITH_BACKWARD = 2
"""A derivative keeps what the forward pass made, and makes as much again."""
LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Where Linux says how much a container may have."""


class _Counting(TorchDispatchMode):
    """Adds up the tensors that operations make, views left out."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[int, torch.UntypedStorage] = {}

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = operation(*args, **(kwargs or {}))
        given = {id_of(part) for part in tree_leaves((args, kwargs)) if isinstance(part, torch.Tensor)}
        for part in tree_leaves(result):
            if isinstance(part, torch.Tensor) and id_of(part) not in given:
                # Kept alive, so that no later tensor gets its place.
                self.seen[id_of(part)] = part.untyped_storage()
        return result


def id_of(tensor: torch.Tensor) -> int:
    """Of the storage, which views share."""
    return tensor.untyped_storage().data_ptr()


def bytes_made(function: Callable[[], Any]) -> int:
    """Bytes of all tensors that are made while ``function`` runs, whether they are still needed at its end or not.

    >>> x = torch.zeros(10, 100)
    >>> bytes_made(lambda: (x.T + 1).exp().sum(1))      # 4 bytes × (1000 + 1000 + 100)
    8400
    """
    with torch.no_grad(), _Counting() as counting:
        function()
    return sum(storage.nbytes() for storage in counting.seen.values())


def all_memory(device: torch.device) -> int:
    """Bytes of the device, or of this machine or container: not what is free just now, so that a run can be repeated bit by bit."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in LIMITS:
        text = path.read_text().strip() if path.exists() else ""
        if text.isdigit():
            found.append(int(text))
    return min(found)


def samples_at_once(losses: Callable[[int], Any], device: torch.device) -> int:
    """Samples × chains whose derivatives fit into a quarter of the memory, at least 1.

    Args:
        losses: evaluates the first one or two samples.
        device: where.
    """
    one, two = (bytes_made(partial(losses, count)) for count in (1, 2))
    return max(1, int(SHARE * all_memory(device) / (WITH_BACKWARD * max(two - one, 1))))


def pieces(rows: int, columns: int, at_once: int) -> tuple[int, int]:
    """How many rows, and how many columns of each, to take at once, so that their product is at most ``at_once``: whole rows first.

    >>> pieces(8, 64, at_once=1000), pieces(8, 64, at_once=200), pieces(8, 64, at_once=20)
    ((8, 64), (3, 64), (1, 20))
    """
    whole = min(rows, at_once // columns)
    return (whole, columns) if whole else (1, max(1, min(columns, at_once)))
