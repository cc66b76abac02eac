"""What a run was made of: the whole triple, and the phase it was restricted to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from singlearn.phases.identity import identity_of_labeller
from singlearn.phases.restriction import Restriction
from singlearn.running import identity
from singlearn.running.identity import Part
from singlearn.running.probe_points import ProbePoints
from singlearn.triple import Triple
from singlearn.triple.identity import identity_of


@dataclass(frozen=True, eq=False)
class MadeOf:
    """The triple that was given, and the phase of it that was tempered.

    Attributes:
        triple: all of it, also where a phase was tempered.
        restriction: the phase, or ``None``.
    """

    triple: Triple
    restriction: Restriction | None

    def parts(self, draws: Float[np.ndarray, "... d"]) -> dict[str, Part]:
        """The identity, at probe points over what the draws from the prior cover."""
        flat = draws.reshape(-1, draws.shape[-1])
        return self._at(ProbePoints.around(flat, 1.0 if self.restriction is None else 2.0), None)

    def differences(
        self, earlier: Mapping[str, Part], leave_out: tuple[str, ...] = ()
    ) -> list[str]:
        """In what this is not what an identity was written down of, in words; empty if it is."""
        now = self._at(ProbePoints.from_dict(earlier["probe points"]), earlier.get("restrict"))
        return identity.differences(earlier, now, leave_out)

    def _at(self, probes: ProbePoints, restrict: Part | None) -> dict[str, Part]:
        parts: dict[str, Any] = {
            "probe points": probes.to_dict(),
            **identity_of(self.triple, probes),
        }
        if self.restriction is not None:
            parts["restrict"] = identity_of_labeller(
                self.restriction.inside, self.triple.coordinates, probes, restrict
            )
        return parts


def as_plain_data(
    made_of: MadeOf | dict[str, Part] | None, draws: Float[np.ndarray, "... d"]
) -> dict[str, Part] | None:
    """What a run was made of, to be written down; ``None`` where it does not say.

    Args:
        made_of: triple and phase, or their identity where the run was loaded.
        draws: from the prior, over which the probe points are spread.
    """
    return made_of.parts(draws) if isinstance(made_of, MadeOf) else made_of
