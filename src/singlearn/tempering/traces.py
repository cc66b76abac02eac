"""Traces of functions that close over NumPy arrays, in one precision and then in the other."""

from __future__ import annotations

import importlib
from threading import Lock

import jax

_CACHES = (
    ("jax._src.interpreters.partial_eval", "trace_to_jaxpr"),
    ("jax._src.pjit", "_infer_params_cached"),
)
_lock = Lock()
_traced_wide: list[bool] = []


def trace_in(wide: bool) -> None:
    """Say in which precision functions are about to be traced, so that none meets what JAX
    remembers of it from the other one.

    JAX remembers traces of the small functions that a model is made of. Where one has met a NumPy
    array that a model closes over in double precision, it is no use in single precision, and JAX
    0.10 fails on it ("requires compatible types for all operands"). The memory of traces is
    therefore forgotten when the precision changes. Compiled functions, the caller's among them,
    stay as they are.
    """
    with _lock:
        if _traced_wide == [wide]:
            return
        _traced_wide[:] = [wide]
    try:
        for module, cache in _CACHES:
            getattr(importlib.import_module(module), cache).cache_clear()
    except (
        ImportError,
        AttributeError,
    ):  # another JAX keeps its traces elsewhere: all of its memory goes, which is slow, not wrong
        jax.clear_caches()
