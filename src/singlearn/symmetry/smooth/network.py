"""A two-layer network of tanh, sigmoid, erf, SiLU or GELU with exact rational parameters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb, ctx
from jaxtyping import Float

from singlearn.numbers.rational import Number, Vector, vector
from singlearn.results.prompt import Shown
from singlearn.symmetry.smooth.activation import Activation
from singlearn.symmetry.smooth.constant import PRECISION, Constant, ball
from singlearn.symmetry.two_layer.network import Node, TwoLayerReLU


@dataclass(frozen=True, init=False)
class TwoLayerSmooth(Shown):
    r""":math:`f(x) = c + \sum_{i=1}^{H} q_i\,σ(\langle w_i, x\rangle + b_i)`, σ one of tanh,
    sigmoid, erf, SiLU, GELU.

    Every parameter is an exact rational, a float the binary fraction it is. What nodes with w = 0
    add is a number such as 3 tanh(1/4); compression puts it into c, which is therefore kept as a
    :class:`~singlearn.symmetry.smooth.constant.Constant`.

    Args:
        activation: a name, or an :class:`~singlearn.symmetry.smooth.activation.Activation`.
        w, b, q, c, inputs: as for :class:`~singlearn.symmetry.two_layer.network.TwoLayerReLU`.

    Raises:
        ValueError: an activation of another name, shapes that do not fit, or entries that are no
            finite numbers.

    >>> net = TwoLayerSmooth("tanh", [[1], [-1]], [0, 0], [1, 1], 0)
    >>> net.width, net.evaluate(np.array([[0.5]])).tolist()
    (2, [[0.0]])
    """

    activation: Activation
    nodes: tuple[Node, ...]
    c: tuple[Constant, ...]
    inputs: int
    is_scalar: bool

    def __init__(
        self,
        activation: str | Activation,
        w: Any,
        b: Any,
        q: Any,
        c: Any,
        inputs: int | None = None,
    ) -> None:
        own = activation if isinstance(activation, Activation) else Activation(activation)
        read = TwoLayerReLU(w, b, q, c, inputs)
        self._set(own, read.nodes, tuple(Constant(v) for v in read.c), read.inputs, read.is_scalar)

    def _set(
        self,
        activation: Activation,
        nodes: tuple[Node, ...],
        c: tuple[Constant, ...],
        inputs: int,
        is_scalar: bool,
    ) -> None:
        values = {
            "activation": activation,
            "nodes": nodes,
            "c": c,
            "inputs": inputs,
            "is_scalar": is_scalar,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def to_dict(self) -> dict[str, Any]:
        """Its activation by name, and its parameters as text for machines."""
        return {
            "activation": self.activation.name,
            "inputs": self.inputs,
            "w": [[str(v) for v in node.w] for node in self.nodes],
            "b": [str(node.b) for node in self.nodes],
            "q": [[str(node.q[j]) for node in self.nodes] for j in range(len(self.c))],
            "c": [str(v) for v in self.c],
        }

    def replaced(
        self,
        nodes: Iterable[Node],
        c: tuple[Constant, ...] | None = None,
        activation: Activation | None = None,
    ) -> TwoLayerSmooth:
        """A network of the same inputs and outputs with other nodes and, if given, another output
        bias or activation.

        Returns:
            The new network.
        """
        result = object.__new__(TwoLayerSmooth)
        result._set(
            activation or self.activation,
            tuple(nodes),
            self.c if c is None else c,
            self.inputs,
            self.is_scalar,
        )
        return result

    @property
    def width(self) -> int:
        """H, the number of hidden nodes."""
        return len(self.nodes)

    @property
    def outputs(self) -> int:
        """M, the number of outputs."""
        return len(self.c)

    def enclosures(self, x: Sequence[Number], bits: int = PRECISION) -> tuple[arb, ...]:
        """Balls (midpoint and radius, proven) that hold the M outputs at an exact point.

        Args:
            x: N numbers.
            bits: of precision.

        Returns:
            One ball per output.

        Raises:
            ValueError: x has not N finite entries.

        >>> TwoLayerSmooth("erf", [[1]], [0], [2], 0).enclosures([1])
        ([1.68540158589943 +/- ...],)
        """
        point = vector(x, "x")
        if len(point) != self.inputs:
            raise ValueError(f"x: got {len(point)} entries; the network has {self.inputs} inputs")
        return self.balls_at(point, bits)

    def balls_at(self, point: Vector, bits: int) -> tuple[arb, ...]:
        """The same for a point that is known to fit."""
        with ctx.workprec(bits):
            totals = [value.enclosure() for value in self.c]
            for node in self.nodes:
                height = self.activation.enclosure(ball(node.preactivation(point)))
                for j, q in enumerate(node.q):
                    if q:
                        totals[j] += ball(q) * height
            return tuple(totals)

    def arrays(
        self,
    ) -> tuple[
        Float[np.ndarray, "nodes inputs"],
        Float[np.ndarray, " nodes"],
        Float[np.ndarray, "outputs nodes"],
        Float[np.ndarray, " outputs"],
    ]:
        """``(w, b, q, c)`` rounded to float64, q with one row per output.

        Returns:
            Arrays in float64.

        Raises:
            ValueError: a parameter is beyond 1.8e308, too large for float64.
        """
        try:
            w = np.array([[float(v) for v in node.w] for node in self.nodes])
            b = np.array([float(node.b) for node in self.nodes])
            q = np.array([[float(v) for v in node.q] for node in self.nodes])
        except OverflowError:
            raise ValueError("net: a parameter is beyond 1.8e308, too large for float64") from None
        c = np.array([float(v) for v in self.c])
        return w.reshape(self.width, self.inputs), b, q.reshape(self.width, self.outputs).T, c

    def evaluate(
        self, x: Float[np.ndarray, "points inputs"]
    ) -> Float[np.ndarray, "points outputs"]:
        """f at many points in float64; ``enclosures`` is certified."""
        w, b, q, c = self.arrays()
        found: Float[np.ndarray, "points outputs"] = c + self.activation.evaluate(x @ w.T + b) @ q.T
        return found

    def __str__(self) -> str:
        return f"two-layer {self.activation} network, {self.inputs} → {self.width} → {self.outputs}"


def require_smooth(net: Any, what: str) -> TwoLayerSmooth:
    """Refuse anything but a two-layer network of a smooth activation.

    Args:
        net: what the caller gave.
        what: the function it was given to.

    Returns:
        The network as it was given.

    Raises:
        ValueError: it is no ``TwoLayerSmooth``.
    """
    if not isinstance(net, TwoLayerSmooth):
        raise ValueError(f"net: got {type(net).__name__}; {what} is for TwoLayerSmooth networks")
    return net
