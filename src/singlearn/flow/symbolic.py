"""A map as polynomials of its parameters: other code than the gradients, to prove laws with."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import flint
import numpy as np

from singlearn.flow.architecture import Architecture
from singlearn.flow.modular import whole_numbers
from singlearn.flow.program import Program

Polynomial = Any
"""A polynomial with rational coefficients."""


def coordinate_names(network: Architecture) -> list[str]:
    """A name for each number of the parameters, in the order of the coordinates.

    >>> from singlearn.flow.networks.chain import linear_chain
    >>> coordinate_names(linear_chain((2, 1, 1)))
    ['W1[1,1]', 'W1[1,2]', 'W2[1,1]']
    """
    names = []
    for name, shape in network.shapes.items():
        for place in np.ndindex(*shape):
            names.append(
                name if shape == (1,) else f"{name}[{','.join(str(i + 1) for i in place)}]"
            )
    return names


def output_polynomials(network: Architecture) -> list[Polynomial]:
    """Every output of the map, as a polynomial of the coordinates in their order."""
    program = Program()
    parameters = {name: program.parameter(name) for name in network.shapes}
    outputs = network.write(program, parameters)
    context = flint.fmpq_mpoly_ctx.get(
        [f"x{i}" for i in range(network.dimension)], flint.Ordering.degrevlex
    )
    point, start = {}, 0
    for name, shape in network.shapes.items():
        size = int(np.prod(shape))
        point[name] = _objects(context.gens()[start : start + size]).reshape(shape[0], -1)
        start += size
    values: list[np.ndarray] = []
    for node in program.nodes:
        arguments = [values[argument] for argument in node.arguments]
        match node.operation:
            case "parameter":
                values.append(point[node.extra])
            case "constant":
                values.append(_constants(context, whole_numbers(node.extra)))
            case "mask":
                values.append(arguments[0] * _constants(context, whole_numbers(node.extra)))
            case "product":
                values.append(np.matmul(*arguments))
            case "sum":
                values.append(arguments[0] + arguments[1])
            case "transpose":
                values.append(arguments[0].T)
            case "elementwise":
                values.append(arguments[0] * arguments[1])
            case "linear":
                values.append(node.extra[0](arguments[0]))
            case "cotangent":  # the map itself has none
                raise AssertionError(node)
    return [entry for output in outputs for entry in values[output.node].reshape(-1)]


def _objects(entries: Sequence[Any]) -> np.ndarray:
    found = np.empty(len(entries), dtype=object)
    found[:] = entries
    return found


def _constants(context: Any, array: np.ndarray) -> np.ndarray:
    entries = [Fraction(x) for x in array.reshape(-1)]
    return _objects(
        [context.constant(flint.fmpq(x.numerator, x.denominator)) for x in entries]
    ).reshape(array.shape)


def is_kept(law: Polynomial, outputs: Sequence[Polynomial]) -> bool:
    r"""Whether :math:`\sum_i \partial_i h\, \partial_i F_o = 0` for every output, as polynomials.

    Args:
        law: h.
        outputs: F.
    """
    count = len(law.context().names())
    slopes = [(i, part) for i in range(count) if (part := law.derivative(i)) != 0]
    return all(
        sum((part * output.derivative(i) for i, part in slopes), start=0 * law) == 0
        for output in outputs
    )
