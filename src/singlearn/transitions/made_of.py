"""What one value of a sweep was made of: its triple, the phases and β."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from singlearn.phases import Labeller
from singlearn.phases.identity import identity_of_labeller
from singlearn.running import identity
from singlearn.running.identity import Part
from singlearn.running.probe_points import ProbePoints
from singlearn.triple import Triple
from singlearn.triple.identity import BESIDE, identity_of


def made_of(
    triple: Triple, labeller: Labeller, beta: float, draws: Float[np.ndarray, "... d"]
) -> dict[str, Part]:
    """The identity of one value, to be written down.

    Args:
        triple: the triple at the value.
        labeller: names the phase of a parameter.
        beta: inverse temperature in 1/nats.
        draws: parameters in the coordinates of the sampler; the functions are compared at points
            over what they cover.

    Returns:
        The parts by name.
    """
    return _at(
        triple, labeller, beta, ProbePoints.around(draws.reshape(-1, triple.dimension)), None
    )


def differences(
    earlier: Mapping[str, Part], triple: Triple, labeller: Labeller, beta: float
) -> list[str]:
    """In what a value that is asked for differs from the one that was written down, in words.

    Args:
        earlier: the identity that was written down.
        triple, labeller, beta: as for :func:`made_of`.

    Returns:
        One sentence per part that differs; empty if the two are the same.
    """
    probes = ProbePoints.from_dict(earlier["probe points"])
    now = _at(triple, labeller, beta, probes, earlier.get("labels"))
    return identity.differences(earlier, now, BESIDE)


def _at(
    triple: Triple, labeller: Labeller, beta: float, probes: ProbePoints, labels: Part | None
) -> dict[str, Part]:
    return {
        "beta": identity.setting(beta),
        "probe points": probes.to_dict(),
        **identity_of(triple, probes, data_are_made=True),
        "labels": identity_of_labeller(labeller, triple.coordinates, probes, labels),
    }
