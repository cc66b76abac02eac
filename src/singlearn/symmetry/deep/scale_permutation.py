"""Scaling and permutation of hidden nodes, as one invertible transformation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from singlearn.results.result import Answer
from singlearn.symmetry.deep.network import DeepReLU


@dataclass(frozen=True, eq=False)
class ScalePermutation(Answer):
    r"""Reorder the nodes of every hidden layer and multiply each by a positive factor.

    With :math:`P_l` the permutation and :math:`S_l = \mathrm{diag}(s_l)` of hidden layer l, and
    identities at both ends,

    .. math:: W_l' = S_l P_l W_l P_{l-1}^T S_{l-1}^{-1}, \qquad b_l' = S_l P_l b_l.

    Args:
        orders: for each hidden layer, ``orders[l][k]`` is the old number of the new node k.
        scales: for each hidden layer, ``scales[l][k] > 0`` multiplies the new node k.

    Raises:
        ValueError: an order that is not a permutation, or a scale that is not positive and finite.

    >>> net = DeepReLU([[[1.0], [-1.0]], [[1.0, 3.0]]], [[0.0, 0.0], [0.0]])
    >>> ScalePermutation([np.array([1, 0])], [np.array([2.0, 1.0])]).apply(net).weights[1]
    array([[1.5, 1. ]])
    """

    orders: tuple[Int[np.ndarray, " nodes"], ...]
    scales: tuple[Float[np.ndarray, " nodes"], ...]

    def __init__(self, orders: Sequence[np.ndarray], scales: Sequence[np.ndarray]) -> None:
        if len(orders) != len(scales):
            raise ValueError(
                f"scales: got {len(scales)} layers for {len(orders)} orders; one of each per "
                f"hidden layer is needed"
            )
        for layer, (order, scale) in enumerate(zip(orders, scales, strict=True)):
            if not np.array_equal(np.sort(order), np.arange(len(order))):
                raise ValueError(
                    f"orders[{layer}]: got {order}; it should be a permutation of 0, …, "
                    f"{len(order) - 1}"
                )
            if scale.shape != order.shape or not np.all((scale > 0) & np.isfinite(scale)):
                raise ValueError(
                    f"scales[{layer}]: got {scale}; it should be {len(order)} positive numbers"
                )
        object.__setattr__(
            self, "orders", tuple(np.asarray(order, dtype=np.int64) for order in orders)
        )
        object.__setattr__(
            self, "scales", tuple(np.asarray(scale, dtype=np.float64) for scale in scales)
        )

    def apply(self, net: DeepReLU) -> DeepReLU:
        """The transformed network: the same function, up to one rounding for each factor.

        Returns:
            The transformed network.

        Raises:
            ValueError: the hidden layers of ``net`` have other widths.
        """
        if tuple(len(order) for order in self.orders) != net.widths[1:-1]:
            raise ValueError(
                f"net: hidden widths {net.widths[1:-1]}; this transformation is for "
                f"{[len(o) for o in self.orders]}"
            )
        weights, biases = list(net.weights), list(net.biases)
        for layer, (order, scale) in enumerate(zip(self.orders, self.scales, strict=True)):
            weights[layer] = weights[layer][order] * scale[:, None]
            biases[layer] = biases[layer][order] * scale
            weights[layer + 1] = weights[layer + 1][:, order] / scale
        return DeepReLU(weights, biases)

    def inverse(self) -> ScalePermutation:
        """The transformation back."""
        backs = [np.argsort(order) for order in self.orders]
        return ScalePermutation(
            backs, [1 / scale[back] for scale, back in zip(self.scales, backs, strict=True)]
        )

    def then(self, after: ScalePermutation) -> ScalePermutation:
        """First this, then ``after``."""
        return ScalePermutation(
            [order[later] for order, later in zip(self.orders, after.orders, strict=True)],
            [
                scale[later] * factor
                for scale, later, factor in zip(
                    self.scales, after.orders, after.scales, strict=True
                )
            ],
        )
