"""How far the steps may have changed λ̂, and places that exact chains did not reach."""

from __future__ import annotations

import numpy as np

from singlearn.local.sampling.discretisation import step_errors, virial_is_off
from singlearn.local.sampling.sampled import Drawn
from singlearn.results.caution import Caution, Reason

CALIBRATED, LOWEST_ACCEPTANCE = 0.95, 0.85


def step_cautions(drawn: Drawn, coefficient: float) -> list[Caution]:
    """What to say of the steps.

    Args:
        drawn: the run, none of whose chains diverged.
        coefficient: λ̂.

    Returns:
        Nothing where steps and chains did what exact ones do.
    """
    found = list(drawn.notes)
    if drawn.sampler == "sgld":
        helps = 'sampler="hmc" judges every step on all samples'
        found += [
            Caution(Reason.STEPS_TOO_LONG, f"the steps were too long for this loss: {why}; {helps}")
            for why in step_errors(drawn.traces, drawn.virial, coefficient)
        ]
        acceptance = float(np.mean(drawn.acceptance))
        if acceptance < LOWEST_ACCEPTANCE:
            words = (
                f"the steps have an acceptance of {acceptance:.2f}, and {CALIBRATED} was "
                "calibrated: curvature has grown since"
            )
            found.append(Caution(Reason.STEPS_TOO_LONG, words))
    elif virial_is_off(drawn.virial, coefficient):
        found.append(
            Caution(
                Reason.RARE_EXCURSIONS,
                f"the mean of (w - w*)·∇U is off by {drawn.virial.value:+.2g}, which with exact "
                "chains is a sign of places that they did not reach, such as narrow walls met by "
                "rare excursions: "
                f"λ̂ may be off by up to {abs(drawn.virial.value) / 2:.2g}; raise max_steps",
            )
        )
    return found
