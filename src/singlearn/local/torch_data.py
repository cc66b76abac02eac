"""Data for PyTorch modules, held as tensors and indexed in place."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.utils.data import DataLoader, default_collate


def model_form(loss: Callable[..., Any]) -> bool:
    """Whether it is ``loss(model, batch)``, known by the name of its first argument, and not ``loss(output, target)``."""
    try:
        names = list(inspect.signature(loss).parameters)
    except (TypeError, ValueError):
        return False
    return bool(names) and names[0] == "model"


def as_tensors(data: Any, device: torch.device) -> tuple[torch.Tensor, ...] | dict[str, torch.Tensor]:
    """All samples as a tuple or dict of tensors with a common first axis.

    Raises:
        ValueError: lengths that differ, or fewer than three samples.
        TypeError: what cannot be made into tensors.
    """
    if isinstance(data, DataLoader):
        collate = data.collate_fn
        gathered = collate([data.dataset[i] for i in range(len(data.dataset))])  # type: ignore[arg-type]
    elif hasattr(data, "with_format"):
        gathered = data.with_format("torch")[:]
    elif isinstance(data, torch.Tensor | tuple | list | Mapping):
        gathered = data
    elif hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        gathered = default_collate([data[i] for i in range(len(data))])
    else:
        raise TypeError(f"data: got {type(data).__name__}; it should be tensors, a Dataset, a DataLoader or a Hugging Face data set")
    if isinstance(gathered, torch.Tensor):
        gathered = (gathered,)
    result: tuple[torch.Tensor, ...] | dict[str, torch.Tensor]
    if isinstance(gathered, Mapping):
        result = {key: torch.as_tensor(value, device=device) for key, value in gathered.items()}
        lengths = {key: len(value) for key, value in result.items()}
    else:
        result = tuple(torch.as_tensor(value, device=device) for value in gathered)
        lengths = {str(i): len(value) for i, value in enumerate(result)}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"data: the parts have {lengths} samples; all should have the same number")
    if next(iter(lengths.values())) < 3:
        raise ValueError(f"data: got {next(iter(lengths.values()))} samples; n/log n needs at least 3")
    return result


def take(data: Any, index: Any) -> Any:
    """The samples ``index`` of every part."""
    if isinstance(data, dict):
        return {key: value[index] for key, value in data.items()}
    return tuple(value[index] for value in data)


def widened(data: Any, kinds: tuple[torch.dtype, ...]) -> Any:
    """The parts whose number type is one of ``kinds`` as float32."""

    def part(value: torch.Tensor) -> torch.Tensor:
        return value.float() if value.dtype in kinds else value

    return {key: part(value) for key, value in data.items()} if isinstance(data, dict) else tuple(part(value) for value in data)


def gather(data: Any, index: torch.Tensor) -> Any:
    """The samples ``index``, of any shape, of every part: by whole rows, which is several times faster than indexing."""

    def rows(value: torch.Tensor) -> torch.Tensor:
        return value.index_select(0, index.reshape(-1)).reshape(*index.shape, *value.shape[1:])

    return {key: rows(value) for key, value in data.items()} if isinstance(data, dict) else tuple(rows(value) for value in data)
