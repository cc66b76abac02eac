"""How much of a network's degeneracy its known symmetries explain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.linalg import null_space

from singlearn.results.caution import Caution, Reason
from singlearn.results.result import Answer
from singlearn.symmetry.domain import Box, Domain
from singlearn.symmetry.two_layer.generators import Generator, generators_and_whether_all
from singlearn.symmetry.two_layer.network import TwoLayerReLU, require_two_layer
from singlearn.symmetry.two_layer.parameters import ParameterLayout, jacobian
from singlearn.symmetry.two_layer.roles import Roles, roles

LARGEST_WEIGHT = 1e100
"""Squares and products of larger ones leave float64."""

NEGLIGIBLE = 1e-9


@dataclass(frozen=True)
class ExplainedRank(Answer):
    """Rank of the Jacobian at some inputs, and where its kernel comes from.

    Attributes:
        parameters: D.
        rank: of the Jacobian at the inputs given.
        explained: dimension spanned by the symmetries' generators.
        first_order: dimension of what else is null on every input of the domain: null to first
            order, but no symmetry, as where two nodes on one boundary slide apart. Nodes whose
            kinks cancel, and which slide together, are a symmetry.
        unexplained: what is null at these inputs only; more inputs, or the singularity of something
            unknown, would tell.
        generators: the symmetries' directions.
        is_complete: whether all sets of nodes that cancel were looked for; more than 18 nodes with
            q ≠ 0 on one boundary have too many subsets, and ``explained`` is a lower bound then.
        snapped: for the rank of a snapped network, that network beside the original one.
    """

    parameters: int
    rank: int
    explained: int
    first_order: int
    unexplained: int
    generators: tuple[Generator, ...]
    is_complete: bool = True
    snapped: Any = field(default=None, compare=False, repr=False)

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """That ``explained`` is a lower bound, where some sets of nodes were not looked for."""
        if self.is_complete:
            return ()
        message = "sets of more than 18 nodes on one boundary were not looked for; explained is at "
        return (Caution(Reason.ONLY_BOUNDS, f"{message}least {self.explained}"),)

    def __str__(self) -> str:
        least, most = ("", "") if self.is_complete else ("at least ", "at most ")
        text = (
            f"{self.parameters} parameters, rank {self.rank}: of {self.parameters - self.rank} "
            f"null directions "
            f"{least}{self.explained} are symmetries, "
            f"{most}{self.first_order} are null to first order only, {self.unexplained} unexplained"
        )
        return text if self.snapped is None else f"{text}\n{self.snapped.sentence}"


def explained_rank(
    net: TwoLayerReLU, x: Float[np.ndarray, "points inputs"], domain: Domain | None = None
) -> ExplainedRank:
    """Rank of the Jacobian of the outputs at inputs x, beside the dimension that known symmetries
    take from it.

    Ranks are numerical, in float64, after columns are scaled to length one; boundaries are compared
    exactly.

    Args:
        net: the network.
        x: inputs, at least as many rows as there are parameters; points inside the domain.
        domain: where symmetries are to hold; the box around x if not given.

    Raises:
        ValueError: x has another number of columns than the network has inputs, or does not span a
            box; weights too large.

    >>> net = TwoLayerReLU([[1], [1]], [0, 0], [1, 2], 0)
    >>> print(explained_rank(net, np.linspace(-1, 1, 50)[:, None]))
    7 parameters, rank 3: of 4 null directions 3 are symmetries, 1 are null to first order only,
    0 unexplained
    """
    if x.ndim != 2 or x.shape[1] != net.inputs:
        raise ValueError(f"x: got shape {x.shape}; it should be (points, {net.inputs})")
    largest = max(float(np.abs(array).max(initial=0.0)) for array in net.arrays())
    if largest > LARGEST_WEIGHT:
        raise ValueError(
            f"net: a weight of {largest:.1e} is too large for a rank in float64, at most "
            f"{LARGEST_WEIGHT:.0e} is; scaling its node, "
            "(w, b) down and q up, leaves the function as it is"
        )
    where = Box(x.min(axis=0), x.max(axis=0)) if domain is None else domain
    rank = numerical_rank(jacobian(net, x))
    found, is_complete = generators_and_whether_all(net, where)
    symmetric = np.array([g.direction for g in found]).reshape(
        len(found), ParameterLayout.of(net).size
    )
    null = fisher_kernel(net, where)
    sizes = np.max(np.abs(symmetric), axis=1, initial=0.0, keepdims=True)
    symmetric /= np.where(sizes > 0, sizes, 1.0)
    residual = np.abs(symmetric - symmetric @ null @ null.T).max(initial=0.0)
    if residual > 1e-6 * np.abs(symmetric).max(initial=1.0):
        raise AssertionError(f"a generator is not null: it leaves the kernel by {residual:.2g}")
    explained, kernel = numerical_rank(symmetric), null.shape[1]
    size = ParameterLayout.of(net).size
    return ExplainedRank(
        size, rank, explained, kernel - explained, size - rank - kernel, tuple(found), is_complete
    )


def fisher_kernel(
    net: TwoLayerReLU, domain: Domain | None = None
) -> Float[np.ndarray, "parameters kernel"]:
    r"""Kernel of the Fisher information for inputs whose distribution fills the domain, as
    orthonormal columns.

    The derivative of f along a direction is :math:`P_0 + \sum_k (1_{u_k>0} P_k^+ + 1_{u_k<0}
    P_k^-)` with affine functions :math:`P`. It vanishes exactly when :math:`P_k^+ = P_k^-` on every
    boundary and :math:`P_0 + \sum_k P_k^+ = 0`.

    Returns:
        One column per direction; none where the information is regular.
    """
    require_two_layer(net, "fisher_kernel")
    own = roles(net, domain)
    equations = _equations(net, own)
    lengths = np.linalg.norm(equations, axis=0)
    lengths[lengths == 0] = 1.0
    kernel = null_space(equations / lengths, rcond=NEGLIGIBLE) / lengths[:, None]
    return np.linalg.qr(kernel)[0] if kernel.shape[1] else kernel


def _equations(net: TwoLayerReLU, own: Roles) -> Float[np.ndarray, "equations parameters"]:
    """One block of M (N + 1) rows for every boundary, and one for the sum."""
    layout = ParameterLayout.of(net)
    w, b, q, _ = net.arrays()

    def piece(i: int) -> Float[np.ndarray, "coefficients parameters"]:
        """Affine function, one row per output and coefficient, that node i adds where it is active:
        ``q (δw x + δb) + δq (w x + b)``.
        """
        block = np.zeros((layout.outputs, layout.inputs + 1, layout.size))
        for j, place in enumerate(range(layout.size)[layout.q(i)]):
            block[j, :-1, layout.w(i)] = q[j, i] * np.eye(layout.inputs)
            block[j, -1, layout.b(i)] = q[j, i]
            block[j, :-1, place] += w[i]
            block[j, -1, place] += b[i]
        return block.reshape(-1, layout.size)

    bias = np.zeros((layout.outputs, layout.inputs + 1, layout.size))
    for j, place in enumerate(range(layout.size)[layout.c]):
        bias[j, -1, place] = 1.0
    total = bias.reshape(-1, layout.size)
    rows = []
    for members in own.sides.values():
        sums = {
            sign: sum((piece(i) for i, _ in same), np.zeros_like(total))
            for sign, same in members.items()
        }
        rows.append(sums[1] - sums[-1])
        total = total + sums[1]
    for i in own.bypassed:
        total = total + piece(i)
    return np.concatenate([*rows, total])


def numerical_rank(matrix: Float[np.ndarray, "rows columns"]) -> int:
    """The rank after every column was brought to length one.

    >>> numerical_rank(np.array([[1.0, 1e-30], [1.0, 2e-30]]))
    2
    """
    if matrix.size == 0:
        return 0
    lengths = np.linalg.norm(matrix, axis=0)
    lengths[lengths == 0] = 1.0
    values = np.linalg.svd(matrix / lengths, compute_uv=False)
    return int(np.sum(values > NEGLIGIBLE * values[0])) if values[0] > 0 else 0
