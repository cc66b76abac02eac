"""V(t) = volume of {K < t} in a small box, by quadrature: exact in one variable, quasi-random in
the logarithms of the others.

Shares nothing with the algebra: it sees K only as numbers.
"""

import numpy as np
from scipy.stats import qmc

SMALLEST = 30.0
"""Outer variables run from the edge of the box down to exp(-SMALLEST) of it."""


def sliced_volume(generators, thresholds, half_width=0.2, log2_points=11, seed=0):
    """V(t) with K = Σ g², for each threshold, and its standard error from independent scrambles.

    Args:
        generators: each a dictionary from exponents to coefficients.
        thresholds: values of t.
    """
    size = len(next(iter(generators[0])))
    scrambles = [
        _one(generators, thresholds, half_width, log2_points, seed + i)
        for i in range(8 if size > 2 else 2)
    ]
    values = np.array(scrambles)
    return values.mean(0), values.std(0, ddof=1) / np.sqrt(len(values))


def _one(generators, thresholds, half_width, log2_points, seed):
    size = len(next(iter(generators[0])))
    inner = min(
        (max(e[i] for g in generators for e in g), i)
        for i in range(size)
        if any(e[i] for g in generators for e in g)
    )[1]
    outer = [i for i in range(size) if i != inner]
    count = 2**log2_points
    # Half of the points uniform in the logarithm, half uniform in the variable: a mixture, weighted
    # by its own density.
    sample = qmc.Sobol(2 * len(outer), seed=seed).random(count) if outer else np.zeros((1, 0))
    choice, uniform = sample[:, : len(outer)], sample[:, len(outer) :]
    signs = np.where((choice * 4) % 1 < 0.5, 1, -1)
    logarithmic = choice * 4 % 2 < 1
    size_of = np.where(logarithmic, half_width * np.exp(-SMALLEST * uniform), half_width * uniform)
    density = (
        0.5
        * np.where(
            size_of > half_width * np.exp(-SMALLEST),
            1 / (SMALLEST * np.maximum(size_of, 1e-300)),
            0,
        )
        + 0.5 / half_width
    )
    weight = np.prod(2 / density, axis=1)
    points = signs * size_of
    result = []
    rows = [_coefficients(g, inner, outer, points) for g in generators]
    for t in thresholds:
        if len(rows) == 1:
            polynomials = [_shift(rows[0], -np.sqrt(t)), _shift(rows[0], np.sqrt(t))]
        else:
            total = sum(_square(r, max(len(r[0]) for r in rows)) for r in rows)
            polynomials = [_shift(total, -t)]
        roots = np.concatenate([_real_roots(p) for p in polynomials], axis=1)
        roots = np.clip(np.where(np.isnan(roots), half_width, roots), -half_width, half_width)
        edge = np.full((len(roots), 1), half_width)
        ends = np.sort(np.concatenate([-edge, roots, edge], axis=1), axis=1)
        middle = (ends[:, 1:] + ends[:, :-1]) / 2
        inside = sum(_evaluate(r, middle) ** 2 for r in rows) < t
        result.append(float(np.mean(weight * np.sum(np.diff(ends, axis=1) * inside, axis=1))))
    return result


def _coefficients(g, inner, outer, points):
    degree = max(e[inner] for e in g)
    rows = np.zeros((len(points), degree + 1))
    for e, c in g.items():
        rows[:, e[inner]] += float(c) * np.prod(points ** np.array([e[i] for i in outer]), axis=1)
    return rows


def _shift(rows, constant):
    rows = rows.copy()
    rows[:, 0] += constant
    return rows


def _square(rows, width):
    result = np.zeros((len(rows), 2 * width - 1))
    for i in range(rows.shape[1]):
        for j in range(rows.shape[1]):
            result[:, i + j] += rows[:, i] * rows[:, j]
    return result


def _evaluate(rows, x):
    value = np.zeros_like(x)
    for column in rows.T[::-1]:
        value = value * x + column[:, None]
    return value


def _real_roots(rows):
    """Real roots, as many columns as the degree; missing ones are nan."""
    degree = rows.shape[1] - 1
    if degree == 0:
        return np.full((len(rows), 1), np.nan)
    lead = np.where(np.abs(rows[:, -1]) < 1e-290, 1e-290, rows[:, -1])
    if degree == 1:
        return (-rows[:, 0] / lead)[:, None]
    # The reversed polynomial has well-scaled companions when the leading coefficient is tiny:
    # invert its roots.
    use_reverse = np.abs(lead) < np.abs(rows[:, 0])
    chosen = np.where(use_reverse[:, None], rows[:, ::-1], rows)
    top = np.where(np.abs(chosen[:, -1]) < 1e-290, 1e-290, chosen[:, -1])
    companion = np.zeros((len(rows), degree, degree))
    companion[:, np.arange(1, degree), np.arange(degree - 1)] = 1
    companion[:, :, -1] = -chosen[:, :-1] / top[:, None]
    roots = np.linalg.eigvals(companion)
    with np.errstate(divide="ignore", invalid="ignore"):
        roots = np.where(use_reverse[:, None], 1 / roots, roots)
        real = np.abs(roots.imag) <= 1e-7 * np.maximum(np.abs(roots.real), 1e-12)
    return np.where(real & np.isfinite(roots.real), roots.real, np.nan)


def slope(generators, multiplicity, low=1e-10, high=1e-6, **settings):
    """λ fitted to V(t) = c t^λ (b - log t)^(m-1), and its standard error; b absorbs the next
    term.
    """
    thresholds = np.geomspace(low, high, 5)
    volume, error = sliced_volume(generators, thresholds, **settings)
    if np.any(volume <= 0):
        return np.nan, np.nan
    logs = -np.log(thresholds)
    relative = np.maximum(error / volume, 1e-5)
    best = None
    for b in [0.0] if multiplicity == 1 else np.linspace(-10, 20, 61):
        target = np.log(volume) - (multiplicity - 1) * np.log(logs + b)
        design = np.stack([np.ones_like(logs), -logs], axis=1) / relative[:, None]
        solution, *_ = np.linalg.lstsq(design, target / relative, rcond=None)
        residual = float(np.sum((design @ solution - target / relative) ** 2))
        if best is None or residual < best[0]:
            best = (
                residual,
                float(solution[1]),
                float(np.sqrt(np.linalg.inv(design.T @ design)[1, 1])),
            )
    return best[1], best[2]
