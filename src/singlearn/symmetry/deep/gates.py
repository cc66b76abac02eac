"""Which gates keep an influence from the outputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from singlearn.symmetry.deep.network import DeepReLU

CANCELS = 1e-12
"""A sum counts as 0 if it is this small compared with its absolute terms."""


@dataclass(frozen=True)
class Gate:
    """A later node that reads, perhaps through others, the nodes in question, and whether it is
    active.
    """

    layer: int
    node: int
    open: bool


def gates_that_hide(
    net: DeepReLU,
    layer: int,
    influence: Float[np.ndarray, " readers"],
    size: Float[np.ndarray, " readers"],
    active: list[np.ndarray],
) -> list[Gate] | None:
    r"""Follow an influence :math:`δ_{l+1}` on the layer after ``layer``, :math:`δ_{m+1} = W_{m+1}
    (g_m ∘ δ_m)`, through the gates g.

    Args:
        net: the network.
        layer: of the nodes whose influence it is; :math:`δ_{l+1} = W_{l+1} e_i` for node i.
        influence: on every node of the next layer.
        size: what its entries were summed from, in absolute terms.
        active: for every layer, (points, nodes), whether each node is active at some inputs.

    Returns:
        The gates on the way, if they are the same at all those inputs and the influence vanishes
        before or at the outputs; else ``None``.
    """
    gates: list[Gate] = []
    for above in range(layer + 1, net.hidden_layers):
        reached = np.flatnonzero(np.abs(influence) > CANCELS * size)
        if not len(reached):
            return gates
        state = active[above][:, reached]
        if np.any(state != state[0]):
            return None
        gates += [
            Gate(above, int(reader), bool(is_open))
            for reader, is_open in zip(reached, state[0], strict=True)
        ]
        open_readers = reached[state[0]]
        size = np.abs(net.weights[above + 1][:, open_readers]) @ np.abs(influence[open_readers])
        influence = net.weights[above + 1][:, open_readers] @ influence[open_readers]
    return gates if np.all(np.abs(influence) <= CANCELS * size) else None
