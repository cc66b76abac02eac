"""Tests whether directions are uniform on a sphere, as they are under a law that all rotations
leave as it is.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.stats import norm

STATISTICS = ("first", "second", "third", "fourth")


class Moments(NamedTuple):
    """Mean and standard deviation of a statistic of a uniform direction u in R^d."""

    mean: float
    deviation: float


def uniform_moments(d: int) -> dict[str, Moments]:
    r"""Of :math:`\sum u_j`, :math:`(\sum u_j)^2`, :math:`\sum u_j^3` and :math:`\sum u_j^4` on the
    unit sphere of R^d.

    From :math:`E[u_1^{2a} u_2^{2b}] = (2a-1)!!\,(2b-1)!! / (d (d+2) \cdots (d + 2(a+b) - 2))`.

    >>> uniform_moments(2)["fourth"].mean       # E[cos⁴ + sin⁴] = 3/4
    0.75
    """
    four, six, eight = d * (d + 2), d * (d + 2) * (d + 4), d * (d + 2) * (d + 4) * (d + 6)
    third = 15 * d / six
    fourth = (105 * d + 9 * d * (d - 1)) / eight
    return {
        "first": Moments(0.0, 1.0),
        "second": Moments(1.0, math.sqrt(max(3 * d * d / four - 1, 0.0))),
        "third": Moments(0.0, math.sqrt(third)),
        "fourth": Moments(3 / (d + 2), math.sqrt(max(fourth - 9 / (d + 2) ** 2, 0.0))),
    }


def statistics_of(y: Float[np.ndarray, "... d"]) -> dict[str, Float[np.ndarray, "..."]]:
    """The four statistics of the directions of vectors, none of them zero."""
    u = y / np.linalg.norm(y, axis=-1, keepdims=True)
    sums = u.sum(-1)
    return {"first": sums, "second": sums**2, "third": (u**3).sum(-1), "fourth": (u**4).sum(-1)}


def scores(y: Float[np.ndarray, "draws d"]) -> dict[str, float]:
    """How many standard errors the means of the statistics are from those of uniform directions.

    Args:
        y: independent draws; zero vectors are left out, they have no direction.
    """
    y = y[np.linalg.norm(y, axis=1) > 0]
    if len(y) < 2:
        return dict.fromkeys(STATISTICS, 0.0)
    expected = uniform_moments(y.shape[1])
    found = statistics_of(y)
    return {
        key: float((found[key].mean() - m.mean) / m.deviation * math.sqrt(len(y)))
        if m.deviation > 1e-12
        else 0.0
        for key, m in expected.items()
    }


def p_value(z: dict[str, float], tests: int = 1) -> float:
    """Two-sided, Bonferroni over the statistics and as many tests."""
    worst = max(abs(v) for v in z.values())
    return float(min(1.0, 2 * norm.sf(worst) * len(z) * tests))


def kept_group_scores(y: Float[np.ndarray, "draws d"], signed: bool) -> dict[str, float]:
    """The same for permutations of components, and for their signs: even and odd components are
    compared in mean and square; with signs, sums and sums of cubes are compared with zero.

    Args:
        y: independent draws.
        signed: whether signs belong to the group.
    """
    half = y.shape[1] // 2
    one, two = y[:, 0 : 2 * half : 2], y[:, 1 : 2 * half : 2]
    found = {}
    for key, power in (("mean of halves", 1), ("square of halves", 2)):
        found[key] = _standardised((one**power - two**power).mean(1))
    if signed:
        found["sum"] = _standardised(y.mean(1))
        found["sum of cubes"] = _standardised((y**3).mean(1))
    return found


def _standardised(values: Float[np.ndarray, " draws"]) -> float:
    spread = values.std(ddof=1)
    return float(values.mean() / spread * math.sqrt(len(values))) if spread > 0 else 0.0


def draws_to_see(excess: float, d: int, errors: float = 4.0) -> float:
    r"""How many draws of y show the excess kurtosis κ of its independent components at that many
    standard errors.

    To first order in κ (Edgeworth) the mean of :math:`A = \sum u_j^4` moves by :math:`κ\, d (d + 2)
    \mathrm{Var}(A) / 24`: A does not feel the radius, and :math:`\sum_j H_4(y_j)` has covariance
    :math:`d (d + 2) \mathrm{Var}(A)` with it.

    >>> round(draws_to_see(-0.3, 8))
    1600
    """
    if not math.isfinite(excess):
        return 1.0
    per_root = abs(excess) * d * (d + 2) * uniform_moments(d)["fourth"].deviation / 24
    return math.inf if per_root == 0 else max((errors / per_root) ** 2, 1.0)


def haar_columns(
    rng: np.random.Generator, d: int, r: int, count: int
) -> Float[np.ndarray, "count d r"]:
    """Orthonormal columns, uniform."""
    q, t = np.linalg.qr(rng.normal(size=(count, d, r)))
    found: Float[np.ndarray, "count d r"] = q * np.sign(np.einsum("...ii->...i", t))[:, None, :]
    return found


def frame_statistics(u: Float[np.ndarray, "... d r"]) -> Float[np.ndarray, "... three"]:
    """Sums over columns of (Σu)², (Σu³)² and Σu⁴, which do not depend on the sign of a column."""
    return np.stack(
        [(u.sum(-2) ** 2).sum(-1), ((u**3).sum(-2) ** 2).sum(-1), (u**4).sum((-1, -2))], axis=-1
    )
