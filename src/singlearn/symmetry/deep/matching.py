"""Find the scaling and permutation that turns one network into another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from singlearn.symmetry.deep.canonical import incoming_norms, normalise, outgoing_profiles, silence
from singlearn.symmetry.deep.linear_relaxation import Bounds
from singlearn.symmetry.deep.network import DeepReLU
from singlearn.symmetry.deep.rounding import UNIT
from singlearn.symmetry.deep.scale_permutation import ScalePermutation

LONGEST_EXACT = 20_000
"""Parameters; with more, equality up to scaling is not looked for in fractions."""


@dataclass(frozen=True)
class Match:
    """A transformation between two networks, or why there is none.

    Attributes:
        transformation: turns the first network into the second, up to ``residual``; ``None`` if
            none was found.
        residual: largest distance of a node's :math:`(w, b)` from its partner's, relative to the
            partner's norm.
        reason: in words.
    """

    transformation: ScalePermutation | None
    residual: float
    reason: str


def match(a: DeepReLU, b: DeepReLU, relative_tolerance: float) -> Match:
    """Layer by layer, assign the normalised nodes of ``a`` to those of ``b``; every pair must agree
    to ``relative_tolerance``.

    Nodes that several partners fit (equal incoming weights) are told apart by their outgoing
    weights.
    """
    if a.widths != b.widths:
        return Match(None, np.inf, f"the widths differ: {a.widths} and {b.widths}")
    try:
        (first, scaling_a), (second, scaling_b) = normalise(silence(a)), normalise(silence(b))
    except ValueError as error:
        return Match(None, np.inf, str(error).removeprefix("net: "))
    orders: list[np.ndarray] = []
    current = first
    for layer in range(a.hidden_layers):
        distance = cdist(_rows(current, layer), _rows(second, layer))
        # The outgoing weights matter only among partners that fit; a weight below the tolerance
        # keeps it so.
        apart = cdist(outgoing_profiles(current, layer), outgoing_profiles(second, layer))
        cost = np.where(
            distance <= relative_tolerance, relative_tolerance * apart / (1 + apart), 1 + distance
        )
        own, partner = linear_sum_assignment(cost)
        if not len(own):
            orders.append(own)
            continue
        worst = int(np.argmax(distance[own, partner]))
        if distance[own, partner][worst] > relative_tolerance:
            return Match(
                None,
                float(distance[own, partner][worst]),
                f"hidden layer {layer}: no permutation pairs all nodes; node {own[worst]} of a is "
                f"{distance[own, partner][worst]:.2g} (relative) from any partner left for it in b",
            )
        order = np.empty(len(own), dtype=np.int64)
        order[partner] = own
        orders.append(order)
        steps = [np.arange(width) for width in a.widths[1:-1]]
        steps[layer] = order
        current = ScalePermutation(steps, [np.ones(len(step)) for step in steps]).apply(current)
    reorder = ScalePermutation(orders, [np.ones(len(order)) for order in orders])
    try:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            transformation = scaling_a.then(reorder).then(scaling_b.inverse())
            transformation.apply(silence(a))
    except ValueError:
        return Match(None, np.inf, "the factors between the nodes leave float64")
    residual = parameter_residual(transformation.apply(silence(a)), silence(b))
    if residual > 4 * relative_tolerance:
        return Match(
            None,
            residual,
            f"all hidden nodes pair up, but the outputs read them differently, by {residual:.2g} "
            f"(relative)",
        )
    return Match(
        transformation,
        residual,
        f"scaling and permutation, parameters equal to {residual:.2g} (relative)",
    )


def parameter_residual(a: DeepReLU, b: DeepReLU) -> float:
    r"""Largest :math:`|(w, b)_a - (w, b)_b| / |(w, b)_b|` over the nodes of two networks of equal
    widths.
    """
    return float(max(np.max(layer, initial=0.0) for layer in node_residuals(a, b)))


def node_residuals(a: DeepReLU, b: DeepReLU) -> list[Float[np.ndarray, " nodes"]]:
    r""":math:`|(w, b)_a - (w, b)_b| / |(w, b)_b|` of every node, layer by layer, for two networks
    of equal widths.
    """
    residuals = []
    for layer in range(len(a.weights)):
        difference = incoming_norms(
            a.weights[layer] - b.weights[layer], a.biases[layer] - b.biases[layer]
        )
        size = incoming_norms(b.weights[layer], b.biases[layer])
        residuals.append(
            np.divide(difference, size, out=np.where(difference > 0, np.inf, 0.0), where=size > 0)
        )
    return residuals


def elementwise_residual(a: DeepReLU, b: DeepReLU) -> float:
    r"""Largest :math:`|θ_a - θ_b| / |θ_b|` over all single weights and biases; infinite where one
    of them alone is 0.
    """
    first, second = a.vector(), b.vector()
    with np.errstate(divide="ignore", over="ignore"):
        relative = np.abs(first / np.where(second != 0, second, 1.0) - 1)
    return float(np.max(np.where(second != 0, relative, np.where(first != 0, np.inf, 0.0))))


def exactly_equal(a: DeepReLU, b: DeepReLU, orders: Sequence[np.ndarray]) -> bool:
    """Whether reordering the hidden nodes and multiplying them by exact positive factors turns
    ``a`` into ``b``, in fractions.

    Networks of more than 20,000 parameters are only compared as they are.

    >>> net = DeepReLU([[[1.0]], [[3.0]]], [[0.5], [0.0]])
    >>> exactly_equal(net, DeepReLU([[[3.0]], [[1.0]]], [[1.5], [0.0]]), [np.array([0])])
    True
    """
    if a.widths != b.widths:
        return False
    if np.array_equal(a.vector(), b.vector()):
        return True
    if a.parameters > LONGEST_EXACT:
        return False
    before, columns = [Fraction(1)] * a.widths[0], np.arange(a.widths[0])
    for layer, (first, second) in enumerate(zip(a.weights, b.weights, strict=True)):
        order = orders[layer] if layer < a.hidden_layers else np.arange(len(first))
        factors = []
        for new, old in enumerate(order):
            row = [Fraction(float(v)) / f for v, f in zip(first[old, columns], before, strict=True)]
            row.append(Fraction(float(a.biases[layer][old])))
            other = [Fraction(float(v)) for v in (*second[new], b.biases[layer][new])]
            ratios = [y / x for x, y in zip(row, other, strict=True) if x != 0]
            factor = ratios[0] if ratios and layer < a.hidden_layers else Fraction(1)
            if factor <= 0 or any(factor * x != y for x, y in zip(row, other, strict=True)):
                return False
            factors.append(factor)
        before, columns = factors, order
    return True


def function_bound(
    a: DeepReLU, b: DeepReLU, bounds: Bounds, extra: float = 0.0
) -> Float[np.ndarray, " outputs"]:
    r"""A bound on :math:`\sup |f_a - f_b|` over a box, one per output, for networks of equal
    widths.

    .. math:: δ_l = |W_l^b| δ_{l-1} + (|W_l^a - W_l^b| + ε |W_l^a|) \max |h_{l-1}^a|
              + |b_l^a - b_l^b| + ε |b_l^a|, \qquad δ_{-1} = 0.

    Args:
        bounds: of ``a``.
        extra: ε, a relative uncertainty of the parameters of ``a`` themselves, such as the
            roundings that made them.
    """
    error = np.zeros(a.widths[0])
    epsilon = extra + 8 * UNIT
    for layer in range(len(a.weights)):
        low, high = bounds.activations(layer)
        size = np.maximum(np.abs(low), np.abs(high))
        shift = np.abs(a.weights[layer] - b.weights[layer]) + epsilon * np.abs(a.weights[layer])
        offset = np.abs(a.biases[layer] - b.biases[layer]) + epsilon * np.abs(a.biases[layer])
        error = (np.abs(b.weights[layer]) @ error + shift @ size + offset) * (1 + 1e-9)
    return error


def exact_function_bound(
    a: DeepReLU, b: DeepReLU, transformation: ScalePermutation, bounds: Bounds
) -> Float[np.ndarray, " outputs"]:
    r"""The bound of :func:`function_bound` with nothing lost to rounding: ``a`` is transformed, and
    all is added up, in fractions.

    Slower, and worth its time where large numbers cancel: two output biases of 1e16 and 1e16 + 2
    differ by 2, not by their rounding.

    Args:
        a: before the transformation.
        b: what it is compared with.
        transformation: from the hidden nodes of ``a`` to those of ``b``.
        bounds: of ``a``.

    Returns:
        The bound, one per output, rounded upwards.
    """
    error = [Fraction(0)] * a.widths[0]
    before, order = [Fraction(1)] * a.widths[0], list(range(a.widths[0]))
    for layer, (matrix, bias) in enumerate(zip(b.weights, b.biases, strict=True)):
        low, high = bounds.activations(layer)
        size = [
            Fraction(float(v)) * s
            for v, s in zip(np.maximum(np.abs(low), np.abs(high))[order], before, strict=True)
        ]
        is_last = layer == len(b.weights) - 1
        rows = list(range(len(bias))) if is_last else [int(i) for i in transformation.orders[layer]]
        scale = (
            [Fraction(1)] * len(bias)
            if is_last
            else [Fraction(float(s)) for s in transformation.scales[layer]]
        )
        found = []
        for node, row in enumerate(rows):
            total = abs(
                Fraction(float(a.biases[layer][row])) * scale[node] - Fraction(float(bias[node]))
            )
            for column, source in enumerate(order):
                weight = Fraction(float(matrix[node, column]))
                own = Fraction(float(a.weights[layer][row, source])) * scale[node] / before[column]
                total += abs(weight) * error[column] + abs(own - weight) * size[column]
            found.append(total)
        error, before, order = found, scale, rows
    return np.array([rounded_up(value) for value in error])


def rounded_up(value: Fraction) -> float:
    """The smallest float that is at least the value, or the one after it."""
    near = float(value)
    return near if Fraction(near) >= value else float(np.nextafter(near, np.inf))


def _rows(net: DeepReLU, layer: int) -> np.ndarray:
    return np.concatenate([net.weights[layer], net.biases[layer][:, None]], axis=1)
