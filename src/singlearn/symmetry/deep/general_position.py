"""When scaling and permutation can be expected to be the only symmetries."""

from __future__ import annotations

import numpy as np

from singlearn.symmetry.deep.canonical import incoming_norms
from singlearn.symmetry.deep.network import DeepReLU
from singlearn.symmetry.deep.parallel import parallel_groups
from singlearn.symmetry.deep.states import NodeState, node_states
from singlearn.symmetry.domain import DomainLike


def general_position_failures(
    net: DeepReLU, domain: DomainLike | None = None, relative_tolerance: float = 1e-9
) -> tuple[str, ...]:
    """What keeps ``net`` from general position, in words; empty if nothing that is checked does.

    Checked: widths that do not increase, weight matrices of full rank, no node without incoming or
    outgoing weights, no two nodes of a layer on one hyperplane, and, with a box, every node
    crossing on it. Networks for which scaling and permutation are the only symmetries exist for all
    such widths [phuong2020functional]_; these conditions are necessary for that, not sufficient:
    among deeper networks a set of positive measure has further symmetries [grigsby2023hidden]_.

    Returns:
        One sentence per failure.

    >>> general_position_failures(
    ...     DeepReLU([[[1.0, 0.0], [2.0, 0.0]], [[1.0, 1.0]]], [[0.0, 1.0], [0.0]])
    ... )
    ('layer 0: the weight matrix has rank 1, not 2',)
    """
    failures = []
    hidden = net.widths[:-1]
    for layer in range(1, len(hidden)):
        if hidden[layer] > hidden[layer - 1]:
            failures.append(
                f"layer {layer - 1}: width {hidden[layer]} after {hidden[layer - 1]}; widths "
                f"should not increase"
            )
    for layer in range(net.hidden_layers):
        weights, biases = net.weights[layer], net.biases[layer]
        silent = np.flatnonzero(~np.any(weights, axis=1))
        unread = np.flatnonzero(~np.any(net.weights[layer + 1], axis=0))
        if len(silent):
            failures.append(
                f"layer {layer}: node {silent[0]} has no incoming weights ({len(silent)} such)"
            )
        if len(unread):
            failures.append(
                f"layer {layer}: node {unread[0]} has no outgoing weights ({len(unread)} such)"
            )
        groups = parallel_groups(weights, biases, relative_tolerance)
        if groups:
            pair = (groups[0][0] + groups[0][1])[:2]
            failures.append(
                f"layer {layer}: nodes {pair[0]} and {pair[1]} share a boundary ({len(groups)} "
                f"such groups)"
            )
        size = incoming_norms(weights, np.zeros(len(weights)))
        rank = (
            int(
                np.linalg.matrix_rank(
                    weights / np.where(size > 0, size, 1.0)[:, None], tol=relative_tolerance
                )
            )
            if weights.size
            else 0
        )
        if rank < min(weights.shape):
            failures.append(
                f"layer {layer}: the weight matrix has rank {rank}, not {min(weights.shape)}"
            )
    if domain is not None:
        states = node_states(net, domain, milp_seconds=0.0)
        for layer, own in enumerate(states.states):
            for state in (NodeState.DEAD, NodeState.BYPASSED):
                if state in own:
                    failures.append(
                        f"layer {layer}: node {own.index(state)} is {state} on the box "
                        f"({own.count(state)} such)"
                    )
    return tuple(failures)
