"""Whether the gradient that moves the chains is the derivative of the loss that is averaged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

STEPS = {
    torch.float64: (1e-2, 1e-3, 1e-4, 1e-5, 1e-6),
    torch.float32: (0.1, 0.03, 0.01, 0.003),
}
"""Of the differences, in units of the direction, by number type."""
SAME = 2e-3
"""A difference agrees with the gradient if they differ by so much of the sum of its parts."""
OTHER = 2e-2
"""It contradicts if the two shortest steps agree with each other and differ by so much from the
gradient."""
MOST = 100.0
"""Between the sizes of a direction in two tensors, at most."""
RULES = (6, 10)
"""Nodes of two integrals along a line."""
JUMP = 0.3
"""A loss jumps if its change and the integral of its gradient differ by so much of the larger."""
ROUNDING = 64
"""Roundings of the sum of losses that a difference may be wrong by."""


@dataclass(frozen=True)
class Contradiction:
    """A direction in which the loss changes otherwise than its gradient says.

    Attributes:
        names: of the tensors in which it does, worst first.
        difference: change of the loss per unit of the direction, from a difference.
        gradient: the same from the gradient.
    """

    names: tuple[str, ...]
    difference: float
    gradient: float


def find_contradiction(
    losses: Callable[[torch.Tensor], torch.Tensor],
    points: Sequence[torch.Tensor],
    groups: Mapping[str, slice],
    unit: float,
    seed: int,
) -> Contradiction | None:
    r"""Compare directional derivatives :math:`g \cdot v` with central differences of the summed
    loss.

    The directions are random, with parts of all tensors that change the loss by about as much each,
    so that a tensor without a gradient shows beside many that have one. A point contradicts only if
    differences with the two shortest steps agree, and one point is not
    enough: it may lie next to a kink.

    Args:
        losses: of some samples, at flat parameters.
        points: where; best in double precision, and not special ones.
        groups: coordinates by the name of their tensor.
        unit: size of a direction in one tensor whose part of the gradient is of middle size, in
            units of the parameters.
        seed: of the directions.

    Returns:
        A contradiction of the last of two points, or ``None``.

    >>> def half_of_it(w): return w[:1] ** 2 + w[1:].detach() ** 2
    >>> at = [torch.tensor(w, dtype=torch.float64) for w in ([0.3, 0.5], [0.4, 0.6])]
    >>> find_contradiction(half_of_it, at, {"a": slice(0, 1), "b": slice(1, 2)}, 0.1, 0).names
    ('b',)
    >>> find_contradiction(lambda w: w**2, at, {"a": slice(0, 2)}, 0.1, 0) is None
    True
    """
    rng, seen = np.random.default_rng([seed, 4]), 0
    for at in points:
        leaf = at.detach().clone().requires_grad_(True)
        value = losses(leaf)
        size = float(value.detach().double().abs().sum())
        if not np.isfinite(size):
            continue
        gradient = (
            torch.autograd.grad(value.sum(), leaf, allow_unused=True)[0]
            if value.requires_grad
            else None
        )
        gradient = torch.zeros_like(at) if gradient is None else gradient.detach()
        direction, parts = _direction(gradient, groups, unit, rng)
        found = _contradicts(losses, at, direction, parts, size)
        seen += found is not None
        if found is not None and seen == 2:
            return Contradiction(_culprits(losses, at, direction, parts, groups, size), *found)
    return None


def find_jump(
    losses: Callable[[torch.Tensor], torch.Tensor], start: torch.Tensor, end: torch.Tensor
) -> tuple[float, float] | None:
    r"""Compare the change of the summed loss along a line with the integral of its gradient,
    :math:`\int g \cdot dw`.

    They differ where the loss jumps, as one that counts errors does: its gradient is zero almost
    everywhere. The integral is taken by two Gauss-Legendre rules, and where these disagree nothing
    is said.

    Args:
        losses: of some samples, at flat parameters.
        start, end: of the line.

    Returns:
        The change and the integral, if they contradict each other.

    >>> ends = torch.tensor([-1.0], dtype=torch.float64), torch.tensor([2.0], dtype=torch.float64)
    >>> find_jump(lambda w: (w > 0).double(), *ends), find_jump(torch.relu, *ends)
    ((1.0, 0.0), None)
    """
    along = end - start
    with torch.no_grad():
        first, last = (losses(point).double().sum() for point in (start, end))
    change = float(last - first)
    if not np.isfinite(change):
        return None
    integrals, sizes = [], []
    for nodes in RULES:
        places, weights = np.polynomial.legendre.leggauss(nodes)
        slopes = np.array(
            [_slope(losses, start + float(0.5 * (1 + place)) * along, along) for place in places]
        )
        integrals.append(float(0.5 * weights @ slopes))
        sizes.append(float(0.5 * weights @ np.abs(slopes)))
    size = max(abs(change), *sizes)
    noise = ROUNDING * torch.finfo(start.dtype).eps * float(max(first.abs(), last.abs()))
    off = abs(change - integrals[1])
    if off > JUMP * size + noise and abs(integrals[0] - integrals[1]) < 0.2 * off:
        return change, integrals[1]
    return None


def _slope(
    losses: Callable[[torch.Tensor], torch.Tensor], at: torch.Tensor, along: torch.Tensor
) -> float:
    leaf = at.detach().clone().requires_grad_(True)
    value = losses(leaf).sum()
    if not value.requires_grad:
        return 0.0
    (gradient,) = torch.autograd.grad(value, leaf, allow_unused=True)
    return 0.0 if gradient is None else float((gradient * along).double().sum())


def _direction(
    gradient: torch.Tensor, groups: Mapping[str, slice], unit: float, rng: np.random.Generator
) -> tuple[torch.Tensor, dict[str, float]]:
    """A direction, and by name how much the loss changes along its part in each tensor, by the
    gradient.
    """
    direction, parts = torch.zeros_like(gradient), {}
    for name, where in groups.items():
        own = torch.as_tensor(
            rng.normal(size=where.stop - where.start), dtype=gradient.dtype, device=gradient.device
        )
        direction[where] = unit * own / torch.linalg.vector_norm(own)
        parts[name] = float((direction[where] * gradient[where]).sum())
    sizes = [abs(part) for part in parts.values() if part != 0]
    middle = float(np.median(sizes)) if sizes else 0.0
    for name, where in groups.items():
        if parts[name] != 0:
            factor = float(np.clip(middle / abs(parts[name]), 1 / MOST, MOST))
            direction[where] *= factor
            parts[name] *= factor
    return direction, parts


def _contradicts(
    losses: Callable[[torch.Tensor], torch.Tensor],
    at: torch.Tensor,
    direction: torch.Tensor,
    parts: Mapping[str, float],
    size: float,
) -> tuple[float, float] | None:
    """The change of the loss by a difference and by the gradient, if they contradict each other."""
    expected, scale = sum(parts.values()), sum(abs(part) for part in parts.values())
    epsilon = torch.finfo(at.dtype).eps
    last: list[tuple[float, float]] = []
    for step in STEPS.get(at.dtype, STEPS[torch.float32]):
        with torch.no_grad():
            ahead, behind = (
                losses(at + sign * step * direction).double().sum() for sign in (1, -1)
            )
        difference = float(ahead - behind) / (2 * step)
        if not np.isfinite(difference):
            continue
        noise = ROUNDING * epsilon * size / step
        if abs(difference - expected) <= SAME * max(scale, abs(difference)) + noise:
            return None
        last.append((difference, noise))
    if len(last) < 2:
        return None
    (before, more_noise), (difference, noise) = sorted(last[-2:], key=lambda found: -found[1])
    off = abs(difference - expected)
    if (
        off > OTHER * max(scale, abs(difference)) + 4 * (noise + more_noise)
        and abs(difference - before) < 0.2 * off
    ):
        return difference, expected
    return None


def _culprits(
    losses: Callable[[torch.Tensor], torch.Tensor],
    at: torch.Tensor,
    direction: torch.Tensor,
    parts: Mapping[str, float],
    groups: Mapping[str, slice],
    size: float,
) -> tuple[str, ...]:
    """Names of the tensors for which it is so; all of them where it cannot be told."""
    worst = []
    for name, where in groups.items():
        own = torch.zeros_like(direction)
        own[where] = direction[where]
        found = _contradicts(losses, at, own, {name: parts[name]}, size)
        if found is not None:
            worst.append((-abs(found[0] - found[1]), name))
    return tuple(name for _, name in sorted(worst)) or tuple(groups)
