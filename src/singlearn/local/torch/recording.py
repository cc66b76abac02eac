"""A function as a list of plain tensor operations, recorded once for given shapes, and compiled if
that was asked for.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx

COMPILE_AFTER = 1000
"""Calls after which compiling begins to pay: it costs as much as some ten thousand calls on a
processor.
"""
SAME_SHAPE = (
    torch.ops.aten.expand.default,
    torch.ops.aten.view.default,
    torch.ops.aten._unsafe_view.default,
)


def record(function: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
    """Trace the function to a graph of tensor operations for these shapes; it takes half the time
    of ``vmap`` itself.

    What vmap accepts has no branch that depends on data, so the record holds for all data. Where an
    operation cannot be recorded, or the record gives other numbers, it is the function itself.
    """
    try:
        found = make_fx(lambda *given: function(*given))(*arguments)
        _drop_views_that_change_nothing(found)
        same = all(
            torch.equal(a, b) for a, b in zip(found(*arguments), function(*arguments), strict=True)
        )
    except Exception:  # not every operation can be recorded; vmap itself gives the same numbers
        return function
    return found if same else function


def _drop_views_that_change_nothing(module: GraphModule) -> None:
    for node in list(module.graph.nodes):
        if node.op == "call_function" and node.target in SAME_SHAPE:
            before, after = (
                n.meta.get("tensor_meta", n.meta.get("val")) for n in (node.args[0], node)
            )
            if (
                before is not None
                and after is not None
                and tuple(before.shape) == tuple(after.shape)
            ):
                node.replace_all_uses_with(node.args[0])
                module.graph.erase_node(node)
    module.recompile()


class Compiled:
    """A recorded function that is compiled when it has been called :data:`COMPILE_AFTER` times, and
    stays as it is if that fails.

    The compiler keeps its files in a folder of this object, so that no other program's are read and
    none are left behind.

    Args:
        function: the record.
        failed: called with the reason if it cannot be compiled.
    """

    def __init__(self, function: Callable[..., Any], failed: Callable[[str], None]) -> None:
        self._function, self._failed, self._calls = function, failed, 0
        self._compiled: Callable[..., Any] | None = None

    def __call__(self, *arguments: Any) -> Any:
        """The outputs for these arguments."""
        self._calls += 1
        if self._compiled is not None:
            return self._compiled(*_tensors(arguments))
        if self._calls == COMPILE_AFTER:
            folder = tempfile.mkdtemp(prefix="singlearn-")
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            try:
                with _compiler_files_in(folder):
                    compiled = _compile(self._function, arguments)
                    result = compiled(*_tensors(arguments))
            except Exception as error:  # whatever a compiler may say: no number depends on it
                self._failed(f"not compiled: {' '.join(str(error).split())[:200]}")
            else:
                self._compiled = compiled
                return result
        return self._function(*arguments)


def _compile(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Callable[..., Any]:
    """The compiled function of the arguments' tensors.

    The record goes to the compiler as it is: what ``torch.compile`` puts around it, to look at
    every call whether the record still holds, takes as long as the derivative of a small network,
    and here shapes do not change.
    """
    from torch._inductor import compile as compile_graph  # not every build of torch has it

    given = _tensors(arguments)

    def of_tensors(*tensors: torch.Tensor) -> Any:
        left = iter(tensors)

        def again(part: Any) -> Any:
            if isinstance(part, dict):
                return {key: next(left) for key in part}
            return tuple(next(left) for _ in part) if isinstance(part, tuple) else next(left)

        return function(*(again(part) for part in arguments))

    compiled: Callable[..., Any] = compile_graph(make_fx(of_tensors)(*given), given)
    return compiled


def _tensors(arguments: tuple[Any, ...]) -> list[Any]:
    """The tensors of arguments that are tensors, or tuples or dicts of them."""
    found: list[Any] = []
    for part in arguments:
        if isinstance(part, torch.Tensor):
            found.append(part)
        else:
            found.extend(part.values() if isinstance(part, dict) else part)
    return found


@contextmanager
def _compiler_files_in(folder: str) -> Iterator[None]:
    name = "TORCHINDUCTOR_CACHE_DIR"
    before = os.environ.get(name)
    os.environ[name] = folder
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
