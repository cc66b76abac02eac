"""How much memory an evaluation by PyTorch takes, and how much there is."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from singlearn.running.memory import host_memory, samples_that_fit


class _Counting(TorchDispatchMode):
    """Adds up the tensors that operations make, views left out."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: dict[int, torch.UntypedStorage] = {}

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = operation(*args, **(kwargs or {}))
        given = {id_of(part) for part in tree_leaves((args, kwargs)) if _has_storage(part)}
        for part in tree_leaves(result):
            if _has_storage(part) and id_of(part) not in given:
                # Kept alive, so that no later tensor gets its place.
                self.seen[id_of(part)] = part.untyped_storage()
        return result


def _has_storage(part: Any) -> bool:
    """Sparse tensors have none; what is done with them is left out."""
    return isinstance(part, torch.Tensor) and part.layout is torch.strided


def id_of(tensor: torch.Tensor) -> int:
    """Of the storage, which views share."""
    return tensor.untyped_storage().data_ptr()


def bytes_made(function: Callable[[], Any]) -> int:
    """Bytes of all tensors that are made while ``function`` runs, whether they are still needed at
    its end or not.

    >>> x = torch.zeros(10, 100)
    >>> bytes_made(lambda: (x.T + 1).exp().sum(1))      # 4 bytes × (1000 + 1000 + 100)
    8400
    """
    with torch.no_grad(), _Counting() as counting:
        function()
    return sum(storage.nbytes() for storage in counting.seen.values())


def operations(function: Callable[[], Any]) -> int:
    """Multiplications and additions of the matrix products, convolutions and attention in
    ``function``; 0 where they cannot be counted.

    >>> operations(lambda: torch.zeros(10, 100) @ torch.zeros(100, 5))
    5000
    """
    counter = FlopCounterMode(display=False)
    try:
        with torch.no_grad(), counter:
            function()
    except Exception:  # whatever a module does that cannot be counted
        return 0
    return int(counter.get_total_flops()) // 2


def all_memory(device: torch.device) -> int:
    """Bytes of the device."""
    return (
        int(torch.cuda.get_device_properties(device).total_memory)
        if device.type == "cuda"
        else host_memory()
    )


def samples_at_once(losses: Callable[[int], Any], device: torch.device) -> int:
    """Samples × chains that :func:`singlearn.running.memory.samples_that_fit`.

    Args:
        losses: of the first ``count`` samples. Memory per sample is what count = 2 needs beyond
            count = 1.
        device: where.
    """
    one, two = (bytes_made(partial(losses, count)) for count in (1, 2))
    return samples_that_fit(two - one, all_memory(device))
