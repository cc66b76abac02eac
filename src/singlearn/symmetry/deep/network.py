"""Feed-forward ReLU networks of any depth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from singlearn.symmetry.deep.float64 import float64_array


@dataclass(frozen=True, eq=False)
class DeepReLU:
    r"""A feed-forward ReLU network, in float64.

    .. math:: h_0 = x, \qquad u_l = W_l h_{l-1} + b_l, \qquad h_l = \max(u_l, 0) \; (l < L), \qquad
              f(x) = u_L.

    Layers are counted from 0 in code: ``weights[0]`` reads the input, ``weights[-1]`` gives the
    output.

    Args:
        weights: ``weights[l]`` has shape (nodes of layer l, nodes of layer l-1); single precision
            is widened exactly.
        biases: ``biases[l]`` has shape (nodes of layer l,).

    Raises:
        ValueError: no layers, shapes that do not chain, or an entry that is not a finite real
            number float64 holds exactly.

    >>> net = DeepReLU([[[1.0], [-1.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.0]])  # |x|
    >>> net(np.array([[-2.0], [3.0]]))
    array([[2.],
           [3.]])
    >>> net.widths
    (1, 2, 1)
    """

    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]

    def __init__(self, weights: Iterable[Any], biases: Iterable[Any]) -> None:
        matrices = tuple(
            _array(weight, f"weights[{layer}]", 2) for layer, weight in enumerate(weights)
        )
        vectors = tuple(_array(bias, f"biases[{layer}]", 1) for layer, bias in enumerate(biases))
        if not matrices:
            raise ValueError("weights: got none; a network has at least one layer")
        if len(matrices) != len(vectors):
            raise ValueError(
                f"biases: got {len(vectors)} for {len(matrices)} weight matrices; one per layer is "
                f"needed"
            )
        for layer, (matrix, vector) in enumerate(zip(matrices, vectors, strict=True)):
            if len(vector) != len(matrix):
                raise ValueError(
                    f"biases[{layer}]: got {len(vector)} entries; weights[{layer}] has "
                    f"{len(matrix)} rows, one bias each"
                )
            if layer and matrix.shape[1] != len(matrices[layer - 1]):
                raise ValueError(
                    f"weights[{layer}]: got {matrix.shape[1]} columns; one for each of the "
                    f"{len(matrices[layer - 1])} nodes of the layer before is needed"
                )
        if matrices[0].shape[1] == 0 or len(matrices[-1]) == 0:
            raise ValueError("weights: a network needs at least one input and one output")
        object.__setattr__(self, "weights", matrices)
        object.__setattr__(self, "biases", vectors)

    def to_dict(self) -> dict[str, Any]:
        """Weights and biases of every layer, for machines."""
        return {
            "weights": [matrix.tolist() for matrix in self.weights],
            "biases": [vector.tolist() for vector in self.biases],
        }

    @property
    def widths(self) -> tuple[int, ...]:
        """Numbers of inputs, of nodes of each hidden layer, and of outputs."""
        return (self.weights[0].shape[1], *(len(matrix) for matrix in self.weights))

    @property
    def hidden_layers(self) -> int:
        """How many layers are followed by a ReLU."""
        return len(self.weights) - 1

    def __repr__(self) -> str:
        return f"DeepReLU({'-'.join(map(str, self.widths))})"

    def __call__(
        self, x: Float[np.ndarray, "points inputs"]
    ) -> Float[np.ndarray, "points outputs"]:
        """The outputs at ``points`` inputs, one per row.

        Raises:
            ValueError: ``x`` is not a matrix with one column per input.
        """
        return self.preactivations(x)[-1]

    def preactivations(
        self, x: Float[np.ndarray, "points inputs"]
    ) -> list[Float[np.ndarray, "points nodes"]]:
        """All :math:`u_l`, the outputs last.

        Returns:
            One array of points × nodes per layer.

        Raises:
            ValueError: ``x`` is not a matrix with one column per input.
        """
        if x.ndim != 2 or x.shape[1] != self.widths[0]:
            raise ValueError(
                f"x: got shape {x.shape}; it should be (points, {self.widths[0]}), one input per "
                "row"
            )
        layers: list[np.ndarray] = []
        activation = x
        for matrix, bias in zip(self.weights, self.biases, strict=True):
            layers.append(activation @ matrix.T + bias)
            activation = np.maximum(layers[-1], 0.0)
        return layers

    def vector(self) -> Float[np.ndarray, " parameters"]:
        """All parameters in one vector: :math:`W_0` row by row, :math:`b_0`, :math:`W_1`, … as
        ``torch`` orders them.

        Returns:
            The parameters in one vector.
        """
        return np.concatenate(
            [part.ravel() for pair in zip(self.weights, self.biases, strict=True) for part in pair]
        )

    def with_vector(self, vector: Float[np.ndarray, " parameters"]) -> DeepReLU:
        """The network of the same widths with these parameters, ordered as by :meth:`vector`.

        Returns:
            A network of the same widths.

        Raises:
            ValueError: another number of parameters.
        """
        if vector.shape != (self.parameters,):
            raise ValueError(
                f"vector: got shape {vector.shape}; this network has {self.parameters} parameters"
            )
        weights, biases, start = [], [], 0
        for matrix in self.weights:
            weights.append(vector[start : start + matrix.size].reshape(matrix.shape))
            start += matrix.size
            biases.append(vector[start : start + len(matrix)])
            start += len(matrix)
        return DeepReLU(weights, biases)

    @property
    def parameters(self) -> int:
        """How many numbers :meth:`vector` has."""
        return sum(matrix.size + len(matrix) for matrix in self.weights)

    def slices(self, layer: int) -> tuple[slice, slice]:
        """Where the weights (row by row) and the biases of ``layer`` sit in :meth:`vector`."""
        start = sum(matrix.size + len(matrix) for matrix in self.weights[:layer])
        end = start + self.weights[layer].size
        return slice(start, end), slice(end, end + len(self.weights[layer]))


def check_layer(net: DeepReLU, layer: int) -> None:
    """Refuse a number that names no hidden layer.

    Raises:
        ValueError: ``layer`` is not in 0, …, hidden layers − 1.
    """
    if not 0 <= layer < net.hidden_layers:
        raise ValueError(
            f"layer: got {layer}; the hidden layers of {net} are numbered 0 to "
            f"{net.hidden_layers - 1}"
        )


def check_nodes(net: DeepReLU, layer: int, nodes: Sequence[int]) -> None:
    """Refuse numbers that name no nodes of a hidden layer.

    Raises:
        ValueError: no such layer, no nodes, a node twice, or a number outside the layer.
    """
    check_layer(net, layer)
    width = len(net.weights[layer])
    if not len(nodes) or len(set(nodes)) != len(nodes) or min(nodes) < 0 or max(nodes) >= width:
        raise ValueError(
            f"nodes: got {list(nodes)}; it should be distinct numbers from 0 to {width - 1}, at "
            f"least one"
        )


def _array(values: Any, name: str, dimensions: int) -> np.ndarray:
    try:
        array = np.array(float64_array(values, name))
    except ValueError as error:
        raise ValueError(f"{error}; it should be {_kind(dimensions)}") from None
    if array.ndim != dimensions:
        raise ValueError(f"{name}: got {array.ndim} dimensions; it should be {_kind(dimensions)}")
    if not np.all(np.isfinite(array)):
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(
            f"{name}: entry {where} is {array[where]}; every entry should be a finite number"
        )
    array.setflags(write=False)
    return array


def _kind(dimensions: int) -> str:
    return "a matrix, one row per node" if dimensions == 2 else "a vector, one entry per node"


def require_deep(net: Any, what: str) -> None:
    """Refuse a two-layer network in fractions where float64 ones are understood.

    Args:
        net: what the caller gave.
        what: the function it was given to.

    Raises:
        ValueError: it is no ``DeepReLU``.
    """
    if not isinstance(net, DeepReLU):
        raise ValueError(
            f"net: got {type(net).__name__}; {what} is for deep networks, so convert a "
            f"TwoLayerReLU with to_deep(net)"
        )
