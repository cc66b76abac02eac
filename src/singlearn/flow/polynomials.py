"""A map given as polynomials."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from singlearn.exact.read.expression import Expression
from singlearn.flow.architecture import Architecture, Output
from singlearn.flow.program import Program
from singlearn.flow.specification import architecture

Map = Sequence[Any] | str | Mapping[str, Any]
"""Polynomials, as strings or SymPy expressions; one of them; or a description."""


def as_network(
    given: Any, weights: Sequence[Any] | None = None, inputs: Any = None
) -> Architecture:
    """A network from whatever describes it.

    Args:
        given: an :class:`Architecture`, a description of one, polynomials, or a PyTorch module that
            is a chain.
        weights: for a description with ``"gates": "data"``.
        inputs: the same; or for a module, one row for each input.

    Returns:
        The network.

    Raises:
        ValueError: what is not understood.
    """
    if isinstance(given, Mapping):
        return architecture(given, weights, inputs)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(given, torch.nn.Module):
        from singlearn.flow.torch_chain import chain_of_module

        if weights is not None:
            raise ValueError("weights: a module has its own; they belong to descriptions")
        return chain_of_module(given, inputs)
    if weights is not None or inputs is not None:
        raise ValueError("weights: they belong to a description with 'gates': 'data'")
    return given if isinstance(given, Architecture) else polynomial_map(given)


def polynomial_map(polynomials: Sequence[Any] | str) -> Architecture:
    """The map whose outputs are polynomials of their variables.

    Args:
        polynomials: strings such as ``"a*b + c**2"`` or SymPy expressions, or one of them.

    Returns:
        An architecture with one parameter for each variable, in the order of the alphabet.

    Raises:
        ValueError: no polynomials, or what is none.

    >>> polynomial_map(["a*b", "a*c"]).dimension
    3
    """
    given = list(polynomials) if isinstance(polynomials, (list, tuple)) else [polynomials]
    if not given:
        raise ValueError("polynomials: got none; it should have at least one")
    read = [Expression(str(text)) for text in given]
    names = sorted({name for expression in read for name in expression.variables})
    if not names:
        raise ValueError(
            f"polynomials: got {', '.join(map(str, given))}; they should have variables"
        )

    def write(program: Program, parameters: Mapping[str, int]) -> list[Output]:
        values = {name: _Written(program, parameters[name]) for name in names}
        outputs = []
        for expression in read:
            found = expression.evaluate(values, lambda number: number)
            outputs.append(Output(_node(program, found), (1, 1)))
        return outputs

    name = f"the map ({', '.join(map(str, given))})"
    return Architecture(name, {variable: (1,) for variable in names}, write, ())


class _Written:
    """A number that writes down what is done with it."""

    def __init__(self, program: Program, node: int) -> None:
        self.program, self.node = program, node

    def _other(self, other: Any) -> int:
        return _node(self.program, other)

    def __add__(self, other: Any) -> _Written:
        return _Written(self.program, self.program.sum(self.node, self._other(other)))

    __radd__ = __add__

    def __mul__(self, other: Any) -> _Written:
        return _Written(self.program, self.program.product(self.node, self._other(other)))

    __rmul__ = __mul__

    def __neg__(self) -> _Written:
        return self * Fraction(-1)

    def __sub__(self, other: Any) -> _Written:
        return self + -_Written(self.program, self._other(other))

    def __rsub__(self, other: Any) -> _Written:
        found: _Written = -self + other
        return found

    def __pow__(self, exponent: int) -> _Written:
        result = self
        if exponent == 0:
            return _Written(self.program, self._other(Fraction(1)))
        for _ in range(exponent - 1):
            result = result * self
        return result


def _node(program: Program, value: Any) -> int:
    if isinstance(value, _Written):
        return value.node
    return program.constant(np.array([[Fraction(value)]], dtype=object))
