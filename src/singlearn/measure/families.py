"""The variance of sums over particles that descend from each other."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

# Families are followed back for as long as so many of them are left: fewer could not say how much
# the members of a family have in common.
FEWEST_FAMILIES = 32.0
FEWEST_OF_A_REPLICATE = 4.0


def covariance_of_totals(
    values: Float[np.ndarray, "points rungs replicates particles"],
    ancestors: Int[np.ndarray, "ladder replicates particles"],
    first: int = 0,
) -> Float[np.ndarray, "points points"]:
    r"""The covariance of sums over all particles of some neighbouring rungs.

    Particles of a later rung descend from those of an earlier one, and what a family has in common
    its members do not average out. Families are independent of each other, so that

    .. math:: \operatorname{Cov}(S_i, S_j) ≈ \sum_f S_{if} S_{jf}

    with :math:`S_f` the sum over the members of a family on all of the rungs (Lee & Whiteley 2018
    [lee2018variance]_). The families are those of the earliest generation of which enough are left
    on the last rung, counted over all replicates (Olsson & Douc 2019 [olsson2019numerically]_); the
    rungs before that generation are counted by themselves in the same way.

    Args:
        values: by reading, rung, replicate and particle; the mean over the particles of a rung of a
            replicate is 0.
        ancestors: of the whole ladder: the number on the rung before of the particle that each
            descends from.
        first: the rung of the ladder that ``values`` begin with.

    Returns:
        The covariance of the totals.

    >>> generator = np.random.default_rng(0)
    >>> ancestors = np.stack([np.arange(1000), np.arange(1000) // 4])[:, None]
    >>> shared = np.repeat(generator.normal(size=250), 4)[None, None, None]
    >>> bool(abs(covariance_of_totals(shared, ancestors, 1)[0, 0] / 4000 - 1) < 0.3)
    True
    """
    points, rungs, replicates, particles = values.shape
    total = np.zeros((points, points))
    offset = particles * np.arange(replicates)[:, None]
    size = replicates * particles
    end = first + rungs - 1
    while end >= first:
        begin = _generation(ancestors, end)
        labels = np.broadcast_to(np.arange(particles), (replicates, particles)) + offset
        sums = np.zeros((points, size))
        power, left = 0.0, 0.0
        for k in range(begin, end + 1):
            if k > begin:
                labels = np.take_along_axis(labels, ancestors[k].astype(np.intp), axis=1)
            if k < first:
                continue
            flat, own = labels.ravel(), values[:, k - first].reshape(points, size)
            for i in range(points):
                sums[i] += np.bincount(flat, weights=own[i], minlength=size)
            # The mean that was taken off a replicate has taken this share of the squares with it.
            sizes = np.bincount(flat, minlength=size).reshape(replicates, particles) / particles
            square = float(np.sum(own**2))
            power += square
            left += square * (1 - float(np.mean(np.sum(sizes**2, axis=1))))
        total += sums @ sums.T * (power / left if left > 0 else 1.0)
        end = begin - 1
    return total


def _generation(ancestors: Int[np.ndarray, "ladder replicates particles"], end: int) -> int:
    """The earliest generation with enough families on a rung."""
    _, replicates, particles = ancestors.shape
    fewest = max(FEWEST_FAMILIES, FEWEST_OF_A_REPLICATE * replicates)
    number = np.broadcast_to(np.arange(particles), (replicates, particles))
    offset = particles * np.arange(replicates)[:, None]
    size = replicates * particles
    for generation in range(end, 0, -1):
        # The particles of this generation that families of the next earlier one are counted by.
        older = np.take_along_axis(ancestors[generation].astype(np.intp), number, axis=1)
        sizes = np.bincount((older + offset).ravel(), minlength=size).astype(float)
        if size**2 / float(sizes @ sizes) < fewest:
            return generation
        number = older
    return 0
