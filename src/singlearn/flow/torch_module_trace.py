"""A PyTorch module as it runs: every operation is watched, and what it binds is written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from singlearn.flow.laws_spaces import PINNED, ZERO, Ids
from singlearn.flow.laws_uses import Uses

Labels = torch.Tensor
"""For each entry of a tensor the coordinate that it carries."""


@dataclass(frozen=True)
class ViewOfParameter:
    """A tensor that is a view of a parameter that moves.

    Attributes:
        name: of the parameter.
        axes: for each axis of the view with more than one place, the axis of the parameter it runs
            along.
        places: the positions there.
    """

    name: str
    axes: tuple[int | None, ...]
    places: tuple[Ids, ...]


@dataclass
class NotKnown:
    """What the reader could not follow.

    Attributes:
        curved: sentences on functions that have no symmetry.
        unknown: operations that are not understood, by module.
    """

    curved: dict[str, None] = field(default_factory=dict)
    unknown: dict[str, None] = field(default_factory=dict)


class Tape(TorchDispatchMode):
    """Follows coordinates through all operations of one run.

    Args:
        model: whose parameters are looked for.
        follow: writes down what one operation binds; it is given the tape, the operation, its name,
            what it was given and what it gave.
    """

    def __init__(self, model: nn.Module, follow: Callable[..., None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._follow = follow
        self.moving = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self.frozen = {name: p for name, p in model.named_parameters() if not p.requires_grad}
        self.uses = Uses({name: tuple(p.shape) for name, p in self.moving.items()})
        self.notes = NotKnown()
        self.used: set[str] = set()
        self.norms: list[str] = []
        self.centred: dict[int, torch.Tensor] = {}
        self._labels: dict[int, tuple[torch.Tensor, Labels]] = {}
        self._storages: dict[int, list[tuple[str, torch.Tensor]]] = {}
        for name, p in self.moving.items():
            self._storages.setdefault(p.untyped_storage().data_ptr(), []).append((name, p.detach()))
        self._stack: list[str] = [""]
        self._names = {module: name for name, module in model.named_modules()}
        self._model = model

    @property
    def module(self) -> str:
        """Where the run is."""
        name = self._stack[-1]
        kind = type(self._model.get_submodule(name)).__name__
        return f"{name} ({kind})" if name else kind

    @contextmanager
    def listening(self) -> Any:
        """Know at every operation which module it belongs to."""
        handles = []
        for module, name in self._names.items():
            handles.append(
                module.register_forward_pre_hook(lambda *_, name=name: self._stack.append(name))
            )
            handles.append(module.register_forward_hook(self._leave, always_call=True))
        try:
            with self:
                yield self
        finally:
            for handle in handles:
                handle.remove()

    def _leave(self, *_: Any) -> None:
        self._stack.pop()

    # --- what is known of a tensor -------------------------------------------------------------

    def parameter(self, tensor: torch.Tensor) -> ViewOfParameter | None:
        """The parameter that a tensor is a view of, if it is one."""
        if tensor.is_sparse or not tensor.numel():
            return None
        for name, p in self._storages.get(tensor.untyped_storage().data_ptr(), ()):
            start = tensor.storage_offset() - p.storage_offset()
            if 0 <= start < p.numel() and tensor.dtype == p.dtype:
                self.used.add(name)
                return _place(name, tuple(p.shape), p, tensor, int(start))
        return None

    def labels(self, tensor: torch.Tensor) -> Labels:
        """The coordinates that a tensor carries."""
        found = self._labels.get(id(tensor))
        if found is not None:
            return found[1]
        place = self.parameter(tensor)
        if place is None:
            return torch.full(tensor.shape, PINNED)
        return self._as_vector(place, tensor)

    def is_followed(self, tensor: Any) -> bool:
        """Whether a tensor carries coordinates, or is a parameter."""
        return isinstance(tensor, torch.Tensor) and (
            id(tensor) in self._labels or self.parameter(tensor) is not None
        )

    def put(self, tensor: torch.Tensor, labels: Labels) -> None:
        """Say what a tensor carries."""
        old = self._labels.get(id(tensor))
        if old is not None and old[1].shape == labels.shape and old[1] is not labels:
            old[1].copy_(labels.clone())  # a view of another tensor sees it too
            return
        if bool((labels == PINNED).all()):
            return
        self._labels[id(tensor)] = (tensor, labels)

    def _as_vector(self, place: ViewOfParameter, tensor: torch.Tensor) -> Labels:
        """A parameter as a vector that others are added to: its last axis has coordinates."""
        at = [k for k, axis in enumerate(place.axes) if axis is not None]
        if not at:
            self.uses.other_uses.add(place.name)
            if np.prod(self.uses.shapes[place.name]) > 1:
                self.pin_parameter(place.name)
                return torch.full(tensor.shape, PINNED)
            return torch.full(tensor.shape, int(self.uses.axis(place.name, (0,), (1,))[0]))
        last = next((k for k in reversed(at) if tensor.shape[k] > 1), at[-1])
        axis = place.axes[last]
        assert axis is not None
        ids = self.uses.axis(place.name, (axis,))[place.places[last]]
        for other in range(len(self.uses.shapes[place.name])):
            if other == axis:
                continue
            self.uses.spaces.pin(self.uses.axis(place.name, (other,)))
        self.uses.writers[place.name].append((axis, place.places[last], ids))
        shape = [1] * tensor.ndim
        shape[last] = len(ids)
        return torch.from_numpy(ids).reshape(shape).expand(tensor.shape).clone()

    # --- every operation -----------------------------------------------------------------------

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run an operation, and follow it."""
        kwargs = dict(kwargs or {})
        followed = any([self.is_followed(t) for t in _tensors(args, kwargs)])
        out = func(*args, **kwargs)
        name = func._schema.name.removeprefix("aten::")
        if followed:
            self._follow(self, func, name, args, kwargs, out)
        elif name in ("zeros", "zero_"):
            self._labels[id(out)] = (out, torch.full(out.shape, ZERO))
        return out

    def note(self, text: str) -> None:
        """Say what is not understood."""
        self.notes.unknown[text] = None

    def not_understood(
        self, name: str, tensors: list[torch.Tensor], outs: list[torch.Tensor]
    ) -> None:
        """An operation that is not known: nothing it touches has a symmetry that is claimed."""
        self.note(
            f"{self.module}: {name} is an operation that is not understood; no law of what it "
            f"reads is claimed"
        )
        self.refuse(tensors)
        for out in outs:
            self.forget(out)

    def curved(self, name: str, tensors: list[torch.Tensor], outs: list[torch.Tensor]) -> None:
        """A function without a continuous symmetry."""
        ids = [self.ids(t) for t in tensors]
        if any((i > 0).any() for i in ids):
            self.notes.curved[
                f"{self.module}: no law of the nodes it acts on, {name} has no continuous symmetry"
            ] = None
        self.refuse(tensors)
        for out in outs:
            self.forget(out)

    def refuse(self, tensors: list[torch.Tensor]) -> None:
        """Pin all coordinates of tensors, and all axes of parameters among them."""
        for tensor in tensors:
            place = self.parameter(tensor) if id(tensor) not in self._labels else None
            if place is not None:
                self.uses.other_uses.add(place.name)
                self.pin_parameter(place.name)
                continue
            ids = self.ids(tensor)
            self.uses.spaces.pin(ids[ids != ZERO])
            self.uses.shifts.see(ids)

    def pin_parameter(self, name: str) -> None:
        """No symmetry that is claimed moves this parameter."""
        shape = self.uses.shapes[name]
        for k in range(len(shape)):
            self.uses.spaces.pin(self.uses.axis(name, (k,)))
        if not shape:
            self.uses.spaces.pin(self.uses.axis(name, (0,), (1,)))

    def forget(self, out: torch.Tensor) -> None:
        """A result that no symmetry moves."""
        old = self._labels.get(id(out))
        if old is not None:
            old[1].fill_(PINNED)

    def ids(self, tensor: torch.Tensor) -> Ids:
        """All coordinates of a tensor, one after the other."""
        return self.labels(tensor).reshape(-1).numpy()


def _tensors(args: Any, kwargs: Mapping[str, Any]) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    for part in (*args, *kwargs.values()):
        if isinstance(part, torch.Tensor):
            found.append(part)
        elif isinstance(part, (list, tuple)):
            found += [t for t in part if isinstance(t, torch.Tensor)]
    return found


def _place(
    name: str, shape: tuple[int, ...], p: torch.Tensor, view: torch.Tensor, start: int
) -> ViewOfParameter | None:
    """Which axis of a parameter each axis of a view runs along."""
    if not p.is_contiguous():
        return ViewOfParameter(name, (None,) * view.ndim, ())
    origin = np.array(np.unravel_index(start, shape)) if shape else np.zeros(0, dtype=np.int64)
    axes: list[int | None] = []
    places: list[Ids] = []
    for size, stride in zip(view.shape, view.stride(), strict=True):
        if size == 1 or stride == 0:
            axes.append(None)
            places.append(np.zeros(1, dtype=np.int64))
            continue
        flat = start + stride * np.arange(size)
        if flat[-1] >= p.numel():
            return ViewOfParameter(name, (None,) * view.ndim, ())
        moved = np.stack(np.unravel_index(flat, shape), axis=1) != origin
        along = np.flatnonzero(moved.any(axis=0))
        if len(along) != 1 or int(along[0]) in axes:
            return ViewOfParameter(name, (None,) * view.ndim, ())
        axes.append(int(along[0]))
        places.append(np.asarray(np.unravel_index(flat, shape)[int(along[0])], dtype=np.int64))
    # Axes of one place: those of the parameter that are left, first those that have one place too.
    left = sorted((k for k in range(len(shape)) if k not in axes), key=lambda k: (shape[k] > 1, k))
    ones = [k for k, size in enumerate(view.shape) if size == 1]
    if len(ones) <= len(left) and (
        len(left) == len(ones)
        or shape[left[len(ones)]] > 1
        or len(ones) == 0
        or view.ndim == len(shape)
    ):
        for k, axis in zip(ones, left, strict=False):
            axes[k] = axis
            places[k] = np.array([origin[axis]])
    return ViewOfParameter(name, tuple(axes), tuple(places))
