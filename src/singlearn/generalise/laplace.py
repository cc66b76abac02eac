"""The Laplace approximation: a Gaussian with the inverse Hessian of the log posterior for
covariance, where there is one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, PyTree

from singlearn.generalise.descent import minus_log_posterior
from singlearn.generalise.freeze import freeze
from singlearn.results.result import Answer
from singlearn.running.arguments import random_seed, real_number, whole_number
from singlearn.triple import Model, Triple

# An eigenvalue below this share of the largest is zero to the accuracy of the Hessian.
RELATIVE_ZERO = 1e-10


class LaplaceRefusedError(ValueError):
    """There is no Laplace approximation at this parameter.

    Attributes:
        eigenvalues: all of the Hessian's, ascending.
        directions: unit vectors that it is refused for, one per row, in flat coordinates.
    """

    def __init__(
        self,
        message: str,
        eigenvalues: Float[np.ndarray, " d"],
        directions: Float[np.ndarray, "flat d"],
    ) -> None:
        super().__init__(message)
        self.eigenvalues = eigenvalues
        self.directions = directions


class NotPositiveDefiniteError(LaplaceRefusedError):
    """The Hessian of -log posterior has directions of zero or negative curvature."""


class NotAtModeError(LaplaceRefusedError):
    """The Hessian is positive definite, but some curvatures are no larger than the residual
    gradient alone would produce.
    """


@dataclass(frozen=True, eq=False)
class Laplace(Answer):
    r"""The Gaussian :math:`N(\hat u, H^{-1})`, :math:`H = ∇^2(n L_n - \log φ)` at :math:`\hat u`,
    in flat coordinates.

    Attributes:
        triple: model and data; over the chosen subset only.
        mean: û.
        hessian: exact, in nats per unit squared, damping included.
        eigenvalues: of H before damping, ascending.
        damping: what was added to the diagonal; 0 unless it was asked for.
        gradient: largest absolute entry of the gradient at û; large where û is not a mode, and then
            neither is the Gaussian's centre.
        free_energy: :math:`n L_n(\hat u) - \log φ(\hat u) - \frac d2 \log 2π + \frac12 \log\det H`,
            the approximation to -log evidence, in nats.
    """

    triple: Triple
    mean: Float[np.ndarray, " d"]
    hessian: Float[np.ndarray, "d d"] = field(repr=False)
    eigenvalues: Float[np.ndarray, " d"] = field(repr=False)
    damping: float
    gradient: float
    free_energy: float

    def to_dict(self) -> dict[str, Any]:
        """For machines; energies in nats."""
        return {
            "name": self.triple.name,
            "mean": self.mean.tolist(),
            "eigenvalues": self.eigenvalues.tolist(),
            "damping": self.damping,
            "gradient": self.gradient,
            "free_energy": self.free_energy,
        }

    @property
    def covariance(self) -> Float[np.ndarray, "d d"]:
        """H⁻¹."""
        return np.linalg.inv(self.hessian)

    def sample(self, size: int, seed: int) -> PyTree:
        """``size`` draws, constrained: a pytree as the prior's, each leaf with a leading axis
        ``size``.

        Returns:
            The draws, in the structure of the prior.
        """
        size, seed = whole_number("size", size), random_seed(seed)
        # H = LLᵀ, so L⁻ᵀ z has covariance H⁻¹.
        z = np.random.default_rng(seed).normal(size=(size, len(self.mean)))
        draws = self.mean + np.linalg.solve(np.linalg.cholesky(self.hessian).T, z.T).T
        with jax.enable_x64(True):
            return jax.tree.map(
                np.asarray, jax.vmap(self.triple.coordinates.constrain)(jnp.asarray(draws))
            )


def laplace(
    triple: Triple, at: PyTree, subset: list[str] | None = None, damping: float | int = 0.0
) -> Laplace:
    r"""The Laplace approximation of the posterior at a parameter, by the exact Hessian.

    It is refused where the Hessian is not positive definite, or where its smallest curvatures are
    no larger than the residual gradient alone would produce. In a singular model that is the rule
    at a true parameter, and a prior that makes the Hessian barely positive does not make the
    posterior Gaussian. Both refusals are ``LaplaceRefusedError`` and say which it is.

    Args:
        triple: with data.
        at: the parameter, a pytree as the prior's: ``map_estimate(triple).parameter``.
        subset: names of the entries of the prior that are approximated, the others frozen at
            ``at``; default all.
        damping: ≥ 0, added to every eigenvalue if asked for; reported in the result.

    Returns:
        A Gaussian in flat coordinates, from which one can draw.

    Raises:
        NotPositiveDefiniteError: saying which directions are flat or falling.
        NotAtModeError: a positive definite Hessian next to a mode, or far from one, with curvatures
            no larger than |gradient| / max(|û|, 1).
        ValueError: a population triple, a parameter that does not match, or negative damping.

    >>> import numpyro.distributions as dist
    >>> y = np.array([0.5, 1.5, 4.0])
    >>> triple = Triple(lambda w, y: dist.Normal(w, 1.0).log_prob(y), dist.Normal(0.0, 1.0), y)
    >>> approximation = laplace(triple, 1.5)
    >>> approximation.covariance.tolist()  # 1/(n + 1)
    [[0.25]]
    >>> exact = -dist.MultivariateNormal(jnp.zeros(3), jnp.eye(3) + 1).log_prob(y)
    >>> bool(abs(approximation.free_energy - exact) < 1e-5)  # the posterior is Gaussian
    True
    """
    damping = real_number(
        "damping", damping, above=-math.ulp(0.0), meaning="zero or a positive number"
    )
    if triple.is_population:
        raise ValueError(f"triple: {triple.name} is a population triple; the posterior needs data")
    if subset is not None:
        triple, at = freeze(triple, at, subset), {name: at[name] for name in subset}
    triple.parameter_energy(at)  # raises where it does not match
    with jax.enable_x64(True):
        mean = triple.coordinates.unconstrain(jax.tree.map(jnp.asarray, at))
        value, gradient, hessian = (
            np.asarray(part) for part in _compiled(triple.as_model())(mean, triple.data)
        )
    if not np.isfinite(hessian).all():
        raise ValueError(f"at: the Hessian of {triple.name} is not finite there")
    eigenvalues, vectors = np.linalg.eigh(hessian)
    # Where a rotation or a change of scale leaves the function as it is, the curvature along it is
    # exactly 0 at the mode; next to the mode it is as large as what is left of the gradient, over
    # the length of the parameter, and says nothing.
    unresolved = float(np.linalg.norm(gradient)) / max(float(np.linalg.norm(mean)), 1.0)
    zero = RELATIVE_ZERO * np.abs(eigenvalues).max()
    flat = eigenvalues + damping <= zero
    if flat.any():
        reason = (
            "the Hessian of -log posterior is not positive definite: {} of {} directions are flat "
            "or fall"
        )
        raise NotPositiveDefiniteError(
            _words(triple, reason, eigenvalues, vectors, flat), eigenvalues, vectors[:, flat].T
        )
    unresolved_ones = eigenvalues + damping <= unresolved
    if unresolved_ones.any():
        reason = (
            f"at is not a mode: the gradient left there, {np.linalg.norm(gradient):.2g}, alone "
            f"produces curvatures up to {unresolved:.2g}"
        )
        reason += ", and {} of {} directions have no more"
        raise NotAtModeError(
            _words(triple, reason, eigenvalues, vectors, unresolved_ones),
            eigenvalues,
            vectors[:, unresolved_ones].T,
        )
    damped = hessian + damping * np.eye(len(mean))
    log_determinant = float(np.sum(np.log(eigenvalues + damping)))
    free_energy = float(value) - 0.5 * len(mean) * math.log(2 * math.pi) + 0.5 * log_determinant
    return Laplace(
        triple,
        np.asarray(mean),
        damped,
        eigenvalues,
        float(damping),
        float(np.abs(gradient).max()),
        free_energy,
    )


@lru_cache(maxsize=16)
def _compiled(model: Model) -> Callable[..., Any]:
    objective = minus_log_posterior(model)
    return jax.jit(
        lambda u, data: (
            objective(u, data),
            jax.grad(objective)(u, data),
            jax.hessian(objective)(u, data),
        )
    )


def _words(
    triple: Triple,
    reason: str,
    eigenvalues: Float[np.ndarray, " d"],
    vectors: Float[np.ndarray, "d d"],
    refused: Bool[np.ndarray, " d"],
) -> str:
    """Why, and which directions, in the names of the coordinates."""
    names = coordinate_names(triple)
    described = []
    for value, direction in zip(eigenvalues[refused], vectors[:, refused].T, strict=True):
        largest = np.argsort(-np.abs(direction))[:4]
        terms = " ".join(
            f"{direction[i]:+.2f} {names[i]}" for i in largest if abs(direction[i]) > 0.05
        )
        described.append(f"{terms} (curvature {value:.2g})")
    shown = "; ".join(described[:3]) + (
        f"; and {len(described) - 3} more" if len(described) > 3 else ""
    )
    why = reason.format(len(described), len(eigenvalues))
    return f"{triple.name}: no Laplace approximation, for {why}, {shown}"


def coordinate_names(triple: Triple) -> list[str]:
    """A name for every flat coordinate: ``A[1,0]``; entries of a leaf whose constraint changes
    their number count up.
    """
    shapes = jax.tree.leaves(triple.coordinates.shapes())
    if sum(math.prod(shape.shape) for shape in shapes) != triple.dimension:
        return [f"u[{i}]" for i in range(triple.dimension)]
    names = []
    for name, shape in zip(triple.coordinates.names(), shapes, strict=True):
        names += [
            name + ("[" + ",".join(map(str, index)) + "]" if index else "")
            for index in np.ndindex(*shape.shape)
        ]
    return names
