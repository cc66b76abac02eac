"""How much of the degeneracy of a network's Jacobian is due to symmetries that have a name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from singlearn.results.caution import Caution, Reason
from singlearn.results.prompt import record
from singlearn.results.result import Answer
from singlearn.symmetry.deep.jacobian import parameter_jacobian
from singlearn.symmetry.deep.network import DeepReLU
from singlearn.symmetry.deep.null_directions import (
    linear_fields,
    scaling_fields,
    shift_fields,
    unread_fields,
    unspanned_fields,
)
from singlearn.symmetry.two_layer.kink_form import Hyperplane, boundary
from singlearn.symmetry.two_layer.network import TwoLayerReLU
from singlearn.symmetry.two_layer.roles import Roles
from singlearn.symmetry.two_layer.slides import slides

LARGEST = 4000
"""Parameters; the rank of a matrix with more columns takes minutes."""

RELATIVE = 1e-9
"""Singular values below this share of the largest count as 0."""


@dataclass(frozen=True)
class DeepExplainedRank(Answer):
    """The rank of the Jacobian at given inputs, and the known null directions.

    Attributes:
        parameters: how many there are.
        rank: of the Jacobian.
        by_kind: dimension of the null directions of each kind alone. ``scaling``: Lemma 1.
            ``synchronised``: GL(k) of nodes of a layer that are active at the same inputs; bypassed
            nodes are those active at all. ``shift``: of bypassed nodes. ``unspanned``: changes that
            no input sees, dead nodes among them, but also too few inputs. ``unread``: nodes whose
            outgoing weights are zero or dependent. ``slide``: of nodes on one boundary whose kinks
            cancel, and exchanges of slope between opposite and always active nodes, within a layer.
            ``hidden``: of one node that has no influence at the inputs where it is active, or none
            where it is not.
        explained: dimension of all of them together.
        unexplained: dimension of the null space that is left.
        largest_residual: of :math:`|J v| / (|J| |v|)` over all fields used, with the spectral norm
            of J.
        is_complete: whether all sets of nodes that cancel were looked for; more than 18 nodes on
            one boundary have too many subsets, and ``explained`` is a lower bound then.
        snapped: for the rank of a snapped network, that network beside the original one.
    """

    parameters: int
    rank: int
    by_kind: dict[str, int]
    explained: int
    unexplained: int
    largest_residual: float
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
        text = record(self)
        return text if self.snapped is None else f"{text}\n{self.snapped.sentence}"


def explained_rank_deep(net: DeepReLU, x: Float[np.ndarray, "points inputs"]) -> DeepExplainedRank:
    r"""Rank of :math:`∂(f(x_1), …, f(x_n))/∂θ`, and how much of what is missing known symmetries
    explain.

    The states of the nodes (dead, always active, active together) are those observed at ``x``,
    because the Jacobian at ``x`` sees no others. With ``n`` inputs drawn from q(x) the null space
    of the Fisher information is contained in this one.

    Args:
        x: inputs, none of them on an activation boundary.

    Returns:
        The rank, the number of null directions that symmetries explain, and those that none of them
        does.

    Raises:
        ValueError: inputs of another width, none at all, or a network of more than 4,000
            parameters.

    >>> net = DeepReLU([[[1.0], [1.0]], [[1.0, 2.0]]], [[0.5, -0.5], [0.0]])
    >>> found = explained_rank_deep(net, np.linspace(-1.9, 2, 40)[:, None])
    >>> found.rank, found.by_kind["scaling"], found.unexplained
    (5, 2, 0)
    """
    if net.parameters > LARGEST:
        raise ValueError(
            f"net: it has {net.parameters} parameters; the rank is computed for at most {LARGEST}"
        )
    if len(x) == 0:
        raise ValueError("x: got no inputs; at least one is needed")
    jacobian = parameter_jacobian(net, x).reshape(-1, net.parameters)
    singular = np.linalg.svd(jacobian, compute_uv=False)
    largest = float(singular[0]) if singular.size else 0.0
    rank = int(np.sum(singular > RELATIVE * largest)) if largest > 0 else 0
    kinds = _fields_by_kind(net, x)
    sliding, is_complete = _slide_fields(net, x)
    kinds |= {"slide": sliding, "hidden": _hidden_fields(net, jacobian)}
    fields = np.concatenate(list(kinds.values()))
    length = np.linalg.norm(fields, axis=1)
    fields = fields[length > 0] / length[length > 0, None]
    residual = (
        float(np.max(np.linalg.norm(jacobian @ fields.T, axis=0), initial=0.0)) / largest
        if largest > 0
        else 0.0
    )
    explained = _dimension(fields)
    return DeepExplainedRank(
        net.parameters,
        rank,
        {kind: _dimension(part) for kind, part in kinds.items()},
        explained,
        net.parameters - rank - explained,
        residual,
        is_complete,
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
        "unspanned": np.concatenate(
            [unspanned_fields(net, layer, x) for layer in range(len(net.weights))]
        ),
        "unread": np.concatenate(unread),
    }


def _slide_fields(net: DeepReLU, x: np.ndarray) -> tuple[np.ndarray, bool]:
    """Of every layer and the next, taken as a two-layer network of what the layer reads; whether
    all sets that cancel were looked for.
    """
    fields, is_complete = [np.zeros((0, net.parameters))], True
    for layer, values in enumerate(net.preactivations(x)[:-1]):
        pair = TwoLayerReLU(
            net.weights[layer], net.biases[layer], net.weights[layer + 1], net.biases[layer + 1]
        )
        on = values > 0
        crossing = on.any(axis=0) & ~on.all(axis=0)
        sides: dict[Hyperplane, dict[int, list[tuple[int, float]]]] = {}
        for i in np.flatnonzero(crossing).tolist():
            plane, factor = boundary(pair.nodes[i])
            sides.setdefault(plane, {1: [], -1: []})[1 if factor > 0 else -1].append(
                (i, abs(float(factor)))
            )
        own = Roles(
            tuple(np.flatnonzero(~on.any(axis=0)).tolist()),
            tuple(np.flatnonzero(on.all(axis=0)).tolist()),
            sides,
        )
        sliding, exchanges, complete = slides(pair, own, True)
        is_complete = is_complete and complete
        block = np.zeros((len(sliding) + len(exchanges), net.parameters))
        for row, one in zip(block, (*sliding, *exchanges), strict=True):
            row[net.slices(layer)[0].start : net.slices(layer + 1)[1].stop] = one.direction
        fields.append(block)
    return np.concatenate(fields), is_complete


def _hidden_fields(net: DeepReLU, jacobian: np.ndarray) -> np.ndarray:
    r"""Nodes without influence on one side: :math:`∂f/∂b_i` is the gain of node i where it is
    active, and 0 elsewhere.
    """
    floor = RELATIVE * np.max(np.abs(jacobian), initial=0.0)
    fields = [np.zeros((0, net.parameters))]
    for layer in range(net.hidden_layers):
        weights_at, biases_at = net.slices(layer)
        next_at = net.slices(layer + 1)[1]
        inputs = net.weights[layer].shape[1]
        for node in range(len(net.weights[layer])):
            if not np.any(net.weights[layer + 1][:, node]):
                continue
            own = jacobian[:, biases_at.start + node]
            back = jacobian[:, next_at] @ net.weights[layer + 1][:, node]
            if np.max(np.abs(own), initial=0.0) <= floor:
                block = np.zeros((inputs + 1, net.parameters))
                block[
                    :inputs,
                    weights_at.start + node * inputs : weights_at.start + (node + 1) * inputs,
                ] = np.eye(inputs)
                block[inputs, biases_at.start + node] = 1.0
                fields.append(block)
            if np.max(np.abs(own - back), initial=0.0) <= floor:
                block = np.zeros((1, net.parameters))
                block[0, biases_at.start + node] = 1.0
                block[0, next_at] = -net.weights[layer + 1][:, node]
                fields.append(block)
    return np.concatenate(fields)


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
