"""Whether steps were short enough: what exact chains do not do, whatever the loss."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from singlearn.local.sampling.mixing import mixing
from singlearn.local.target import Traces
from singlearn.results.estimate import Estimate

SHARE = 0.03
"""Of λ̂, from which an error of the steps matters."""
SIGNIFICANT = 4.0
"""Standard errors: they are seen between few chains, so that two or three of them come by chance.
"""


def virial_excess(
    traces: Traces,
    dimension: int,
    started_away: Float[np.ndarray, " chains"],
    step: Float[np.ndarray, " chains"] | None = None,
) -> Estimate:
    r"""How far the virial of the chains is from d, which it is under the posterior :math:`p ∝
    e^{-U}`:

    .. math:: E ⟨w - w^*, ∇U(w)⟩ = -\int ⟨w - w^*, ∇p⟩\, dw = d,

    by integration by parts, for every loss that is continuous. Steps that are too long for a wall,
    an edge or a gradient that grows faster than linearly break it, and so does the noise of small
    batches. Chains that still travel along flat directions break it too, but a Langevin chain says
    by how much: :math:`\frac{d}{dt} E|w - w^*|^2 = d - E⟨w - w^*, ∇U⟩` in the time ε that a step
    takes, which is added back.

    Args:
        traces: with the virial.
        dimension: d.
        started_away: how far from w* each chain started.
        step: ε of every Langevin chain; ``None`` for chains that do not move in that time.

    Returns:
        The mean over chains minus d, with its standard error. Where :math:`K ∝ |w|^{2k}` dominates,
        λ̂ is off by this over 2k.

    >>> square = (np.random.default_rng(0).normal(size=(8, 4000, 3)) ** 2).sum(2)  # U = |w|²/2
    >>> found = virial_excess(Traces(0.5 * square, square, square), 3, np.arange(8) % 2.0)
    >>> bool(abs(found.value) < 4 * found.standard_error < 0.3)
    True
    """
    if traces.virial is None or not np.isfinite(traces.virial).all():
        return Estimate(math.nan, math.nan)
    drift = np.zeros(len(traces.virial))
    if step is not None and traces.virial.shape[1] > 1:
        way = traces.squared_distance[:, -1] - traces.squared_distance[:, 0]
        drift = way / (step * (traces.virial.shape[1] - 1))
    found = mixing(traces.virial + drift[:, None], started_away)
    return Estimate(found.mean - dimension, found.standard_error)


def virial_is_off(virial: Estimate, coefficient: float) -> bool:
    """Whether the virial is off beyond its noise, by what may matter to λ̂.

    >>> seen = Estimate(0.5, 0.01), Estimate(0.5, 0.2), Estimate(0.05, 0.001)
    >>> [virial_is_off(one, 1.0) for one in seen]
    [True, False, False]
    """
    return (
        0.5 * abs(virial.value) > SHARE * abs(coefficient)
        and abs(virial.value) > SIGNIFICANT * virial.standard_error
    )


def error_by_virial(virial: Estimate) -> float:
    """What the virial adds to the standard error of λ̂: half of what is beyond two of its own.

    Half is right where a parabola is what goes wrong, a quarter where :math:`K ∝ w^4` is.

    >>> error_by_virial(Estimate(0.04, 0.01)), error_by_virial(Estimate(0.04, 0.03))
    (0.01, 0.0)
    """
    beyond = abs(virial.value) - 2 * virial.standard_error
    return 0.5 * beyond if math.isfinite(beyond) and beyond > 0 else 0.0


def highest_excess(traces: Traces, coefficient: float) -> float:
    r"""The highest excess :math:`nβ (L - L(w^*))` that was met, if it is out of reach of exact
    chains; else 0.

    Under the posterior :math:`P(nβ ΔL > t) ≤ e^{-t}/Z` with :math:`Z = E\, e^{-nβ ΔL}` over the tie
    alone, so that a wall is met at heights of a few nats, whereas a step as long as the way to it
    lands high upon it. Allowed are the bound that a Gamma variable of mean λ̂ passes in one run of
    a million, and twelve times the spread that the middle of the draws shows, for that holds the
    noise of minibatches too.

    Args:
        traces: of the part that counts.
        coefficient: λ̂.

    >>> draws = np.random.default_rng(0).gamma(0.5, size=(8, 2000))
    >>> far = np.where(np.arange(2000) == 1000, 80.0, draws)
    >>> highest_excess(Traces(draws, draws), 0.5), highest_excess(Traces(far, far), 0.5)
    (0.0, 80.0)
    """
    # The first half may hold the way down from a start.
    kept = traces.excess[:, traces.excess.shape[1] // 2 :]
    middle, highest = float(np.median(kept)), float(kept.max())
    spread = 1.5 * float(np.median(np.abs(kept - middle)))
    rare = math.log(1e6 * kept.size)
    allowed = middle + 2 * math.sqrt(max(coefficient, 0.0) * rare) + 2 * rare + 12 * spread
    return highest if highest > allowed else 0.0


def step_errors(traces: Traces, virial: Estimate, coefficient: float) -> list[str]:
    """What says that the steps were too long for this loss, in words; empty if nothing does.

    Args:
        traces: of the part that counts.
        virial: by :func:`virial_excess`.
        coefficient: λ̂.

    >>> nothing = Traces(np.zeros((4, 8)), np.zeros((4, 8)))
    >>> seen = Estimate(0.5, 0.01), Estimate(0.5, 0.2), Estimate(0.05, 0.001)
    >>> [len(step_errors(nothing, one, 1.0)) for one in seen]
    [1, 0, 0]
    """
    found = []
    if traces.virial is not None and not math.isfinite(virial.value):
        found.append("their force grew beyond all numbers")
    elif virial_is_off(virial, coefficient):
        found.append(
            f"the mean of (w - w*)·∇U is off by {virial.value:+.2g}, so λ̂ may be by about "
            f"{abs(virial.value) / 2:.2g}"
        )
    highest = highest_excess(traces, coefficient)
    if highest > 0:
        found.append(f"they land where nβ (L - L(w*)) is {highest:.3g}, as if on a steep wall")
    return found
