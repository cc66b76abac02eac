"""How much memory an evaluation by JAX takes, and how much there is."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
from jax.core import ShapedArray
from jax.extend.core import Jaxpr, jaxprs_in_params

from singlearn.running.memory import host_memory


def bytes_made(function: Callable[..., Any], *arguments: Any) -> int:
    """Bytes of all that the operations of ``function`` make; nothing is computed. A compiled
    program holds less, for it joins operations.

    >>> x = jax.numpy.zeros(100)
    >>> bytes_made(lambda x: jax.numpy.exp(x + 1).sum(), x)  # 4 bytes × (100 + 100 + 1)
    804
    """
    return _made(jax.make_jaxpr(function)(*arguments).jaxpr)


def operations(function: Callable[..., Any], *arguments: Any) -> int:
    """Multiplications and additions of the matrix products and convolutions in ``function``;
    nothing is computed.

    >>> x, y = jax.numpy.zeros((10, 100)), jax.numpy.zeros((100, 5))
    >>> operations(lambda x, y: jax.numpy.exp(x @ y), x, y)
    5000
    """
    return _multiplied(jax.make_jaxpr(function)(*arguments).jaxpr)


def device_memory() -> int:
    """Bytes of the device that computes, or of this machine where that is the processor."""
    (device,) = jax.numpy.zeros(()).devices()
    held = device.memory_stats()
    return int(held["bytes_limit"]) if held and "bytes_limit" in held else host_memory()


def _made(program: Jaxpr) -> int:
    total = 0
    for equation in program.eqns:
        inner = list(jaxprs_in_params(equation.params))
        if inner:
            # A derivative keeps what every turn of a loop made.
            total += int(equation.params.get("length", 1)) * sum(_made(part) for part in inner)
        else:
            arrays = [out.aval for out in equation.outvars if isinstance(out.aval, ShapedArray)]
            total += sum(math.prod(array.shape) * array.dtype.itemsize for array in arrays)
    return total


def _multiplied(program: Jaxpr) -> int:
    total = 0
    for equation in program.eqns:
        inner = sum(_multiplied(part) for part in jaxprs_in_params(equation.params))
        total += int(equation.params.get("length", 1)) * inner
        if equation.primitive.name in ("dot_general", "conv_general_dilated"):
            left, right, out = (part.aval for part in (*equation.invars[:2], equation.outvars[0]))
            if not (
                isinstance(left, ShapedArray)
                and isinstance(right, ShapedArray)
                and isinstance(out, ShapedArray)
            ):
                continue
            made = math.prod(out.shape)
            if equation.primitive.name == "dot_general":
                (contracted, _), _ = equation.params["dimension_numbers"]
                total += made * math.prod(left.shape[axis] for axis in contracted)
            else:
                total += (
                    made
                    * math.prod(right.shape)
                    // max(right.shape[equation.params["dimension_numbers"].rhs_spec[0]], 1)
                )
    return total
