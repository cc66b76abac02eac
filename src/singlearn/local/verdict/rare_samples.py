"""Whether a few samples that minibatches hardly met would have changed λ̂."""

from __future__ import annotations

import math

import numpy as np

from singlearn.local.sampling.target import Target, Tempering

OFTEN = 5.0
"""How often every sample should be met by a chain while draws count."""
POSITIONS = 4
BYTES = 2**30
"""That the losses of all samples at these positions may take."""
APART, SIGNIFICANT = 0.25, 4.0


def rare_samples(
    target: Target, tempering: Tempering, state: object, visits: float, value: float, error: float
) -> tuple[str | None, float]:
    r"""Compare the excess over all samples, where chains are, with the excess that minibatches saw.

    A sample that is met less than about once pulls at no chain: the chains move along what only it
    feels as if that were flat, and then its loss is large. If no such loss is seen at the ends of
    four chains, λ̂ stands. :math:`nβ(L_n(w) - L_n(w^*))` varies by about :math:`\sqrt λ` under the
    posterior, so that the mean of C positions should lie within :math:`\tfrac14 λ̂ + 4\sqrt{λ̂/C}`
    and its error.

    Args:
        target: the model at w*.
        tempering: nβ and γ.
        state: of the chains, at their ends; ``None`` where all samples were in every step.
        visits: draws × minibatch / n, how often a chain met a sample.
        value: λ̂.
        error: its standard error.

    Returns:
        A caution, if there is one, and the excess over all samples, NaN where it was not needed or
        not affordable.
    """
    if state is None or visits >= OFTEN or not math.isfinite(value):
        return None, math.nan
    seldom = f"each of the {target.samples} samples was in a chain's minibatches {visits:.2g} times"
    few = state._replace(position=state.position[:POSITIONS])  # type: ignore[attr-defined]
    if 8 * target.samples * len(few.position) > BYTES:
        return (
            f"{seldom}: what only a few samples feel is not seen; raise max_steps or batch_size",
            math.nan,
        )
    over_all = tempering.nbeta * target.losses(few).mean(axis=1)
    seen = float(over_all.mean())
    allowed = APART * abs(value) + SIGNIFICANT * math.hypot(
        math.sqrt(max(value, 0.0) / len(over_all)), error
    )
    if np.isfinite(seen) and abs(seen - value) <= allowed:
        return None, seen
    return (
        f"rare samples: {seldom}, and where chains end the excess over all samples is {seen:.3g} "
        f"against {value:.3g} in minibatches: a few "
        'samples feel what the chains took for flat; sampler="hmc" or a batch_size of all samples '
        "sees them",
        seen,
    )
