"""The largest pre-activation of a node over a box, by mixed-integer linear programming."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import Bounds as VariableBounds
from scipy.optimize import LinearConstraint, milp
from scipy.sparse import csr_array, hstack, vstack

from singlearn.symmetry.deep.linear_relaxation import Bounds
from singlearn.symmetry.deep.network import DeepReLU

SOLVER_TOLERANCE = 1e-6
"""HiGHS accepts constraints and integrality violated by this much."""

SOLVER_OPTIONS = {"presolve": False}
"""Presolve gains nothing on these programs, and undoing it makes HiGHS print to standard output now
and then.
"""

SAFETY = 10.0
"""Over the effect of those violations, for the solver's dual tolerances."""


@dataclass(frozen=True, eq=False)
class RescaledNetwork:
    """The same network in units in which inputs and pre-activations are of order 1, so that the
    solver's tolerances are small.

    All factors are powers of two: nothing is rounded.

    Attributes:
        net, bounds: in the new units.
        input_scale: an input of ``net`` times this is an input of the given network.
        violation: for each layer, how far its pre-activations may be off when every constraint is
            violated by the solver's tolerance, in the new units.
        node_scale: for each layer, a pre-activation of ``net`` times this is one of the given
            network.
    """

    net: DeepReLU
    bounds: Bounds
    input_scale: Float[np.ndarray, " inputs"]
    node_scale: tuple[np.ndarray, ...]
    violation: tuple[np.ndarray, ...]


def balance(net: DeepReLU, bounds: Bounds) -> RescaledNetwork:
    """Choose the units of :class:`RescaledNetwork`: the power of two next to the largest absolute
    value of each quantity.
    """
    scales = [_power_of_two(*bounds.box)]
    scales += [
        _power_of_two(lower, upper) for lower, upper in zip(bounds.lower, bounds.upper, strict=True)
    ]
    weights = [
        matrix * scales[layer] / scales[layer + 1][:, None]
        for layer, matrix in enumerate(net.weights)
    ]
    biases = [bias / scales[layer + 1] for layer, bias in enumerate(net.biases)]
    error = np.zeros(net.widths[0])
    violation = []
    for matrix in weights:
        violation.append(np.abs(matrix) @ error * SAFETY)
        # Equalities and h >= u are off by the tolerance; a gate off by it moves h by at most the
        # range of u, about 2.
        error = np.abs(matrix) @ error + 4 * SOLVER_TOLERANCE
    balanced = Bounds(
        (bounds.box[0] / scales[0], bounds.box[1] / scales[0]),
        tuple(lower / scale for lower, scale in zip(bounds.lower, scales[1:], strict=True)),
        tuple(upper / scale for upper, scale in zip(bounds.upper, scales[1:], strict=True)),
    )
    return RescaledNetwork(
        DeepReLU(weights, biases), balanced, scales[0], tuple(scales[1:]), tuple(violation)
    )


def _power_of_two(lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    largest = np.maximum(np.abs(lower), np.abs(upper))
    found: np.ndarray = np.exp2(np.round(np.log2(np.clip(largest, 1e-100, 1e100))))
    return found


@dataclass(frozen=True, eq=False)
class Encoding:
    r"""A network's hidden layers as constraints :math:`\ell ≤ A v ≤ r` on variables v, the first of
    which are the inputs.

    For a node with :math:`\ell < 0 < r`: :math:`h ≥ u, h ≥ 0, h ≤ u - \ell (1 - z), h ≤ r z` with z
    in {0, 1} [tjeng2019evaluating]_. What layer l reads is :math:`h_{l-1} = H_l v`, with
    :math:`H_l` in ``reads[l]``.
    """

    constraints: LinearConstraint | None
    variables: VariableBounds
    integrality: Float[np.ndarray, " variables"]
    reads: tuple[csr_array, ...]


def encode(net: DeepReLU, bounds: Bounds, layer: int) -> Encoding:
    """The hidden layers below ``layer`` over the box of ``bounds``; active nodes are equalities,
    dead ones are absent.
    """
    low, high = (list(end) for end in bounds.box)
    integer = [0.0] * len(low)
    reads = [csr_array(np.eye(len(low)))]
    rows, left, right = [], [], []
    for below in range(layer):
        lower, upper = bounds.lower[below], bounds.upper[below]
        alive = np.flatnonzero(upper > 0)
        crossing = alive[lower[alive] < 0]
        known = len(low)
        size = known + len(alive) + len(crossing)
        preactivation = csr_array(net.weights[below]) @ _widen(reads[-1], size)
        own = _unit(alive, known, len(upper), size)
        gate = _unit(crossing, known + len(alive), len(upper), size)
        bias = net.biases[below]
        active = alive[lower[alive] >= 0]
        for nodes, block, at_least, at_most in (
            (active, own - preactivation, bias, bias),
            (crossing, own - preactivation, bias, np.full_like(bias, np.inf)),
            (
                crossing,
                own - preactivation - gate * lower[:, None],
                np.full_like(bias, -np.inf),
                bias - lower,
            ),
            (
                crossing,
                own - gate * upper[:, None],
                np.full_like(bias, -np.inf),
                np.zeros_like(bias),
            ),
        ):
            if len(nodes):
                rows.append(csr_array(block)[nodes])
                left.append(at_least[nodes])
                right.append(at_most[nodes])
        low += [*np.maximum(lower[alive], 0.0), *np.zeros(len(crossing))]
        high += [*upper[alive], *np.ones(len(crossing))]
        integer += [0.0] * len(alive) + [1.0] * len(crossing)
        reads.append(own)
    size = len(low)
    system = None
    if rows:
        system = LinearConstraint(
            vstack([_widen(block, size) for block in rows]),
            np.concatenate(left),
            np.concatenate(right),
        )
    return Encoding(
        system,
        VariableBounds(np.array(low), np.array(high)),
        np.array(integer),
        tuple(_widen(block, size) for block in reads),
    )


def largest_value(
    encoding: Encoding, row: Float[np.ndarray, " nodes"], bias: float, seconds: float
) -> tuple[float, Float[np.ndarray, " variables"] | None]:
    """An upper bound on :math:`⟨row, h⟩ + bias` over the box, and the best point found; ``inf``
    where the solver found none in time.

    The bound is the solver's dual bound and holds up to its tolerances.
    """
    objective = -(row @ encoding.reads[-1])
    result = milp(
        objective,
        constraints=encoding.constraints,
        bounds=encoding.variables,
        integrality=encoding.integrality,
        options={**SOLVER_OPTIONS, "time_limit": max(seconds, 0.01), "mip_rel_gap": 1e-6},
    )
    dual = result.mip_dual_bound
    if dual is None or not np.isfinite(dual):
        dual = result.fun if result.status == 0 else -np.inf
    return float(-dual + bias), result.x


def _widen(block: csr_array, size: int) -> csr_array:
    missing = size - block.shape[1]
    return (
        csr_array(hstack([block, csr_array((block.shape[0], missing))]))
        if missing
        else csr_array(block)
    )


def _unit(nodes: np.ndarray, first: int, height: int, size: int) -> csr_array:
    """Row ``nodes[k]`` picks variable ``first + k``."""
    return csr_array(
        (np.ones(len(nodes)), (nodes, first + np.arange(len(nodes)))), shape=(height, size)
    )
