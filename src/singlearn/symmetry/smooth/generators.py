r"""Directions in which a smooth network's parameters can move without changing the function.

The derivative of f along any direction is a combination of :math:`1, x_j, γ(u_k), γ'(u_k),
x_jγ'(u_k)` over the units, and these are linearly independent on every open set. *Proof*, along a
line as in :mod:`singlearn.symmetry.smooth.form`, for a relation :math:`\sum_k A_kγ(u_k) + ℓ_k
γ'(u_k)` = affine with affine :math:`ℓ_k(x)`. tanh: at the first pole of the unit with the largest a
of its group, :math:`γ'` has a double pole, so :math:`ℓ_k` is zero there for every choice of the
line, that is on the complex hyperplane :math:`u_k = iπ/2s`; a real affine function that is zero
there is zero (with its conjugate it vanishes on two parallel hyperplanes); then A_k is zero as
before. SiLU: the double pole has the factor u, which is not zero there. erf: the derivative along
the line is a sum of Gaussians :math:`e^{-u_k^2}` with coefficients of degree two, :math:`-2 a_k u_k
ℓ_k + …`, which have to be zero, so ℓ_k and then A_k.
GELU: the second derivative, :math:`a_k^2 ℓ_k (u_k^3 - 4u_k)φ(u_k) + …`, likewise. ∎

So the kernel of the Fisher information, for inputs that fill any open set, is that of a finite
matrix.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float
from scipy.linalg import null_space

from singlearn.symmetry.smooth.form import Unit, unit_of
from singlearn.symmetry.smooth.network import TwoLayerSmooth, require_smooth
from singlearn.symmetry.two_layer.generators import Field, Generator
from singlearn.symmetry.two_layer.parameters import ParameterLayout

Groups = dict[Unit, list[tuple[int, int]]]
"""The nodes of every unit, w = 0 included, each with its orientation."""


def layout_of(net: TwoLayerSmooth) -> ParameterLayout:
    """Where the parameters lie in ``(w row by row, b, q output by output, c)``."""
    return ParameterLayout(net.width, net.inputs, net.outputs)


def groups(net: TwoLayerSmooth) -> Groups:
    """All nodes by (w, b) up to sign, those with q = 0 or w = 0 too."""
    found: Groups = defaultdict(list)
    for i, node in enumerate(net.nodes):
        if any(node.w):
            unit, sign = unit_of(node)
        else:
            sign = -1 if node.b < 0 else 1
            unit = Unit(node.w, abs(node.b))
        found[unit].append((i, sign))
    return dict(found)


def equations(net: TwoLayerSmooth) -> Float[np.ndarray, "equations parameters"]:
    """One row for every output and function of the basis, one column for every parameter; the first
    M rows are those of 1.
    """
    layout, kind, even = layout_of(net), net.activation.kind, net.activation.is_even
    w, b, q, _ = net.arrays()
    live = {unit: k for k, unit in enumerate(unit for unit in groups(net) if any(unit.w))}
    inputs, size = net.inputs, 1 + net.inputs + len(live) * (net.inputs + 2)
    rows = np.zeros((size, net.outputs, layout.size))
    places = np.arange(layout.size)
    rows[0, np.arange(net.outputs), places[layout.c]] = 1.0
    alpha, beta = float(kind.offset), float(kind.slope)
    for unit, members in groups(net).items():
        for i, sign in members:
            out, own = places[layout.q(i)], places[layout.w(i)]
            every = np.arange(net.outputs)
            if unit not in live:
                height = net.activation.evaluate(b[i : i + 1])[0]
                steep = net.activation.derivative(b[i : i + 1])[0]
                rows[0, every, out] = height
                rows[0, :, layout.b(i)] = steep * q[:, i]
                for j in range(inputs):
                    rows[1 + j, :, own[j]] = steep * q[:, i]
                continue
            first = 1 + inputs + live[unit] * (inputs + 2)
            rows[0, every, out] = alpha + beta * b[i]
            rows[0, :, layout.b(i)] = beta * q[:, i]
            turned, bent = (1.0, sign) if even else (sign, 1.0)
            rows[first, every, out] = turned
            rows[first + 1, :, layout.b(i)] = bent * q[:, i]
            for j in range(inputs):
                rows[1 + j, every, out] = beta * w[i, j]
                rows[1 + j, :, own[j]] = beta * q[:, i]
                rows[first + 2 + j, :, own[j]] = bent * q[:, i]
    return rows.reshape(-1, layout.size)


def smooth_generators(net: TwoLayerSmooth) -> list[Generator]:
    r"""Directions along which the function does not change, tangent to curves of equal functions.

    - q = 0: w and b are free. w = 0: b or q trade with the output bias.
    - Nodes on one unit: outgoing weight passes between them; between opposite ones of SiLU or GELU
      only if :math:`\sum_k τ_k w_k^T = 0` over such units.
    - Nodes on one unit that cancel: they move together. Where opposite ones of SiLU or GELU leave
      the line V u, w moves as long as :math:`\sum_k V_k\,δw_k^T = 0`, or trades with V.

    Args:
        net: the network; nodes are compared exactly.

    Returns:
        Independent directions, each with the field that it belongs to.

    >>> [
    ...     str(g.field)
    ...     for g in smooth_generators(TwoLayerSmooth("tanh", [[1], [-1]], [0, 0], [1, 2], 0))
    ... ]
    ['shared boundary']
    """
    require_smooth(net, "generators")
    rows = equations(net)
    layout = layout_of(net)
    found = []
    for field, nodes, direction in _raw(net, layout):
        # The output bias takes what is constant.
        direction[layout.c] -= rows[: net.outputs] @ direction
        found.append(Generator(field, nodes, direction))
    return found


Raw = tuple[Field, tuple[int, ...], Float[np.ndarray, " parameters"]]


def _raw(net: TwoLayerSmooth, layout: ParameterLayout) -> Iterator[Raw]:
    places = list(range(layout.size))
    w, _, q, _ = net.arrays()
    even = net.activation.is_even

    def unit_vector(*entries: tuple[int, float]) -> Float[np.ndarray, " parameters"]:
        direction = np.zeros(layout.size)
        for place, value in entries:
            direction[place] += value
        return direction

    for i, node in enumerate(net.nodes):
        if not any(node.q):
            for place in (*places[layout.w(i)], layout.b(i)):
                yield Field.SILENT, (i,), unit_vector((place, 1.0))
        if not any(node.w):
            for place in (layout.b(i), *places[layout.q(i)]):
                yield Field.CONSTANT, (i,), unit_vector((place, 1.0))
    turning: list[tuple[int, int]] = []
    lines: list[tuple[list[tuple[int, int]], Float[np.ndarray, " outputs"]]] = []
    for unit, members in groups(net).items():
        sides = [[m for m in members if m[1] == sign] for sign in (1, -1)]
        for chain in sides if even else [members]:
            for (i, s), (j, t) in itertools.pairwise(chain):
                for one, other in zip(places[layout.q(i)], places[layout.q(j)], strict=True):
                    yield (
                        Field.TRANSFER,
                        (i, j),
                        unit_vector((one, 1.0), (other, -1.0 if s == t else 1.0)),
                    )
        if even and all(sides) and any(unit.w):
            turning.append((sides[0][0][0], sides[1][0][0]))
        loud = [(i, s) for i, s in members if any(net.nodes[i].q)]
        cancels = all(
            sum((net.nodes[i].q[j] * (1 if even else s) for i, s in loud), 0) == 0
            for j in range(net.outputs)
        )
        if not (loud and cancels):
            continue
        line = (
            sum((s * q[:, i] for i, s in loud), np.zeros(net.outputs))
            if even
            else np.zeros(net.outputs)
        )
        exact = [sum((s * net.nodes[i].q[j] for i, s in loud), 0) for j in range(net.outputs)]
        nodes = tuple(i for i, _ in loud)
        yield Field.CANCELLING, nodes, unit_vector(*((layout.b(i), float(s)) for i, s in loud))
        if even and any(exact):
            lines.append((loud, line))
            stretched = np.zeros(layout.size)
            for i, _ in loud:
                stretched[layout.w(i)], stretched[layout.q(i)] = w[i], -q[:, i]
            yield Field.CANCELLING, nodes, stretched
        else:
            for j in range(net.inputs):
                yield (
                    Field.CANCELLING,
                    nodes,
                    unit_vector(*((places[layout.w(i)][j], float(s)) for i, s in loud)),
                )
    yield from _turns(net, layout, turning, w)
    yield from _lines(net, layout, turning, lines, w)


def _turn(
    layout: ParameterLayout, pair: tuple[int, int], values: Float[np.ndarray, " outputs"]
) -> Float[np.ndarray, " parameters"]:
    """Amount passes from the node against the unit to that along it, which changes the slope by
    ``values w^T``.
    """
    direction = np.zeros(layout.size)
    direction[layout.q(pair[0])] += values / 2
    direction[layout.q(pair[1])] -= values / 2
    return direction


def _turns(
    net: TwoLayerSmooth,
    layout: ParameterLayout,
    turning: list[tuple[int, int]],
    w: Float[np.ndarray, "nodes inputs"],
) -> Iterator[Raw]:
    if not turning:
        return
    nodes = tuple(sorted(i for pair in turning for i in pair))
    normals = w[[pair[0] for pair in turning]]
    lengths = np.linalg.norm(normals, axis=1)
    for amounts in null_space((normals / lengths[:, None]).T).T / lengths:
        for j in range(net.outputs):
            own = np.eye(net.outputs)[j]
            yield (
                Field.TURN,
                nodes,
                sum(
                    (_turn(layout, p, a * own) for p, a in zip(turning, amounts, strict=True)),
                    np.zeros(layout.size),
                ),
            )


def _lines(
    net: TwoLayerSmooth,
    layout: ParameterLayout,
    turning: list[tuple[int, int]],
    lines: list[tuple[list[tuple[int, int]], Float[np.ndarray, " outputs"]]],
    w: Float[np.ndarray, "nodes inputs"],
) -> Iterator[Raw]:
    """Units that cancel up to a line V u: their w move together where the lines balance, or against
    a slope that turns.
    """
    if not lines:
        return

    def moved(
        loud: list[tuple[int, int]], step: Float[np.ndarray, " inputs"]
    ) -> Float[np.ndarray, " parameters"]:
        direction = np.zeros(layout.size)
        for i, sign in loud:
            direction[layout.w(i)] = sign * step
        return direction

    every = tuple(sorted(i for loud, _ in lines for i, _ in loud))
    values = np.stack([line for _, line in lines], axis=1)
    for shares in null_space(values).T:
        for j in range(net.inputs):
            step = np.eye(net.inputs)[j]
            parts = (
                moved(loud, share * step) for (loud, _), share in zip(lines, shares, strict=True)
            )
            yield Field.CANCELLING, every, sum(parts, np.zeros(layout.size))
    for loud, line in lines:
        own = {i for i, _ in loud}
        for pair in turning:
            if pair[0] not in own:
                nodes = tuple(sorted({*own, *pair}))
                yield Field.TURN, nodes, moved(loud, w[pair[0]]) + _turn(layout, pair, -line)
