"""The pendulum as the notes have it, four parameters and one reading, and its regular
reparametrisation.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float

from singlearn.exact import ExactCoefficient
from singlearn.models.pendulum import pendulum_position
from singlearn.running.arguments import random_seed, real_number, whole_number
from singlearn.triple import Triple


def pendulum_four(
    n: int = 200,
    position: float | int = 1.0,
    velocity: float | int = 0.5,
    gravity: float | int = 1.0,
    time: float | int = 1.0,
    scale: float | int = 0.1,
    seed: int = 0,
) -> Triple:
    r"""Repeated readings of one number,
    :math:`f = x_0\cos(\sqrt g t) + \frac{v}{\sqrt g}\sin(\sqrt g t)`, with all four parameters
    unknown.

    Prior x₀ and v ~ N(0, 1), g and t ~ LogNormal(0, 1).

    Known: λ = 1/2, m = 1 for every truth. One number is seen, and its derivatives with respect to
    x₀ and v, :math:`\cos φ` and :math:`\sin φ/\sqrt g`, are never both zero: the Fisher information
    has rank 1 of 4 everywhere, and the true parameters are a smooth hypersurface.

    Args:
        n: number of readings ≥ 1.
        position: true x₀.
        velocity: true v.
        gravity: true g > 0.
        time: true t > 0.
        scale: standard deviation of a reading.
        seed: of the simulated data.

    Returns:
        The triple.

    Raises:
        ValueError: an argument is outside these ranges.

    >>> triple = pendulum_four(n=20)
    >>> triple.dimension, str(triple.known.value)
    (4, '1/2')
    """
    n, seed = whole_number("n", n), random_seed(seed)
    truth = {
        "x0": np.asarray(real_number("position", position)),
        "v": np.asarray(real_number("velocity", velocity)),
        "g": np.asarray(real_number("gravity", gravity, above=0, meaning="positive")),
        "t": np.asarray(real_number("time", time, above=0, meaning="positive")),
    }
    scale = real_number("scale", scale, above=0, meaning="a positive standard deviation")
    readings = np.zeros(n)
    with jax.enable_x64(True):
        y = np.asarray(_reading(truth, readings)) + scale * np.random.default_rng(seed).normal(
            size=n
        )
    prior = {
        "x0": dist.Normal(0.0, 1.0), "v": dist.Normal(0.0, 1.0),
        "g": dist.LogNormal(0.0, 1.0), "t": dist.LogNormal(0.0, 1.0),
    }  # fmt: skip
    known = ExactCoefficient(
        Fraction(1, 2),
        1,
        "singlearn, from the rank of the Fisher information",
        "known noise; one reading, repeated; any truth",
    )
    return Triple.regression(
        _reading,
        prior,
        readings,
        y,
        scale=scale,
        truth=truth,
        name="pendulum, four parameters",
        known=known,
    )


def _reading(w: Mapping[str, Any], readings: Float[Array | np.ndarray, " n"]) -> Float[Array, " n"]:
    """One number for every reading; ``readings`` has their count only."""
    x0 = jnp.asarray(w["x0"])
    return pendulum_position(w, jnp.zeros_like(jnp.asarray(readings, x0.dtype)) + x0)


def pendulum_regular(
    n: int = 200,
    speed: float | int = 0.5,
    phase: float | int = 1.0,
    scale: float | int = 0.1,
    seed: int = 0,
) -> Triple:
    r"""The pendulum without its redundancy: :math:`f(x_0) = x_0 \cos φ + u \sin φ` with
    :math:`u = v/\sqrt g`, :math:`φ = \sqrt g t`.

    Prior u ~ N(0, 1), φ uniform on (0, π); starting positions x₀ ~ N(0, 1) are known. On (0, π) cos
    φ tells φ and sin φ > 0
    then tells u: the model is identifiable, its Fisher information
    :math:`\frac1{σ^2}` of :math:`(\sin φ, -x_0 \sin φ + u\cos φ)` has rank 2, and it is regular.

    Known: λ = d/2 = 1, m = 1.

    Args:
        n: number of readings ≥ 1.
        speed: true u.
        phase: true φ in (0, π).
        scale: standard deviation of a reading.
        seed: of the simulated data.

    Returns:
        The triple.

    Raises:
        ValueError: an argument is outside these ranges.

    >>> pendulum_regular(n=20).dimension, str(pendulum_regular(n=20).known.value)
    (2, '1')
    """
    n, seed = whole_number("n", n), random_seed(seed)
    truth = {
        "u": np.asarray(real_number("speed", speed)),
        "phase": np.asarray(
            real_number("phase", phase, above=0, below=np.pi, meaning="a number between 0 and π")
        ),
    }
    scale = real_number("scale", scale, above=0, meaning="a positive standard deviation")
    generator = np.random.default_rng(seed)
    x0 = generator.normal(size=n)
    with jax.enable_x64(True):
        y = np.asarray(_without_orbit(truth, x0)) + scale * generator.normal(size=n)
    prior = {"u": dist.Normal(0.0, 1.0), "phase": dist.Uniform(0.0, np.pi)}
    known = ExactCoefficient(
        Fraction(1),
        1,
        "Watanabe 2009, regular models",
        "known noise; random starting positions; 0 < φ < π",
    )
    return Triple.regression(
        _without_orbit,
        prior,
        x0,
        y,
        scale=scale,
        truth=truth,
        name="pendulum, regular",
        known=known,
    )


def _without_orbit(w: Mapping[str, Any], x0: Float[Array | np.ndarray, " n"]) -> Float[Array, " n"]:
    u, phase = jnp.asarray(w["u"]), jnp.asarray(w["phase"])
    return jnp.asarray(x0, phase.dtype) * jnp.cos(phase) + u * jnp.sin(phase)
