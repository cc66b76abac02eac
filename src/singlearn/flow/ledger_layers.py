"""Laws of a chain of layers whose weights are a tree of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from singlearn.flow.law import Gram, GramLaw, gram_law
from singlearn.flow.networks.chain import GENERAL_LINEAR
from singlearn.flow.networks.relu import SCALING


@dataclass(frozen=True)
class Layer:
    """A linear layer.

    Attributes:
        weight: path to the matrix in the tree, parts joined by dots.
        bias: path to the bias; None without.
        out_axis: which axis of the matrix goes over the layer's outputs: 0 where y = W x, 1 where y
            = x W (Flax, Haiku).
        activation: what follows: "relu" (or any other positively homogeneous one), "linear", or a
            degree k of x ↦ x^k.
    """

    weight: str
    bias: str | None = None
    out_axis: Literal[0, 1] = 0
    activation: str | int = "relu"


def layer_laws(layers: Sequence[Layer]) -> tuple[GramLaw, ...]:
    """What the gradient flow of every loss of a chain of layers keeps.

    Args:
        layers: in the order in which they act; the activation of the last one does not matter.

    Returns:
        One law per pair of neighbouring layers, whose values are matrices between the nodes of a
        layer.

    Raises:
        ValueError: fewer than two layers, or an activation that is not understood.

    >>> print(layer_laws([Layer("Dense_0.kernel", "Dense_0.bias", 1), Layer("Dense_1.kernel", None, 1)])[0])
    |Dense_0.kernel columns|² + |Dense_0.bias rows|² - |Dense_1.kernel rows|²   (from scaling of a node, (a, 1/a))
    """  # noqa: E501
    if len(layers) < 2:
        raise ValueError(f"layers: got {len(layers)}; a law is between two layers")
    return tuple(_law(one, other) for one, other in pairwise(layers))


def _law(one: Layer, other: Layer) -> GramLaw:
    degree = (
        {"relu": 1, "leaky_relu": 1, "linear": 1}.get(one.activation)
        if isinstance(one.activation, str)
        else one.activation
    )
    if degree is None or isinstance(degree, bool) or degree < 1:
        raise ValueError(
            f"layers: the activation of {one.weight} is {one.activation!r}; it should be 'relu', "
            f"'leaky_relu', 'linear' or a degree"
        )
    terms = [Gram(one.weight, one.out_axis)]
    if one.bias is not None:
        terms.append(Gram(one.bias, 0))
    terms.append(Gram(other.weight, 1 - other.out_axis, -degree))
    if one.activation == "linear":
        return gram_law(terms, "symmetric", GENERAL_LINEAR.format(width="k"))
    return gram_law(
        terms, "diagonal", SCALING if degree == 1 else f"scaling of a node, (a, a^-{degree})"
    )
