"""Who descends from whom, and what that leaves of a number of draws."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

# Families are followed back for as long as so many of them are left: fewer could not say how much
# the members of a family have in common.
FEWEST_FAMILIES = 32.0


def families(
    ancestors: Int[np.ndarray, "rungs replicates particles"],
    rung: Int[np.ndarray, "replicates draws"],
    particle: Int[np.ndarray, "replicates draws"],
    fewest: float = FEWEST_FAMILIES,
    begins: Bool[np.ndarray, " rungs"] | None = None,
) -> tuple[Int[np.ndarray, "replicates draws"], float]:
    """Families of draws that share an ancestor, as far back as there are still ``fewest`` of them.

    Args:
        ancestors: per rung, the number on the rung before of the particle each descends from.
        rung: the rung of each draw.
        particle: the number of each draw in its population.
        fewest: effective families (squared number of draws over the sum of squared sizes).
        begins: which rungs are the first of a ladder, whose particles descend from none; default:
            the first.

    Returns:
        A label per draw, from 0, and the effective number of families.

    >>> ancestors = np.array([[[0, 1, 2, 3]], [[0, 0, 1, 1]], [[0, 1, 2, 2]]])
    >>> last = np.full((1, 4), 2), np.array([[0, 1, 2, 3]])
    >>> families(ancestors, *last, fewest=2.0)
    (array([[0, 0, 1, 1]]), 2.0)
    >>> families(ancestors, *last, fewest=2.5)[0]
    array([[0, 1, 2, 2]])
    """
    _, replicates, particles = ancestors.shape
    generation, number = rung.copy(), particle.copy()
    own = np.arange(replicates)[:, None]
    labels, effective = _labels(generation, number, particles)
    for level in range(int(rung.max()), 0, -1):
        if begins is not None and begins[level]:
            continue
        number = np.where(generation == level, ancestors[level][own, number], number)
        generation = np.where(generation == level, level - 1, generation)
        older, fewer = _labels(generation, number, particles)
        if fewer < fewest:
            break
        labels, effective = older, fewer
    return labels, effective


def _labels(
    generation: Int[np.ndarray, "replicates draws"],
    number: Int[np.ndarray, "replicates draws"],
    particles: int,
) -> tuple[Int[np.ndarray, "replicates draws"], float]:
    replicates = len(number)
    population = generation.astype(np.int64) * replicates + np.arange(replicates)[:, None]
    codes = population * particles + number
    _, labels, sizes = np.unique(codes, return_inverse=True, return_counts=True)
    return labels.reshape(number.shape), float(number.size**2 / np.sum(sizes.astype(float) ** 2))


def variance_inflation(
    values: Float[np.ndarray, "draws functions"],
    labels: Int[np.ndarray, " draws"],
    effective: float,
) -> Float[np.ndarray, " functions"]:
    r"""How much larger the variance of a mean over draws is than over as many independent ones.

    Families descend from different ancestors and are independent; the members of one are not. The
    variance of a mean over M draws is therefore

    .. math:: \frac1{M^2} \sum_f \Bigl(\sum_{i ∈ f} (x_i - \bar x)\Bigr)^2

    (Lee & Whiteley 2018 [lee2018variance]_, with families of a recent generation in place of the
    first). It is divided by what independent draws would have, and by :math:`1 - 1/F` for the mean
    that was fitted. The standard deviation of the ratio is about :math:`\sqrt{2/F}` of it.

    Args:
        values: of functions of the draws; those that do not vary have inflation 0.
        labels: the family of each draw.
        effective: F, the effective number of families.

    Returns:
        M over the number of independent draws with the same variance of the mean.

    >>> labels = np.repeat(np.arange(500), 4)
    >>> own, shared = np.random.default_rng(0).normal(size=(2, 2000))
    >>> np.round(variance_inflation(np.stack([own, shared[labels]], 1), labels, 500.0))
    array([1., 4.])
    """
    centred = values - values.mean(axis=0)
    order = np.argsort(labels, kind="stable")
    begin = np.flatnonzero(np.diff(labels[order], prepend=-1))
    sums = np.add.reduceat(centred[order], begin, axis=0)
    total = (centred**2).sum(axis=0)
    found = (sums**2).sum(axis=0) / np.where(total > 0, total, 1.0)
    return np.asarray(found / (1 - 1 / max(effective, 2.0)))
