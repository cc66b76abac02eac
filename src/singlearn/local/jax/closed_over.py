"""Whether a function holds w* itself, besides what it is given: that part stays as it is while
chains move.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, jaxprs_in_params

DEPTH = 3
"""Of functions in closures of functions."""


def held_by(function: Callable[..., Any], leaves: Mapping[str, Any]) -> list[str]:
    """Names of the leaves that Python holds for this function: in its closure, its defaults or its
    global names.

    Args:
        function: any callable.
        leaves: the caller's own arrays, by name.

    Returns:
        Names, in order.

    >>> w = np.ones(3)
    >>> def penalised(output, target): return output + (w**2).sum()
    >>> held_by(penalised, {"w": w}), held_by(lambda output, target: output, {"w": w})
    (['w'], [])
    """
    own = {
        id(leaf): name for name, leaf in leaves.items() if isinstance(leaf, jax.Array | np.ndarray)
    }
    found = {
        own[id(part)]
        for value in _around(function, DEPTH)
        for part in _arrays(value)
        if id(part) in own
    }
    return [name for name in leaves if name in found]


def constants_of(program: ClosedJaxpr) -> list[Any]:
    """Arrays that a traced function holds, also within functions that it calls."""
    return [
        *program.consts,
        *(constant for inner in _inner(program.jaxpr) for constant in inner.consts),
    ]


def among(constants: Sequence[Any], leaves: Mapping[str, Any]) -> list[str]:
    """Names of the leaves that are among these arrays: the same object, or equal numbers that are
    not all alike.
    """
    found = []
    for name, leaf in leaves.items():
        for constant in constants:
            if constant is leaf or _same_numbers(constant, leaf):
                found.append(name)
                break
    return found


def _inner(program: Jaxpr) -> Iterator[ClosedJaxpr]:
    for equation in program.eqns:
        for value in equation.params.values():
            if isinstance(value, ClosedJaxpr):
                yield value
        for inner in jaxprs_in_params(equation.params):
            yield from _inner(inner)


def _same_numbers(one: Any, other: Any) -> bool:
    if not (
        hasattr(one, "shape")
        and hasattr(other, "shape")
        and one.shape == other.shape
        and np.size(one) > 1
    ):
        return False
    if not (np.issubdtype(one.dtype, np.inexact) and np.issubdtype(other.dtype, np.inexact)):
        return False
    ours, theirs = np.asarray(one), np.asarray(other)
    return bool((ours == theirs).all()) and not bool((ours == ours.flat[0]).all())


def _around(function: Any, depth: int) -> Iterator[Any]:
    """What a function can reach besides its arguments."""
    if isinstance(function, functools.partial):
        yield from function.args
        yield from function.keywords.values()
        yield from _around(function.func, depth)
        return
    if inspect.ismethod(function):
        yield getattr(function.__self__, "__dict__", {})
        function = function.__func__
    function = inspect.unwrap(function) if callable(function) else function
    if not inspect.isfunction(function):
        if callable(function) and hasattr(function, "__dict__"):
            yield dict(vars(function))
        return
    try:
        seen = inspect.getclosurevars(function)
    except (TypeError, ValueError):  # a closure that is not filled yet
        return
    for value in (*seen.nonlocals.values(), *seen.globals.values(), *(function.__defaults__ or ())):
        yield value
        if depth and callable(value) and not inspect.isclass(value):
            yield from _around(value, depth - 1)


def _arrays(value: Any) -> Iterator[Any]:
    """Arrays in a value that is a pytree, and not a module or the like."""
    if isinstance(value, jax.Array | np.ndarray):
        yield value
    elif isinstance(value, dict | list | tuple):
        for part in jax.tree.leaves(value):
            if isinstance(part, jax.Array | np.ndarray):
                yield part
