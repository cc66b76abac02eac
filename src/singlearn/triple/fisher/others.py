"""Other parameters of the same density: witnesses that a model is not identifiable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PyTree
from scipy.optimize import least_squares
from threadpoolctl import threadpool_limits

from singlearn.triple.fisher.scores import Scores, quickly
from singlearn.triple.triple import Triple

SAME = 1e-9
"""Two parameters have one density when no number differs by more than this share of the spread
of all.
"""

APART = 1e-3
"""And are two when they differ by at least this share of the spread of the prior in some
coordinate.
"""

MOST_STRUCTURED, MOST_STEPS = 24, 60


@dataclass(frozen=True)
class Other:
    """A parameter with the density of another.

    Attributes:
        coordinates: flat.
        how: how it was found.
        distance: from the other, in standard deviations of the prior, the largest over coordinates.
        difference: of the densities, relative.
    """

    coordinates: Float[np.ndarray, " d"]
    how: str
    distance: float
    difference: float


def others_of(
    triple: Triple,
    scores: Scores,
    u: Float[np.ndarray, " d"],
    spread: Float[np.ndarray, " d"],
    starts: Float[np.ndarray, "starts d"],
    kernel: Float[np.ndarray, "directions d"],
) -> list[Other]:
    """Parameters with the densities of ``u``, found by symmetry, along the kernel, and by least
    squares.

    Args:
        triple: with data.
        scores: its values and rows.
        u: flat coordinates.
        spread: of the prior, in flat coordinates.
        starts: of the descents.
        kernel: directions that change nothing at ``u`` to first order.

    Returns:
        What was found, at most one of each kind of symmetry.
    """
    assert scores.values is not None
    values = quickly(scores.values)
    target = np.asarray(values(jnp.asarray(u)))
    scale = float(np.std(np.asarray([values(jnp.asarray(s)) for s in starts]) - target))
    scale = scale if np.isfinite(scale) and scale > 0 else max(float(np.std(target)), 1e-300)
    derivative = quickly(jax.jacfwd(scores.values))

    def residual(v: np.ndarray) -> np.ndarray:
        found = np.asarray(values(jnp.asarray(v)))
        value: np.ndarray = np.nan_to_num(
            (found - target) / scale, nan=1e8, posinf=1e8, neginf=-1e8
        )
        return value

    def slope(v: np.ndarray) -> np.ndarray:
        return np.nan_to_num(
            np.asarray(derivative(jnp.asarray(v))) / scale, posinf=1e8, neginf=-1e8
        )

    found: list[Other] = []

    def consider(v: np.ndarray, how: str) -> bool:
        if not np.isfinite(v).all() or not bool(
            jnp.isfinite(triple.coordinates.log_prob(jnp.asarray(v)))
        ):
            return False
        distance = float(np.max(np.abs(v - u) / spread))
        difference = float(np.max(np.abs(residual(v))))
        if distance > APART and difference < SAME:
            found.append(Other(v, how, distance, difference))
            return True
        return False

    seen: set[str] = set()
    for v, how in structured(triple, u):
        if how not in seen and consider(v, how):
            seen.add(how)
    descents = [(v, "least squares from a draw of the prior") for v in starts]
    if len(kernel):
        descents = [
            (u + 0.5 * spread * k, "a step along the kernel, corrected") for k in kernel[:2]
        ] + descents
    with threadpool_limits(1, user_api="blas"):
        for v, how in descents:
            if how in seen:
                continue
            try:
                end = least_squares(
                    residual, v, slope, method="trf", x_scale=spread, max_nfev=MOST_STEPS,
                    xtol=1e-15, ftol=1e-15, gtol=1e-15,
                ).x  # fmt: skip
            except (ValueError, np.linalg.LinAlgError):
                continue
            if consider(end, how):
                seen.add(how)
    return found


def structured(triple: Triple, u: Float[np.ndarray, " d"]) -> Iterator[tuple[np.ndarray, str]]:
    """The parameter with signs changed and with units exchanged: what symmetries of networks and
    mixtures do.
    """
    w = jax.tree.map(np.asarray, triple.coordinates.constrain(jnp.asarray(u)))
    leaves, structure = jax.tree.flatten(w)
    candidates: list[tuple[list[np.ndarray], str]] = []
    if len(leaves) <= 6:
        for mask in range(1, 2 ** len(leaves)):
            flipped = [-leaf if mask >> i & 1 else leaf for i, leaf in enumerate(leaves)]
            candidates.append((flipped, "signs changed"))
    for length in sorted({n for leaf in leaves for n in leaf.shape if n > 1}):
        candidates.append(([_exchanged(leaf, length) for leaf in leaves], "units exchanged"))
        candidates.append(
            ([_negated(leaf, length) for leaf in leaves], "signs of one unit changed")
        )
        for place in range(len(leaves)):
            if leaves[place].ndim:
                own = [
                    _negated(leaf, length) if i != place else leaf for i, leaf in enumerate(leaves)
                ]
                candidates.append((own, "signs of one unit changed"))
    for changed, how in candidates[: MOST_STRUCTURED * 3]:
        found = unconstrained(
            triple.coordinates.unconstrain, jax.tree.unflatten(structure, changed)
        )
        if found is not None:
            yield found, how


def unconstrained(
    unconstrain: Callable[[PyTree], Any], w: PyTree
) -> Float[np.ndarray, " d"] | None:
    """Flat coordinates, or ``None`` where the parameter is outside the support."""
    try:
        u = np.asarray(unconstrain(jax.tree.map(jnp.asarray, w)), float)
    except (ValueError, TypeError):
        return None
    return u if np.isfinite(u).all() else None


def _axes(leaf: np.ndarray, length: int) -> list[int]:
    return [axis for axis, n in enumerate(leaf.shape) if n == length]


def _exchanged(leaf: np.ndarray, length: int) -> np.ndarray:
    axes = _axes(leaf, length)
    if not axes:
        return leaf
    order = np.arange(length)
    order[:2] = 1, 0
    return np.take(leaf, order, axis=axes[0])


def _negated(leaf: np.ndarray, length: int) -> np.ndarray:
    axes = _axes(leaf, length)
    if not axes:
        return leaf
    sign = np.ones(length)
    sign[0] = -1
    return leaf * sign.reshape([-1 if a == axes[0] else 1 for a in range(leaf.ndim)])
