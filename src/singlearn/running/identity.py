"""What a stored result was made of, as plain data that can be written down and compared: arrays by
digest, functions by their values.

A part of an identity is a dictionary with a ``kind``. Settings are compared by value, arrays by a
digest of shape and numbers, functions by their values at fixed probe points within rounding, labels
of phases probe point by probe point. No name and no source is compared: two functions that are
called the same may differ, and one function may be written in two ways.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import zlib
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

Part = dict[str, Any]
"""One part of an identity; plain data."""

BLOCKS = 64
"""Numbers that are kept per probe point; more values are summed up in as many weighted sums."""
CHUNK = 2**20
"""Numbers that are digested at a time."""
ROUNDING = {"float64": 1e-7, "float32": 1e-5, "float16": 1e-2}
"""Relative differences that machines and versions may make, by the narrowest arithmetic on the
way."""
LISTED, LONGEST = 3, 240


def setting(value: Any) -> Part:
    """A number, a string, a truth value, or lists and dictionaries of them.

    Returns:
        The part, with the value itself.

    >>> setting(3.0)
    {'kind': 'setting', 'value': 3.0}
    """
    return {"kind": "setting", "value": json.loads(json.dumps(value, default=_plain))}


def settings(values: Mapping[str, Any]) -> dict[str, Part]:
    """Settings by name."""
    return {name: setting(value) for name, value in values.items()}


def array(value: Any) -> Part:
    """An array of NumPy, JAX or PyTorch, or anything NumPy makes an array of: the same numbers in
    another container are the same.

    Returns:
        The part, with a digest of shape and numbers.

    >>> array([1, 2]) == array(np.array([1.0, 2.0])), array([1, 2]) == array([[1, 2]])
    (True, False)
    """
    numbers = as_numpy(value)
    flat = numbers.reshape(-1)
    found = hashlib.blake2b(repr(numbers.shape).encode(), digest_size=16)
    total = 0.0
    for start in range(0, flat.size, CHUNK):
        chunk = _canonical(flat[start : start + CHUNK])
        found.update(chunk.dtype.kind.encode() + np.ascontiguousarray(chunk).tobytes())
        if chunk.dtype.kind == "f":
            total += float(np.nan_to_num(chunk, posinf=0.0, neginf=0.0).sum())
    part = {"kind": "array", "shape": list(numbers.shape), "digest": found.hexdigest()}
    return (
        part | {"mean": float(f"{total / flat.size:.6g}")}
        if flat.size and flat.dtype.kind in "biuf"
        else part
    )


def values(found: Any, precision: str = "float64") -> Part:
    """Values of a function: one row per probe point.

    Args:
        found: of shape (points, …), real.
        precision: the narrowest arithmetic on the way, a key of ``ROUNDING``.

    Returns:
        The part, with the numbers that two computations of it are compared by.

    >>> then, now = values(np.array([[1.0, 2.0]])), values(np.array([[1.0 + 1e-12, 2.0]]))
    >>> difference("f", then, now) is None
    True
    """
    rows = np.asarray(found, dtype=float)
    rows = rows.reshape(len(rows), -1)
    finite = np.isfinite(rows)
    sums = [blocks(part, np) for part in (np.where(finite, rows, 0.0), (~finite).astype(float))]
    return summed(sums[0], sums[1], rows.shape[1], precision)


def summed(
    rows: Float[np.ndarray, "points kept"],
    holes: Float[np.ndarray, "points kept"],
    entries: int,
    precision: str,
) -> Part:
    """As :func:`values`, of what :func:`blocks` made of them.

    Args:
        rows: blocks of the values, with zeros for what is not finite.
        holes: blocks of ones where a value is not finite, and zeros elsewhere.
        entries: how many values there were per point.
        precision: as for :func:`values`.

    Returns:
        The part, with the numbers that two computations of it are compared by.
    """
    part: Part = {
        "kind": "values",
        "entries": entries,
        "rounding": ROUNDING[precision],
        "rows": _rounded(rows),
    }
    return part | {"not finite": _rounded(holes)} if holes.any() else part


def blocks(rows: Any, numpy: Any) -> Any:
    """Few entries as they are; of many, sums over every 64th, with weights that tell an exchange of
    two entries.

    Args:
        rows: of shape (…, entries).
        numpy: ``numpy`` or ``jax.numpy``.

    Returns:
        The entries, or the sums.
    """
    entries = rows.shape[-1]
    if entries <= BLOCKS:
        return rows
    # The legacy generator: NumPy promises its numbers for ever.
    weights = np.random.RandomState(0).uniform(0.5, 1.5, size=entries)
    short = -entries % BLOCKS
    padded = numpy.concatenate([rows * weights, numpy.zeros((*rows.shape[:-1], short))], axis=-1)
    return padded.reshape(*rows.shape[:-1], -1, BLOCKS).sum(axis=-2)


def labels(found: Sequence[Hashable]) -> Part:
    """What a labeller or a predicate says at every probe point.

    Returns:
        The part, with the labels in words.

    >>> difference("restrict", labels([True, False]), labels([True, True]))
    'restrict: True at 1 of 2 probe points, False at 1 then, True at 2 now, and they differ at 1'
    """
    words = [str(label.item() if isinstance(label, np.generic) else label) for label in found]
    names = sorted(set(words))
    index = {name: code for code, name in enumerate(names)}
    codes = np.array([index[word] for word in words], dtype="<u2" if len(names) < 2**16 else "<u4")
    packed = base64.b64encode(zlib.compress(codes.tobytes(), 9)).decode()
    return {
        "kind": "labels",
        "points": len(words),
        "names": names,
        "width": codes.dtype.str,
        "codes": packed,
    }


def differences(
    then: Mapping[str, Any], now: Mapping[str, Any], leave_out: Sequence[str] = ()
) -> list[str]:
    """Sentences about the parts that differ, with both values; empty if the two are the same.

    Args:
        then: what is written down.
        now: what is asked for.
        leave_out: names of parts that may differ.

    Returns:
        One sentence per part that differs.
    """
    found = []
    for name in [*then, *(key for key in now if key not in then)]:
        if name in leave_out:
            continue
        said = difference(name, then.get(name), now.get(name))
        if said is not None:
            found.append(said)
    return found


def in_words(found: Sequence[str]) -> str:
    """The first few differences, for an error.

    Returns:
        A clause to be put in brackets.

    >>> in_words(["seed: 0 then, 1 now"])
    'seed: 0 then, 1 now'
    """
    shown = "; ".join(
        said if len(said) <= LONGEST else said[: LONGEST - 2] + " …" for said in found[:LISTED]
    )
    return shown + (f"; and {len(found) - LISTED} more" if len(found) > LISTED else "")


def difference(name: str, then: Part | None, now: Part | None) -> str | None:
    """In what two parts differ, in words, or ``None`` if they are the same."""
    if then is None or now is None:
        return f"{name}: {_described(then)} then, {_described(now)} now"
    if then.get("kind") != now.get("kind"):
        return f"{name}: {_described(then)} then, {_described(now)} now"
    kind = then["kind"]
    if kind == "points" or then.get("drawn by") != now.get(
        "drawn by"
    ):  # random numbers of another version
        return None
    if kind == "values":
        return _of_values(name, then, now)
    if kind == "labels":
        return _of_labels(name, then, now)
    same = then["value"] == now["value"] if kind == "setting" else then["digest"] == now["digest"]
    return None if same else f"{name}: {_described(then)} then, {_described(now)} now"


def digest_of(document: Any) -> str:
    """Sixteen hexadecimal digits of plain data, whatever the order of its keys.

    Returns:
        Sixteen digits.

    >>> digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    True
    """
    return hashlib.blake2b(
        json.dumps(document, sort_keys=True, default=_plain).encode(), digest_size=8
    ).hexdigest()


def as_numpy(value: Any) -> np.ndarray:
    """An array of NumPy, JAX or PyTorch as one of NumPy, numbers of 16 bits that NumPy does not
    know as float32.

    Returns:
        An array of NumPy.
    """
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        if value.is_sparse:
            value = value.to_dense()
        if value.is_conj():
            value = value.resolve_conj()
        value = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    found = np.asarray(value)
    return found.astype(np.float32) if found.dtype.name == "bfloat16" else found


def _canonical(chunk: np.ndarray) -> np.ndarray:
    """The same numbers in one type: float64 where that holds them, so that the type they were
    stored in plays no part.

    Returns:
        The array in float64 where that holds the numbers, else as it is.
    """
    kind = chunk.dtype.kind
    if kind in "iu" and chunk.size and max(abs(int(chunk.max())), abs(int(chunk.min()))) > 2**53:
        return chunk.astype("<u8" if kind == "u" else "<i8")
    if kind in "biuf":
        wide = chunk.astype("<f8") + 0.0  # of -0.0 it makes 0.0
        return np.where(np.isnan(wide), np.nan, wide).astype("<f8")
    if kind == "c":
        return chunk.astype("<c16")
    return np.frombuffer(repr(chunk.tolist()).encode(), dtype=np.uint8)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    return str(value)


def _rounded(rows: Float[np.ndarray, "points kept"]) -> list[list[float]]:
    return [[float(f"{value:.12g}") for value in row] for row in rows]


def _of_values(name: str, then: Part, now: Part) -> str | None:
    if then["entries"] != now["entries"] or len(then["rows"]) != len(now["rows"]):
        return f"{name}: {then['entries']} values per probe point then, {now['entries']} now"
    rounding = max(then["rounding"], now["rounding"])
    for key, tolerance in (("not finite", 0.1), ("rows", rounding)):
        one, other = (_table(part, key) for part in (then, now))
        if not one.size:
            continue
        size = np.maximum(np.abs(one), np.abs(other))
        # Entries that are near zero among others that are not carry the rounding of those.
        usual = np.maximum(
            np.median(size, axis=1, keepdims=True), 1e-6 * size.max(axis=1, keepdims=True)
        )
        scale = np.maximum(size, usual) if key == "rows" else np.ones_like(size)
        away = np.abs(one - other)
        if (away <= tolerance * scale).all():
            continue
        row, column = np.unravel_index(
            np.argmax(np.where(scale > 0, away / np.where(scale > 0, scale, 1.0), 0.0)), away.shape
        )
        if key == "not finite":
            return f"{name}: it is finite elsewhere then than now (probe point {row})"
        differing = int((away > tolerance * scale).any(axis=1).sum())
        digits = 6 if away[row, column] > 1e-5 * size[row, column] else 12
        return (
            f"{name}: {one[row, column]:.{digits}g} then, {other[row, column]:.{digits}g} now at "
            f"probe point {row} "
            f"(it differs at {differing} of {len(one)})"
        )
    return None


def _table(part: Part, key: str) -> np.ndarray:
    return np.array(part[key]) if key in part else np.zeros_like(np.array(part["rows"]))


def _of_labels(name: str, then: Part, now: Part) -> str | None:
    one, other = _words(then), _words(now)
    if len(one) != len(other):
        return f"{name}: {len(one)} probe points then, {len(other)} now"
    differing = int((one != other).sum())
    if not differing:
        return None
    counts = f"{_counts(one, True)} then, {_counts(other, False)} now"
    return f"{name}: {counts}, and they differ at {differing}"


def _words(part: Part) -> np.ndarray:
    codes = np.frombuffer(zlib.decompress(base64.b64decode(part["codes"])), dtype=part["width"])
    found: np.ndarray = np.array(part["names"], dtype=object)[codes]
    return found


def _counts(words: np.ndarray, of_all: bool) -> str:
    names, counts = np.unique(words.astype(str), return_counts=True)
    largest = np.argsort(-counts, kind="stable")[:2].tolist()
    order = sorted(largest, key=lambda k: (-counts[k], names[k] != "True"))
    shown = [f"{names[k]} at {counts[k]}" for k in order] + (
        [f"{len(names) - 2} more"] if len(names) > 2 else []
    )
    if of_all:
        shown[0] += f" of {len(words)} probe points"
    return ", ".join(shown)


def _described(part: Part | None) -> str:
    if part is None:
        return "none"
    kind = part.get("kind")
    if kind == "setting":
        return repr(part["value"])
    if kind == "array":
        mean = f", mean {part['mean']:.6g}" if "mean" in part else ""
        return f"shape {tuple(part['shape'])}, digest {part['digest'][:8]}{mean}"
    if kind == "values":
        return (
            f"a function ({part['rows'][0][0]:.6g} at probe point 0)"
            if part["rows"] and part["rows"][0]
            else "a function"
        )
    if kind == "labels":
        return _counts(_words(part), True)
    return str(part)
