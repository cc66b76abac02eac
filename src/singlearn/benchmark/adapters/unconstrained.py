"""A problem in unconstrained coordinates, as a log prior and a log likelihood in JAX."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from singlearn.benchmark.problem import Problem


@dataclass(frozen=True)
class Unconstrained:
    """JAX functions of one flat vector.

    Attributes:
        log_prior: density of the vector, in nats.
        log_likelihood: at β = 1.
        draw: ``draw(key, size)`` from the prior.
        constrain: the parameter of a vector.
        dimension: of the vector.
    """

    log_prior: Callable[[Any], Any]
    log_likelihood: Callable[[Any], Any]
    draw: Callable[[Any, int], Any]
    constrain: Callable[[Any], dict[str, Any]]
    dimension: int


def unconstrained(problem: Problem) -> Unconstrained:
    """The functions; to be called, as this is, in double precision.

    Args:
        problem: of which.

    Returns:
        Its density and its likelihood.
    """
    import jax
    import jax.numpy as jnp
    from numpyro.distributions.transforms import biject_to

    parts = []
    for part in problem.prior:
        distribution = part.numpyro()
        transform = biject_to(distribution.support)
        shape = transform.inverse_shape(part.whole_shape)
        parts.append((part.parameter, distribution, transform, shape))
    ends = np.cumsum([int(np.prod(shape)) for *_, shape in parts])
    log_likelihood = problem.jax_log_likelihood()

    def split(u: Any) -> list[Any]:
        return [
            piece.reshape(shape)
            for piece, (*_, shape) in zip(jnp.split(u, ends[:-1]), parts, strict=True)
        ]

    def constrain(u: Any) -> dict[str, Any]:
        return {
            name: transform(piece)
            for piece, (name, _, transform, _) in zip(split(u), parts, strict=True)
        }

    def log_prior(u: Any) -> Any:
        total: Any = 0.0
        for piece, (_, distribution, transform, _) in zip(split(u), parts, strict=True):
            value = transform(piece)
            jacobian = transform.log_abs_det_jacobian(piece, value)
            total = total + jnp.sum(distribution.log_prob(value)) + jnp.sum(jacobian)
        return total

    def one(key: Any) -> Any:
        keys = jax.random.split(key, len(parts))
        drawn = [
            transform.inv(distribution.sample(own)).reshape(-1)
            for own, (_, distribution, transform, _) in zip(keys, parts, strict=True)
        ]
        return jnp.concatenate(drawn)

    return Unconstrained(
        log_prior,
        lambda u: log_likelihood(constrain(u)),
        lambda key, size: jax.vmap(one)(jax.random.split(key, size)),
        constrain,
        int(ends[-1]),
    )
