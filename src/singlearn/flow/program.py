"""A straight-line program of matrix operations, and its gradient as a program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Shaped

Operation = Literal[
    "parameter",
    "cotangent",
    "constant",
    "product",
    "sum",
    "transpose",
    "mask",
    "elementwise",
    "linear",
]
LinearMap = Callable[[Shaped[np.ndarray, "... a b"]], Shaped[np.ndarray, "... c d"]]


@dataclass(frozen=True)
class Instruction:
    """One operation.

    Attributes:
        operation: its kind.
        arguments: places of the nodes it takes.
        extra: the name of a parameter, the number of a cotangent, a constant, a mask, or a linear
            map with its transpose.
    """

    operation: Operation
    arguments: tuple[int, ...] = ()
    extra: Any = None


class Program:
    """Operations on matrices, each of whose arguments stand before it.

    A map of matrices to matrices is written down once; values, power series and derivatives are
    computed from the list.

    >>> program = Program()
    >>> left, right = program.parameter("W2"), program.parameter("W1")
    >>> gradient = program.gradient([program.product(left, right)])
    >>> sorted(gradient)
    ['W1', 'W2']
    """

    def __init__(self) -> None:
        self.nodes: list[Instruction] = []

    def _append(self, operation: Operation, *arguments: int, extra: Any = None) -> int:
        self.nodes.append(Instruction(operation, arguments, extra))
        return len(self.nodes) - 1

    def parameter(self, name: str) -> int:
        """A matrix of parameters."""
        return self._append("parameter", extra=name)

    def cotangent(self, index: int) -> int:
        """What the output of this index is multiplied by, entry by entry, before all is added."""
        return self._append("cotangent", extra=index)

    def constant(self, values: Shaped[np.ndarray, "a b"]) -> int:
        """A matrix of whole or rational numbers that stays."""
        return self._append("constant", extra=np.asarray(values))

    def product(self, left: int, right: int) -> int:
        """Matrix product."""
        return self._append("product", left, right)

    def sum(self, left: int, right: int) -> int:
        """Sum."""
        return self._append("sum", left, right)

    def transpose(self, node: int) -> int:
        """Transpose."""
        return self._append("transpose", node)

    def mask(self, node: int, gates: Float[np.ndarray, "a b"]) -> int:
        """Entries times fixed numbers, 0 and 1 for the gates of a ReLU."""
        return self._append("mask", node, extra=np.asarray(gates, dtype=float))

    def elementwise(self, left: int, right: int) -> int:
        """Products of entries."""
        return self._append("elementwise", left, right)

    def linear(self, node: int, forward: LinearMap, transposed: LinearMap) -> int:
        """A linear map of the last two axes, with its transpose."""
        return self._append("linear", node, extra=(forward, transposed))

    def gradient(self, outputs: list[int]) -> Mapping[str, int]:
        r"""Append the gradient of :math:`\sum_o \langle C_o, F_o(θ) \rangle`, C the cotangents.

        Args:
            outputs: the nodes F; cotangent number o belongs to the o-th.

        Returns:
            The node of the gradient by each parameter that the outputs depend on.
        """
        count = len(self.nodes)
        adjoint: list[int | None] = [None] * count
        for index, output in enumerate(outputs):
            adjoint[output] = self._added(adjoint[output], self.cotangent(index))
        for place in range(count - 1, -1, -1):
            cotangent, node = adjoint[place], self.nodes[place]
            if cotangent is None:
                continue
            for argument, part in zip(
                node.arguments, self._pulled_back(node, cotangent), strict=True
            ):
                adjoint[argument] = self._added(adjoint[argument], part)
        found: dict[str, int] = {}
        for place in range(count):
            node, cotangent = self.nodes[place], adjoint[place]
            if node.operation == "parameter" and cotangent is not None:
                found[node.extra] = self._added(found.get(node.extra), cotangent)
        return found

    def _added(self, total: int | None, part: int) -> int:
        return part if total is None else self.sum(total, part)

    def _pulled_back(self, node: Instruction, cotangent: int) -> tuple[int, ...]:
        """The cotangents of a node's arguments."""
        match node.operation:
            case "product":
                left, right = node.arguments
                return (
                    self.product(cotangent, self.transpose(right)),
                    self.product(self.transpose(left), cotangent),
                )
            case "sum":
                return (cotangent, cotangent)
            case "transpose":
                return (self.transpose(cotangent),)
            case "mask":
                return (self.mask(cotangent, node.extra),)
            case "elementwise":
                left, right = node.arguments
                return (self.elementwise(cotangent, right), self.elementwise(cotangent, left))
            case "linear":
                forward, transposed = node.extra
                return (self.linear(cotangent, transposed, forward),)
            case _:
                return ()
