"""How much of the degeneracy of a network's Jacobian is due to symmetries that have a name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from singlearn.results.prompt import Shown
from singlearn.symmetry.deep.fields import linear_fields, scaling_fields, shift_fields, unread_fields, unspanned_fields
from singlearn.symmetry.deep.jacobian import parameter_jacobian
from singlearn.symmetry.deep.network import DeepReLU

LARGEST = 4000
"""Parameters; the rank of a matrix with more columns takes minutes."""

RELATIVE = 1e-9
"""Singular values below this share of the largest count as 0."""


@dataclass(frozen=True)
class ExplainedRank(Shown):
    """The rank of the Jacobian at given inputs, and the known null directions.

    Attributes:
        parameters: how many there are.
        rank: of the Jacobian.
        by_kind: dimension of the null directions of each kind alone. ``scaling``: Lemma 1. ``synchronised``: GL(k) of nodes of a
            layer that are active at the same inputs; bypassed nodes are those active at all. ``shift``: of bypassed nodes.
            ``unspanned``: changes that no input sees, dead nodes among them, but also too few inputs. ``unread``: nodes whose
            outgoing weights are zero or dependent.
        explained: dimension of all of them together.
        unexplained: dimension of the null space that is left.
        largest_residual: of :math:`|J v| / (|J| |v|)` over all fields used, with the spectral norm of J.
    """

    parameters: int
    rank: int
    by_kind: dict[str, int]
    explained: int
    unexplained: int
    largest_residual: float


def explained_rank_deep(net: DeepReLU, x: Float[np.ndarray, "points inputs"]) -> ExplainedRank:
    r"""Rank of :math:`∂(f(x_1), …, f(x_n))/∂θ`, and how much of what is missing known symmetries explain.

    The states of the nodes (dead, always active, active together) are those observed at ``x``, because the Jacobian at ``x`` sees
    no others. With ``n`` inputs drawn from q(x) the null space of the Fisher information is contained in this one.

    Args:
        x: inputs, none of them on an activation boundary.

    Raises:
        ValueError: inputs of another width, none at all, or a network of more than 4,000 parameters.

    >>> net = DeepReLU([[[1.0], [1.0]], [[1.0, 2.0]]], [[0.5, -0.5], [0.0]])
    >>> found = explained_rank_deep(net, np.linspace(-1.9, 2, 40)[:, None])
    >>> found.rank, found.by_kind["scaling"], found.unexplained
    (5, 2, 0)
    """
    if net.parameters > LARGEST:
        raise ValueError(f"net: it has {net.parameters} parameters; the rank is computed for at most {LARGEST}")
    if len(x) == 0:
        raise ValueError("x: got no inputs; at least one is needed")
    jacobian = parameter_jacobian(net, x).reshape(-1, net.parameters)
    singular = np.linalg.svd(jacobian, compute_uv=False)
    largest = float(singular[0]) if singular.size else 0.0
    rank = int(np.sum(singular > RELATIVE * largest)) if largest > 0 else 0
    kinds = _fields_by_kind(net, x)
    fields = np.concatenate(list(kinds.values()))
    length = np.linalg.norm(fields, axis=1)
    fields = fields[length > 0] / length[length > 0, None]
    residual = float(np.max(np.linalg.norm(jacobian @ fields.T, axis=0), initial=0.0)) / largest if largest > 0 else 0.0
    explained = _dimension(fields)
    return ExplainedRank(
        net.parameters,
        rank,
        {kind: _dimension(part) for kind, part in kinds.items()},
        explained,
        net.parameters - rank - explained,
        residual,
    )


def _fields_by_kind(net: DeepReLU, x: np.ndarray) -> dict[str, np.ndarray]:
    empty = np.zeros((0, net.parameters))
    synchronised, shift, unread = [empty], [empty], [empty]
    for layer, values in enumerate(net.preactivations(x)[:-1]):
        for pattern, nodes in _active_together(values > 0).items():
            if not any(pattern):
                continue  # dead on x: their parameters are among the unspanned
            synchronised.append(linear_fields(net, layer, nodes))
            unread.append(unread_fields(net, layer, nodes))
            if all(pattern):
                shift.append(shift_fields(net, layer, nodes))
    return {
        "scaling": scaling_fields(net),
        "synchronised": np.concatenate(synchronised),
        "shift": np.concatenate(shift),
        "unspanned": np.concatenate([unspanned_fields(net, layer, x) for layer in range(len(net.weights))]),
        "unread": np.concatenate(unread),
    }


def _active_together(active: np.ndarray) -> dict[bytes, list[int]]:
    groups: dict[bytes, list[int]] = {}
    for node, column in enumerate(active.T):
        groups.setdefault(column.tobytes(), []).append(node)
    return groups


def _dimension(fields: np.ndarray) -> int:
    length = np.linalg.norm(fields, axis=1)
    used = fields[length > 0] / length[length > 0, None]
    if not len(used):
        return 0
    singular = np.linalg.svd(used, compute_uv=False)
    return int(np.sum(singular > RELATIVE * singular[0]))
