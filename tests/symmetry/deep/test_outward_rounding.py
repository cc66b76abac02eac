"""Bounds of deep networks hold for the exact numbers, by comparison with fractions; and they are as
narrow as promised.
"""

from fractions import Fraction
from itertools import pairwise

import numpy as np

from singlearn.symmetry.deep.interval import affine_range
from singlearn.symmetry.deep.linear_relaxation import functional_bounds, preactivation_bounds
from singlearn.symmetry.deep.matching import function_bound
from singlearn.symmetry.deep.network import DeepReLU
from singlearn.symmetry.deep.rounding import evaluation_error, exact_outputs


def exact(values):
    return np.array([Fraction(float(v)) for v in np.ravel(values)], dtype=object).reshape(
        np.shape(values)
    )


def test_ranges_of_affine_functions_hold_exactly():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(60, 40)) * 10.0 ** rng.integers(-8, 8, size=(60, 40))
    bias = rng.normal(size=60)
    lower = rng.normal(size=40)
    upper = lower + rng.random(40)
    low, high = affine_range(matrix, bias, lower, upper)
    positive, negative = np.maximum(exact(matrix), 0), np.minimum(exact(matrix), 0)
    assert (exact(low) <= positive @ exact(lower) + negative @ exact(upper) + exact(bias)).all()
    assert (exact(high) >= positive @ exact(upper) + negative @ exact(lower) + exact(bias)).all()
    size = np.abs(matrix) @ np.maximum(np.abs(lower), np.abs(upper))
    assert (high - low <= np.abs(matrix) @ (upper - lower) + 1e-13 * size).all()


def test_sums_that_nearly_cancel_are_rounded_outwards():
    rng = np.random.default_rng(1)
    matrix, point = rng.normal(size=(200, 6)), rng.normal(size=6)
    bias = -(matrix @ point)
    low, high = affine_range(matrix, bias, point, point)
    totals = exact(matrix) @ exact(point) + exact(bias)
    assert (exact(low) <= totals).all() and (exact(high) >= totals).all()
    assert (high <= np.nextafter(low, np.inf)).all()  # to the nearest number beyond


def test_errors_of_an_evaluation_are_carried_on():
    """The first layer cancels, so that its error is as large as its value; the second hands it
    on.
    """
    rng = np.random.default_rng(2)
    net = DeepReLU([[[1e8, -1e8]], [[1.0]]], [[0.0], [0.0]])
    x = rng.random(50)
    points = np.stack([x * (1 + 1e-12) + 1e-9, x], axis=1)
    bounds = evaluation_error(net, points)[-1][:, 0]
    for point, bound in zip(points, bounds, strict=True):
        hidden = max(float(np.float64(1e8) * point[0] + np.float64(-1e8) * point[1]), 0.0)
        assert abs(Fraction(hidden) - exact_outputs(net, point)[0]) <= Fraction(float(bound))


def networks():
    rng = np.random.default_rng(3)
    sizes = [2, 5, 4, 1]
    weights = [rng.normal(size=(o, i)) for i, o in pairwise(sizes)]
    biases = [rng.normal(size=o) for o in sizes[1:]]
    return DeepReLU(weights, biases), weights, biases, rng


BOX = (np.array([-1.0, -1.0]), np.array([1.0, 1.0]))


def test_preactivations_stay_within_bounds_that_are_tighter_than_intervals():
    net, weights, biases, rng = networks()
    bounds = preactivation_bounds(net, BOX)
    points = [
        *rng.uniform(-1, 1, size=(300, 2)),
        *(np.array([a, b]) for a in (-1.0, 1.0) for b in (-1.0, 1.0)),
    ]
    for point in points:
        h = point
        for layer, (matrix, bias) in enumerate(zip(weights, biases, strict=True)):
            u = matrix @ h + bias
            assert (bounds.lower[layer] <= u + 1e-12).all() and (
                u - 1e-12 <= bounds.upper[layer]
            ).all()
            h = np.maximum(u, 0.0)
    low, high = functional_bounds(net, bounds, 2, weights[2], biases[2])
    plain = affine_range(weights[2], biases[2], *bounds.activations(2))
    assert (low >= plain[0]).all() and (high <= plain[1]).all()


def test_what_cancels_is_seen():
    """ReLU(x) - ReLU(x) on [-1, 3]: intervals say 3, the lines 3(x + 1)/4 and x say 3/4 - x/4 ≤
    1.
    """
    net = DeepReLU([[[1.0], [1.0]], [[1.0, -1.0]]], [[0.0, 0.0], [0.0]])
    bounds = preactivation_bounds(net, (np.array([-1.0]), np.array([3.0])))
    assert 0.0 <= bounds.upper[1][0] <= 1.0 + 1e-12 and -1.0 - 1e-12 <= bounds.lower[1][0] <= 0.0


def test_the_line_above_a_node_is_above_it():
    """ReLU(x) on [-1, 1], read once: the largest value is 1, at the end where a lower line would be
    crossed.
    """
    net = DeepReLU([[[1.0]], [[1.0]]], [[0.0], [-0.5]])
    bounds = preactivation_bounds(net, (np.array([-1.0]), np.array([1.0])))
    low, high = functional_bounds(net, bounds, 1, np.array([[1.0], [2.0]]), np.zeros(2))
    assert (high >= [1.0, 2.0]).all() and (low <= 0.0).all()
    twice = DeepReLU([[[1.0], [-1.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.0]])
    assert preactivation_bounds(twice, (np.array([-1.0]), np.array([1.0]))).upper[1][0] >= 1.0


def test_differences_of_outputs_stay_within_the_bound():
    net, weights, biases, rng = networks()
    bounds = preactivation_bounds(net, BOX)
    for layer in range(3):
        changed = [
            w + (i == layer) * 1e-3 * rng.normal(size=w.shape) for i, w in enumerate(weights)
        ]
        other = DeepReLU(changed, biases)
        bound = float(function_bound(net, other, bounds)[0])
        seen = max(
            abs(exact_outputs(net, p)[0] - exact_outputs(other, p)[0])
            for p in rng.uniform(-1, 1, (40, 2))
        )
        assert 0 < seen <= Fraction(bound) and bound < 1
    scaled = DeepReLU([w * (1 + 1e-3) for w in weights], [b * (1 + 1e-3) for b in biases])
    bound = float(function_bound(net, net, bounds, extra=1e-3)[0])
    seen = max(
        abs(exact_outputs(net, p)[0] - exact_outputs(scaled, p)[0])
        for p in rng.uniform(-1, 1, (40, 2))
    )
    assert 0 < seen <= Fraction(bound)
