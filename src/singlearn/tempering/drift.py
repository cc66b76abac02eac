"""Whether moves leave the mean energy of a rung where it is, as they do in equilibrium."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri

from singlearn.tempering.rungs import Rungs

# The chance that a ladder in equilibrium is accused.
FALSE_ALARM = 1e-3


def drift(rungs: Rungs) -> Float[np.ndarray, " rungs"]:
    r"""How much the energies of each rung changed while its particles moved, in standard errors.

    After resampling the particles stand for the posterior at the new β, and moves leave that
    invariant: energies before and after them have the same mean. Where the resampled particles are
    far from equilibrium, because the posterior has a part that weights hardly reach and moves reach
    slowly (the neck of a funnel), the moves carry them on, and the means differ. Particles that
    descend from the same one count as a family; a sum over independent families, divided by the
    root of the sum of their squares, is normal.

    Returns:
        The change after the moves, negative where energies fell; 0 on the first rung of a ladder.
    """
    found = np.zeros(len(rungs))
    replicates, particles = rungs.energies.shape[1:]
    offset = particles * np.arange(replicates)[:, None]
    for k in range(1, len(rungs)):
        if rungs.inverse_temperature[k] == 0:
            continue
        ancestor = rungs.ancestor[k].astype(np.intp)
        before = np.take_along_axis(rungs.energies[k - 1], ancestor, axis=1)
        usable = np.isfinite(before) & np.isfinite(rungs.energies[k])
        change = np.subtract(rungs.energies[k], before, out=np.zeros(before.shape), where=usable)
        total = float(change.sum())
        centred = change - change.mean(axis=1, keepdims=True)
        sums = np.bincount((ancestor + offset).ravel(), weights=centred.ravel())
        error = float(np.sqrt(sums @ sums))
        found[k] = total / error if error > 0 else 0.0
    return found


def drifting(rungs: Rungs) -> tuple[slice, float] | None:
    """The neighbouring rungs whose energies changed most while particles moved, if no ladder in
    equilibrium would do so but one in a thousand.

    Changes of neighbouring rungs add up: stretches of 1, 2, 4, … rungs are looked at, and the
    threshold knows how many there are.

    Returns:
        The rungs, and their change in standard errors, negative where energies fell; or ``None``.
    """
    change = drift(rungs)
    sums = np.concatenate([[0.0], np.cumsum(change)])
    found, looked_at, length = (slice(0, 0), 0.0), 0, 1
    while length < len(change):
        every = (sums[length:] - sums[:-length]) / np.sqrt(length)
        looked_at += len(every)
        start = int(np.argmax(np.abs(every)))
        if abs(every[start]) > abs(found[1]):
            found = slice(start, start + length), float(every[start])
        length *= 2
    if not looked_at or abs(found[1]) < -float(ndtri(FALSE_ALARM / (2 * looked_at))):
        return None
    return found
