"""The bridge of ``temper_from``: from a Gaussian around a known parameter to the posterior within
one phase.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key, PyTree

from singlearn.phases.restriction import PhaseTooSmallError, Restriction
from singlearn.tempering.path import Path, PathFunctions
from singlearn.triple import Model, Triple

PRIOR_DRAWS = 256
# The reference is shrunk towards the start until this share of its draws lies in the phase.
SHARE_INSIDE = 0.1
TRIALS = 512
HALVINGS = 40


@dataclass(frozen=True, eq=False)
class Bridge:
    """Where the reference is, and the path from it to the posterior, which is there at t = 1.

    Attributes:
        path: in noise coordinates z, in which the reference is N(0, I); its energy is infinite
            outside the phase.
        centre, factor: u = centre + factor z.
        draw: key and count to draws of z, and which of them lie in the phase.
    """

    path: Path
    centre: Float[np.ndarray, " d"]
    factor: Float[np.ndarray, "d d"]
    draw: Callable[[Key[Array, ""], int], tuple[Float[Array, "draws d"], Bool[Array, " draws"]]]

    def coordinates(self, z: Float[np.ndarray, "*batch d"]) -> Float[np.ndarray, "*batch d"]:
        """The flat coordinates of draws."""
        found: Float[np.ndarray, "*batch d"] = self.centre + z @ self.factor.T
        return found


@dataclass(frozen=True, eq=False)
class _Compiled:
    """What is compiled once for all β, data and starts of a model and a phase."""

    draw: Callable[[Key[Array, " draws"]], Float[Array, "draws d"]]
    inside: Callable[[Float[Array, "draws d"]], Bool[Array, " draws"]]
    minus_log_posterior: Callable[[Float[Array, " d"], float, PyTree], Float[Array, ""]]
    hessian: Callable[[Float[Array, " d"], float, PyTree], Float[Array, "d d"]]
    program: PathFunctions


def build_bridge(
    triple: Triple, centre: Float[np.ndarray, " d"], beta: float, restriction: Restriction
) -> Bridge:
    """The bridge from around ``centre`` (flat coordinates); raises as ``temper_from``."""
    data = jax.tree.map(jnp.asarray, triple.energy_data)
    compiled = _compile(triple.as_model(), restriction)
    if not bool(compiled.inside(jnp.asarray(centre)[None])[0]):
        raise ValueError(f"start: it is not in the phase {restriction.description!r}")
    if not np.isfinite(float(compiled.minus_log_posterior(jnp.asarray(centre), beta, data))):
        raise ValueError("start: its energy is infinite")
    # In units of the prior's standard deviations, where 1 is the flattest that a direction may be.
    scales = np.asarray(compiled.draw(jax.random.split(jax.random.key(0), PRIOR_DRAWS))).std(axis=0)
    curvature = np.nan_to_num(
        np.asarray(compiled.hessian(jnp.asarray(centre), beta, data)) * np.outer(scales, scales)
    )
    eigenvalues, vectors = np.linalg.eigh((curvature + curvature.T) / 2)
    factor = scales[:, None] * vectors / np.sqrt(np.maximum(np.abs(eigenvalues), 1.0))
    factor = factor * _shrinkage(compiled, centre, factor, restriction.description)
    log_volume = np.asarray(np.linalg.slogdet(factor)[1])
    setting = (np.asarray(beta), centre, factor, log_volume, triple.energy_data)

    def draw(
        key: Key[Array, ""], count: int
    ) -> tuple[Float[Array, "draws d"], Bool[Array, " draws"]]:
        z = jax.random.normal(key, (count, len(centre)))
        return z, compiled.inside(jnp.asarray(centre) + z @ jnp.asarray(factor).T)

    return Bridge(Path(compiled.program, setting, triple.name), centre, factor, draw)


@lru_cache(maxsize=8)
def _compile(model: Model, restriction: Restriction) -> _Compiled:
    triple, coordinates = model.triple, model.triple.coordinates
    d = coordinates.dimension

    def inside(u: Float[Array, " d"]) -> Bool[Array, ""]:
        return restriction.inside(coordinates.constrain(u))

    def minus_log_posterior(u: Float[Array, " d"], beta: Any, data: PyTree) -> Float[Array, ""]:
        found: Float[Array, ""] = beta * triple.energy(u, data) - coordinates.log_prob(u)
        return found

    def log_reference(z: Float[Array, " d"]) -> Float[Array, ""]:
        return -0.5 * jnp.sum(z**2) - 0.5 * d * math.log(2 * math.pi)

    def energy(z: Float[Array, " d"], setting: PyTree) -> Float[Array, ""]:
        beta, centre, factor, log_volume, data = setting
        u = centre + factor @ z
        return jnp.where(
            inside(u), minus_log_posterior(u, beta, data) + log_reference(z) - log_volume, jnp.inf
        )

    # Compiled as wholes: one operation at a time, each is compiled by itself, which took three
    # quarters of a short run.
    return _Compiled(
        jax.jit(jax.vmap(coordinates.sample)),
        jax.jit(jax.vmap(inside)),
        jax.jit(minus_log_posterior),
        jax.jit(jax.hessian(minus_log_posterior)),
        PathFunctions((model, restriction), d, lambda z, setting: log_reference(z), energy),
    )


def _shrinkage(
    compiled: _Compiled,
    centre: Float[np.ndarray, " d"],
    widths: Float[np.ndarray, "d d"],
    phase: str,
) -> float:
    """The largest power of a half by which the reference has to shrink to lie mostly in the
    phase.
    """
    noise = np.random.default_rng(0).normal(size=(TRIALS, len(centre)))
    for halvings in range(HALVINGS):
        if (
            float(
                np.asarray(
                    compiled.inside(jnp.asarray(centre + 0.5**halvings * noise @ widths.T))
                ).mean()
            )
            >= SHARE_INSIDE
        ):
            return 0.5**halvings
    raise PhaseTooSmallError(
        f"start: no neighbourhood of it lies in the phase {phase!r}; start from a point further "
        f"inside"
    )
