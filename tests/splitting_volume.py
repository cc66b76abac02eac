"""V(t) = volume of {K < t} in a small box, by splitting: each level keeps the points below the next
threshold and moves them.

Shares nothing with the algebra: it sees K only as numbers. Slower than slices, and indifferent to
where the zeros lie.
"""

import numpy as np


def splitting_slope(
    generators,
    multiplicity,
    half_width=0.5,
    particles=1000,
    moves=4,
    lowest=1e-22,
    highest=1e-10,
    replicates=4,
    seed=0,
):
    """λ from V(t) = c t^λ (-log t)^(m-1) between two thresholds, and its standard error from
    replicates.

    Args:
        generators: each a dictionary from exponents to coefficients; K is the sum of their squares.
        multiplicity: m, taken as known.
    """
    settings = (multiplicity, half_width, particles, moves, lowest, highest)
    values = [
        _one(generators, *settings, np.random.default_rng(seed + i)) for i in range(replicates)
    ]
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(replicates))


def _one(generators, multiplicity, half_width, particles, moves, lowest, highest, generator):
    size = len(next(iter(generators[0])))
    compiled = [(np.array(list(g)), np.array(list(g.values()), float)) for g in generators]

    def K(points):
        total = 0.0
        for exponents, coefficients in compiled:
            value = 0.0
            for e, c in zip(exponents, coefficients, strict=True):
                term = c
                for i, power in enumerate(e):
                    if power:
                        term = term * points[:, i] ** power
                value = value + term
            total = total + value**2
        return total * np.ones(len(points))

    points = generator.uniform(-half_width, half_width, (particles, size))
    values = K(points)
    volume = 0.0
    track = []
    while True:
        threshold = np.quantile(values, 0.4)
        keep = values < threshold
        volume += np.log(keep.mean())
        track.append((np.log(threshold), volume))
        if threshold < lowest:
            break
        chosen = generator.choice(np.flatnonzero(keep), particles)
        points, values = points[chosen], values[chosen]
        for step in range(moves * size):
            points, values = _slice(
                points, values, threshold, K, half_width, step % size, generator
            )
    logs, volumes = np.array(track).T
    window = logs < np.log(highest)
    target = volumes[window] - (multiplicity - 1) * np.log(-logs[window])
    return np.polyfit(logs[window], target, 1)[0]


def _slice(points, values, threshold, K, half_width, axis, generator):
    """One uniform draw from {K < threshold} on a line through each point, by shrinking from the
    whole box (Neal 2003).
    """
    count, size = points.shape
    direction = np.zeros((count, size))
    kind = generator.random(count)
    direction[:, axis] = 1
    other = points[generator.permutation(count)] - points[generator.permutation(count)]
    direction[kind < 0.3] = generator.standard_normal((int((kind < 0.3).sum()), size))
    direction[kind > 0.6] = other[kind > 0.6]  # parallel to the line through two others
    with np.errstate(divide="ignore", invalid="ignore"):
        bounds = np.stack([(-half_width - points) / direction, (half_width - points) / direction])
    bounds = np.where(np.isfinite(bounds), bounds, np.array([-1e9, 1e9])[:, None, None])
    low, high = bounds.min(0).max(1), bounds.max(0).min(1)
    moving = np.abs(direction).sum(1) > 0
    points, values = points.copy(), values.copy()
    active = np.flatnonzero(moving & (high > low))
    for _ in range(60):
        if len(active) == 0:
            break
        s = generator.uniform(low[active], high[active])
        trial = points[active] + s[:, None] * direction[active]
        value = K(trial)
        good = value < threshold
        done = active[good]
        points[done], values[done] = trial[good], value[good]
        bad = active[~good]
        s = s[~good]
        low[bad] = np.where(s < 0, s, low[bad])
        high[bad] = np.where(s >= 0, s, high[bad])
        active = bad
    return points, values
