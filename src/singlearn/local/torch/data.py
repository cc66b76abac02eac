"""Data for PyTorch modules, held as tensors of our own and indexed in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset, default_collate

from singlearn.local.torch.random import random_numbers_kept
from singlearn.local.torch.sampler import rows_drawn

Parts = tuple[torch.Tensor, ...] | dict[str, torch.Tensor]
"""All samples, side by side: tensors with a common first axis."""
PROBES = 4
"""Samples that are fetched twice, and collated alone."""
MOST_PARTS = 16
"""A longer list of tensors is taken for a list of samples, and refused: nobody's module takes so
many inputs."""
FEWEST = 3
RAGGED = "differ in shape; pad them to one length, with a mask beside them"
LOST = 1e-4
"""Of the differences between samples, that a narrower number type may lose."""


@dataclass(frozen=True)
class Samples:
    """What was brought as data.

    Attributes:
        parts: side by side.
        as_brought: from the parts of a batch to the batch as the data set has it: a tensor where it
            has one tensor, a named tuple where it has one.
        alone: for a ``collate_fn`` that makes other shapes of a sample alone, as one that pads
            does: numbers of samples with their parts, collated alone.
    """

    parts: Parts
    as_brought: Callable[[Parts], Any]
    alone: tuple[tuple[int, Parts], ...] = ()

    def __len__(self) -> int:
        return length(self.parts)


def as_tensors(data: Any, device: torch.device) -> Parts:
    """The parts of :func:`samples_of`."""
    return samples_of(data, device).parts


def samples_of(data: Any, device: torch.device) -> Samples:
    """All samples, as copies: what a module or a loss does to its inputs in place does not reach
    the caller's.

    Args:
        data: tensors or arrays side by side with a common first axis (a tuple, or a dict); a list
            of samples; a ``Dataset``; a ``DataLoader``, of which the rows that its sampler draws
            are taken, and its batches and their order are not; a Hugging Face data set.
        device: where to.

    Raises:
        ValueError: what has no meaning as a fixed set of samples: parts of different lengths, fewer
            than three samples, samples of different shapes, text, masked arrays, streams, samplers
            that weigh, samples that are drawn anew at every call, parts within parts.
        TypeError: what cannot be made into tensors.
    """
    if isinstance(data, Samples):
        return Samples(
            moved(data.parts, device),
            data.as_brought,
            tuple((i, moved(own, device)) for i, own in data.alone),
        )
    alone: list[tuple[int, Any]] = []
    with random_numbers_kept():
        if isinstance(data, DataLoader):
            gathered, alone = _of_loader(data)
        elif isinstance(data, IterableDataset) or (
            hasattr(data, "with_format") and not hasattr(data, "__len__")
        ):
            raise ValueError(_stream(type(data).__name__))
        elif hasattr(data, "with_format"):
            gathered = _of_hugging_face(data)
        elif isinstance(data, TensorDataset):
            gathered = data.tensors
        elif _is_list_of_samples(data):
            gathered = _collated(default_collate, [_with_arrays(sample) for sample in data])
        elif _is_array(data) or isinstance(data, tuple | list | Mapping):
            gathered = data
        elif hasattr(data, "__getitem__") and hasattr(data, "__len__"):
            gathered = _collated(default_collate, _fetched(data, range(len(data))))
        else:
            raise TypeError(
                f"data: got {type(data).__name__}; it should be tensors, a Dataset, a DataLoader "
                "or a Hugging Face data set"
            )
    parts, as_brought = _side_by_side(gathered, device)
    return Samples(
        parts, as_brought, tuple((i, _side_by_side(own, device, fewest=1)[0]) for i, own in alone)
    )


def _of_loader(loader: DataLoader[Any]) -> tuple[Any, list[tuple[int, Any]]]:
    data_set, collate = loader.dataset, loader.collate_fn
    if isinstance(data_set, IterableDataset):
        raise ValueError(_stream(f"a DataLoader of {type(data_set).__name__}"))
    rows = rows_drawn(loader)
    if collate is default_collate and type(data_set) is TensorDataset:
        index = slice(None) if rows is None else torch.as_tensor(rows)
        return tuple(part[index] for part in data_set.tensors), []
    fetched = _fetched(data_set, range(len(data_set)) if rows is None else rows)  # type: ignore[arg-type]
    gathered = _collated(collate, fetched)
    if collate is default_collate:
        return gathered, []
    return gathered, _alone(collate, fetched, gathered)


def _fetched(data_set: Any, rows: Sequence[Any]) -> list[Any]:
    """Samples by row; a few of them twice, to see whether they are the same."""
    if not len(rows):
        raise ValueError(f"data: got 0 samples; n/log n needs at least {FEWEST}")
    try:
        fetched = [data_set[row] for row in rows]
        places = np.unique(np.linspace(0, len(rows) - 1, PROBES).astype(int))
        again = [data_set[rows[place]] for place in places]
    except Exception as error:  # whatever the caller's data set does
        raise ValueError(
            f"data: the data set {type(data_set).__name__} {_failed('gave no sample', error)}"
        ) from error
    for place, other in zip(places, again, strict=True):
        if not _same(fetched[place], other):
            raise ValueError(
                f"data: the data set {type(data_set).__name__} gives another sample "
                f"{rows[place]} each time it is asked for it (a "
                "random transform?); λ̂ is that of fixed samples: give a data set without it"
            )
    return fetched


def _collated(collate: Callable[[list[Any]], Any], fetched: list[Any]) -> Any:
    try:
        return collate(fetched)
    except Exception as error:  # whatever a collate_fn does
        shapes = {
            str(_shapes(sample)): place for place, sample in reversed(list(enumerate(fetched)))
        }
        if len(shapes) > 1:
            (one, first), (other, second) = sorted(shapes.items(), key=lambda item: item[1])[:2]
            raise ValueError(
                f"data: samples differ in shape, {one} at sample {first} and {other} at sample "
                f"{second}; pad them to one length, "
                "with a mask as a part of its own, or give a DataLoader whose collate_fn does"
            ) from error
        raise ValueError(
            f"data: the samples {_failed('cannot be put side by side', error)}"
        ) from error


def _alone(
    collate: Callable[[list[Any]], Any], fetched: list[Any], gathered: Any
) -> list[tuple[int, Any]]:
    """Samples that a ``collate_fn`` gives another shape when they are alone."""
    found = []
    for place in np.unique(np.linspace(0, len(fetched) - 1, 2 * PROBES).astype(int)).tolist():
        own = collate([fetched[place]])
        among = _map(itemgetter(slice(place, place + 1)), gathered)
        if _same(own, among):
            continue
        if _shapes(own) == _shapes(among):
            raise ValueError(
                f"data: the collate_fn makes something else of sample {place} when it is alone "
                "than among others (does it mix "
                "samples, or draw random numbers?); λ̂ is that of fixed samples: give a "
                "DataLoader without it"
            )
        found.append((place, own))
    return found


def _of_hugging_face(data: Any) -> Any:
    if isinstance(data, Mapping):
        raise ValueError(
            f"data: got a {type(data).__name__} of {', '.join(map(str, data))}; give one of them"
        )
    gathered = data.with_format("torch")[:]
    for name, column in gathered.items() if isinstance(gathered, Mapping) else ():
        if isinstance(column, list) and column and isinstance(column[0], torch.Tensor):
            raise ValueError(f"data: the rows of column {name!r} {RAGGED}")
    return gathered


def _is_list_of_samples(data: Any) -> bool:
    """Whether it is ``[(x, y), …]`` and not ``[x, y]``."""
    if not isinstance(data, list | tuple) or not data or hasattr(data, "_fields"):
        return False
    return all(
        isinstance(sample, Mapping) or (isinstance(sample, tuple | list) and _has_arrays(sample))
        for sample in data
    ) or (isinstance(data, list) and all(isinstance(sample, tuple) for sample in data))


def _with_arrays(sample: Any) -> Any:
    """Parts that are lists of numbers as arrays: they are one part, and not several."""

    def part(value: Any) -> Any:
        if not isinstance(value, list | tuple) or _has_arrays(value):
            return value
        array = np.asarray(value)
        return array if array.dtype.kind in "biufc" else value

    if isinstance(sample, Mapping):
        return {key: part(value) for key, value in sample.items()}
    return (
        tuple(part(value) for value in sample)
        if not hasattr(sample, "_make")
        else type(sample)._make(map(part, sample))
    )


def _has_arrays(sample: Sequence[Any]) -> bool:
    return any(_is_array(part) or isinstance(part, Mapping) for part in sample)


def _is_array(part: Any) -> bool:
    return (hasattr(part, "shape") and hasattr(part, "dtype")) or hasattr(part, "__array__")


def _side_by_side(
    gathered: Any, device: torch.device, fewest: int = FEWEST
) -> tuple[Parts, Callable[[Parts], Any]]:
    as_brought: Callable[[Any], Any] = _unchanged
    if isinstance(gathered, list) and len(gathered) > MOST_PARTS:
        raise ValueError(
            f"data: a list of {len(gathered)} arrays is read as so many parts side by side, x, y "
            "and so on; for a list of samples "
            "write torch.stack(list), or pairs [(x, y), …]"
        )
    if not isinstance(gathered, Mapping | tuple | list):
        gathered, as_brought = (gathered,), _only
    elif hasattr(gathered, "_make"):
        as_brought = type(gathered)._make
    result: Parts
    if isinstance(gathered, Mapping):
        result = {key: _as_tensor(value, repr(key), device) for key, value in gathered.items()}
        lengths = {key: len(value) for key, value in result.items()}
    else:
        result = tuple(_as_tensor(value, str(i), device) for i, value in enumerate(gathered))
        lengths = {str(i): len(value) for i, value in enumerate(result)}
    if not lengths:
        raise ValueError(
            "data: got no parts; it should be inputs and targets with a common first axis"
        )
    if len(set(lengths.values())) != 1:
        raise ValueError(f"data: the parts have {lengths} samples; all should have the same number")
    if next(iter(lengths.values())) < fewest:
        raise ValueError(
            f"data: got {next(iter(lengths.values()))} samples; n/log n needs at least {FEWEST}"
        )
    return result, as_brought


def _as_tensor(value: Any, name: str, device: torch.device) -> torch.Tensor:
    """A copy as a tensor, or why there is none."""
    if isinstance(value, torch.Tensor):
        if value.layout is not torch.strided or value.is_quantized:
            raise ValueError(
                f"data: part {name} is a {value.layout} tensor; give a dense one, by .to_dense() "
                "or padded"
            )
        if value.ndim == 0:
            raise ValueError(
                f"data: part {name} is a single number; it should have one row per sample"
            )
        # Out of a caller's inference mode: what is made there takes no part in derivatives.
        return value.detach().to(device, copy=True).contiguous()
    if isinstance(value, Mapping) or (isinstance(value, list | tuple) and _has_arrays(value)):
        raise ValueError(
            f"data: part {name} has parts itself; give tensors side by side, for which the model "
            "is called with one argument each, "
            "or a flat dict with loss(model, batch)"
        )
    if isinstance(value, np.ma.MaskedArray):
        raise ValueError(
            f"data: part {name} is a masked array; give the values and the mask as parts of "
            "their own"
        )
    try:
        array = np.asarray(value)
    except ValueError:  # rows of different lengths
        raise ValueError(f"data: the rows of part {name} {RAGGED}") from None
    if array.dtype.kind not in "biufc":
        what = (
            "text"
            if array.dtype.kind in "US" or isinstance(array.flat[0] if array.size else None, str)
            else f"{array.dtype} entries"
        )
        raise ValueError(f"data: part {name} has {what}; it should have numbers")
    if array.ndim == 0:
        raise ValueError(f"data: part {name} is a single number; it should have one row per sample")
    if array.dtype.itemsize // (1 + (array.dtype.kind == "c")) > 8:
        array = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
    native = np.array(array, dtype=array.dtype.newbyteorder("="), order="C")
    return torch.from_numpy(native).to(device)


def fitted(parts: Parts, kind: torch.dtype | None, name: str = "data") -> Parts:
    """Floating parts in the number type of a module's parameters, as the module needs them.

    Args:
        parts: side by side.
        kind: the only floating type of the parameters; ``None``: they have several, and the data
            stay as they are.
        name: of the argument.

    Raises:
        ValueError: samples of a part differ by less than the type can tell.
    """
    if kind is None:
        return parts

    def part(key: Any, value: torch.Tensor) -> torch.Tensor:
        if not (value.is_floating_point() or value.is_complex()):
            return value
        wanted = kind.to_complex() if value.is_complex() else kind
        if value.dtype == wanted:
            return value
        found = value.to(wanted)
        if torch.promote_types(value.dtype, wanted) != wanted:
            lost, spread = (
                (found - value).abs().max() if value.numel() else 0.0,
                (value - value[:1]).abs().max() if value.numel() else 0.0,
            )
            if float(lost) > LOST * float(spread):
                raise ValueError(
                    f"{name}: part {key} is {value.dtype}, and in the {kind} of the parameters "
                    f"it loses {float(lost):.2g} where its "
                    f"samples differ by {float(spread):.2g}; subtract what they have in common, "
                    "or give model.double()"
                )
        return found

    if isinstance(parts, dict):
        return {key: part(repr(key), value) for key, value in parts.items()}
    return tuple(part(i, value) for i, value in enumerate(parts))


def length(parts: Parts) -> int:
    """Samples of the parts."""
    return len(parts[0] if isinstance(parts, tuple) else next(iter(parts.values())))


def moved(parts: Parts, device: torch.device) -> Parts:
    """Copies on a device."""
    found: Parts = _each(lambda value: value.to(device, copy=True), parts)
    return found


def copies(parts: Parts) -> Parts:
    """Copies, which may be written to."""
    found: Parts = _each(torch.clone, parts)
    return found


def take(data: Any, index: Any) -> Any:
    """The samples ``index`` of every part."""
    return _each(lambda value: value[index], data)


def widened(data: Any, kinds: tuple[torch.dtype, ...]) -> Any:
    """The parts whose number type is one of ``kinds`` as float32."""
    return _each(lambda value: value.float() if value.dtype in kinds else value, data)


def gather(data: Any, index: torch.Tensor) -> Any:
    """The samples ``index``, of any shape, of every part: by whole rows, which is several times
    faster than indexing.
    """

    def rows(value: torch.Tensor) -> torch.Tensor:
        return value.index_select(0, index.reshape(-1)).reshape(*index.shape, *value.shape[1:])

    return _each(rows, data)


def _each(function: Callable[[torch.Tensor], torch.Tensor], parts: Any) -> Any:
    if isinstance(parts, dict):
        return {key: function(value) for key, value in parts.items()}
    return tuple(function(value) for value in parts)


def _unchanged(parts: Any) -> Any:
    return parts


def _only(parts: Any) -> Any:
    return parts[0]


def _map(function: Callable[[Any], Any], tree: Any) -> Any:
    if isinstance(tree, Mapping):
        return {key: _map(function, value) for key, value in tree.items()}
    return (
        [_map(function, value) for value in tree]
        if isinstance(tree, list | tuple)
        else function(tree)
    )


def _shapes(tree: Any) -> Any:
    return _map(lambda part: tuple(getattr(part, "shape", ())), tree)


def _same(one: Any, other: Any) -> bool:
    """Whether two samples are equal; what cannot be compared is not called different."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(_same(a, b) for a, b in zip(one, other, strict=True))
    try:
        return bool(
            np.array_equal(
                np.asarray(one), np.asarray(other), equal_nan=np.asarray(one).dtype.kind in "fc"
            )
        )
    except Exception:  # objects of any kind
        return True


def _stream(what: str) -> str:
    return (
        f"data: got {what}, which has no length and may never end; give a list of its samples, "
        "list(data), or a Dataset"
    )


def _failed(what: str, error: Exception) -> str:
    return f"{what} ({type(error).__name__}: {' '.join(str(error).split())[:200]})"
