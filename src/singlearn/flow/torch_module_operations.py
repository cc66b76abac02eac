"""What each operation of PyTorch binds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from singlearn.flow.laws_spaces import PINNED, ZERO, Ids
from singlearn.flow.torch_module_trace import Labels, Tape

Args = tuple[Any, ...]
Kwargs = Mapping[str, Any]
Handler = Callable[[Tape, Args, Kwargs, Any], Any]
# fmt: off
MOVES = frozenset({
    "view", "_unsafe_view", "reshape", "_reshape_alias", "t", "transpose", "permute",
    "expand", "slice", "select", "split", "split_with_sizes", "chunk", "cat", "stack",
    "unsqueeze", "squeeze", "clone", "contiguous", "index_select", "index", "gather",
    "unbind", "flip", "roll", "repeat", "detach", "alias", "unfold", "diagonal", "lift_fresh",
    "narrow", "constant_pad_nd", "reflection_pad1d", "reflection_pad2d", "replication_pad1d",
    "replication_pad2d", "tril", "triu", "masked_fill", "pixel_shuffle", "channel_shuffle",
    "movedim", "swapaxes",
})
CURVED = frozenset({
    "tanh", "sigmoid", "gelu", "silu", "elu", "selu", "celu", "softplus", "mish", "hardtanh",
    "hardswish", "hardsigmoid", "exp", "expm1", "exp2", "log", "log1p", "log2", "erf", "sin",
    "cos", "tan", "atan", "asin", "acos", "sinh", "cosh", "softshrink", "hardshrink",
    "log_sigmoid_forward", "logsumexp", "softsign", "logit", "relu6",
})
HOMOGENEOUS = frozenset({
    "relu", "leaky_relu", "abs", "neg", "rrelu_with_noise", "dropout", "native_dropout",
    "feature_dropout", "alpha_dropout",
})
POWERS = {"square": 2.0, "sqrt": 0.5, "rsqrt": -0.5, "reciprocal": -1.0}
COMPARISONS = frozenset(["gt", "lt", "ge", "le", "eq", "ne", "isnan", "isinf"])
WITHOUT_LABELS = frozenset({
    "empty_like", "zeros_like", "ones_like", "full_like", "rand_like", "randn_like",
    "bernoulli", "sym_size", "sym_numel", "sym_stride", "is_same_size", "new_zeros",
    "new_ones", "new_empty", "new_full", "size", "stride", "numel", "new_empty_strided",
})
# fmt: on
SMALL = 1e-2
"""A constant added to a mean square that is at most this is the ε of a norm."""


def follow(tape: Tape, func: Any, name: str, args: Args, kwargs: Kwargs, out: Any) -> None:
    """Write down what one operation binds.

    Args:
        tape: that watches the run.
        func: the operation.
        name: its name.
        args: what it was given.
        kwargs: the same by name.
        out: what it gave.
    """
    try:
        _follow(tape, func, name, args, kwargs, out)
    except Exception:  # a form of an operation that no handler was written for
        tape.not_understood(name, _followed(tape, args, kwargs), _outs(out))


def _follow(tape: Tape, func: Any, name: str, args: Args, kwargs: Kwargs, out: Any) -> None:
    plain = name.removesuffix("_") if name.endswith("_") and not name.endswith("__") else name
    if plain in WITHOUT_LABELS:
        return
    handler = HANDLERS.get(plain)
    if plain in MOVES:
        _move(tape, func, plain, args, kwargs, out)
    elif handler is not None and handler(tape, args, kwargs, out) is not False:
        pass
    elif plain in HOMOGENEOUS:
        _pointwise(tape, plain, args, out)
    elif plain in POWERS:
        _power(tape, args[0], POWERS[plain], out)
    elif plain in CURVED:
        tape.curved(plain, _followed(tape, args, kwargs), _outs(out))
    else:
        tape.not_understood(name, _followed(tape, args, kwargs), _outs(out))


def _outs(out: Any) -> list[torch.Tensor]:
    return [
        t for t in (out if isinstance(out, (list, tuple)) else [out]) if isinstance(t, torch.Tensor)
    ]


def _followed(tape: Tape, args: Args, kwargs: Kwargs) -> list[torch.Tensor]:
    flat = [
        t
        for part in (*args, *kwargs.values())
        for t in (part if isinstance(part, (list, tuple)) else [part])
    ]
    return [t for t in flat if isinstance(t, torch.Tensor) and tape.is_followed(t)]


def _flat(labels: Labels) -> Ids:
    return labels.reshape(-1).numpy()


def _fresh(tape: Tape, *parts: Ids) -> Ids:
    """A fresh coordinate for each distinct tuple of entries, all of them in one block."""
    key = np.zeros(len(parts[0]), dtype=np.int64)
    for ids in parts:
        key = np.unique(key, return_inverse=True)[1] * (tape.uses.spaces.size + 2) + ids + 1
    _, first, back = np.unique(key, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))
    return tape.uses.spaces.new(len(first))[order[back]]


# --- moving entries about ----------------------------------------------------------------------


def _move(tape: Tape, func: Any, name: str, args: Args, kwargs: Kwargs, out: Any) -> None:
    first = args[0]
    if isinstance(first, torch.Tensor) and id(first) not in tape._labels:
        # A view of a parameter is found again by its storage.
        here = first.untyped_storage().data_ptr()
        views = all(o.untyped_storage().data_ptr() == here for o in _outs(out))
        if views and tape.parameter(first) is not None:
            return
    if name == "masked_fill":
        value = args[2]
        zero = not isinstance(value, torch.Tensor) and value == 0
        mask: torch.Tensor = args[1].expand(first.shape)
        finite = zero or (not isinstance(value, torch.Tensor) and value > -1e4)
        filled = ZERO if zero else PINNED
        if finite:
            tape.uses.spaces.split(tape.ids(first))
        labels = (
            torch.where(mask, torch.tensor(filled), tape.labels(first))
            if finite
            else tape.labels(first)
        )
        tape.put(out, labels.clone())
        return
    if name == "constant_pad_nd":
        value = args[2] if len(args) > 2 else 0
        args = (tape.labels(first), args[1], ZERO if value == 0 else PINNED)
        tape.put(out, func(*args))
        return
    if name in ("tril", "triu"):
        kept = func(torch.ones(first.shape, dtype=torch.bool), *args[1:])
        tape.uses.spaces.split(tape.ids(first))
        tape.put(out, torch.where(kept, tape.labels(first), torch.tensor(ZERO)))
        return
    options = {k: v for k, v in kwargs.items() if k != "memory_format"}
    if "reflection" in name or "replication" in name:
        found: Any = func(tape.labels(first).double(), *args[1:]).long()
    else:
        if isinstance(first, (list, tuple)):
            given: Args = ([tape.labels(t) for t in first], *args[1:])
        else:
            given = (tape.labels(first), *args[1:])
        # Labels may lie in another order in memory than what they belong to.
        found = (
            given[0].reshape(args[1])
            if name in ("view", "_unsafe_view", "reshape") and len(args) == 2
            else func(*given, **options)
        )
    if (
        name in ("view", "_unsafe_view")
        and id(first) in tape.centred
        and out.shape[-1] == first.shape[-1]
    ):
        tape.centred[id(out)] = out
    outs = found if isinstance(found, (list, tuple)) else [found]
    for tensor, labels in zip(_outs(out), outs, strict=True):
        tape.put(tensor, labels)


def _copy(tape: Tape, args: Args, kwargs: Kwargs, out: Any) -> None:
    tape.put(out, tape.labels(args[0]).clone())


def _copy_into(tape: Tape, args: Args, kwargs: Kwargs, out: Any) -> None:
    labels = tape.labels(args[1]).expand(out.shape).clone()
    if id(out) not in tape._labels and bool((labels != PINNED).any()):
        # Into a fresh tensor, of which nothing was known.
        base = out if out._base is None else out._base
        if base is not out:
            tape.not_understood("copy_", _followed(tape, args, kwargs), [])
            return
    tape.put(out, labels)


def _where(tape: Tape, args: Args, kwargs: Kwargs, out: Any) -> None:
    if len(args) < 3:
        tape.not_understood("where", _followed(tape, args, kwargs), _outs(out))
        return
    labels = []
    for part in args[1:3]:
        if isinstance(part, torch.Tensor) and tape.is_followed(part):
            labels.append(tape.labels(part))
            continue
        zero = bool((part == 0).all()) if isinstance(part, torch.Tensor) else part == 0
        labels.append(torch.tensor(ZERO if zero else PINNED))
    for ids in labels:
        tape.uses.spaces.split(_flat(ids)[_flat(ids) != ZERO])
    chosen: torch.Tensor = torch.where(args[0], labels[0], labels[1])
    tape.put(out, chosen.expand(out.shape).clone())


# --- entry by entry ----------------------------------------------------------------------------


def _pointwise(tape: Tape, name: str, args: Args, out: Any) -> None:
    """Positively homogeneous of degree one."""
    labels = tape.labels(args[0])
    result = out[0] if isinstance(out, tuple) else out
    if name != "neg":
        tape.uses.spaces.split(_flat(labels))
        tape.uses.shifts.see(_flat(labels))
    elif bool((labels > 0).any()):
        fresh = _fresh(tape, _flat(labels))
        tape.uses.spaces.link(_flat(labels), fresh)
        tape.uses.shifts.see(_flat(labels))
        tape.put(
            result,
            torch.from_numpy(np.where(_flat(labels) > 0, fresh, _flat(labels))).reshape(
                labels.shape
            ),
        )
        return
    tape.put(result, labels.clone())


def _prelu(tape: Tape, args: Args, kwargs: Kwargs, out: Any) -> None:
    tape.refuse([args[1]] if tape.is_followed(args[1]) else [])
    _pointwise(tape, "prelu", args, out)


def _threshold(tape: Tape, args: Args, kwargs: Kwargs, out: Any) -> bool | None:
    if any(x != 0 for x in args[1:3]):
        tape.curved("threshold", _followed(tape, args, kwargs), _outs(out))
        return None
    _pointwise(tape, "threshold", args, out)
    return None


def _clamp(tape: Tape, args: Args, kwargs: Kwargs, out: Any) -> None:
    bounds = [x for x in (*args[1:], *kwargs.values()) if x is not None]
    if any(isinstance(x, torch.Tensor) or x != 0 for x in bounds):
        tape.curved("clamp", _followed(tape, args, kwargs), _outs(out))
        return
    _pointwise(tape, "clamp", args, out)


def _power(tape: Tape, tensor: torch.Tensor, degree: float, out: Any) -> None:
    labels = tape.labels(tensor)
    ids = _flat(labels)
    tape.uses.spaces.split(ids)
    tape.uses.shifts.see(ids)
    fresh = _fresh(tape, ids)
    tape.uses.spaces.link(ids, fresh, degree)
    tape.uses.spaces.split(fresh)
    tape.put(out, torch.from_numpy(np.where(ids == ZERO, ZERO, fresh)).reshape(labels.shape))


def _pow(tape: Tape, args: Args, kwargs: Kwargs, out: Any) -> None:
    if isinstance(args[0], torch.Tensor) and isinstance(args[1], (int, float)) and args[1] != 0:
        _power(tape, args[0], float(args[1]), out)
    else:
        tape.curved("pow", _followed(tape, args, kwargs), _outs(out))


def _compare(tape: Tape, args: Args, kwargs: Kwargs, out: Any) -> None:
    """Positive scales do not change a sign; any other comparison they may."""
    ids = [tape.ids(t) for t in _followed(tape, args, kwargs)]
    if isinstance(args[1], (int, float)) and args[1] == 0:
        tape.uses.spaces.split(ids[0])
        tape.uses.shifts.see(ids[0])
        return
    tape.curved("a comparison", _followed(tape, args, kwargs), _outs(out))


def _sum_of_two(tape: Tape, args: Args, kwargs: Kwargs, out: Any) -> None:
    left, right = args[0], args[1]
    for own, other in ((left, right), (right, left)):
        both = tape.is_followed(own) and tape.is_followed(other)
        if both and bool((tape.labels(other) == ZERO).all()):
            tape.put(out, tape.labels(own).expand(out.shape).clone())
            return
    followed = [
        isinstance(t, torch.Tensor) and tape.is_followed(t) and bool((tape.labels(t) > 0).any())
        for t in (left, right)
    ]
    if not any(followed):
        followed = [isinstance(t, torch.Tensor) and tape.is_followed(t) for t in (left, right)]
    if not all(followed):
        own, other = (left, right) if followed[0] else (right, left)
        _add_constant(tape, own, other, out)
        return
    a, b = (tape.labels(t).expand(out.shape) for t in (left, right))
    x, y = _flat(a), _flat(b)
    if np.array_equal(x, y):
        tape.put(out, a.clone())
        return
    fresh = _fresh(tape, x, y)
    fresh = np.where(x == ZERO, y, np.where(y == ZERO, x, fresh))
    for ids in (x, y):
        tape.uses.spaces.link(fresh, ids)
        tape.uses.shifts.passed(ids, fresh)
    tape.put(out, torch.from_numpy(fresh).reshape(out.shape))


def _add_constant(tape: Tape, own: torch.Tensor, other: Any, out: Any) -> None:
    """A constant is not a scale; the ε of a norm is a small one."""
    labels = tape.labels(own).expand(out.shape)
    ids = _flat(labels)
    nothing = isinstance(other, torch.Tensor) and other.numel() and bool((other == 0).all())
    if nothing or (not isinstance(other, torch.Tensor) and other == 0):
        tape.put(out, labels.clone())
        return
    fresh = _fresh(tape, ids)
    tape.uses.spaces.link(ids, fresh)
    tape.uses.shifts.passed(ids, fresh)
    small = isinstance(other, (int, float)) and 0 < other <= SMALL
    if small:
        tape.uses.spaces.pin_softly(fresh)
        tape.norms.append(tape.module)
    else:
        tape.uses.spaces.pin(fresh)
    tape.put(out, torch.from_numpy(fresh).reshape(out.shape))


def _is_one_number(other: Any) -> bool:
    if not isinstance(other, torch.Tensor):
        return True
    return other.numel() == 1 or bool((other == other.reshape(-1)[0]).all())


def _multiply(tape: Tape, args: Args, kwargs: Kwargs, out: Any, sign: float = 1.0) -> None:
    left, right = args[0], args[1]
    followed = [isinstance(t, torch.Tensor) and tape.is_followed(t) for t in (left, right)]
    spaces, shifts = tape.uses.spaces, tape.uses.shifts
    if not all(followed):
        own, other = (left, right) if followed[0] else (right, left)
        if sign < 0 and not followed[0]:
            tape.curved("a constant divided by it", [own], _outs(out))
            return
        labels = tape.labels(own).expand(out.shape)
        if _is_one_number(other):
            fresh = _fresh(tape, _flat(labels))
            spaces.link(_flat(labels), fresh)
            shifts.passed(_flat(labels), fresh)
            tape.put(
                out,
                torch.from_numpy(np.where(_flat(labels) == ZERO, ZERO, fresh)).reshape(
                    labels.shape
                ),
            )
            return
        spaces.split(_flat(labels))
        shifts.see(_flat(labels))
        tape.put(out, labels.clone())
        return
    a, b = (_flat(tape.labels(t).expand(out.shape)) for t in (left, right))
    fresh = _fresh(tape, a, b)
    for ids in (a, b):
        shifts.see(ids)
        spaces.split(ids)
    spaces.split(fresh)
    if sign > 0:
        spaces.add(fresh, a, b)
    else:
        spaces.add(a, fresh, b)
    nothing = (a == ZERO) | (b == ZERO) if sign > 0 else a == ZERO
    tape.put(out, torch.from_numpy(np.where(nothing, ZERO, fresh)).reshape(out.shape))


def _divide(tape: Tape, args: Args, kwargs: Kwargs, out: Any) -> None:
    _multiply(tape, args, kwargs, out, -1.0)


def _larger_of_two(tape: Tape, args: Args, kwargs: Kwargs, out: Any) -> None:
    if not all(tape.is_followed(t) for t in args[:2]):
        tape.curved("a comparison", _followed(tape, args, kwargs), _outs(out))
        return
    a, b = (_flat(tape.labels(t).expand(out.shape)) for t in args[:2])
    for ids in (a, b):
        tape.uses.spaces.split(ids)
        tape.uses.shifts.see(ids)
    tape.uses.spaces.link(a, b)
    tape.put(out, torch.from_numpy(np.where(a == ZERO, b, a)).reshape(out.shape))


# --- sums over an axis -------------------------------------------------------------------------


def _reduce(
    tape: Tape, args: Args, kwargs: Kwargs, out: Any, degree: float = 1.0, mixes: bool = True
) -> None:
    """Sums, means and maxima: entries that are put together have the same rate."""
    tensor = args[0]
    labels = tape.labels(tensor)
    axes = args[1] if len(args) > 1 and args[1] is not None else kwargs.get("dim")
    axes = (
        list(range(tensor.ndim))
        if axes is None or axes == []
        else [axes]
        if isinstance(axes, int)
        else list(axes)
    )
    axes = [a % max(tensor.ndim, 1) for a in axes]
    rest = [a for a in range(tensor.ndim) if a not in axes]
    rows = labels.permute(*rest, *axes).reshape(*[labels.shape[a] for a in rest], -1)
    flat = rows.reshape(-1, rows.shape[-1]).numpy()
    result = out[0] if isinstance(out, tuple) else out
    lead = _alike(tape, flat, mixes)
    tape.uses.shifts.see(_flat(labels))
    if degree != 1.0:
        fresh = _fresh(tape, lead)
        tape.uses.spaces.link(lead, fresh, degree)
        lead = fresh
    tape.put(result, torch.from_numpy(lead).reshape(result.shape))


def _alike(tape: Tape, rows: Ids, mixes: bool = True) -> Ids:
    """One coordinate for each row; places of a row that differ are bound to each other."""
    known = np.where(rows == ZERO, np.iinfo(np.int64).max, rows)
    lead = known.min(axis=1)
    lead = np.where(lead == np.iinfo(np.int64).max, ZERO, lead)
    whole = np.broadcast_to(lead[:, None], rows.shape)
    different = (rows != whole) & (rows != ZERO)
    if different.any():
        tape.uses.spaces.split(np.concatenate([whole[different], rows[different]]))
        tape.uses.spaces.link(whole[different], rows[different])
    elif not mixes:
        tape.uses.spaces.split(lead[lead != ZERO])
    return np.ascontiguousarray(lead)


def _maximum(tape: Tape, args: Args, kwargs: Kwargs, out: Any) -> None:
    _reduce(tape, args, kwargs, out, 1.0, False)


def _deviation(tape: Tape, args: Args, kwargs: Kwargs, out: Any, degree: float = 1.0) -> None:
    tape.uses.spaces.split(tape.ids(args[0]))
    axes = args[1] if len(args) > 1 and isinstance(args[1], list) else kwargs.get("dim")
    _reduce(tape, (args[0], axes), {}, out, degree)


def _variance(tape: Tape, args: Args, kwargs: Kwargs, out: Any) -> None:
    _deviation(tape, args, kwargs, out, 2.0)


def _norm(tape: Tape, args: Args, kwargs: Kwargs, out: Any) -> None:
    tape.uses.spaces.split(tape.ids(args[0]))
    _reduce(tape, (args[0], args[2] if len(args) > 2 else kwargs.get("dim")), {}, out)


def _pool(spatial: int, mixes: bool) -> Handler:
    """Averages and maxima over places of a channel."""

    def handler(tape: Tape, args: Args, kwargs: Kwargs, out: Any) -> None:
        labels = tape.labels(args[0])
        result = out[0] if isinstance(out, tuple) else out
        ahead = labels.shape[: labels.ndim - spatial]
        lead = _alike(tape, labels.reshape(int(np.prod(ahead)), -1).numpy(), mixes)
        tape.uses.shifts.see(_flat(labels))
        tape.put(
            result,
            torch.from_numpy(lead).reshape(*ahead, *[1] * spatial).expand(result.shape).clone(),
        )

    return handler


def _gated(tape: Tape, args: Args, kwargs: Kwargs, out: Any) -> None:
    """The gated linear unit: one half times the sigmoid of the other."""
    half, gate = tape.labels(args[0]).chunk(2, args[1] if len(args) > 1 else -1)
    ids = _flat(gate.contiguous())
    tape.uses.spaces.pin(ids[ids != ZERO])
    for part in (half, gate):
        tape.uses.shifts.see(_flat(part.contiguous()))
    tape.uses.spaces.split(_flat(half.contiguous()))
    tape.put(out, half.clone())


# --- softmax and norms -------------------------------------------------------------------------


def _softmax(tape: Tape, args: Args, kwargs: Kwargs, out: Any) -> None:
    """A softmax sees differences along its axis only."""
    tensor, axis = args[0], args[1]
    labels = tape.labels(tensor)
    ids = _flat(labels)
    rows = labels.movedim(axis, -1).reshape(-1, labels.shape[axis]).numpy()
    tape.uses.spaces.pin(ids[ids != ZERO])
    uniform = (rows == rows[:, :1]).all(axis=1)
    for row in np.unique(rows[~uniform], axis=0):
        tape.uses.shifts.row(row[row > 0])
    shared = np.unique(rows[uniform])
    distinct = np.unique(rows[~uniform])
    tape.uses.shifts.see(np.setdiff1d(shared, distinct), ("key",))
    tape.uses.shifts.see(distinct, ("row",))
    tape.forget(out)


def _vector_norm_layer(tape: Tape, rows: Ids, eps: float, shift: bool) -> None:
    """A norm of whole vectors sees no common scale (but for ε), and perhaps no common shift."""
    for row in np.unique(rows, axis=0):
        own = row[row != ZERO]
        tape.uses.spaces.all_alike(own)
        _break(tape, own, eps)
        if shift and (own > 0).all() and len(own) == len(row):
            # Where a coordinate stands at several places, weights shift it by several amounts.
            steady = len(np.unique(own)) < len(row)
            tape.uses.shifts.row(own, steady)
            tape.uses.shifts.see(own, ("steady",) if steady else ("row",))
        else:
            tape.uses.shifts.see(own)


def _break(tape: Tape, ids: Ids, eps: float) -> None:
    if eps > 0:
        tape.uses.spaces.pin_softly(ids)
        tape.norms.append(tape.module)


def _affine(
    tape: Tape, shape: torch.Size, gain: Any, shift: Any, axis: int, out: torch.Tensor
) -> None:
    """What a norm gives is multiplied by a gain and shifted; it has no scale of its own."""
    axes = [1] * len(shape)
    axes[axis] = shape[axis]
    labels = torch.full(shape, PINNED)
    spaces, shifts = tape.uses.spaces, tape.uses.shifts
    parts = []
    for part in (gain, shift):
        if part is None:
            continue
        own = tape.labels(part)
        own = own.expand(shape) if part.ndim > 1 else own.reshape(axes).expand(shape)
        parts.append((part is gain, _flat(own)))
    if not parts or all((ids == PINNED).all() for _, ids in parts):
        tape.forget(out)
        return
    fresh = _fresh(tape, *(ids for _, ids in parts))
    spaces.split(fresh)
    if gain is None:
        spaces.pin(fresh)
    for is_gain, ids in parts:
        spaces.link(fresh, ids)
        if is_gain:
            shifts.see(ids)
        else:
            shifts.passed(ids, fresh)
    tape.put(out, torch.from_numpy(fresh).reshape(labels.shape))


def _layer_norm(tape: Tape, args: Args, kwargs: Kwargs, out: Any) -> None:
    tensor, size, gain, shift, eps = args[:5]
    labels = tape.labels(tensor)
    rows = labels.reshape(-1, int(np.prod(size))).numpy()
    _vector_norm_layer(tape, rows, eps, True)
    if gain is not None and gain.ndim > 1:
        tape.refuse([t for t in (gain, shift) if t is not None and tape.is_followed(t)])
        tape.forget(out[0])
        return
    if gain is None and shift is None and len(size) == 1:
        tape.centred[id(out[0])] = out[0]
    _affine(tape, tensor.shape, gain, shift, tensor.ndim - 1, out[0])


def _group_norm(tape: Tape, args: Args, kwargs: Kwargs, out: Any) -> None:
    tensor, gain, shift, _, _, _, groups, eps = args[:8]
    rows = tape.labels(tensor).reshape(tensor.shape[0] * groups, -1).numpy()
    _vector_norm_layer(tape, rows, eps, True)
    _affine(tape, tensor.shape, gain, shift, 1, out[0])


def _rms_norm(tape: Tape, args: Args, kwargs: Kwargs, out: Any) -> None:
    tensor, size, gain, eps = args[:4]
    eps = torch.finfo(tensor.dtype).eps if eps is None else eps
    _vector_norm_layer(
        tape, tape.labels(tensor).reshape(-1, int(np.prod(size))).numpy(), eps, False
    )
    _affine(
        tape, tensor.shape, gain, None, tensor.ndim - 1, out[0] if isinstance(out, tuple) else out
    )


def _batch_norm(tape: Tape, args: Args, kwargs: Kwargs, out: Any) -> None:
    tensor, gain, shift = args[:3]
    eps = (
        args[7]
        if len(args) > 7 and isinstance(args[7], float)
        else args[-1]
        if isinstance(args[-1], float)
        else args[-2]
    )
    training = next(a for a in args if isinstance(a, bool))
    labels = tape.labels(tensor)
    ids = _flat(labels)
    if not training:
        if (ids > 0).any():
            tape.notes.curved[
                f"{tape.module}: in evaluation it subtracts a fixed mean, so that the scale of "
                f"what it reads has no law"
            ] = None
        tape.refuse([tensor] if tape.is_followed(tensor) else [])
        _affine(tape, tensor.shape, gain, shift, 1, out[0])
        return
    rows = labels.movedim(1, 0).reshape(tensor.shape[1], -1).numpy()
    lead = _alike(tape, rows)
    tape.uses.spaces.split(lead[lead != ZERO])
    _break(tape, lead[lead != ZERO], float(eps))
    # The mean goes over inputs: a shift that is the same for all is not seen.
    alike = bool((rows == lead[:, None]).all())
    tape.uses.shifts.see(lead[lead > 0], ("same",) if alike else ())
    _affine(tape, tensor.shape, gain, shift, 1, out[0])


# --- products of matrices ----------------------------------------------------------------------


def contract(tape: Tape, rows: Ids, onto: Ids) -> None:
    """Vectors (one for each row) that a matrix reads with columns ``onto``."""
    spaces = tape.uses.spaces
    found = np.unique(rows, axis=0)
    for row in found:
        keep = row != ZERO
        own, columns = row[keep], onto[keep]
        if not keep.any():
            continue
        if not (own == PINNED).all():
            _, layer = _occurrences(own)
            spaces.together(own)
            spaces.together(columns, layer)
        spaces.link(own, columns, -1.0)
        tape.uses.shifts.see(own)


def _occurrences(ids: Ids) -> tuple[Ids, Ids]:
    """For each entry the number of equal ones before it."""
    order = np.argsort(ids, kind="stable")
    ordered = ids[order]
    start = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    first = np.maximum.accumulate(np.where(start, np.arange(len(ids)), 0))
    layer = np.empty(len(ids), dtype=np.int64)
    layer[order] = np.arange(len(ids)) - first
    return ids, layer


def _linear(
    tape: Tape, rows: Labels, weight: torch.Tensor, into: int, onto: int, centred: bool = False
) -> Labels:
    """Labels (…, n) of x W, for rows x and a matrix one of whose axes reads them.

    Args:
        tape: of the run.
        rows: labels of x, vectors along the last axis.
        weight: a matrix.
        into: the axis of it that reads.
        onto: the axis that writes.
        centred: whether every x sums to zero.
    """
    flat = rows.reshape(-1, rows.shape[-1]).numpy()
    spaces = tape.uses.spaces
    shape = (*rows.shape[:-1], weight.shape[onto])
    place = tape.parameter(weight)
    empty = (flat == ZERO).all(axis=1)
    if id(weight) in tape._labels or place is None or _single(place, weight):
        return _by_constant(tape, flat, weight, into, onto, place, shape)
    a, b = place.axes[into], place.axes[onto]
    width = weight.shape[onto]
    columns = spaces.new(1) if a is None else tape.uses.axis(place.name, (a,))[place.places[into]]
    written = spaces.new(1) if b is None else tape.uses.axis(place.name, (b,))[place.places[onto]]
    if a is None:
        spaces.pin(columns) if weight.shape[into] > 1 else None
        columns = np.broadcast_to(columns, weight.shape[into])
    mixed = (flat != flat[:, :1]).any()
    if not mixed and flat.shape[1] > 1 and len(np.unique(flat[flat != ZERO])) > 1:
        # It mixes places of one kind (tokens of a channel), and leaves their scale as it is.
        tape.note(
            f"{place.name}: it mixes places, not coordinates; no law of its own nodes is claimed"
        )
        tape.refuse([weight])
        tape.uses.shifts.see(flat.reshape(-1))
        return torch.from_numpy(
            np.broadcast_to(flat[:, :1], (len(flat), width)).reshape(shape).copy()
        )
    tape.uses.read(place.name, a, centred and len(columns) == tape.uses.shapes[place.name][a or 0])
    contract(tape, flat, columns)
    fresh = spaces.new(width)
    spaces.link(fresh, np.broadcast_to(written, width))
    if a is None and b is None:
        tape.uses.other_uses.add(place.name)
    elif b is not None:
        tape.uses.writers[place.name].append((b, place.places[onto], fresh))
    else:
        tape.uses.other_uses.add(place.name)
    result = np.broadcast_to(fresh, (len(flat), width)).copy()
    result[empty] = ZERO
    return torch.from_numpy(result.reshape(shape))


def _single(place: Any, weight: torch.Tensor) -> bool:
    return all(axis is None for axis in place.axes) and weight.numel() > 1


def _by_constant(
    tape: Tape,
    flat: Ids,
    weight: torch.Tensor,
    into: int,
    onto: int,
    place: Any,
    shape: tuple[int, ...],
) -> Labels:
    """A matrix that does not move mixes all it reads."""
    if place is not None:
        tape.refuse([weight])
        tape.note(
            f"{place.name}: it is used in a form that is not understood; no law of it is claimed"
        )
    lead = _alike(tape, flat)
    tape.uses.shifts.see(flat.reshape(-1))
    return torch.from_numpy(
        np.broadcast_to(lead[:, None], (len(flat), shape[-1])).reshape(shape).copy()
    )


def _mm(tape: Tape, args: Args, kwargs: Kwargs, out: Any) -> None:
    left, right = args[:2]
    followed = [tape.is_followed(t) for t in (left, right)]
    moving = [tape.parameter(t) is not None and id(t) not in tape._labels for t in (left, right)]
    names = {place.name: None for t in (left, right) if (place := tape.parameter(t)) is not None}
    if all(moving) and len(names) == 2:
        tape.note(
            f"{' and '.join(names)}: of a product of parameters only what is between them is read"
        )
    if all(followed) and not any(moving):
        _both(tape, tape.labels(left)[None], tape.labels(right)[None], out)
    elif moving[0] and not moving[1]:
        labels = _linear(tape, tape.labels(right).T, left, 1, 0)
        tape.put(out, labels.T.clone())
    elif moving[1] or not followed[1]:
        labels = _linear(tape, tape.labels(left), right, 0, 1, id(left) in tape.centred)
        tape.put(out, labels)
    else:
        labels = _linear(tape, tape.labels(right).T, left, 1, 0)
        tape.put(out, labels.T.clone())


def _plus(tape: Tape, bias: Any, product: Labels, out: torch.Tensor) -> None:
    """The labels of a product, and what is added to it."""
    if not tape.is_followed(bias):
        nothing = not isinstance(bias, torch.Tensor) or bool((bias == 0).all())
        if not nothing:
            ids = _flat(product)
            tape.uses.spaces.pin(ids[ids != ZERO])
        tape.put(out, product.clone())
        return
    own = tape.labels(bias).expand(out.shape)
    x, y = _flat(product.expand(out.shape)), _flat(own)
    fresh = np.where(x == ZERO, y, _fresh(tape, x, y))
    for ids in (x, y):
        tape.uses.spaces.link(fresh, ids)
        tape.uses.shifts.passed(ids, fresh)
    tape.put(out, torch.from_numpy(fresh).reshape(out.shape))


def _addmm(tape: Tape, args: Args, kwargs: Kwargs, out: Any) -> bool | None:
    if kwargs.get("alpha", 1) != 1 or kwargs.get("beta", 1) != 1:
        return False
    bias, left, right = args[:3]
    if (
        tape.is_followed(left)
        and tape.is_followed(right)
        and (tape.parameter(right) is None or id(right) in tape._labels)
    ):
        return False
    product = _linear(tape, tape.labels(left), right, 0, 1, id(left) in tape.centred)
    _plus(tape, bias, product, out)
    return None


def _mv(tape: Tape, args: Args, kwargs: Kwargs, out: Any) -> None:
    tape.put(out, _linear(tape, tape.labels(args[1])[None], args[0], 1, 0)[0])


def _bmm(tape: Tape, args: Args, kwargs: Kwargs, out: Any) -> None:
    left, right = args[:2]
    for own, other, flip in ((right, left, False), (left, right, True)):
        if tape.parameter(own) is not None and id(own) not in tape._labels:
            if own.shape[0] > 1 and own.stride(0) != 0:
                tape.note(
                    f"{tape.module}: a stack of matrices is not understood; no law of it is claimed"
                )
                tape.refuse([own])
                tape.refuse([other] if tape.is_followed(other) else [])
                tape.forget(out)
                return
            labels = tape.labels(other)
            rows = labels.transpose(1, 2) if flip else labels
            found = _linear(tape, rows, own[0], 1 if flip else 0, 0 if flip else 1)
            tape.put(out, found.transpose(1, 2).clone() if flip else found)
            return
    _both(tape, tape.labels(left), tape.labels(right), out)


def _both(tape: Tape, a: Labels, b: Labels, out: torch.Tensor) -> None:
    """A product of two things that the network computes, (b, i, k) times (b, k, j)."""
    count, rows, width = a.shape
    spaces, shifts = tape.uses.spaces, tape.uses.shifts
    x = a.numpy()
    y = b.transpose(1, 2).numpy()
    if (x <= 0).all():
        # Weights that no symmetry moves mix the rows of the other, place by place.
        lead = _alike(tape, y.reshape(-1, width))
        for row in np.unique(lead.reshape(count, -1), axis=0):
            spaces.together(row[row != ZERO])
        result = np.broadcast_to(lead.reshape(count, 1, -1), (count, rows, y.shape[1]))
        tape.put(out, torch.from_numpy(result.copy()).reshape(out.shape))
        return
    if (y <= 0).all():
        lead = _alike(tape, x.reshape(-1, width))
        shifts.see(x.reshape(-1))
        result = np.broadcast_to(lead.reshape(count, -1, 1), (count, rows, y.shape[1]))
        tape.put(out, torch.from_numpy(result.copy()).reshape(out.shape))
        return
    if width > 1 and (x == x[:, :, :1]).all() and (y == y[:, :, :1]).all():
        # Places are mixed: what mixes and what is mixed have one scale each.
        shape = (count, rows, y.shape[1])
        one = np.broadcast_to(x[:, :, :1], shape).reshape(-1)
        other = np.broadcast_to(y[:, :, 0][:, None], shape).reshape(-1)
        shifts.see(one)
        shifts.see(other)
        fresh = _fresh(tape, one, other)
        spaces.add(fresh, one, other)
        for k in range(count):
            for weights in (x[k, :, 0], y[k, :, 0]):
                if len(np.unique(weights[weights != ZERO])) == 1:
                    spaces.score(weights)
        for row in np.unique(y[:, :, 0], axis=0):
            spaces.together(row[row != ZERO])
        for row in np.unique(fresh.reshape(-1, shape[2]), axis=0):
            spaces.together(row)
        fresh = np.where((one == ZERO) | (other == ZERO), ZERO, fresh)
        tape.put(out, torch.from_numpy(fresh).reshape(out.shape))
        return
    shifts.see(x.reshape(-1))
    scores = np.zeros((count, rows, y.shape[1]), dtype=np.int64)
    for k in range(count):
        queries, keys = np.unique(x[k], axis=0), np.unique(y[k], axis=0)
        score = int(spaces.new(1)[0])
        scores[k] = score
        for q in queries:
            spaces.together(q[q != ZERO])
        for key in keys:
            spaces.together(key[key != ZERO])
        for q in queries:
            for key in keys:
                both = (q != ZERO) & (key != ZERO)
                spaces.add(np.full(int(both.sum()), score), q[both], key[both])
        if len(keys) == 1:
            shifts.passed(keys[0], np.full(width, score), "same", "key")
            shifts.see(keys[0], ("same",))
        else:
            shifts.see(keys.reshape(-1))
    tape.put(out, torch.from_numpy(scores).reshape(out.shape))


def _attention(tape: Tape, args: Args, kwargs: Kwargs, out: Any) -> None:
    """Fused attention: scores, softmax over the keys, and values in one."""
    query, key, value = args[:3]
    shape = query.shape
    share = shape[-3] // key.shape[-3]  # queries that have a key in common
    given = [
        tape.labels(t) if t is query else tape.labels(t).repeat_interleave(share, -3)
        for t in (query, key, value)
    ]
    merged = [labels.reshape(-1, *labels.shape[-2:]) for labels in given]
    q, k, v = (m.numpy() for m in merged)
    spaces, shifts = tape.uses.spaces, tape.uses.shifts
    shifts.see(q.reshape(-1))
    for head in range(len(q)):
        queries, keys = np.unique(q[head], axis=0), np.unique(k[head], axis=0)
        for row in (*queries, *keys):
            spaces.together(row[row != ZERO])
        for a in queries:
            for b in keys:
                spaces.link(a, b, -1.0)
        shifts.see(keys.reshape(-1), ("same",) if len(keys) == 1 else ())
    lead = _alike(tape, merged[2].transpose(1, 2).reshape(-1, v.shape[1]).numpy())
    for own in np.unique(lead.reshape(len(v), -1), axis=0):
        spaces.together(own[own != ZERO])
    result = lead.reshape(len(v), 1, -1)
    whole = np.broadcast_to(result, (len(v), q.shape[1], v.shape[2]))
    tape.put(
        out[0] if isinstance(out, tuple) else out,
        torch.from_numpy(whole.copy()).reshape(*shape[:-1], v.shape[2]),
    )


def _embedding(tape: Tape, args: Args, kwargs: Kwargs, out: Any) -> None:
    weight = args[0]
    place = tape.parameter(weight)
    if place is None or id(weight) in tape._labels or len(place.axes) != 2 or place.axes[1] is None:
        tape.not_understood("embedding", _followed(tape, args, kwargs), _outs(out))
        return
    if place.axes[0] is not None:
        tape.uses.spaces.pin(tape.uses.axis(place.name, (place.axes[0],)))
    written = tape.uses.axis(place.name, (place.axes[1],))[place.places[1]]
    fresh = tape.uses.spaces.new(len(written))
    tape.uses.spaces.link(fresh, written)
    tape.uses.writers[place.name].append((place.axes[1], place.places[1], fresh))
    tape.put(out, torch.from_numpy(fresh).expand(out.shape).clone())


def _convolution(tape: Tape, args: Args, kwargs: Kwargs, out: Any) -> bool | None:
    tensor, weight, bias, _, _, _, transposed, _, groups = args[:9]
    place = tape.parameter(weight)
    labels = tape.labels(tensor).movedim(1, -1)
    channels = out.shape[1]
    if place is None or id(weight) in tape._labels:
        rows = labels.reshape(-1, labels.shape[-1]).numpy()
        lead = _alike(tape, rows)
        lead = _alike(tape, lead[None])
        tape.uses.shifts.see(rows.reshape(-1))
        product = torch.full(out.shape, int(lead[0]))
        _plus_channels(tape, bias, product, out)
        return None
    if groups == 1:
        into, onto = (0, 1) if transposed else (1, 0)
        flat = labels.reshape(-1, labels.shape[-1])
        found = _linear(
            tape,
            flat,
            weight.select(2, 0) if weight.ndim == 3 else weight.flatten(2)[..., 0],
            into,
            onto,
        )
        rows = found.numpy()
        lead = rows[(rows != ZERO).any(axis=1)][:1] if (rows != ZERO).any() else rows[:1]
        if (rows != rows[:1]).any() and len(
            np.unique(rows[(rows != ZERO).any(axis=1)], axis=0)
        ) > 1:
            lead = np.full((1, channels), PINNED)
            tape.uses.spaces.pin(rows[rows != ZERO])
        product = torch.from_numpy(np.ascontiguousarray(lead[0]))
        product = product.reshape(1, channels, *[1] * (out.ndim - 2)).expand(out.shape)
        _plus_channels(tape, bias, product, out)
        return None
    if transposed or tuple(weight.shape) != tape.uses.shapes[place.name]:
        return False
    own = weight.shape[1]
    view = (groups, weight.shape[0] // groups, own, *weight.shape[2:])
    columns = tape.uses.axis(place.name, (0, 2), view)
    written = tape.uses.axis(place.name, (0,))
    tape.uses.spaces.split(columns)
    tape.uses.spaces.split(written)
    vectors = labels.reshape(-1, labels.shape[-1]).numpy()
    tape.uses.spaces.split(vectors[vectors != ZERO])
    for row in np.unique(vectors, axis=0):
        tape.uses.spaces.link(row, columns, -1.0)
    tape.uses.shifts.see(vectors.reshape(-1))
    fresh = tape.uses.spaces.new(channels)
    tape.uses.spaces.link(fresh, written)
    tape.uses.writers[place.name].append((0, np.arange(channels), fresh))
    product = torch.from_numpy(fresh).reshape(1, channels, *[1] * (out.ndim - 2)).expand(out.shape)
    _plus_channels(tape, bias, product, out)
    return None


def _plus_channels(tape: Tape, bias: Any, product: Labels, out: torch.Tensor) -> None:
    if bias is None:
        tape.put(out, product.clone())
        return
    moved = out.movedim(1, -1)
    if not tape.is_followed(bias):
        if bool((bias != 0).any()):
            ids = _flat(product)
            tape.uses.spaces.pin(ids[ids != ZERO])
        tape.put(out, product.clone())
        return
    own = tape.labels(bias).expand(moved.shape).movedim(-1, 1)
    x, y = _flat(product), _flat(own)
    fresh = np.where(x == ZERO, y, _fresh(tape, x, y))
    for ids in (x, y):
        tape.uses.spaces.link(fresh, ids)
        tape.uses.shifts.passed(ids, fresh)
    tape.put(out, torch.from_numpy(fresh).reshape(out.shape))


HANDLERS: dict[str, Handler] = {
    "_to_copy": _copy,
    "copy": _copy_into,
    "where": _where,
    "_prelu_kernel": _prelu,
    "threshold": _threshold,
    "clamp": _clamp,
    "clamp_min": _clamp,
    "pow": _pow,
    "add": _sum_of_two,
    "sub": _sum_of_two,
    "rsub": _sum_of_two,
    "mul": _multiply,
    "div": _divide,
    "maximum": _larger_of_two,
    "minimum": _larger_of_two,
    "sum": _reduce,
    "mean": _reduce,
    "max": _maximum,
    "min": _maximum,
    "amax": _maximum,
    "amin": _maximum,
    "var": _variance,
    "std": _deviation,
    "linalg_vector_norm": _norm,
    "norm": _norm,
    "avg_pool1d": _pool(1, True),
    "avg_pool2d": _pool(2, True),
    "avg_pool3d": _pool(3, True),
    "_adaptive_avg_pool2d": _pool(2, True),
    "_adaptive_avg_pool3d": _pool(3, True),
    "max_pool2d_with_indices": _pool(2, False),
    "max_pool3d_with_indices": _pool(3, False),
    "adaptive_max_pool2d": _pool(2, False),
    "upsample_nearest1d": _pool(1, True),
    "upsample_nearest2d": _pool(2, True),
    "upsample_linear1d": _pool(1, True),
    "upsample_bilinear2d": _pool(2, True),
    "glu": _gated,
    "_softmax": _softmax,
    "_safe_softmax": _softmax,
    "_log_softmax": _softmax,
    "native_layer_norm": _layer_norm,
    "native_group_norm": _group_norm,
    "_fused_rms_norm": _rms_norm,
    "native_batch_norm": _batch_norm,
    "_native_batch_norm_legit": _batch_norm,
    "mm": _mm,
    "addmm": _addmm,
    "mv": _mv,
    "bmm": _bmm,
    "embedding": _embedding,
    "convolution": _convolution,
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
    "_scaled_dot_product_flash_attention": _attention,
    "_scaled_dot_product_efficient_attention": _attention,
} | {name: _compare for name in COMPARISONS}
