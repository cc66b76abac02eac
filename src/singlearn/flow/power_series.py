"""A program evaluated on power series in time, with first derivatives, modulo a prime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from singlearn.flow.modular import as_residues, product, residues
from singlearn.flow.program import Instruction, Program


class Dual(NamedTuple):
    """One Taylor coefficient and its derivatives in several directions.

    Attributes:
        value: the coefficient.
        tangent: its derivative along each direction; None where all are zero.
    """

    value: Float[np.ndarray, "a b"]
    tangent: Float[np.ndarray, "directions a b"] | None = None


class PowerSeries:
    """Taylor coefficients of every node, one order after the other.

    Coefficient k of a node needs those up to k of its arguments only, so that a differential
    equation is solved while it is evaluated: the next coefficient of the parameters comes from the
    gradient's last one.

    Args:
        program: what is evaluated.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self.coefficients: list[list[Dual]] = [[] for _ in program.nodes]
        self._order = 0

    def append(self, parameters: Mapping[str, Dual], cotangents: Sequence[Dual]) -> None:
        """The next coefficient of every node, from that of the parameters and cotangents."""
        for place, node in enumerate(self._program.nodes):
            self.coefficients[place].append(self._coefficient(node, parameters, cotangents))
        self._order += 1

    def _coefficient(
        self, node: Instruction, parameters: Mapping[str, Dual], cotangents: Sequence[Dual]
    ) -> Dual:
        series = [self.coefficients[argument] for argument in node.arguments]
        match node.operation:
            case "parameter":
                return parameters[node.extra]
            case "cotangent":
                found: Dual = cotangents[node.extra]
                return found
            case "constant":
                return Dual(
                    as_residues(node.extra) if self._order == 0 else np.zeros(node.extra.shape)
                )
            case "sum":
                left, right = series[0][-1], series[1][-1]
                return Dual(residues(left.value + right.value), _sum(left.tangent, right.tangent))
            case "transpose":
                (last,) = (s[-1] for s in series)
                tangent = None if last.tangent is None else np.swapaxes(last.tangent, 1, 2)
                return Dual(last.value.T, tangent)
            case "mask":
                (last,) = (s[-1] for s in series)
                gates = residues(node.extra)
                tangent = None if last.tangent is None else residues(last.tangent * gates)
                return Dual(residues(last.value * gates), tangent)
            case "linear":
                (last,) = (s[-1] for s in series)
                forward = node.extra[0]
                tangent = None if last.tangent is None else residues(forward(last.tangent))
                return Dual(residues(forward(last.value)), tangent)
            case "product":
                return _product(*series)
            case "elementwise":
                return _elementwise(*series)


def _sum(left: np.ndarray | None, right: np.ndarray | None) -> np.ndarray | None:
    if left is None or right is None:
        return right if left is None else left
    return residues(left + right)


def _product(left: Sequence[Dual], right: Sequence[Dual]) -> Dual:
    """Coefficient n of a product, Σ A_j B_{n-j}: the A side by side times the B on top of each
    other in reverse order.
    """
    right = right[::-1]
    beside = np.concatenate([a.value for a in left], axis=1)
    above = np.concatenate([b.value for b in right], axis=0)
    tangent = None
    pairs = list(zip(left, right, strict=True))
    moving = [(a, b) for a, b in pairs if a.tangent is not None]
    if moving:
        derivative = np.concatenate([a.tangent for a, _ in moving if a.tangent is not None], axis=2)
        tangent = product(derivative, np.concatenate([b.value for _, b in moving], axis=0))
    moving = [(a, b) for a, b in pairs if b.tangent is not None]
    if moving:
        derivative = np.concatenate([b.tangent for _, b in moving if b.tangent is not None], axis=1)
        tangent = _sum(
            tangent, product(np.concatenate([a.value for a, _ in moving], axis=1), derivative)
        )
    return Dual(product(beside, above), tangent)


def _elementwise(left: Sequence[Dual], right: Sequence[Dual]) -> Dual:
    value, tangent = np.zeros(()), None
    for a, b in zip(left, right[::-1], strict=True):
        value = residues(value + a.value * b.value)
        if a.tangent is not None:
            tangent = _sum(tangent, residues(a.tangent * b.value))
        if b.tangent is not None:
            tangent = _sum(tangent, residues(a.value * b.tangent))
    return Dual(value, tangent)
