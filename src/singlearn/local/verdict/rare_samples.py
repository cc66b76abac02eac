"""Whether a few samples that minibatches hardly met would have changed λ̂."""

from __future__ import annotations

import math

import numpy as np

from singlearn.local.measuring.rare_samples import OverAll
from singlearn.results.caution import Caution, Reason

APART, SIGNIFICANT = 0.25, 4.0


def rare_samples_cautions(over_all: OverAll, value: float, error: float) -> list[Caution]:
    r"""Compare the excess over all samples, where chains are, with the excess that minibatches saw.

    If no large loss is seen at the ends of four chains, λ̂ stands.
    :math:`nβ(L_n(w) - L_n(w^*))` varies by about :math:`\sqrt λ` under the posterior, so that the
    mean of C positions should lie within :math:`\tfrac14 λ̂ + 4\sqrt{λ̂/C}` and its error.

    Args:
        over_all: what was measured.
        value: λ̂.
        error: its standard error.

    Returns:
        One caution at most.

    >>> fine, off = (OverAll(100, 1.0, np.full(4, seen)) for seen in (1.1, 9.0))
    >>> len(rare_samples_cautions(fine, 1.0, 0.1)), len(rare_samples_cautions(off, 1.0, 0.1))
    (0, 1)
    """
    if not over_all.seldom or not math.isfinite(value):
        return []
    seldom = (
        f"each of the {over_all.samples} samples was in a chain's minibatches "
        f"{over_all.visits:.2g} times"
    )
    if over_all.excess is None:
        words = f"{seldom}: what only a few samples feel is not seen; raise max_steps or batch_size"
        return [Caution(Reason.RARE_SAMPLES, words)]
    seen, count = over_all.mean, len(over_all.excess)
    spread = math.sqrt(max(value, 0.0) / count)
    allowed = APART * abs(value) + SIGNIFICANT * math.hypot(spread, error)
    if np.isfinite(seen) and abs(seen - value) <= allowed:
        return []
    return [
        Caution(
            Reason.RARE_SAMPLES,
            f"rare samples: {seldom}, and where chains end the excess over all samples is "
            f"{seen:.3g} against {value:.3g} in minibatches: a few samples depend on directions "
            'that were flat for the chains; sampler="hmc", or a batch_size of all samples, uses '
            "them all",
        )
    ]
