"""What the same sampler would give if the model were linear in its parameters: a yardstick for
λ̂.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from jaxtyping import Float

from singlearn.local.target import Target, Tempering
from singlearn.results.estimate import Estimate

LANCZOS_STEPS = 24
FEWEST_PROBES = 4
MOST_PROBES = 32
MOST_EXACT = 1024
FEWEST_SAMPLES = 4096
SHARE = 0.1
"""Of the samples × gradients of the run, that the yardstick may cost where its least needs no more.
"""
PRODUCT_COST = 2
"""Gradients that one product with the curvature costs."""
PASSES = 40
"""Over all samples, in gradients, that are always affordable: rare samples must not be missed."""


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues s = nβh of the curvature at w*, as quadrature rules.

    Attributes:
        nodes: s, in units of 1/parameter², one rule per row.
        weights: how many directions each stands for.
    """

    nodes: Float[np.ndarray, "rules nodes"]
    weights: Float[np.ndarray, "rules nodes"]

    def coefficient(self, gamma: float) -> Estimate:
        """λ̂₂ at γ, with the standard error of the probes."""
        convex = np.maximum(self.nodes, 0.0)
        values = (0.5 * self.weights * convex / (convex + gamma)).sum(axis=1)
        return (
            Estimate.from_replicates(list(values))
            if len(values) > 1
            else Estimate(float(values[0]), 0.0)
        )

    def dependence(self, gamma: float) -> float:
        r""":math:`-d \log λ̂_2 / d \log γ`: 0 where γ is softer than every direction, 1 where it is
        stiffer; 1 without curvature.

        >>> Spectrum(np.array([[3.0, 0.0]]), np.ones((1, 2))).dependence(1.0)
        0.25
        """
        convex = self.weights * np.maximum(self.nodes, 0.0)
        whole = float((convex / (np.maximum(self.nodes, 0.0) + gamma)).sum())
        return (
            float((convex * gamma / (np.maximum(self.nodes, 0.0) + gamma) ** 2).sum()) / whole
            if whole > 0
            else 1.0
        )

    def excess(self, gamma: float) -> float:
        """Mean of nβ (L_n(w) - L_n(w*)) over w ~ N(w*, 1/γ), of the quadratic model."""
        return float((0.5 * self.weights * self.nodes / gamma).sum(axis=1).mean())


@dataclass(frozen=True)
class _Plan:
    samples: int
    probes: int
    """0: all eigenvalues."""


_FOUND: WeakKeyDictionary[Target, tuple[_Plan, float, int, Spectrum]] = WeakKeyDictionary()
"""The last spectrum of a target: what is needed before a run is not computed again after it."""


def quadratic(target: Target, tempering: Tempering, gradients: int, seed: int) -> Estimate:
    r"""λ̂ of the quadratic model at w*.

    .. math:: λ̂_2 = \frac12 \sum_{h_i > 0} \frac{nβ h_i}{nβ h_i + γ}
        \quad \text{over the eigenvalues of the curvature } H.

    There a direction of curvature h is normal with variance 1/(nβh + γ). H is the Gauss-Newton
    matrix, that is, the model is linearised at w*; for a loss that does not say what the output is,
    it is the Hessian, whose negative eigenvalues count as flat. All eigenvalues are computed where
    they cost little; otherwise stochastic Lanczos quadrature (Ubaru, Chen & Saad 2017
    [ubaru2017trace]_), with the standard error of its probes.

    Args:
        target: the model at w*.
        tempering: nβ and γ.
        gradients: samples × gradients that the run cost; the yardstick costs a tenth of them, or
            four probes of 24 products on 4096 samples. All samples are taken where that costs no
            more than 40 gradients of all of them.
        seed: of probes, and of the samples where not all can be afforded.

    Returns:
        λ̂₂ and the standard error of the probes, 0 where all eigenvalues were computed.
    """
    return spectrum(target, tempering.nbeta, gradients, seed).coefficient(tempering.gamma)


def spectrum(target: Target, nbeta: float, gradients: int, seed: int) -> Spectrum:
    """Eigenvalues of nβ times the curvature at w*, as exactly as the cost of the run allows.

    Args:
        target, gradients, seed: as of :func:`quadratic`.
        nbeta: nβ.

    Returns:
        One rule of all eigenvalues, or a rule for every probe.
    """
    plan = _plan(target.samples, target.dimension, gradients)
    known = _FOUND.get(target)
    if known is not None and known[:3] == (plan, nbeta, seed):
        return known[3]
    rng = np.random.default_rng([seed, 2])
    n, d = target.samples, target.dimension
    index = None if plan.samples == n else np.sort(rng.choice(n, plan.samples, replace=False))

    def curvature(vectors: Float[np.ndarray, "k d"]) -> Float[np.ndarray, "k d"]:
        return nbeta * target.curvature(vectors, index)

    if plan.probes:
        found = Spectrum(
            *lanczos_quadrature(curvature, rng.normal(size=(plan.probes, d)), LANCZOS_STEPS)
        )
    else:
        whole = curvature(np.eye(d))
        found = Spectrum(np.linalg.eigvalsh(0.5 * (whole + whole.T))[None], np.ones((1, d)))
    _FOUND[target] = (plan, nbeta, seed, found)
    return found


def _plan(n: int, d: int, gradients: int) -> _Plan:
    least = FEWEST_PROBES * LANCZOS_STEPS
    allowed = SHARE * gradients / PRODUCT_COST
    samples = int(min(n, max(FEWEST_SAMPLES, allowed / min(least, d))))
    if PRODUCT_COST * min(least, d) <= PASSES:
        samples = n
    products = allowed / samples
    exact = d <= max(least, min(products, MOST_EXACT))
    return _Plan(
        samples, 0 if exact else int(np.clip(products / LANCZOS_STEPS, FEWEST_PROBES, MOST_PROBES))
    )


def lanczos_quadrature(
    product: Callable[[Float[np.ndarray, "k d"]], Float[np.ndarray, "k d"]],
    start: Float[np.ndarray, "k d"],
    steps: int,
) -> tuple[Float[np.ndarray, "k nodes"], Float[np.ndarray, "k nodes"]]:
    r"""Nodes θ and weights ω with :math:`\mathrm{tr} f(A) ≈ \sum_j ω_j f(θ_j)`, one rule a start
    vector, exact in the mean over them.

    Nothing is orthogonalised again: copies of an eigenvalue share its weight, and only three
    vectors a probe are kept.

    Args:
        product: A v, for rows v.
        start: random, isotropic.
        steps: products of each start vector; ``nodes`` is at most that.

    >>> A = np.diag([1.0, 2.0, 3.0, 4.0])
    >>> probes = np.random.default_rng(0).normal(size=(2000, 4))
    >>> nodes, weights = lanczos_quadrature(lambda v: v @ A, probes, 4)
    >>> bool(abs((weights * nodes**0.5).sum(axis=1).mean() - np.sqrt(np.diag(A)).sum()) < 0.05)
    True
    """
    count, d = start.shape
    steps = min(steps, d)
    diagonal, beside = np.zeros((count, steps)), np.zeros((count, steps))
    now, before, scale = (
        start / np.linalg.norm(start, axis=1, keepdims=True),
        np.zeros_like(start),
        np.zeros((count, 1)),
    )
    for t in range(steps):
        there = product(now) - scale * before
        diagonal[:, t] = (there * now).sum(axis=1)
        there = there - diagonal[:, t, None] * now
        scale = np.linalg.norm(there, axis=1, keepdims=True)
        # An invariant subspace ends the recursion: a zero vector adds a block that has no weight.
        small = scale <= 1e-10 * np.abs(diagonal).max(axis=1, keepdims=True)
        scale = np.where(small, 0.0, scale)
        beside[:, t] = scale[:, 0]
        before, now = now, np.where(small, 0.0, there / np.where(small, 1.0, scale))
    matrix = np.zeros((count, steps, steps))
    along = np.arange(steps)
    matrix[:, along, along] = diagonal
    matrix[:, along[1:], along[:-1]] = matrix[:, along[:-1], along[1:]] = beside[:, :-1]
    nodes, vectors = np.linalg.eigh(matrix)
    return nodes, d * vectors[:, 0, :] ** 2
