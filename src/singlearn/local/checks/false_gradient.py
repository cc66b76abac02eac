"""Whether the gradient that moves the chains is the derivative of the loss that is recorded."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

STRIDES = (0.3, 0.1, 0.03, 0.01)
"""Lengths of the differences, in units of the displacement from w*, in the same direction per
coordinate.
"""
RELATIVE = 0.1
"""Disagreement that counts."""
CERTAIN = 4.0
"""In units of the uncertainty of a difference, which two strides and rounding tell."""
MOST_GROUPS = 16
"""Groups of parameters that are looked at one by one."""

Groups = Sequence[tuple[str, Any]]
"""Names of parameters, and places of their coordinates."""
Losses = Callable[[Float[np.ndarray, " d"]], Float[np.ndarray, " m"]]
"""From w - w* to the losses of some samples, in nats."""
Slope = Callable[[Float[np.ndarray, " d"]], Float[np.ndarray, " d"]]
"""From w - w* to the gradient of the mean of these losses."""


@dataclass(frozen=True)
class FalseGradient:
    """A direction in which the loss does not change as its gradient says.

    Attributes:
        name: of the parameters that the direction moves.
        difference: of the loss, per unit of length.
        gradient: what the gradient says of it; NaN where it is not finite.
    """

    name: str
    difference: float
    gradient: float

    def __str__(self) -> str:
        if not np.isfinite(self.gradient):
            return (
                f"the gradient with respect to {self.name} is not finite at a point near w*, where "
                f"the loss is (a root or a norm at "
                "zero, or a jnp.where over what is not finite?); chains that come there are lost"
            )
        what = "is zero" if self.gradient == 0 else f"says {self.gradient:.3g}"
        return (
            f"its gradient is not the derivative of the loss: moving {self.name} changes the loss "
            f"by {self.difference:.3g} per unit of "
            f"length, and the gradient {what} (a stopped gradient, rounding, or a derivative of "
            f"one's own?); take that away, or leave "
            "these parameters at w* by only="
        )


def find_false_gradient(
    losses: Losses,
    slope: Slope,
    groups: Groups,
    reach: float,
    seed: int,
    scale: float = 0.0,
) -> FalseGradient | None:
    """Compare central differences of the mean loss with its gradient, at a point displaced from w*.

    Along the gradient of every group of parameters and along a random direction of it; where a
    group has no gradient, along random directions only. Of several strides the two neighbours that
    agree best count, with their disagreement and rounding as uncertainty: where a loss has jumps or
    kinks they disagree, and nothing is said.

    Args:
        losses: of some samples.
        slope: the gradient of their mean.
        groups: names, and places of their coordinates.
        reach: of the displacement, in units of w, per coordinate.
        seed: of the point and the directions.
        scale: size of the losses that ``losses`` are differences of, if they are: what was rounded.

    Returns:
        The clearest case, or ``None``.

    >>> def losses(offset): return np.full(3, np.sin(offset).sum())
    >>> def tenth(offset): return 0.1 * np.cos(offset)
    >>> places = [("w", np.arange(2))]
    >>> find_false_gradient(losses, np.cos, places, 0.1, 0) is None
    True
    >>> find_false_gradient(losses, tenth, places, 0.1, 0).name
    'w'
    """
    dimension = sum(len(own) for _, own in groups)
    rng = np.random.default_rng([seed, 4])
    point = reach * rng.normal(size=dimension)
    gradient = np.asarray(slope(point), dtype=np.float64)
    at_point = np.asarray(losses(point), dtype=np.float64)
    if not np.isfinite(at_point).all():
        return None
    if not np.isfinite(gradient).all():
        name = next(name for name, own in groups if not np.isfinite(gradient[own]).all())
        return FalseGradient(name, np.nan, np.nan)
    rounding = float(np.finfo(np.float32).eps) * (scale + float(np.abs(at_point).mean()))
    if not gradient.any():
        return _step(losses, slope, at_point, dimension, reach, rounding, rng)
    worst, most = None, 1.0
    for name, own in _fewer(groups):
        for direction in _directions(gradient, own, rng):
            said = float(gradient @ direction)
            seen, uncertainty = _difference(losses, point, direction, reach, rounding)
            allowed = RELATIVE * max(abs(seen), abs(said)) + CERTAIN * uncertainty
            if np.isfinite(allowed) and abs(seen - said) > most * allowed:
                worst, most = FalseGradient(name, seen, said), abs(seen - said) / allowed
    return worst


def _step(
    losses: Losses,
    slope: Slope,
    at_point: Float[np.ndarray, " m"],
    dimension: int,
    reach: float,
    rounding: float,
    rng: np.random.Generator,
) -> FalseGradient | None:
    """A loss that goes up by steps: its gradient is zero wherever one looks, and it is not the same
    there. A plateau is.
    """
    changes = []
    for _ in range(2):
        other = reach * rng.normal(size=dimension)
        if np.asarray(slope(other), np.float64).any():
            return None
        changes.append(float(np.abs(np.asarray(losses(other), np.float64) - at_point).mean()))
    if min(changes) <= CERTAIN * rounding:
        return None
    return FalseGradient(
        "all parameters", max(changes) / (reach * float(np.sqrt(2 * dimension))), 0.0
    )


def _fewer(groups: Groups) -> list[tuple[str, Any]]:
    """At most so many groups: neighbours together."""
    size = -(-len(groups) // MOST_GROUPS)
    found = []
    for begun in range(0, len(groups), size):
        some = groups[begun : begun + size]
        name = some[0][0] if len(some) == 1 else f"{some[0][0]} to {some[-1][0]}"
        found.append((name, np.concatenate([own for _, own in some])))
    return found


def _directions(
    gradient: Float[np.ndarray, " d"], own: Any, rng: np.random.Generator
) -> list[np.ndarray]:
    """Unit vectors within a group."""
    random = np.zeros_like(gradient)
    random[own] = rng.normal(size=len(own))
    found = [random / np.linalg.norm(random)]
    along = np.zeros_like(gradient)
    along[own] = gradient[own]
    length = np.linalg.norm(along)
    return [along / length, *found] if length > 0 else found


def _difference(
    losses: Losses,
    point: Float[np.ndarray, " d"],
    direction: Float[np.ndarray, " d"],
    reach: float,
    rounding: float,
) -> tuple[float, float]:
    """The derivative of the mean loss by differences, and its uncertainty."""
    # A vector of unit length moves each of its k coordinates by the root of 1/k.
    unit = reach * float(np.sqrt(np.count_nonzero(direction)))
    found = []
    for stride in STRIDES:
        h = stride * unit
        change = np.asarray(losses(point + h * direction), np.float64) - np.asarray(
            losses(point - h * direction), np.float64
        )
        found.append((float(change.mean()) / (2 * h), rounding / h))
    pairs = [
        (other, abs(one - other) + noise) for (one, _), (other, noise) in itertools.pairwise(found)
    ]
    finite = [pair for pair in pairs if np.isfinite(pair[1])]
    return min(finite, key=lambda pair: pair[1]) if finite else (np.nan, np.nan)
