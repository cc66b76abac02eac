"""Whether the loss feels the parameters at all: before chains are run for a constant."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from singlearn.local.target import Target
from singlearn.results.caution import Caution, Reason

RADII = (0.5, 1.0, 2.0, 3.0, 4.0)
"""How far the loss is looked at before it is called constant, in units of what the tie allows."""
NAMED = 6


@dataclass(frozen=True)
class Unfelt:
    """What the loss does not depend on, exactly, wherever it was looked at.

    Attributes:
        everything: the loss is one constant within reach of the tie.
        tensors: names of parameters of which no sampled entry has any effect.
        entries: how many sampled numbers they hold.
    """

    everything: bool
    tensors: tuple[str, ...] = ()
    entries: int = 0

    def cautions(self, dimension: int) -> list[Caution]:
        """What to say of it, for a network of so many sampled parameters.

        >>> Unfelt(False, ("adapter.A",), 8).cautions(10)[0].message[:74]
        'the loss does not depend on adapter.A (8 of 10 sampled parameters) within '
        """
        if self.everything:
            return [
                Caution(
                    Reason.CONSTANT_LOSS,
                    "λ̂ is 0 because the loss is constant: no sampled parameter changes it "
                    "anywhere "
                    "within reach of the tie (dead units, a plateau, an adapter that evaluation "
                    "mode has merged, or layers that are not used)",
                )
            ]
        if not self.tensors:
            return []
        named = ", ".join(self.tensors[:NAMED]) + (
            f" and {len(self.tensors) - NAMED} more" if len(self.tensors) > NAMED else ""
        )
        return [
            Caution(
                Reason.UNFELT_PARAMETERS,
                f"the loss does not depend on {named} ({self.entries} of {dimension} sampled "
                f"parameters) within reach of the tie: they count as flat (dead units, an adapter "
                "that evaluation mode has merged, or layers that are not used)",
            )
        ]


def unfelt(target: Target, seed: int, groups: Mapping[str, slice] | None = None) -> Unfelt:
    r"""Look at the loss and its gradient away from w*, at distance :math:`r \sqrt{d/γ}`.

    At w* itself the gradient vanishes for every minimum, and for :math:`w^4` so does the curvature;
    away from it only what has no effect has no gradient. One position is enough to see that the
    loss is felt. It is called constant where value and gradient are exactly zero at ten positions,
    in opposite directions and up to four times as far as the tie lets a chain go, so that the walls
    of a flat valley are met.

    Args:
        target: the model at w*.
        seed: of the directions.
        groups: which coordinates belong to which tensor; by default those of the target, if it
            knows.

    Returns:
        What was not felt.
    """
    rng = np.random.default_rng([seed, 3])
    reach = math.sqrt(target.dimension / target.gamma)
    first = reach * _direction(rng, target.dimension)[None]
    value, gradient = target.full(first)
    groups = getattr(target, "groups", {}) if groups is None else groups
    silent = [name for name, own in groups.items() if not gradient[0, own].any()]
    if value.any() or gradient.any():
        if silent:
            gradient = target.full(reach * _direction(rng, target.dimension)[None])[1]
            silent = [name for name in silent if not gradient[0, groups[name]].any()]
        return Unfelt(
            False, tuple(silent), sum(groups[name].stop - groups[name].start for name in silent)
        )
    for radius in RADII:
        line = radius * reach * _direction(rng, target.dimension)
        value, gradient = target.full(np.stack([line, -line]))
        if value.any() or gradient.any():
            return Unfelt(False)
    return Unfelt(True, tuple(silent), target.dimension)


def _direction(rng: np.random.Generator, dimension: int) -> Float[np.ndarray, " d"]:
    line = rng.normal(size=dimension)
    found: Float[np.ndarray, " d"] = line / np.linalg.norm(line)
    return found
