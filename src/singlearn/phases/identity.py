"""A labeller by what it says: its labels at thousands of probe points."""

from __future__ import annotations

from typing import Any

import jax

from singlearn.phases.labeller import Labeller, is_traceable, label_all
from singlearn.running import identity
from singlearn.running.identity import Part
from singlearn.running.probe_points import ProbePoints
from singlearn.triple import Coordinates

TRACED, CALLED = 4096, 512
"""Probe points of a labeller that JAX can trace, and of one that is called point by point."""


def identity_of_labeller(
    labeller: Labeller, coordinates: Coordinates, probes: ProbePoints, earlier: Part | None = None
) -> Part:
    """What a labeller or a predicate says at probe points.

    Args:
        labeller: as for ``Run.phases``.
        coordinates: of the parameters.
        probes: around which it is asked.
        earlier: what it is compared with, at as many points.

    Raises:
        ValueError: it returns floating point numbers.
        TypeError: a phase that is not hashable.
    """
    if len(probes.location) != coordinates.dimension:
        return identity.setting("asked in another dimension")

    # A function of its own: JAX remembers what it traced by the function, and a run may trace it in
    # single precision.
    def asked(w: Any) -> Any:
        return labeller(w)

    asked.__name__ = getattr(labeller, "__name__", type(labeller).__name__)
    with jax.enable_x64(True):
        count = TRACED if is_traceable(asked, coordinates) else CALLED
    points = (
        probes.many(count)
        if earlier is None or "points" not in earlier
        else probes.points(int(earlier["points"]))
    )
    phases, index = label_all(asked, coordinates, points)
    return identity.labels([phases[k] for k in index])
