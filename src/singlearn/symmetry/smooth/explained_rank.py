"""How much of a smooth network's degeneracy its symmetries explain."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from singlearn.symmetry.domain import Domain
from singlearn.symmetry.smooth.form import check_domain
from singlearn.symmetry.smooth.generators import equations, layout_of, smooth_generators
from singlearn.symmetry.smooth.network import TwoLayerSmooth, require_smooth
from singlearn.symmetry.two_layer.explained_rank import (
    LARGEST_WEIGHT,
    ExplainedRank,
    numerical_rank,
)
from singlearn.symmetry.two_layer.parameters import ParameterLayout


def smooth_explained_rank(
    net: TwoLayerSmooth, x: Float[np.ndarray, "points inputs"], domain: Domain | None = None
) -> ExplainedRank:
    """Rank of the Jacobian of the outputs at inputs x, beside the dimension that known symmetries
    take from it.

    Ranks are numerical, in float64, after columns are scaled to length one. What is null on every
    open set is known from a finite matrix (:mod:`singlearn.symmetry.smooth.generators`). Saturated
    nodes make the rank at x smaller than that: float64 does not see them move, which is counted as
    unexplained.

    Args:
        net: the network.
        x: inputs, at least as many rows as there are parameters.
        domain: changes nothing.

    Returns:
        The numerical rank, the dimension that symmetries take, and what is left unexplained.

    Raises:
        ValueError: x has another number of columns than the network has inputs; weights too large;
            a domain of another dimension.

    >>> net = TwoLayerSmooth("tanh", [[1], [1]], [0, 0], [1, 2], 0)
    >>> print(smooth_explained_rank(net, np.linspace(-1, 1, 50)[:, None]))
    7 parameters, rank 4: of 3 null directions 1 are symmetries, 2 are null to first order only,
    0 unexplained
    """
    require_smooth(net, "explained_rank")
    check_domain(net, domain)
    if x.ndim != 2 or x.shape[1] != net.inputs:
        raise ValueError(f"x: got shape {x.shape}; it should be (points, {net.inputs})")
    largest = max(float(np.abs(array).max(initial=0.0)) for array in net.arrays())
    if largest > LARGEST_WEIGHT:
        raise ValueError(
            f"net: a weight of {largest:.1e} is too large for a rank in float64, at most "
            f"{LARGEST_WEIGHT:.0e} is"
        )
    rows, found = equations(net), smooth_generators(net)
    size = layout_of(net).size
    symmetric = np.array([g.direction for g in found]).reshape(len(found), size)
    scale = np.abs(rows).max(initial=1.0) * np.abs(symmetric).max(initial=1.0)
    left = np.abs(rows @ symmetric.T).max(initial=0.0)
    if left > 1e-9 * scale:
        raise AssertionError(f"a generator is not null: it leaves {left:.2g}")
    rank, explained, kernel = (
        numerical_rank(smooth_jacobian(net, x)),
        numerical_rank(symmetric),
        size - numerical_rank(rows),
    )
    return ExplainedRank(
        parameters=size,
        rank=rank,
        explained=explained,
        first_order=kernel - explained,
        unexplained=size - rank - kernel,
        generators=tuple(found),
    )


def smooth_jacobian(
    net: TwoLayerSmooth, x: Float[np.ndarray, "points inputs"]
) -> Float[np.ndarray, "rows parameters"]:
    """Derivative of every output at every point with respect to the parameter vector.

    >>> smooth_jacobian(TwoLayerSmooth("tanh", [[2]], [0], [3], 0), np.array([[0.0]])).tolist()
    [[0.0, 3.0, 0.0, 1.0]]
    """
    w, b, q, _ = net.arrays()
    layout: ParameterLayout = layout_of(net)
    heights = x @ w.T + b
    values, steep = net.activation.evaluate(heights), net.activation.derivative(heights)
    rows = np.zeros((len(x), layout.outputs, layout.size))
    for i in range(layout.width):
        slope = steep[:, i, None] * q[None, :, i]
        rows[:, :, layout.w(i)] = slope[:, :, None] * x[:, None, :]
        rows[:, :, layout.b(i)] = slope
        for j, place in enumerate(range(layout.size)[layout.q(i)]):
            rows[:, j, place] = values[:, i]
    for j, place in enumerate(range(layout.size)[layout.c]):
        rows[:, j, place] = 1.0
    return rows.reshape(-1, layout.size)
