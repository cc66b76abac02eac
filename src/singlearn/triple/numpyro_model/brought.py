"""Private copies of what a model is called with and closes over.

JAX remembers the precision in which it first met a NumPy array, by identity, for as long as
anything traced from it lives. A model that ran in single precision before, under NUTS say, would
enter a run in double precision with rounded data, or not at all. Copies that one precision alone
has seen also keep a triple what it was when the arrays are changed afterwards.
"""

from __future__ import annotations

import copy
import functools
import types
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.primitives import Messenger

# Functions of these packages hold no data of a user.
LIBRARIES = {
    "jax",
    "numpyro",
    "numpy",
    "scipy",
    "pandas",
    "flax",
    "equinox",
    "optax",
    "singlearn",
    "builtins",
}


def copied_value(value: Any, as_arrays: bool) -> Any:
    """The value with every NumPy array in it copied.

    Args:
        value: an argument of a model, or what it closes over.
        as_arrays: whether lists of numbers, frames and series become NumPy arrays too.

    Returns:
        A value of the same structure.
    """
    if isinstance(value, np.ma.MaskedArray):
        unmasked = as_arrays and not np.ma.getmaskarray(value).any()
        return np.array(value.data) if unmasked else value.copy()
    if isinstance(value, np.ndarray):
        return np.array(value)
    if isinstance(value, jax.Array):
        return (
            value
            if jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key)
            else _in_this_precision(value)
        )
    if isinstance(value, dict) and type(value).__module__ in ("builtins", "collections"):
        return type(value)(**{}) | {k: copied_value(v, as_arrays) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        array = _numbers(value) if as_arrays else None
        if array is not None:
            return array
        items = [copied_value(item, as_arrays) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if as_arrays and hasattr(value, "__array__") and not isinstance(value, np.generic):
        return np.array(value)
    return value


def copied_function(
    function: Callable[..., Any],
    as_arrays: bool,
    known: dict[int, Callable[..., Any]] | None = None,
) -> Callable[..., Any]:
    """The function with every NumPy array copied that it, or a function it names, closes over or
    finds among its globals.
    """
    known = {} if known is None else known
    if id(function) in known:
        return known[id(function)]
    if isinstance(function, functools.partial):
        return functools.partial(
            copied_function(function.func, as_arrays, known),
            *copied_value(function.args, False),
            **copied_value(function.keywords, as_arrays),
        )
    if isinstance(function, Messenger):
        handler = copy.copy(function)
        for name, value in vars(function).items():
            setattr(handler, name, _copied(value, as_arrays, known))
        found: Callable[..., Any] = handler
        return found
    if isinstance(function, types.MethodType):
        return types.MethodType(
            copied_function(function.__func__, as_arrays, known), function.__self__
        )
    if (
        not isinstance(function, types.FunctionType)
        or str(function.__module__).split(".")[0] in LIBRARIES
    ):
        return function
    cells = tuple(types.CellType() for _ in function.__closure__ or ())
    names = dict(function.__globals__)
    mine = types.FunctionType(function.__code__, names, function.__name__, None, cells)
    known[id(function)] = mine
    functools.update_wrapper(mine, function, updated=("__dict__",))
    mine.__defaults__ = copied_value(function.__defaults__, False)
    mine.__kwdefaults__ = copied_value(function.__kwdefaults__, False)
    for own, theirs in zip(cells, function.__closure__ or (), strict=True):
        try:
            own.cell_contents = _copied(theirs.cell_contents, as_arrays, known)
        except ValueError:  # a cell that is still empty
            continue
    for name in set(_names(function.__code__)) & set(names):
        names[name] = _copied(names[name], as_arrays, known)
    return mine


def _copied(value: Any, as_arrays: bool, known: dict[int, Callable[..., Any]]) -> Any:
    if isinstance(value, (types.FunctionType, types.MethodType, functools.partial, Messenger)):
        return copied_function(value, as_arrays, known)
    return copied_value(value, as_arrays)


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _numbers(values: list[Any] | tuple[Any, ...]) -> np.ndarray | None:
    """A list of numbers, or of equally long lists of numbers, as an array."""
    try:
        array = np.array(values)
    except (ValueError, TypeError):
        return None
    return (
        array
        if array.size and (np.issubdtype(array.dtype, np.number) or array.dtype == bool)
        else None
    )


def _in_this_precision(value: jax.Array) -> jax.Array:
    if value.dtype == jax.dtypes.canonicalize_dtype(value.dtype):
        return value
    with jax.ensure_compile_time_eval():
        return jnp.asarray(np.asarray(value))
