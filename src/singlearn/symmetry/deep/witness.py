"""Search for an input on which two networks differ by more than rounding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from singlearn.results.prompt import Shown
from singlearn.symmetry.deep.crossing import node_gradients, search_crossings
from singlearn.symmetry.deep.network import DeepReLU
from singlearn.symmetry.deep.rounding import UNDERFLOW, evaluation_error, exact_outputs

SAMPLES = 4000
BEST = 32
ASCENTS = 8
STEPS = np.array([1e-3, 1e-2, 0.1, 0.3, 1.0])


@dataclass(frozen=True, eq=False)
class Witness(Shown):
    r"""An input, what both networks give, and how sure the difference is.

    Attributes:
        point: the input.
        value_a, value_b: the outputs.
        output: which output differs most, relative to ``uncertainty``.
        gap: the absolute difference of that output, from exact arithmetic on the floats.
        uncertainty: what a relative change of every parameter by the tolerance could account for, to first order:
            :math:`ε \\sum_θ |θ\\, ∂f/∂θ|` of both networks.
    """

    point: Float[np.ndarray, " inputs"]
    value_a: Float[np.ndarray, " outputs"]
    value_b: Float[np.ndarray, " outputs"]
    output: int
    gap: float
    uncertainty: float

    def verify(self, a: DeepReLU, b: DeepReLU) -> bool:
        """Whether the networks differ by the stated gap at the point, in exact arithmetic."""
        difference = exact_outputs(a, self.point)[self.output] - exact_outputs(b, self.point)[self.output]
        return difference != 0 and float(abs(difference)) == self.gap


def search_witness(
    a: DeepReLU, b: DeepReLU, box: tuple[np.ndarray, np.ndarray], tolerance: float, seed: int
) -> Witness:
    """The input found on the box whose gap stands out most from its uncertainty; the gap may be smaller than that.

    Tried: random points and corners, points that switch single nodes of either network on or off, points next to activation
    boundaries between them, and from the best ones ascent along the difference of the linear pieces.
    """
    random = np.random.default_rng(seed)
    lower, upper = box
    points = [lower + (upper - lower) * random.random((SAMPLES, len(lower)))]
    points.append(np.where(random.random((SAMPLES // 4, len(lower))) < 0.5, lower, upper))
    for net in (a, b):
        seen = search_crossings(net, box, [np.ones(width, dtype=bool) for width in net.widths[1:-1]], seed)
        for on, off in zip(seen.on_points, seen.off_points, strict=True):
            points += [on, off, (on + off) / 2]
    candidates = np.concatenate(points)
    ratio = _stands_out(a, b, candidates, tolerance)
    best = candidates[np.argsort(-ratio)[:BEST]]
    for _ in range(ASCENTS):
        moved = _ascent_points(a, b, box, best)
        candidates = np.concatenate([best, moved])
        ratio = _stands_out(a, b, candidates, tolerance)
        best = candidates[np.argsort(-ratio, kind="stable")[:BEST]]
    return _witness(a, b, best[0], tolerance)


def _stands_out(a: DeepReLU, b: DeepReLU, points: np.ndarray, tolerance: float) -> np.ndarray:
    gap = np.abs(a(points) - b(points))
    return np.max(gap / (evaluation_error(a, points, tolerance)[-1] + evaluation_error(b, points, tolerance)[-1]), axis=1)


def _ascent_points(a: DeepReLU, b: DeepReLU, box: tuple[np.ndarray, np.ndarray], points: np.ndarray) -> np.ndarray:
    """Steps of several lengths from each point towards the corner that the difference of the linear pieces points to."""
    lower, upper = box
    difference = a(points) - b(points)
    output = np.argmax(np.abs(difference), axis=1)
    slope = _gradients(a, points, output) - _gradients(b, points, output)
    slope *= np.sign(difference[np.arange(len(points)), output])[:, None]
    corner = np.where(slope > 0, upper, np.where(slope < 0, lower, points))
    return np.concatenate([points + step * (corner - points) for step in STEPS])


def _gradients(net: DeepReLU, points: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    return node_gradients(net, net.preactivations(points), net.hidden_layers, outputs)


def _witness(a: DeepReLU, b: DeepReLU, point: np.ndarray, tolerance: float) -> Witness:
    exact_a, exact_b = exact_outputs(a, point), exact_outputs(b, point)
    gaps = np.array([float(abs(first - second)) for first, second in zip(exact_a, exact_b, strict=True)])
    uncertainty = tolerance * (parameter_sensitivity(a, point) + parameter_sensitivity(b, point)) + UNDERFLOW
    output = int(np.argmax(gaps / uncertainty))
    return Witness(
        point,
        np.array([float(value) for value in exact_a]),
        np.array([float(value) for value in exact_b]),
        output,
        float(gaps[output]),
        float(uncertainty[output]),
    )


def parameter_sensitivity(net: DeepReLU, point: Float[np.ndarray, " inputs"]) -> Float[np.ndarray, " outputs"]:
    r""":math:`\sum_θ |θ\, ∂f/∂θ|` at one input, for each output: its first-order change when every parameter changes by a relative 1."""
    values = [layer[0] for layer in net.preactivations(point[None])]
    gain = np.eye(net.widths[-1])
    total = np.zeros(net.widths[-1])
    for layer in range(net.hidden_layers, -1, -1):
        reads = np.maximum(values[layer - 1], 0.0) if layer else point
        total += np.abs(gain) @ (np.abs(net.weights[layer]) @ np.abs(reads) + np.abs(net.biases[layer]))
        if layer:
            gain = (gain @ net.weights[layer]) * (values[layer - 1] > 0)
    return total
