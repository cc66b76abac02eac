"""Which tensors an evaluation reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class _Watching(TorchDispatchMode):
    """Writes down which of some tensors, or views of them, operations take."""

    def __init__(self, watched: Mapping[int, str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._watched = watched
        self.read: list[str] = []

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        for part in tree_leaves((args, kwargs)):
            if isinstance(part, torch.Tensor) and part.layout is torch.strided:
                name = self._watched.get(part.untyped_storage().data_ptr())
                if name is not None and name not in self.read:
                    self.read.append(name)
        return operation(*args, **(kwargs or {}))


def names_read(function: Callable[[], Any], tensors: Mapping[str, torch.Tensor]) -> list[str]:
    """Names of the tensors of which ``function`` reads any number, through whatever view.

    >>> w = torch.ones(3)
    >>> names_read(lambda: w.detach()[0] + 1, {"w": w, "v": torch.ones(3)})
    ['w']
    """
    watched = {
        tensor.untyped_storage().data_ptr(): name
        for name, tensor in tensors.items()
        if tensor.layout is torch.strided and tensor.numel()
    }
    with _Watching(watched) as watching:
        function()
    found: list[str] = watching.read
    return found
