"""Any polynomial as a population triple: singularities by themselves, without data."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float

from singlearn.exact import ExactCoefficient, Expression
from singlearn.triple import Triple


def polynomial(
    K: str | Callable[..., Any],
    variables: Sequence[str] | None = None,
    prior: dist.Distribution | Mapping[str, dist.Distribution] | None = None,
    n: float | int = 1.0,
    known: ExactCoefficient | None = None,
) -> Triple:
    r"""The population triple of a Kullback–Leibler divergence that is written down: energy :math:`n
    K(w)`.

    Known: what is passed as ``known``. For a sum of squares of separate monomials λ can be read off
    the exponents, for instance ``"x^2*y^2"`` has λ = 1/2, m = 2 and ``"x^2*y^2 + z^4"`` has λ =
    3/4, m = 2 with a prior positive at 0.

    Args:
        K: a polynomial such as ``"x^2*y^2 + z^4"`` (read, never executed), or a JAX function of one
            scalar per variable. It should be ≥ 0 with minimum 0.
        variables: names of the parameters; by default those of the text in order of appearance, or
            of the function's arguments.
        prior: of every variable, or one for each name; N(0, 1) by default, ``dist.Uniform(-1, 1)``
            for a box.
        n: sample size; only nβ matters.
        known: λ and m, where they are proved.

    Returns:
        A population triple over the variables of K.

    Raises:
        ValueError: a text that is not a polynomial, names that do not match, or a K that is
            negative or not finite where the prior is sampled.

    >>> triple = polynomial("x^2*y^2 + z^4")
    >>> triple.parameter_energy({"x": 1.0, "y": 2.0, "z": 1.0}), triple.coordinates.names()
    (5.0, ['x', 'y', 'z'])
    >>> polynomial(lambda x, y: (x * y) ** 2, prior=dist.Uniform(-1.0, 1.0)).dimension
    2
    """
    function, appearing = _read(K)
    names = tuple(appearing if variables is None else variables)
    if set(appearing) - set(names):
        raise ValueError(
            f"variables: got {names}; K also contains {sorted(set(appearing) - set(names))}"
        )
    if not names or len(set(names)) < len(names):
        raise ValueError(f"variables: got {names}; there should be at least one, each once")
    if isinstance(prior, Mapping):
        if set(prior) != set(names):
            raise ValueError(
                f"prior: got one for each of {sorted(prior)}; it should be for each of "
                f"{sorted(names)}"
            )
        priors = dict(prior)
    else:
        priors = dict.fromkeys(names, dist.Normal(0.0, 1.0) if prior is None else prior)

    def kl(w: Mapping[str, Float[Array, ""]]) -> Float[Array, ""]:
        return jnp.asarray(function(w), jnp.result_type(float))

    triple = Triple.population(
        kl,
        priors,
        n,
        name=f"K = {K}" if isinstance(K, str) else f"K({', '.join(names)})",
        known=known,
    )
    _check_divergence(triple, kl)
    return triple


def _read(
    K: str | Callable[..., Any],
) -> tuple[Callable[[Mapping[str, Any]], Any], tuple[str, ...]]:
    if isinstance(K, str):
        expression = Expression(K)
        return expression.evaluate, expression.variables
    parameters = inspect.signature(K).parameters
    starred = [
        p
        for p in parameters.values()
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD, p.POSITIONAL_ONLY)
    ]
    if starred:
        raise ValueError(
            f"K: its argument {starred[0]} has no usable name; it should take one named scalar per "
            f"variable"
        )
    return lambda w: K(**{name: w[name] for name in parameters}), tuple(parameters)


def _check_divergence(triple: Triple, kl: Callable[[Any], Float[Array, ""]]) -> None:
    """Refuse what cannot be a Kullback–Leibler divergence, seen at 256 draws of the prior."""
    with jax.enable_x64(True):
        draws = jax.vmap(triple.coordinates.sample)(jax.random.split(jax.random.key(0), 256))
        parameters = jax.vmap(triple.coordinates.constrain)(draws)
        values = np.asarray(jax.vmap(kl)(parameters))
    worst = int(np.argmin(np.where(np.isfinite(values), values, -np.inf)))
    # Rounding can push a zero of an expanded square below 0.
    if not values[worst] > -1e-9:
        where = {name: float(value[worst]) for name, value in parameters.items()}
        raise ValueError(
            f"K: got {values[worst]} at {where}; a Kullback–Leibler divergence should be finite "
            f"and ≥ 0"
        )
