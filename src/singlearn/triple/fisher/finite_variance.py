"""Relatively finite variance: the condition under which λ governs an unrealisable truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PyTree
from scipy.optimize import minimize

from singlearn.results.result import Answer
from singlearn.running.arguments import random_seed, whole_number
from singlearn.triple.fisher.information import coordinates_at, draws_of
from singlearn.triple.fisher.scores import quickly
from singlearn.triple.triple import Triple

RADII = tuple(10.0**-k for k in np.arange(0.5, 3.6, 0.5))
RISES, LEVEL = 0.5, 0.2


@dataclass(frozen=True, eq=False)
class FiniteVariance(Answer):
    r"""How :math:`E[f^2]/E[f]` behaves as w nears the optimum :math:`w_0`,
    :math:`f = \log p(y|x,w_0)/p(y|x,w)`.

    Attributes:
        status: ``"holds"``: the ratio stays bounded as far as was seen; ``"fails"``: it grows
            without bound;
            otherwise ``"cannot tell"``.
        reason: what decided.
        radii: distances from the optimum, in standard deviations of the prior.
        ratios: the largest ratio over the directions, per radius.
        exponent: of the ratio's growth, ratio ~ radius^-exponent.
        optimum: the parameter that minimises L_n.
    """

    status: Literal["holds", "fails", "cannot tell"]
    reason: str
    radii: Float[np.ndarray, " radii"]
    ratios: Float[np.ndarray, " radii"]
    exponent: float
    optimum: PyTree

    def __str__(self) -> str:
        table = "\n".join(
            f"  radius {r:8.1e}   largest E[f²]/E[f] {v:10.4g}"
            for r, v in zip(self.radii, self.ratios, strict=True)
        )
        return f"relatively finite variance: {self.status} ({self.reason})\n{table}"

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        return {
            "status": self.status,
            "reason": self.reason,
            "radii": [float(r) for r in self.radii],
            "ratios": [float(r) for r in self.ratios],
            "exponent": self.exponent,
        }


def relatively_finite_variance(
    triple: Triple, optimum: PyTree = None, directions: int = 16, starts: int = 6, seed: int = 0
) -> FiniteVariance:
    r"""Whether :math:`E[f(w)^2] ≤ c\,E[f(w)]` near the optimum, with the observations as the truth.

    :math:`f(x, y, w) = \log p(y|x,w_0) - \log p(y|x,w)`, and :math:`w_0` minimises the mean of
    :math:`-\log p`. Where the truth is realisable the condition always holds, with c near 2. Where
    it is not,
    it holds when the optimal density is unique and the loss grows at second order wherever the
    density moves, and
    then λ still governs free energy and generalisation (Watanabe 2018, §3
    [watanabe2018mathematical]_). It fails where
    two different densities are optimal, or where the density moves along a direction in which the
    loss is
    flatter than quadratic.

    Args:
        triple: with data; many observations, for their empirical distribution stands for the truth.
        optimum: w₀; by default the best of descents from draws of the prior. It is polished in any
            case.
        directions: random directions in addition to the eigenvectors of the Hessian.
        starts: of the descents.
        seed: of draws.

    Returns:
        The ratio by radius and a verdict.

    Raises:
        ValueError: a population triple, which has no observations, or an argument out of range.

    >>> import numpyro.distributions as dist
    >>> y = np.random.default_rng(0).standard_t(4, 400)      # no normal distribution is the truth
    >>> t = Triple(lambda w, y: dist.Normal(w, 1.0).log_prob(y), dist.Normal(0.0, 1.0), y)
    >>> relatively_finite_variance(t).status
    'holds'
    """
    if triple.is_population:
        raise ValueError(
            f"triple: {triple.name} is a population triple; K alone does not say how log "
            "densities vary"
        )
    directions = whole_number("directions", directions, at_least=0)
    starts, seed = whole_number("starts", starts), random_seed(seed)
    with jax.enable_x64(True):
        data = jax.tree.map(jnp.asarray, triple.data)
        pointwise = quickly(lambda u: triple.pointwise(u, data))
        slope = quickly(jax.value_and_grad(lambda u: -jnp.mean(triple.pointwise(u, data))))
        hessian = quickly(jax.hessian(lambda u: -jnp.mean(triple.pointwise(u, data))))
        draws = draws_of(triple, max(starts, 16), seed)
        spread = np.std(draws, axis=0)
        begin = list(draws[:starts])
        if optimum is not None:
            begin = [coordinates_at(triple, optimum, "optimum")]
        ends = sorted((_descended(slope, u) for u in begin), key=lambda end: end[0])
        lowest, best = ends[0]
        rival = _rival(pointwise, ends, lowest, best)
        w0 = triple.coordinates.constrain(jnp.asarray(best))
        if rival is not None:
            return FiniteVariance("fails", rival, np.zeros(0), np.zeros(0), np.inf, w0)
        radii, ratios, exponent, reason = _ratios(
            pointwise, np.asarray(hessian(jnp.asarray(best))), best, spread, directions, seed
        )
    if len(ratios) < 3:
        return FiniteVariance("cannot tell", reason, radii, ratios, exponent, w0)
    status: Literal["holds", "fails", "cannot tell"] = (
        "holds" if exponent < LEVEL else "fails" if exponent > RISES else "cannot tell"
    )
    return FiniteVariance(status, reason, radii, ratios, exponent, w0)


def _descended(slope, start: Float[np.ndarray, " d"]) -> tuple[float, Float[np.ndarray, " d"]]:  # type: ignore[no-untyped-def]
    def objective(u: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = slope(jnp.asarray(u))
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return 1e300, np.zeros_like(u)
        return float(value), np.asarray(gradient)

    options = {"maxiter": 2000, "ftol": 1e-15, "gtol": 1e-11}
    end = minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
    end = minimize(objective, end.x, jac=True, method="BFGS", options={"gtol": 1e-11})
    return float(end.fun), np.asarray(end.x)


def _rival(pointwise, ends, lowest: float, best: Float[np.ndarray, " d"]) -> str | None:  # type: ignore[no-untyped-def]
    """Another optimum of the same loss and another density: E[f] = 0 with E[f²] > 0."""
    at_best = np.asarray(pointwise(jnp.asarray(best)))
    for value, u in ends[1:]:
        f = at_best - np.asarray(pointwise(jnp.asarray(u)))
        # Fluctuations of a sample put two optima of the population √(E[f²]/n) apart.
        noise = float(np.std(f)) / np.sqrt(len(f))
        if np.std(f) > 1e-3 and value - lowest < 2 * noise:
            return (
                f"two optima with losses {lowest:.6g} and {value:.6g}, equal within the sample's "
                f"error {noise:.2g}, "
                f"have different densities: their log ratio has standard deviation {np.std(f):.3g}"
            )
    return None


def _ratios(
    pointwise: Callable[..., Any],
    curvature: Float[np.ndarray, "d d"],
    best: Float[np.ndarray, " d"],
    spread: Float[np.ndarray, " d"],
    directions: int,
    seed: int,
) -> tuple[Float[np.ndarray, " radii"], Float[np.ndarray, " radii"], float, str]:
    _, vectors = np.linalg.eigh(curvature * np.outer(spread, spread))
    random = np.random.default_rng(seed).normal(size=(directions, len(best)))
    ways = np.concatenate([vectors.T, random])
    ways /= np.linalg.norm(ways, axis=1)[:, None]
    at_best = np.asarray(pointwise(jnp.asarray(best)))
    radii, ratios = [], []
    for radius in RADII:
        worst = 0.0
        for way in ways:
            for sign in (1.0, -1.0):
                f = at_best - np.asarray(
                    pointwise(jnp.asarray(best + sign * radius * spread * way))
                )
                mean, square = float(np.mean(f)), float(np.mean(f**2))
                # What rounding alone leaves of a mean says nothing.
                if (
                    not np.isfinite(square)
                    or square < 1e-24
                    or mean <= 1e-13 * (1 + np.abs(at_best).max())
                ):
                    continue
                worst = max(worst, square / mean)
        if worst > 0:
            radii.append(radius)
            ratios.append(worst)
    if len(radii) < 3:
        return (
            np.array(radii),
            np.array(ratios),
            np.nan,
            "differences to the optimum are lost in rounding",
        )
    tail = slice(-min(4, len(radii)), None)
    exponent = -float(np.polyfit(np.log(radii[tail]), np.log(ratios[tail]), 1)[0])
    return (
        np.array(radii), np.array(ratios), exponent,
        f"the largest ratio is {ratios[-1]:.3g} at radius {radii[-1]:.0e} and goes as "
        f"radius^{-exponent:.2f}",
    )  # fmt: skip
