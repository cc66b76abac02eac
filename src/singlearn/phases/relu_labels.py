"""Labellers of two-layer ReLU networks on a box: what the nodes do, with tolerances, in floating
point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from singlearn.phases.labeller import Labeller

Count = Any  # an int; an integer array while JAX traces
Network = Mapping[str, Float[Array | np.ndarray, "*_"]]
Box = Sequence[tuple[float | int, float | int]]


class NodeRoles(NamedTuple):
    """How many nodes do what; see :func:`node_roles`."""

    live: Count
    shared: Count
    opposite: Count
    silent: Count
    dead: Count
    always_active: Count

    def __str__(self) -> str:
        return _listed(self._asdict())


class ReluPhase(NamedTuple):
    """Where the nodes sit relative to the truth; see :func:`relu_phase`.

    ``kinks`` has for every kink of the truth the number of nodes on it with its orientation, and
    with the opposite one.
    """

    kinks: tuple[tuple[Count, Count], ...]
    elsewhere: Count
    silent: Count
    dead: Count
    always_active: Count

    def __str__(self) -> str:
        kinks = " ".join("+" * same + "-" * opposite or "0" for same, opposite in self.kinks)
        rest = {name: value for name, value in self._asdict().items() if name != "kinks" and value}
        return kinks + (f" | {_listed(rest)}" if rest else "")


class Orientation(NamedTuple):
    """How many kinks of the truth are occupied and by how many reversed nodes; see
    :func:`orientation`.
    """

    occupied: Count
    reversed: Count
    annihilates: Any

    def __str__(self) -> str:
        text = f"{self.occupied} kinks occupied, {self.reversed} reversed"
        return text + (", annihilating" if self.annihilates else "")


def live_nodes(box: Box) -> Labeller:
    r"""How many nodes have their kink inside the box: neither dead nor always active there, and
    :math:`q_i ≠ 0`.

    The coarsest label, free of tolerances: every such phase has inner points.

    Args:
        box: (lowest, highest) of each input.

    Returns:
        A labeller whose labels are whole numbers.

    >>> w = {
    ...     "w": jnp.array([[1.0], [1.0], [1.0]]),
    ...     "b": jnp.array([0.0, -2.0, 2.0]),
    ...     "q": jnp.ones(3),
    ...     "c": jnp.zeros(()),
    ... }
    >>> int(live_nodes([(-1, 1)])(w))  # the others: dead, always active
    1
    """
    centre, half = _sides(box)

    def live_nodes(w: Network) -> Count:
        low, high = _span(w, centre, half)
        return jnp.sum((low < 0) & (high > 0) & (jnp.asarray(w["q"]) != 0))

    return live_nodes


def node_roles(box: Box, height: float | int = 0.05, distance: float | int = 0.1) -> Labeller:
    r"""How many nodes are live, share a boundary (equal or opposite orientation), are silent
    (:math:`q ≈ 0`), dead, or always active.

    Preactivations range over :math:`[l, h]` on the box. Dead: :math:`h ≤ 0`. Always active:
    :math:`l ≥ 0`. Silent: the node differs from an affine function by less than ``height``, which
    is :math:`|q| h (-l)/(h - l) <` ``height``. Two others share a boundary if their unit
    preactivations :math:`(⟨w,x⟩ + b)/|w|` differ by less than ``distance`` all over the box, up to
    sign.

    Args:
        box: (lowest, highest) of each input.
        height: > 0, in the unit of the output.
        distance: > 0, in the unit of the inputs.

    Returns:
        A labeller whose labels count the nodes of every role.

    Raises:
        ValueError: an empty side of the box, or a tolerance that is not positive.

    >>> w = {
    ...     "w": jnp.array([[1.0], [2.0], [1.0]]),
    ...     "b": jnp.array([0.0, 0.01, -2.0]),
    ...     "q": jnp.ones(3),
    ...     "c": jnp.zeros(()),
    ... }
    >>> print(NodeRoles(*map(int, node_roles([(-1, 1)])(w))))
    2 shared, 1 dead
    """
    centre, half = _sides(box)
    _positive(height=height, distance=distance)

    def node_roles(w: Network) -> NodeRoles:
        kink, silent, dead, always = _sorted(w, centre, half, height)
        unit, offset = _unit(w)
        other = kink[:, None] & kink[None, :] & ~jnp.eye(len(kink), dtype=bool)
        same = jnp.any(
            other & (_apart(unit, offset, unit, offset, 1.0, centre, half) < distance), axis=1
        )
        opposite = (
            jnp.any(
                other & (_apart(unit, offset, unit, offset, -1.0, centre, half) < distance), axis=1
            )
            & ~same
        )
        count = jnp.sum
        return NodeRoles(
            count(kink & ~same & ~opposite),
            count(same),
            count(opposite),
            count(silent),
            count(dead),
            count(always),
        )

    return node_roles


def relu_phase(
    box: Box, truth: Network, height: float | int = 0.05, distance: float | int = 0.1
) -> Labeller:
    """Which nodes sit on which kink of a known truth and which way round, and what the others do.

    Tolerances as for :func:`node_roles`. A node whose kink is near several kinks of the truth
    counts for the nearest.

    Args:
        box: (lowest, highest) of each input.
        truth: ``{"w": (d, N), "b": (d,), "q": (d,), …}``; its nodes without a kink inside the box
            are left out.
        height: > 0, in the unit of the output.
        distance: > 0, in the unit of the inputs.

    Returns:
        A labeller whose labels say who sits where.

    Raises:
        ValueError: a truth without kinks inside the box, an empty side of the box, a tolerance that
            is not positive.

    >>> one = {"w": np.array([[1.0]]), "b": np.zeros(1), "q": np.ones(1)}
    >>> w = {
    ...     "w": jnp.array([[-1.0], [2.0]]),
    ...     "b": jnp.array([0.0, -4.0]),
    ...     "q": jnp.ones(2),
    ...     "c": jnp.zeros(()),
    ... }
    >>> print(relu_phase([(-1, 1)], one)(w))
    - | 1 dead
    """
    centre, half = _sides(box)
    _positive(height=height, distance=distance)
    there, offset_there = _kinks(truth, centre, half)

    def relu_phase(w: Network) -> ReluPhase:
        kink, silent, dead, always = _sorted(w, centre, half, height)
        on, forward = _occupation(w, kink, there, offset_there, distance, centre, half)
        kinks = tuple(
            (jnp.sum(on[k] & forward[k]), jnp.sum(on[k] & ~forward[k]))
            for k in range(len(offset_there))
        )
        elsewhere = kink & ~jnp.any(on, axis=0)
        return ReluPhase(kinks, jnp.sum(elsewhere), jnp.sum(silent), jnp.sum(dead), jnp.sum(always))

    return relu_phase


def orientation(
    box: Box,
    truth: Network,
    height: float | int = 0.05,
    distance: float | int = 0.1,
    slope: float | int = 0.1,
) -> Labeller:
    r"""How many kinks of the truth are occupied, how many nodes there are reversed, and whether
    those annihilate.

    They do where :math:`|Σ q_i w_i|` is below ``slope``. Reversing a set of nodes adds the linear
    function :math:`Σ q_i ⟨w_i, x⟩` over the set; where the total gradients sum to zero nothing has
    to pay for it (weight annihilation [carroll2021phase]_).

    Args:
        box, truth, height, distance: as for :func:`relu_phase`.
        slope: > 0, in units of the output per unit of the inputs.

    Returns:
        A labeller whose labels say how many, and whether they annihilate.

    Raises:
        ValueError: as :func:`relu_phase`.

    >>> pair = {"w": np.array([[1.0], [-1.0]]), "b": np.array([-0.5, -0.5]), "q": np.ones(2)}
    >>> back = {
    ...     "w": jnp.array([[-1.0], [1.0]]),
    ...     "b": jnp.array([0.5, 0.5]),
    ...     "q": jnp.ones(2),
    ...     "c": jnp.zeros(()),
    ... }
    >>> print(orientation([(-1, 1)], pair)(back))
    2 kinks occupied, 2 reversed, annihilating
    """
    centre, half = _sides(box)
    _positive(height=height, distance=distance, slope=slope)
    there, offset_there = _kinks(truth, centre, half)

    def orientation(w: Network) -> Orientation:
        kink, _, _, _ = _sorted(w, centre, half, height)
        on, forward = _occupation(w, kink, there, offset_there, distance, centre, half)
        back = jnp.any(on & ~forward, axis=0)
        total = jnp.sum(
            jnp.where(back[:, None], jnp.asarray(w["q"])[:, None] * jnp.asarray(w["w"]), 0.0),
            axis=0,
        )
        annihilates = jnp.any(back) & (jnp.linalg.norm(total) < slope)
        return Orientation(jnp.sum(jnp.any(on, axis=1)), jnp.sum(back), annihilates)

    return orientation


def _listed(counts: Mapping[str, Count]) -> str:
    return (
        ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in counts.items() if value)
        or "nothing"
    )


def _positive(**tolerances: float | int) -> None:
    for name, value in tolerances.items():
        if not value > 0:
            raise ValueError(f"{name}: got {value}; a tolerance should be positive")


def _sides(box: Box) -> tuple[Float[np.ndarray, " inputs"], Float[np.ndarray, " inputs"]]:
    sides = np.asarray([tuple(map(float, side)) for side in box])
    if sides.ndim != 2 or sides.shape[1] != 2 or not np.all(sides[:, 0] < sides[:, 1]):
        raise ValueError(
            f"box: got {box}; it should be (lowest, highest) of each input, the lowest below the "
            f"highest"
        )
    return sides.mean(axis=1), (sides[:, 1] - sides[:, 0]) / 2


def _span(
    w: Network, centre: Float[np.ndarray, " inputs"], half: Float[np.ndarray, " inputs"]
) -> tuple[Float[Array, " nodes"], Float[Array, " nodes"]]:
    """Lowest and highest preactivation on the box."""
    weight = jnp.asarray(w["w"])
    middle, reach = weight @ centre + jnp.asarray(w["b"]), jnp.abs(weight) @ half
    return middle - reach, middle + reach


def _sorted(
    w: Network,
    centre: Float[np.ndarray, " inputs"],
    half: Float[np.ndarray, " inputs"],
    height: float | int,
) -> tuple[
    Bool[Array, " nodes"], Bool[Array, " nodes"], Bool[Array, " nodes"], Bool[Array, " nodes"]
]:
    """Nodes with a kink that can be seen, with one that cannot, dead ones, always active ones: each
    node is one of these.
    """
    low, high = _span(w, centre, half)
    dead = high <= 0
    always = (low >= 0) & ~dead
    inside = ~dead & ~always
    seen = jnp.abs(jnp.asarray(w["q"])) * high * -low / jnp.where(inside, high - low, 1.0) >= height
    return inside & seen, inside & ~seen, dead, always


def _unit(w: Network) -> tuple[Float[Array, "nodes inputs"], Float[Array, " nodes"]]:
    weight = jnp.asarray(w["w"])
    length = jnp.linalg.norm(weight, axis=1)
    length = jnp.where(length > 0, length, 1.0)
    return weight / length[:, None], jnp.asarray(w["b"]) / length


def _apart(
    first: Float[Array | np.ndarray, "m inputs"],
    first_offset: Float[Array | np.ndarray, " m"],
    second: Float[Array | np.ndarray, "k inputs"],
    second_offset: Float[Array | np.ndarray, " k"],
    sign: float,
    centre: Float[np.ndarray, " inputs"],
    half: Float[np.ndarray, " inputs"],
) -> Float[Array, "m k"]:
    """The largest difference on the box of the unit preactivations, the second ones times
    ``sign``.
    """
    normal = first[:, None, :] - sign * second[None, :, :]
    offset = first_offset[:, None] - sign * second_offset[None, :]
    return jnp.abs(normal @ centre + offset) + jnp.abs(normal) @ half


def _kinks(
    truth: Network, centre: Float[np.ndarray, " inputs"], half: Float[np.ndarray, " inputs"]
) -> tuple[Float[np.ndarray, "kinks inputs"], Float[np.ndarray, " kinks"]]:
    weight, bias, q = (np.asarray(truth[name], dtype=float) for name in ("w", "b", "q"))
    middle, reach = weight @ centre + bias, np.abs(weight) @ half
    used = (np.abs(middle) < reach) & (q != 0)
    if not used.any():
        raise ValueError("truth: none of its nodes has a kink inside the box")
    length = np.linalg.norm(weight[used], axis=1)
    return weight[used] / length[:, None], bias[used] / length


def _occupation(
    w: Network,
    kink: Bool[Array, " nodes"],
    there: Float[np.ndarray, "kinks inputs"],
    offset_there: Float[np.ndarray, " kinks"],
    distance: float | int,
    centre: Float[np.ndarray, " inputs"],
    half: Float[np.ndarray, " inputs"],
) -> tuple[Bool[Array, "kinks nodes"], Bool[Array, "kinks nodes"]]:
    """Which node sits on which kink of the truth, and whether with its orientation."""
    unit, offset = _unit(w)
    same = _apart(there, offset_there, unit, offset, 1.0, centre, half)
    opposite = _apart(there, offset_there, unit, offset, -1.0, centre, half)
    apart = jnp.minimum(same, opposite)
    nearest = jnp.argmin(apart, axis=0)[None, :] == jnp.arange(len(offset_there))[:, None]
    return nearest & (apart < distance) & kink[None, :], same <= opposite
