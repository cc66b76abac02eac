"""The tie that is taken where none was given: relative to the size of the weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from glob import escape
from typing import Any

import numpy as np
from jaxtyping import Inexact

from singlearn.local.names import Tie

OF_ORDER_ONE = 10.0
"""γ of weights of order one, in units of 1/parameter²: a weight moves by about a third of itself.
"""
PLAIN, RELATIVE = 2.5, 5.0
"""Weights of a root mean square within a factor 2.5 of one are of order one; beyond a factor 5 the
tie is relative to them.
"""
AS_GOOD_AS_ZERO = 0.001
"""A tensor whose entries are this small beside those of the network says nothing of its own size.
"""


def choose_gamma(values: Mapping[str, Any]) -> Tie:
    r"""γ for every parameter tensor of a network at w*, from the size of its entries alone.

    .. math:: γ_i = 10 / f(s_i)^2, \qquad s_i = \sqrt{\mathrm{mean}(w_i^{*2})},

    where :math:`f(s) = 1` for :math:`2/5 ≤ s ≤ 5/2` (weights of order one have γ = 10),
    :math:`f(s) = s` for :math:`s ≤ 1/5` or :math:`s ≥ 5`, and log f is linear in log s in between.
    The same network in other units (weights a hundred times smaller, inputs as much larger) then
    has nearly the same λ̂.

    The size of a vector (a bias, a gain) is at least that of the matrices of its layer: a bias adds
    to what the weights make of the inputs. A tensor of zeros, or a thousand times smaller than the
    network's, has the size of the layer's other tensors, else that of the network, else one. A
    layer is what has a common name up to the last dot.

    Args:
        values: all parameters by name, sampled or not, real or complex, as arrays of NumPy or of
            what ``numpy.asarray`` takes; whole numbers and truth values are passed over.

    Returns:
        One number, if it is the same for all; else numbers by name, as ``llc(gamma=…)`` takes them.
        They have three digits, so that who writes down what was printed has the same chains.

    >>> choose_gamma({"weight": np.ones((3, 2)), "bias": np.zeros(2)})
    10.0
    >>> small, wide = np.full((3, 2), 0.01), np.ones((2, 2))
    >>> choose_gamma({"0.weight": small, "0.bias": np.zeros(2), "1.weight": wide})
    {'0.weight': 100000.0, '0.bias': 100000.0, '1.weight': 10.0}
    """
    ties = {
        name: float(f"{OF_ORDER_ONE / _unit(scale) ** 2:.3g}")
        for name, scale in scales(values).items()
    }
    if not ties:
        return OF_ORDER_ONE
    if len(set(ties.values())) == 1:
        return next(iter(ties.values()))
    return {escape(name): tie for name, tie in ties.items()}


def scales(values: Mapping[str, Any]) -> dict[str, float]:
    """The size of every tensor, in units of the parameter: what a change of it is compared with.

    Args:
        values: as of :func:`choose_gamma`.

    >>> norm = {"norm.weight": np.ones(4), "norm.bias": np.full(4, 0.01)}
    >>> scales(norm | {"out": np.full((4, 4), 0.1)})
    {'norm.weight': 1.0, 'norm.bias': 1.0, 'out': 0.1}
    """
    arrays = {name: np.asarray(value) for name, value in values.items()}
    arrays = {
        name: array
        for name, array in arrays.items()
        if array.dtype.kind not in "iub" and array.size
    }
    own = {name: _root_mean_square(array) for name, array in arrays.items()}
    network = _typical(arrays, own, AS_GOOD_AS_ZERO * max(own.values(), default=0.0)) or 1.0
    least = AS_GOOD_AS_ZERO * network
    found = {}
    for name, array in arrays.items():
        if array.ndim >= 2 and own[name] > least:
            found[name] = own[name]
            continue
        layer = name.rpartition(".")[0]
        others = {
            other: a
            for other, a in arrays.items()
            if other != name and other.rpartition(".")[0] == layer
        }
        beside = _typical(others, own, least)
        found[name] = max(own[name], beside) if own[name] > least else beside or network
    return found


def times(tie: Any, factor: float) -> Tie:
    """Every γ multiplied.

    >>> times(10.0, 0.25), times({"a": 8.0, "b": np.array([4.0, 2.0])}, 0.5)
    (2.5, {'a': 4.0, 'b': array([2., 1.])})
    """
    return (
        {name: given * factor for name, given in tie.items()}
        if isinstance(tie, Mapping)
        else tie * factor
    )


def _unit(scale: float) -> float:
    """f of :func:`choose_gamma`."""
    size = abs(math.log(scale))
    if size <= math.log(PLAIN):
        return 1.0
    joined = math.log(RELATIVE) * (size - math.log(PLAIN)) / math.log(RELATIVE / PLAIN)
    return math.exp(math.copysign(min(size, joined), math.log(scale)))


def _typical(arrays: Mapping[str, np.ndarray], own: Mapping[str, float], least: float) -> float:
    """Size of the tensor in which the middle entry of all matrices lies, of all tensors where there
    is not a matrix; 0 for none.
    """
    for fewest in (2, 0):
        chosen = [
            name for name, array in arrays.items() if array.ndim >= fewest and own[name] > least
        ]
        if chosen:
            sizes = np.array([own[name] for name in chosen])
            order = np.argsort(sizes)
            counts = np.cumsum(np.array([arrays[name].size for name in chosen])[order])
            return float(sizes[order][np.searchsorted(counts, counts[-1] / 2)])
    return 0.0


def _root_mean_square(array: Inexact[np.ndarray, "..."]) -> float:
    absolute = np.abs(array).astype(np.float64)
    largest = float(absolute.max())
    return (
        largest * math.sqrt(float(np.mean((absolute / largest) ** 2)))
        if 0 < largest < math.inf
        else 0.0
    )
