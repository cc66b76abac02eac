"""Arrays of any origin, as NumPy arrays that mean the same: lists, frames, tensors, masked and
half-precision ones.
"""

from __future__ import annotations

import numbers
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

LARGEST_INTEGER = 2**63 - 1


def as_data(data: PyTree, name: str = "data", lists: bool = True) -> PyTree:
    """A pytree of data with every leaf as a NumPy array that holds the same numbers.

    Floating point numbers of any width become float64, whole numbers int64, so that arithmetic on
    bytes does not wrap; booleans and complex numbers stay what they are. A list that holds nothing
    but numbers, or rows of numbers, is an array; other lists, tuples and dicts are pytrees, as JAX
    has them.

    Args:
        data: arrays, or what holds numbers: lists, NumPy, JAX and PyTorch arrays, pandas frames.
        name: what the caller calls it.
        lists: whether a list of numbers is an array; otherwise it is a pytree of numbers.

    Returns:
        The pytree of NumPy arrays.

    Raises:
        ValueError: masked, missing or infinite entries, dates, text, random keys, ragged lists or
            two pandas objects of different indexes; the sentence names the leaf and the first
            entry.

    >>> as_data({"x": [1, 2], "y": np.array([1.5, 2.5], np.float16)})
    {'x': array([1, 2]), 'y': array([1.5, 2.5])}
    """
    refuse_different_indexes(data, name)
    leaves, structure = jax.tree_util.tree_flatten_with_path(
        data, is_leaf=is_list_of_numbers if lists else None
    )
    found = [as_array(leaf, name + jax.tree_util.keystr(path)) for path, leaf in leaves]
    return jax.tree_util.tree_unflatten(structure, found)


def as_array(value: Any, name: str = "data", finite: bool = True) -> np.ndarray:
    """One array of numbers as NumPy holds it, in double precision or as 64-bit integers.

    Args:
        value: what holds the numbers.
        name: what the caller calls it.
        finite: whether infinite and NaN entries are refused.

    Returns:
        The array.

    Raises:
        ValueError: as :func:`as_data` does.

    >>> as_array([[1, 2], [3]])
    Traceback (most recent call last):
    ValueError: data: got a list whose rows differ in length; it should be rectangular, or an array
    """
    origin = type(value).__module__.partition(".")[0]
    if origin == "pandas" and hasattr(value, "isna"):
        return _from_pandas(value, name)
    if isinstance(value, np.ma.MaskedArray) or value is np.ma.masked:
        value = _without_mask(value, name)
    if origin == "torch" and hasattr(value, "detach"):
        value = _from_torch(value)
    if isinstance(value, (list, tuple)):
        value = _from_list(value, name)
    if origin in ("pyarrow", "polars") and hasattr(value, "null_count"):
        missing = value.null_count if isinstance(value.null_count, int) else value.null_count()
        if isinstance(missing, int) and missing:
            raise ValueError(
                f"{name}: {missing} of {len(value)} entries are missing; drop or impute them"
            )
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        raise ValueError(
            f"{name}: got a random key (dtype {value.dtype}); data should be numbers, and a log "
            f"likelihood draws none"
        )
    found = _numbers(np.asarray(value), name, type(value).__name__)
    return _checked(found, name) if finite else found


def matrix(name: str, value: Any) -> np.ndarray:
    """An array with two axes, observations and columns.

    Returns:
        The array in float64.

    Raises:
        ValueError: another number of axes; and as :func:`as_array` does.
    """
    array = as_array(value, name)
    if array.ndim != 2:
        raise ValueError(
            f"{name}: got shape {array.shape}; it should have two axes, (observations, columns)"
        )
    return array


def refuse_different_indexes(data: PyTree, name: str) -> None:
    """Raise ``ValueError`` for two pandas objects whose rows are labelled differently: which rows
    belong together is not known.

    Args:
        data: the pytree.
        name: what the caller calls it.
    """
    first: tuple[str, Any] | None = None
    for path, leaf in jax.tree_util.tree_leaves_with_path(data):
        index = getattr(leaf, "index", None)
        if type(leaf).__module__.partition(".")[0] != "pandas" or index is None or callable(index):
            continue
        where = name + jax.tree_util.keystr(path)
        if first is None:
            first = where, index
        elif len(index) == len(first[1]) and not index.equals(first[1]):
            raise ValueError(
                f"{where}: its index differs from that of {first[0]}, so that rows of one place "
                f"carry different labels; "
                "align them (reindex), or give NumPy arrays to pair rows by place"
            )


def is_list_of_numbers(node: Any) -> bool:
    """Whether a node of a pytree is one array: a list of nothing but scalars, or of rows of
    them.
    """
    return type(node) is list and _holds_scalars(node)


def _holds_scalars(node: Any) -> bool:
    if type(node) not in (list, tuple) or not node:
        return False
    return all(_is_scalar(entry) or _holds_scalars(entry) for entry in node)


def _is_scalar(entry: Any) -> bool:
    return (
        entry is None
        or entry is np.ma.masked
        or isinstance(entry, (numbers.Number, np.generic, str, bytes))
        or type(entry).__name__ in ("NAType", "NaTType", "Timestamp", "date", "datetime")
    )


def _from_list(value: list[Any] | tuple[Any, ...], name: str) -> np.ndarray:
    """A list of scalars as an array, or of arrays and lists of one length as their rows."""
    flat = np.empty(0)
    for index, entry in _entries(value, ()):
        where = index[0] if len(index) == 1 else index
        if entry is np.ma.masked:
            raise ValueError(f"{name}: the entry at {where} is masked; drop or impute it")
        if entry is None or type(entry).__name__ in ("NAType", "NaTType"):
            raise ValueError(
                f"{name}: the entry at {where} is missing ({entry}); drop or impute it"
            )
    try:
        flat = np.array(value)
    except ValueError as error:
        raise ValueError(
            f"{name}: got a list whose rows differ in length; it should be rectangular, or an array"
        ) from error
    return flat


def _entries(value: Any, index: tuple[int, ...]) -> list[tuple[tuple[int, ...], Any]]:
    if type(value) in (list, tuple):
        return [found for i, entry in enumerate(value) for found in _entries(entry, (*index, i))]
    return [(index, value)]


def _without_mask(value: Any, name: str) -> np.ndarray:
    mask = np.ma.getmaskarray(value)
    if mask.any():
        index = tuple(int(i) for i in np.argwhere(mask)[0])
        raise ValueError(
            f"{name}: {int(mask.sum())} of {mask.size} entries are masked, the first at {index}; a "
            f"mask cannot reach the log likelihood: "
            "drop these observations (compressed()) or impute them"
        )
    return np.asarray(value.data)


def _from_torch(value: Any) -> Any:
    tensor = value.detach()
    if tensor.layout is not None and "sparse" in str(tensor.layout):
        tensor = tensor.to_dense()
    tensor = tensor.cpu().resolve_conj().resolve_neg()
    if tensor.is_floating_point():
        # NumPy has no bfloat16; doubles hold every number of all narrower formats.
        tensor = tensor.double()
    return tensor.numpy()


def _from_pandas(value: Any, name: str) -> np.ndarray:
    """Numbers of a frame, series, index or extension array; what is missing is named by its column
    and row label.
    """
    missing = np.asarray(value.isna())
    labels = value.index if hasattr(value, "index") and not callable(value.index) else None
    if missing.any():
        index = tuple(int(i) for i in np.argwhere(missing)[0])
        where = f"row {index[0]}" if labels is None else f"row {labels[index[0]]!r}"
        column = f"column {value.columns[index[1]]!r}, " if len(index) == 2 else ""
        raise ValueError(
            f"{name}: {int(missing.sum())} of {missing.size} entries are missing (NaN or NA), the "
            f"first in {column}{where}; "
            "drop or impute them"
        )
    if hasattr(value, "columns"):
        columns = [
            _column(value.iloc[:, i], f"{name}, column {value.columns[i]!r}")
            for i in range(value.shape[1])
        ]
        if not columns:
            raise ValueError(f"{name}: got a frame without columns; it should hold numbers")
        return np.stack(columns, axis=1)
    return _column(value, name)


def _column(values: Any, name: str) -> np.ndarray:
    dtype = values.dtype
    if not isinstance(dtype, np.dtype):
        # Nullable and Arrow-backed numbers say what they are by `kind`.
        kind = getattr(dtype, "kind", "O")
        if kind not in "iufb":
            raise ValueError(
                f"{name}: got dtype {dtype}; it should be numbers: encode categories and dates "
                f"yourself"
            )
        plain = {"i": "int64", "u": "uint64", "f": "float64", "b": "bool"}[kind]
        return _checked(_numbers(values.to_numpy(dtype=plain), name, str(dtype)), name)
    return _checked(_numbers(values.to_numpy(), name, str(dtype)), name)


def _numbers(array: np.ndarray, name: str, kind: str) -> np.ndarray:
    """The array in a type that holds the same numbers and does not wrap."""
    dtype = array.dtype
    if dtype.kind == "O":
        array = _from_objects(array, name, kind)
        dtype = array.dtype
    if np.issubdtype(dtype, np.timedelta64) or np.issubdtype(dtype, np.datetime64):
        raise ValueError(f"{name}: got dates or times ({dtype}); give numbers in a unit you choose")
    if dtype.kind == "b" or np.issubdtype(dtype, np.complexfloating):
        return array
    if np.issubdtype(dtype, np.unsignedinteger):
        if array.size and int(array.max()) > LARGEST_INTEGER:
            raise ValueError(
                f"{name}: got whole numbers up to {int(array.max())}; beyond 2⁶³ - 1 they have no "
                f"exact place: give floats"
            )
        return array.astype(np.int64)
    if np.issubdtype(dtype, np.signedinteger):
        return array.astype(np.int64)
    if np.issubdtype(dtype, np.floating) or jnp.issubdtype(dtype, np.floating):
        with np.errstate(over="ignore"):
            return array.astype(np.float64)
    what = "text" if dtype.kind in "SU" else f"dtype {dtype}"
    raise ValueError(f"{name}: got {what}; it should be numbers")


def _from_objects(array: np.ndarray, name: str, kind: str) -> np.ndarray:
    """Python's own numbers, Decimals and Fractions too, as floats; anything else is named."""
    whole = True
    for index, entry in np.ndenumerate(array):
        where = (
            f"the entry at {index if len(index) != 1 else index[0]}"
            if index
            else f"an object of type {kind}"
        )
        if entry is None or type(entry).__name__ in ("NAType", "NaTType"):
            raise ValueError(f"{name}: {where} is missing ({entry}); drop or impute it")
        if not isinstance(entry, numbers.Number) and type(entry).__name__ != "Decimal":
            raise ValueError(
                f"{name}: {where} is {entry!r:.60}, of type {type(entry).__name__}; it should be a "
                f"number"
            )
        whole = whole and isinstance(entry, numbers.Integral) and abs(int(entry)) <= LARGEST_INTEGER
    try:
        return array.astype(np.int64 if whole and array.size else np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"{name}: its entries do not fit into double precision ({error})"
        ) from error


def _checked(array: np.ndarray, name: str) -> np.ndarray:
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        index = tuple(int(i) for i in bad[0])
        raise ValueError(
            f"{name}: {len(bad)} of {array.size} entries are not finite, the first at {index}; "
            f"drop or impute them"
        )
    return array
