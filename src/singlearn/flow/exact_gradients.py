"""Gradient fields at a rational point, exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from singlearn.flow.bracket_rank import GradientFields
from singlearn.flow.modular import whole_numbers
from singlearn.flow.program import Instruction

Exact = np.ndarray[Any, np.dtype[np.object_]]
"""Python's whole numbers and fractions."""


def exact_gradients(
    fields: GradientFields, point: Mapping[str, Exact], cotangents: Sequence[Exact]
) -> Exact:
    """The fields of k cotangents, shape (k, d).

    Args:
        fields: the map and its gradient.
        point: matrices by parameter.
        cotangents: a stack of k matrices for each output.

    Returns:
        Gradients, all parameters side by side.
    """
    values: list[Exact] = []
    for node in fields.program.nodes:
        values.append(
            _value(node, [values[argument] for argument in node.arguments], point, cotangents)
        )
    count = len(cotangents[0])
    parts = []
    for name, (a, b) in fields.shapes.items():
        node_place = fields.gradients.get(name)
        found = np.zeros((1, a, b), dtype=object) if node_place is None else values[node_place]
        parts.append(np.broadcast_to(found, (count, a, b)).reshape(count, a * b))
    return np.concatenate(parts, axis=1)


def _value(
    node: Instruction,
    arguments: Sequence[Exact],
    point: Mapping[str, Exact],
    cotangents: Sequence[Exact],
) -> Exact:
    match node.operation:
        case "parameter":
            return point[node.extra]
        case "cotangent":
            found: Exact = cotangents[node.extra]
            return found
        case "constant":
            return whole_numbers(node.extra)
        case "product":
            return np.matmul(*arguments)
        case "sum":
            found = arguments[0] + arguments[1]
            return found
        case "transpose":
            return np.swapaxes(arguments[0], -1, -2)
        case "mask":
            found = arguments[0] * whole_numbers(node.extra)
            return found
        case "elementwise":
            found = arguments[0] * arguments[1]
            return found
        case "linear":
            found = node.extra[0](arguments[0])
            return found
