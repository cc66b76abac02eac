"""Which rows of its data set a ``DataLoader`` draws."""

from __future__ import annotations

from collections import Counter
from itertools import chain, islice
from typing import Any

import numpy as np
import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    DistributedSampler,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

WEIGH = (
    "give the weight of each sample as a part of the data and weigh the loss by it, (x, y, "
    "weight) with "
    "loss(output, target, weight)"
)
MORE_THAN = 16
"""A sampler that draws so many times as many rows as there are is taken for one that never ends."""


def rows_drawn(loader: DataLoader[Any]) -> list[Any] | None:
    """The rows that one pass of the loader draws, as often as it draws them; ``None``: each once.

    Args:
        loader: of a data set with an index. What it shuffles comes in another order, for the order
            of samples plays no part.

    Raises:
        ValueError: batches that are made by the data set; samplers that weigh samples, that give
            this process a part of them, that draw others at every pass, or that cannot be asked
            twice.
    """
    if loader.batch_sampler is None:
        raise ValueError(
            "data: the DataLoader has batch_size=None, so that its batches are made by the data "
            "set; give a batch_size, or "
            "the tensors of all samples"
        )
    return _of_sampler(loader.batch_sampler, len(loader.dataset))  # type: ignore[arg-type]


def _of_sampler(sampler: Any, rows: int) -> list[Any] | None:
    kind = type(sampler)
    if kind is BatchSampler:
        return _in_batches(sampler, rows)
    if kind is SequentialSampler:
        # It may number another data set.
        length = len(sampler)
        return None if length == rows else list(range(length))
    if kind is RandomSampler:
        length = len(sampler.data_source)
        if sampler.num_samples != length:
            raise ValueError(
                f"data: its sampler RandomSampler draws {sampler.num_samples} of {length} "
                "samples, others at every pass; n "
                "has no meaning then: give the whole data set, or a Subset of it"
            )
        return None if length == rows else list(range(length))
    if kind is SubsetRandomSampler:
        return [_row(index) for index in sampler.indices]
    if isinstance(sampler, WeightedRandomSampler):
        raise ValueError(
            f"data: its sampler WeightedRandomSampler weighs the samples; {WEIGH}, or a Subset "
            "of the rows"
        )
    if isinstance(sampler, DistributedSampler):
        if sampler.num_replicas == 1 and len(sampler) == rows:
            return None
        raise ValueError(
            "data: its sampler DistributedSampler gives this process one of "
            f"{sampler.num_replicas} parts of the data; give "
            "a DataLoader of all of it, without that sampler"
        )
    return _of_any(sampler, rows)


def _in_batches(sampler: BatchSampler, rows: int) -> list[Any] | None:
    drawn = _of_sampler(sampler.sampler, rows)
    if not sampler.drop_last:
        return drawn
    length = rows if drawn is None else len(drawn)
    whole = length - length % sampler.batch_size
    if whole == 0:
        raise ValueError(
            f"data: the DataLoader draws nothing: {length} samples are less than one batch of "
            f"{sampler.batch_size}, and it "
            "drops the last"
        )
    # Shuffled, every sample has its turn; in one order, the last ones never have.
    if isinstance(sampler.sampler, RandomSampler | SubsetRandomSampler) or whole == length:
        return drawn
    return list(range(whole)) if drawn is None else drawn[:whole]


def _of_any(sampler: Any, rows: int) -> list[Any]:
    """What a sampler of the caller's own draws: asked twice, and its random numbers put back."""
    name = type(sampler).__name__
    if iter(sampler) is sampler:
        raise ValueError(
            f"data: its sampler {name} can be asked only once; give a list of the rows, or a Subset"
        )
    generators = (
        [value for value in vars(sampler).values() if isinstance(value, torch.Generator)]
        if hasattr(sampler, "__dict__")
        else []
    )
    states = [generator.get_state() for generator in generators]
    try:
        first, second = (_flat(sampler, rows, name) for _ in range(2))
    finally:
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)
    if Counter(first) != Counter(second):
        raise ValueError(
            f"data: its sampler {name} draws other samples at every pass; n has no meaning then: "
            "give a Subset of the rows, "
            f"or, if it weighs them, {WEIGH}"
        )
    if not first:
        raise ValueError(f"data: its sampler {name} draws nothing")
    return first


def _flat(sampler: Any, rows: int, name: str) -> list[Any]:
    most = MORE_THAN * rows + 1
    drawn = list(
        islice(chain.from_iterable(_as_batch(part) for part in islice(iter(sampler), most)), most)
    )
    if len(drawn) == most:
        raise ValueError(
            f"data: its sampler {name} draws more than {most - 1} of {rows} samples in one pass; "
            "does it end?"
        )
    return drawn


def _as_batch(part: Any) -> list[Any]:
    """One row, or the rows of a batch."""
    if isinstance(part, list | tuple):
        return [_row(index) for index in part]
    if isinstance(part, torch.Tensor | np.ndarray) and part.ndim == 1:
        return [_row(index) for index in part.tolist()]
    return [_row(part)]


def _row(index: Any) -> Any:
    """A row's number; keys of another kind are left as they are."""
    return int(index) if isinstance(index, torch.Tensor | np.integer | np.ndarray) else index
