"""One lossless step that makes a network smaller, and what rounding may have changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from singlearn.results.result import Answer
from singlearn.symmetry.deep.network import DeepReLU


@dataclass(frozen=True, eq=False)
class Reduction(Answer):
    r"""A step of :func:`compress_deep`.

    Attributes:
        network: after the step.
        layer: the hidden layer it worked on, numbered before the step.
        what: in words, with numbers of nodes.
        removed: how many hidden nodes fewer there are.
        reader: a layer of the new network, above which nothing was changed.
        change: bound on how much the pre-activations of ``reader`` changed, one per node.
    """

    network: DeepReLU
    layer: int
    what: str
    removed: int
    reader: int
    change: Float[np.ndarray, " nodes"]

    def output_change(self) -> Float[np.ndarray, " outputs"]:
        r"""Bound on the change of the outputs: :math:`|W_L| ⋯ |W_{l+1}| δ_l`, since ReLU does not
        enlarge differences.
        """
        change = self.change
        for matrix in self.network.weights[self.reader + 1 :]:
            change = np.abs(matrix) @ change
        return change * (1 + 1e-9)


def replace_layers(
    net: DeepReLU, first: int, weights: list[np.ndarray], biases: list[np.ndarray], count: int
) -> DeepReLU:
    """``net`` with its ``count`` layers from ``first`` on replaced by the given ones."""
    return DeepReLU(
        [*net.weights[:first], *weights, *net.weights[first + count :]],
        [*net.biases[:first], *biases, *net.biases[first + count :]],
    )
