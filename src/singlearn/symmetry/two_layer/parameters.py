"""A network's parameters as one vector, and the derivative of its outputs with respect to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from singlearn.symmetry.two_layer.network import TwoLayerReLU


@dataclass(frozen=True)
class ParameterLayout:
    """Where the parameters of a network lie in the vector ``(w row by row, b, q output by output,
    c)``.

    Attributes:
        width: H.
        inputs: N.
        outputs: M.
    """

    width: int
    inputs: int
    outputs: int

    @classmethod
    def of(cls, net: TwoLayerReLU) -> ParameterLayout:
        """The layout of a network's parameters."""
        return cls(net.width, net.inputs, net.outputs)

    @property
    def size(self) -> int:
        """D = H (N + 1 + M) + M."""
        return self.width * (self.inputs + 1 + self.outputs) + self.outputs

    def w(self, node: int) -> slice:
        """The weights of a node."""
        return slice(node * self.inputs, (node + 1) * self.inputs)

    def b(self, node: int) -> int:
        """The bias of a node."""
        return self.width * self.inputs + node

    def q(self, node: int) -> slice:
        """One entry per output."""
        start = self.width * (self.inputs + 1) + node
        return slice(start, start + self.outputs * self.width, self.width)

    @property
    def c(self) -> slice:
        """The output biases."""
        return slice(self.size - self.outputs, self.size)


def jacobian(
    net: TwoLayerReLU, x: Float[np.ndarray, "points inputs"]
) -> Float[np.ndarray, "rows parameters"]:
    """Derivative of every output at every point with respect to the parameter vector; a node on its
    boundary counts as inactive.

    >>> jacobian(TwoLayerReLU([[2]], [0], [3], 0), np.array([[1.0], [2.0]])).tolist()
    [[3.0, 3.0, 2.0, 1.0], [6.0, 3.0, 4.0, 1.0]]
    """
    w, b, q, _ = net.arrays()
    layout = ParameterLayout.of(net)
    heights = x @ w.T + b
    active = heights > 0
    rows = np.zeros((len(x), layout.outputs, layout.size))
    for i in range(layout.width):
        slope = active[:, i, None] * q[None, :, i]
        rows[:, :, layout.w(i)] = slope[:, :, None] * x[:, None, :]
        rows[:, :, layout.b(i)] = slope
        for j, place in enumerate(range(layout.size)[layout.q(i)]):
            rows[:, j, place] = np.maximum(heights[:, i], 0.0)
    for j, place in enumerate(range(layout.size)[layout.c]):
        rows[:, j, place] = 1.0
    return rows.reshape(-1, layout.size)
