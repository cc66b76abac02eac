"""Weights in which a chart is homogeneous, so that only the points matter where its free
coordinates are 0.
"""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm

import numpy as np

from singlearn.exact.read.ring import terms_of
from singlearn.exact.resolve.chart import Chart
from singlearn.exact.resolve.moves import Contract, used

LARGEST_WEIGHT = 60


def contraction(chart: Chart) -> Contract | None:
    r"""The contraction of as many free coordinates as one choice of weights allows, if any.

    Let :math:`t ∘ x` have the coordinates :math:`t^{w_i} x_i`. Where every generator is homogeneous
    in the weights w, :math:`K(t ∘ x)` is K up to constants for every t > 0; so λ and m are the same
    at x and at t ∘ x, which tends to a point where the free coordinates of positive weight are 0.

    The weights are those of a linear program: 0 ≤ z ≤ 1, z ≤ w, w ≥ 0 for free coordinates, no
    condition on those of local ones, the sum of z as large as it can be. What it finds in floating
    point is rounded to whole numbers and then checked.
    """
    if chart.relations:
        return None
    live = set().union(*(used(chart, g) for g in chart.generators))
    free = [n for n in chart.units if n in chart.free and n in live]
    if not free:
        return None
    names = [*free, *(n for n in chart.local if n in live)]
    places = [chart.names.index(n) for n in names]
    rows = set()
    for g in chart.generators:
        first, *others = terms_of(g)
        rows |= {tuple(e[i] - first[i] for i in places) for e in others}
    rows = {row for row in rows if any(row)}
    weights = _weights(sorted(rows), len(free), len(names))
    if weights is None:
        return None
    found = tuple((n, w) for n, w in zip(names, weights, strict=True) if w)
    if any(sum(a * w for a, w in zip(row, weights, strict=True)) for row in rows):
        return None
    made_local = [chart.names.index(n) for n, _ in found]
    if any(all(any(e[i] for i in made_local) for e in terms_of(p)) for p in chart.nonzero):
        return None
    return Contract(found)


def _weights(rows: list[tuple[int, ...]], free: int, size: int) -> list[int] | None:
    """Whole numbers w with row·w = 0, those of the first ``free`` ≥ 0 and some of these not 0;
    ``None`` if there are none.
    """
    if not rows:
        return [1] * free + [0] * (size - free)
    from scipy.optimize import linprog  # imported late: it takes a while

    # Unknowns: w, then z.
    cost = np.concatenate([np.zeros(size), -np.ones(free)])
    equal = np.hstack([np.array(rows, float), np.zeros((len(rows), free))])
    below = np.hstack([-np.eye(free, size), np.eye(free)])
    limits = [(0, LARGEST_WEIGHT)] * free + [(-LARGEST_WEIGHT, LARGEST_WEIGHT)] * (size - free)
    found = linprog(
        cost,
        A_ub=below,
        b_ub=np.zeros(free),
        A_eq=equal,
        b_eq=np.zeros(len(rows)),
        bounds=limits + [(0, 1)] * free,
        method="highs-ds",
    )
    if found.status != 0 or found.fun > -0.5:
        return None
    fractions = [Fraction(float(w)).limit_denominator(12) for w in found.x[:size]]
    scale = lcm(*(w.denominator for w in fractions))
    weights = [int(w * scale) for w in fractions]
    divisor = gcd(*weights) or 1
    weights = [w // divisor for w in weights]
    return weights if any(weights[:free]) and max(map(abs, weights)) < 1000 else None
