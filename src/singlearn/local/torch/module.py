"""A caller's module as a copy of our own in evaluation mode, or why there is none."""

from __future__ import annotations

import copy
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch.nn.parameter import is_lazy

DEPTH = 6
"""How deep tensors are looked for in what a module keeps."""
WRAPPERS = (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel)


class Copied(NamedTuple):
    """A module of ours.

    Attributes:
        module: the copy, in evaluation mode.
        original: the caller's, out of its wrappers.
        computed: tensors that the caller's module keeps and that were computed from others, or are
            views of parameters, by name: their copies, which do not follow the parameters.
    """

    module: torch.nn.Module
    original: torch.nn.Module
    computed: dict[str, torch.Tensor]


_KEPT: WeakKeyDictionary[torch.nn.Module, dict[str, torch.Tensor]] = WeakKeyDictionary()
"""What was computed from parameters in a module that is itself a copy, where PyTorch does not say
so any more."""


def copied(model: torch.nn.Module) -> Copied:
    """A copy in evaluation mode, of the module within ``DataParallel`` or ``torch.compile``.

    Raises:
        ValueError: modules of TorchScript, parameters without numbers yet or spread over processes
            or devices, batch normalisation that keeps no statistics, modules that ``eval()`` or
            ``train()`` give other numbers, and what cannot be copied.
    """
    original = unwrapped(model)
    _refuse(original)
    module, computed = _copy(original)
    for part in module.modules():
        part._compiled_call_impl = None
        if _is_compiled(part):
            part.forward = part._orig_mod.forward  # type: ignore[union-attr]
    _in_evaluation_mode(module, original)
    return Copied(module, original, computed)


def copy_to_load(model: torch.nn.Module) -> torch.nn.Module:
    """A copy of the module within its wrappers, for other weights."""
    module, computed = _copy(unwrapped(model))
    _KEPT[module] = computed
    return module


def _copy(original: torch.nn.Module) -> tuple[torch.nn.Module, dict[str, torch.Tensor]]:
    computed = {**dict(_computed(original)), **_KEPT.get(original, {})}
    # A deep copy of what was computed is refused by PyTorch, for it could not say of what; here its
    # numbers will do.
    memo: dict[int, Any] = {id(tensor): tensor.detach().clone() for tensor in computed.values()}
    try:
        module = copy.deepcopy(original, memo)
    except Exception as error:  # whatever a module keeps: locks, files, generators
        raise ValueError(
            f"model: it cannot be copied ({type(error).__name__}: "
            f"{' '.join(str(error).split())[:200]}); take away what it keeps besides "
            "parameters and buffers, such as activations, locks or open files"
        ) from error
    return module, {name: memo[id(tensor)] for name, tensor in computed.items()}


def unwrapped(model: torch.nn.Module) -> torch.nn.Module:
    """The module within ``DataParallel``, ``DistributedDataParallel`` or ``torch.compile``."""
    while True:
        if isinstance(model, WRAPPERS):
            model = model.module
        elif _is_compiled(model):
            model = model._orig_mod  # type: ignore[assignment]
        else:
            return model


def _is_compiled(model: Any) -> bool:
    """Whether it is what ``torch.compile`` made of a module."""
    return type(model).__name__ == "OptimizedModule" and hasattr(model, "_orig_mod")


def _refuse(model: torch.nn.Module) -> None:
    for name, part in model.named_modules():
        what = f"model: {name or 'it'} is a {type(part).__name__}"
        if isinstance(part, torch.jit.ScriptModule):
            raise ValueError(
                f"{what} of TorchScript, whose parameters cannot be exchanged; give the Python "
                "module it was made of"
            )
        if isinstance(part, torch.nn.modules.batchnorm._BatchNorm) and part.running_mean is None:
            raise ValueError(
                f"{what} without running statistics (track_running_stats=False), so that the "
                "loss of a sample depends on the other samples "
                "of its batch; give it running statistics, or use LayerNorm or GroupNorm"
            )
        if type(part).__name__ in ("FullyShardedDataParallel", "FSDPModule"):
            raise ValueError(
                f"{what}, whose parameters are spread over processes; give the module inside "
                "with all its parameters"
            )
    devices = set()
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if is_lazy(tensor):
            raise ValueError(
                f"model: {name} has no numbers yet (a lazy module); call the model once on a "
                "batch, and train it"
            )
        if tensor.is_meta:
            raise ValueError(f"model: {name} has no numbers (device meta); load its weights")
        if type(tensor).__name__ in ("DTensor", "ShardedTensor"):
            raise ValueError(
                f"model: {name} is spread over processes ({type(tensor).__name__}); give a "
                "module that holds all of it"
            )
        devices.add(str(tensor.device))
    if len(devices) > 1:
        raise ValueError(
            f"model: its parameters and buffers are on {', '.join(sorted(devices))}; they should "
            "be on one device"
        )


def _computed(model: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Tensors with a history that modules keep, or in the memory of a parameter: activations,
    weights of old normalisations, views.
    """
    memory = sorted(_extent(p) for p in model.parameters())
    for (start, end), (after, _) in pairwise(memory):
        if start < end and after < end:
            names = [
                name for name, p in model.named_parameters() if _extent(p)[0] in (start, after)
            ]
            raise ValueError(
                f"model: the parameters {' and '.join(names[:2])} share their memory without "
                "being one Parameter, so that it does "
                "not say how many there are; give both attributes the same Parameter"
            )
    begins = [start for start, _ in memory]
    seen: set[int] = set()
    for name, part in model.named_modules():
        for key, value in vars(part).items():
            if key not in ("_modules", "_parameters"):
                for where, tensor in _within(f"{name}.{key}" if name else key, value, seen, DEPTH):
                    if not tensor.is_leaf or _overlaps(_extent(tensor), memory, begins):
                        yield where, tensor


def _extent(tensor: torch.Tensor) -> tuple[int, int]:
    """Where the numbers of a tensor begin and end in memory."""
    if tensor.layout is not torch.strided or tensor.numel() == 0:
        return 0, 0
    last = sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride(), strict=True))
    return tensor.data_ptr(), tensor.data_ptr() + (last + 1) * tensor.element_size()


def _overlaps(extent: tuple[int, int], memory: list[tuple[int, int]], begins: list[int]) -> bool:
    start, end = extent
    before = bisect_left(begins, end) - 1
    return start < end and before >= 0 and memory[before][1] > start


def _within(
    name: str, value: Any, seen: set[int], depth: int
) -> Iterator[tuple[str, torch.Tensor]]:
    """Tensors, but no parameters, in what a module keeps."""
    if isinstance(value, torch.Tensor):
        if id(value) not in seen and not isinstance(value, torch.nn.Parameter):
            seen.add(id(value))
            yield name, value
        return
    if (
        depth == 0
        or id(value) in seen
        or isinstance(value, torch.nn.Module | type | str | bytes | int | float)
    ):
        return
    seen.add(id(value))
    parts: Iterable[tuple[str, Any]] = ()
    if isinstance(value, Mapping):
        parts = ((f".{key}", part) for key, part in value.items())
    elif isinstance(value, list | tuple | set | frozenset):
        parts = ((f"[{i}]", part) for i, part in enumerate(value))
    elif type(value).__module__ != "builtins" and isinstance(
        getattr(value, "__dict__", None), dict
    ):
        parts = ((f".{key}", part) for key, part in vars(value).items())
    for end, part in parts:
        yield from _within(name + end, part, seen, depth - 1)


def _in_evaluation_mode(module: torch.nn.Module, original: torch.nn.Module) -> None:
    """Into evaluation mode; the other mode is tried first, for adapters may have been merged by it
    already.
    """
    changed = None
    for mode in (False, True):
        try:
            module.train(mode)
        except Exception:  # a train() of the caller's own need not allow both
            continue
        changed = changed or _difference(module, original)
        if changed:
            raise ValueError(
                f"model: {'train()' if mode else 'eval()'} changes the numbers of {changed} (an "
                "adapter, such as LoRA, that is merged into "
                "weights in evaluation mode?), so that its parameters may not act any more; "
                "switch merging off, or give the merged "
                "module without the adapter"
            )
    module.eval()


def _difference(module: torch.nn.Module, original: torch.nn.Module) -> str | None:
    """The name of a parameter or buffer that is not the original's."""
    own, theirs = (
        {**dict(m.named_parameters()), **dict(m.named_buffers())} for m in (module, original)
    )
    if own.keys() != theirs.keys():
        return ", ".join(sorted(own.keys() ^ theirs.keys())[:3])
    for name, tensor in own.items():
        other = theirs[name]
        if tensor.layout is torch.strided and not bool(
            ((tensor == other) | ((tensor != tensor) & (other != other))).all()
        ):
            return name
    return None
