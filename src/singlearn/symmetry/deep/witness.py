"""Search for an input on which two networks differ by more than rounding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from singlearn.results.result import Answer
from singlearn.symmetry.deep.crossing import node_gradients, search_crossings
from singlearn.symmetry.deep.network import DeepReLU
from singlearn.symmetry.deep.rounding import UNDERFLOW, evaluation_error, exact_outputs

SAMPLES = 4000
BEST = 32
ASCENTS = 8
STEPS = np.array([1e-3, 1e-2, 0.1, 0.3, 1.0])


@dataclass(frozen=True, eq=False)
class DeepWitness(Answer):
    r"""An input, what both networks give, and how sure the difference is.

    Attributes:
        point: the input.
        value_a, value_b: the outputs.
        output: which output differs most, relative to ``uncertainty``.
        gap: the absolute difference of that output, from exact arithmetic on the floats.
        uncertainty: a bound on what a relative change of every parameter by ε could account for in
            both networks, whatever nodes it switches
            (:func:`singlearn.symmetry.deep.rounding.evaluation_error`); with a tolerance, that
            tolerance.
    """

    point: Float[np.ndarray, " inputs"]
    value_a: Float[np.ndarray, " outputs"]
    value_b: Float[np.ndarray, " outputs"]
    output: int
    gap: float
    uncertainty: float

    def verify(self, a: DeepReLU, b: DeepReLU) -> bool:
        """Whether the networks differ by the stated gap at the point, in exact arithmetic."""
        difference = (
            exact_outputs(a, self.point)[self.output] - exact_outputs(b, self.point)[self.output]
        )
        return difference != 0 and float(abs(difference)) == self.gap


def search_witness(
    a: DeepReLU,
    b: DeepReLU,
    box: tuple[np.ndarray, np.ndarray],
    noise: float,
    seed: int,
    tolerance: float | None = None,
) -> DeepWitness:
    """The input found on the box whose gap stands out most from its uncertainty; the gap may be
    smaller than that.

    With a tolerance, the input found where the gap is largest.

    Tried: random points and corners, points that switch single nodes of either network on or off,
    points next to activation boundaries between them, and from the best ones ascent along the
    difference of the linear pieces.
    """
    random = np.random.default_rng(seed)
    lower, upper = box
    points = [lower + (upper - lower) * random.random((SAMPLES, len(lower)))]
    points.append(
        np.stack([lower, upper, (lower + upper) / 2, np.clip(np.zeros(len(lower)), lower, upper)])
    )
    points.append(np.where(random.random((SAMPLES // 4, len(lower))) < 0.5, lower, upper))
    for net in (a, b):
        seen = search_crossings(
            net, box, [np.ones(width, dtype=bool) for width in net.widths[1:-1]], seed
        )
        for on, off in zip(seen.on_points, seen.off_points, strict=True):
            points += [on, off, (on + off) / 2]
    candidates = np.concatenate(points)
    ratio = _stands_out(a, b, candidates, noise, tolerance)
    best = candidates[np.argsort(-ratio)[:BEST]]
    for _ in range(ASCENTS):
        moved = _ascent_points(a, b, box, best)
        candidates = np.concatenate([best, moved])
        ratio = _stands_out(a, b, candidates, noise, tolerance)
        best = candidates[np.argsort(-ratio, kind="stable")[:BEST]]
    return _witness(a, b, best[0], noise, tolerance)


def _stands_out(
    a: DeepReLU, b: DeepReLU, points: np.ndarray, noise: float, tolerance: float | None
) -> np.ndarray:
    gap = np.abs(a(points) - b(points))
    if tolerance is not None:
        found: np.ndarray = np.max(gap, axis=1)
        return found
    found = np.max(
        gap / (evaluation_error(a, points, noise)[-1] + evaluation_error(b, points, noise)[-1]),
        axis=1,
    )
    return found


def _ascent_points(
    a: DeepReLU, b: DeepReLU, box: tuple[np.ndarray, np.ndarray], points: np.ndarray
) -> np.ndarray:
    """Steps of several lengths from each point towards the corner that the difference of the linear
    pieces points to.
    """
    lower, upper = box
    difference = a(points) - b(points)
    output = np.argmax(np.abs(difference), axis=1)
    slope = _gradients(a, points, output) - _gradients(b, points, output)
    slope *= np.sign(difference[np.arange(len(points)), output])[:, None]
    corner = np.where(slope > 0, upper, np.where(slope < 0, lower, points))
    return np.concatenate([points + step * (corner - points) for step in STEPS])


def _gradients(net: DeepReLU, points: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    return node_gradients(net, net.preactivations(points), net.hidden_layers, outputs)


def _witness(
    a: DeepReLU, b: DeepReLU, point: np.ndarray, noise: float, tolerance: float | None
) -> DeepWitness:
    exact_a, exact_b = exact_outputs(a, point), exact_outputs(b, point)
    gaps = np.array(
        [float(abs(first - second)) for first, second in zip(exact_a, exact_b, strict=True)]
    )
    if tolerance is None:
        uncertainty = (
            sum(evaluation_error(net, point[None], noise)[-1][0] for net in (a, b)) + UNDERFLOW
        )
    else:
        uncertainty = np.full(len(gaps), tolerance)
    output = int(np.argmax(gaps / uncertainty))
    return DeepWitness(
        point,
        np.array([float(value) for value in exact_a]),
        np.array([float(value) for value in exact_b]),
        output,
        float(gaps[output]),
        float(uncertainty[output]),
    )
