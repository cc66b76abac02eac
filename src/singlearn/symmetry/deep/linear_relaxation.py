"""Bounds on pre-activations by linear relaxation of every ReLU, kept valid in floating point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from singlearn.symmetry.deep.interval import affine_range
from singlearn.symmetry.deep.network import DeepReLU
from singlearn.symmetry.deep.rounding import gamma


@dataclass(frozen=True, eq=False)
class Bounds:
    """Proven ranges over a box: of the inputs, and of the pre-activations of every layer, the
    outputs last.
    """

    box: tuple[np.ndarray, np.ndarray]
    lower: tuple[np.ndarray, ...]
    upper: tuple[np.ndarray, ...]

    def activations(self, layer: int) -> tuple[np.ndarray, np.ndarray]:
        """Range of what ``layer`` reads: the box for layer 0, else the rectified range of the layer
        before.
        """
        if layer == 0:
            return self.box
        return np.maximum(self.lower[layer - 1], 0.0), np.maximum(self.upper[layer - 1], 0.0)


def preactivation_bounds(net: DeepReLU, box: tuple[np.ndarray, np.ndarray]) -> Bounds:
    """Interval bounds of every layer, made tighter by linear relaxation; each is valid for exact
    arithmetic.
    """
    bounds = Bounds(box, (), ())
    for matrix, bias in zip(net.weights, net.biases, strict=True):
        lower, upper = functional_bounds(net, bounds, len(bounds.lower), matrix, bias)
        bounds = Bounds(box, (*bounds.lower, lower), (*bounds.upper, upper))
    return bounds


def functional_bounds(
    net: DeepReLU,
    bounds: Bounds,
    layer: int,
    matrix: Float[np.ndarray, "rows nodes"],
    offset: Float[np.ndarray, " rows"],
) -> tuple[Float[np.ndarray, " rows"], Float[np.ndarray, " rows"]]:
    r"""Bounds on :math:`A h_{l-1} + c` for any A and c, where :math:`h_{l-1}` is what ``layer``
    reads.

    Layer by layer down to the inputs, each :math:`\max(u, 0)` with :math:`\ell < 0 < r` is replaced
    by :math:`α u ≤ \max(u, 0) ≤ s u + t`, with :math:`s = r/(r-\ell)`, :math:`t = -s\ell` and α = 1
    if :math:`r > -\ell`, else 0 (DeepPoly, CROWN [singh2019abstract]_ [zhang2018efficient]_).
    Rounding in the coefficients is covered by adding :math:`γ |A| (|W| |h| + |b|)` at every layer.
    The better of this and the plain interval bound is returned.

    Args:
        bounds: of the layers below ``layer``.
    """
    low, high = bounds.activations(layer)
    lower, upper = affine_range(matrix, offset, low, high)
    if layer == 0 or len(matrix) == 0:
        return lower, upper
    relaxed_upper = _relaxed(net, bounds, layer, matrix, offset)
    relaxed_lower = -_relaxed(net, bounds, layer, -matrix, -offset)
    return np.maximum(lower, relaxed_lower), np.minimum(upper, relaxed_upper)


def _relaxed(
    net: DeepReLU, bounds: Bounds, layer: int, matrix: np.ndarray, offset: np.ndarray
) -> Float[np.ndarray, " rows"]:
    """Upper bounds."""
    margin = np.zeros(len(matrix))
    for below in range(layer - 1, -1, -1):
        slope, intercept, alpha = _lines(bounds.lower[below], bounds.upper[below])
        positive, negative = np.maximum(matrix, 0.0), np.minimum(matrix, 0.0)
        relaxed = positive * slope + negative * alpha
        low, high = bounds.activations(below)
        size = np.abs(net.weights[below]) @ np.maximum(np.abs(low), np.abs(high)) + np.abs(
            net.biases[below]
        )
        relative = 2 * gamma(net.weights[below].shape[1] + net.weights[below].shape[0] + 8)
        shifts = positive @ intercept
        margin += relative * (np.abs(relaxed) @ size + shifts + np.abs(offset))
        offset = offset + shifts + relaxed @ net.biases[below]
        matrix = relaxed @ net.weights[below]
    low, high = bounds.box
    return affine_range(matrix, offset, low, high)[1] + margin * (1 + 1e-6)


def _lines(lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slope and intercept of a line above ReLU on [lower, upper], and the slope of one through 0
    below it.
    """
    crossing = (lower < 0) & (upper > 0)
    slope = np.where(
        crossing, upper / np.where(crossing, upper - lower, 1.0), (lower >= 0) & (upper > 0)
    )
    # Above at both ends is above in between, ReLU being convex; one rounding up makes that true of
    # the floats.
    intercept = np.where(
        crossing, np.maximum(-slope * lower, upper - slope * upper) * (1 + 1e-15), 0.0
    )
    return slope, intercept, np.where(crossing, (upper > -lower).astype(float), slope)
