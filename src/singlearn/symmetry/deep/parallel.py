"""Nodes of one layer whose activation boundaries coincide."""

from __future__ import annotations

import numpy as np

from singlearn.symmetry.deep.canonical import incoming_norms


def parallel_groups(
    weights: np.ndarray, biases: np.ndarray, relative_tolerance: float
) -> list[tuple[list[int], list[int]]]:
    r"""Groups of two or more nodes on one hyperplane: numbers of those oriented like the first, and
    of the opposite ones.

    Two nodes belong together if their :math:`(w, b)`, brought to norm 1, are equal up to sign and
    ``relative_tolerance``. Nodes with :math:`(w, b) = 0` belong to no group.
    """
    size = incoming_norms(weights, biases)
    nodes = np.flatnonzero(size > 0)
    rows = np.concatenate([weights, biases[:, None]], axis=1)[nodes] / size[nodes, None]
    # The projection on a fixed direction moves no further than the row does, so partners are
    # neighbours in this key.
    direction = np.sin(1.0 + 2.399963229728653 * np.arange(rows.shape[1]) ** 2)
    key = np.abs(rows @ (direction / np.linalg.norm(direction)))
    ranked = np.argsort(key, kind="stable")
    taken = np.zeros(len(nodes), dtype=bool)
    groups = []
    for position, first in enumerate(ranked):
        if taken[first]:
            continue
        same, opposite = [first], []
        for other in ranked[position + 1 :]:
            if key[other] - key[first] > relative_tolerance + 1e-14:
                break
            if taken[other]:
                continue
            if np.linalg.norm(rows[other] - rows[first]) <= relative_tolerance:
                same.append(other)
            elif np.linalg.norm(rows[other] + rows[first]) <= relative_tolerance:
                opposite.append(other)
        if len(same) + len(opposite) > 1:
            taken[same + opposite] = True
            groups.append(([int(nodes[i]) for i in same], [int(nodes[i]) for i in opposite]))
    return groups
