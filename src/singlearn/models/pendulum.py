"""The pendulum: a regular-looking model with a continuous symmetry."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float

from singlearn.exact import ExactCoefficient
from singlearn.exact.catalogue.refusals import require_at_least
from singlearn.triple import Triple


def pendulum_position(
    w: Mapping[str, Float[Array | np.ndarray, ""]], x0: Float[Array | np.ndarray, " n"]
) -> Float[Array, " n"]:
    r"""Where a small pendulum of unit length is at time t.

    .. math:: f(x_0) = x_0 \cos(\sqrt g t) + \frac{v}{\sqrt g} \sin(\sqrt g t)

    Args:
        w: ``{"v", "g", "t"}``: initial velocity, gravity > 0, time of the reading; any consistent units.
        x0: starting positions.

    >>> w = {"v": np.array(0.0), "g": np.array(4.0), "t": np.array(np.pi / 2)}
    >>> round(float(pendulum_position(w, np.array([1.0]))[0]), 6)
    -1.0
    """
    frequency = jnp.sqrt(w["g"])
    phase = frequency * w["t"]
    return jnp.asarray(x0, phase.dtype) * jnp.cos(phase) + w["v"] / frequency * jnp.sin(phase)


def pendulum(
    n: int = 200,
    velocity: float | int = 0.5,
    gravity: float | int = 1.0,
    time: float | int = 1.0,
    scale: float | int = 0.1,
    seed: int = 0,
) -> Triple:
    r"""Simulated readings of a pendulum: starting positions :math:`x_0 ~ N(0, 1)` known, (v, g, t) to be learned.

    Prior v ~ N(0, 1), g and t ~ LogNormal(0, 1), so both are positive.

    The orbit :math:`(x_0, a v, a^2 g, t/a)` leaves f unchanged: gravity and time cannot be told apart. Readings show
    two numbers, :math:`\cos(\sqrt g t)` and :math:`v \sin(\sqrt g t)/\sqrt g`, so the Fisher information of (v, g, t)
    has rank 2.

    Known: λ = 1, m = 1 where :math:`\sin(\sqrt g t) ≠ 0` at the truth, because rank 2 holds on all true parameters.
    Where the sine vanishes, true parameters have :math:`\sqrt g t ∈ πZ` with any v; with δ the distance from there,
    near v = 0 :math:`K ≍ δ^2 (v^2 + δ^2)`, so λ = 1/2, m = 2.

    Args:
        n: number of readings ≥ 1.
        velocity: true v.
        gravity: true g > 0.
        time: true t > 0.
        scale: standard deviation of a reading.
        seed: of the simulated data.

    Raises:
        ValueError: an argument is outside these ranges.

    >>> str(pendulum(n=20).known.value), pendulum(n=20, time=np.pi).known.multiplicity
    ('1', 2)
    """
    require_at_least("n", n, 1)
    for argument, value in (("gravity", gravity), ("time", time)):
        if not value > 0:
            raise ValueError(f"{argument}: got {value}; it should be positive")
    generator = np.random.default_rng(seed)
    x0 = generator.normal(size=n)
    truth = {"v": np.asarray(velocity), "g": np.asarray(gravity), "t": np.asarray(time)}
    with jax.enable_x64(True):
        y = np.asarray(pendulum_position(truth, x0)) + scale * generator.normal(size=n)
    # π is not a float: a phase that was meant to be a multiple of it misses it by rounding.
    generic = abs(np.sin(np.sqrt(gravity) * time)) > 1e-9
    known = ExactCoefficient(
        value=Fraction(1) if generic else Fraction(1, 2),
        multiplicity=1 if generic else 2,
        source="singlearn, from the rank of the Fisher information"
        if generic
        else "singlearn, by blowing up δ²(v² + δ²)",
        conditions="known noise; random starting positions; sin(√g t) ≠ 0 at the truth"
        if generic
        else "sin(√g t) = 0 at the truth",
    )
    return Triple.regression(
        pendulum_position,
        _prior(),
        x0,
        y,
        scale=float(scale),
        truth=truth,
        name="pendulum, simulated readings",
        known=known,
    )


def pendulum_regression(x0: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], scale: float | int) -> Triple:
    """The same model for readings at hand, in units where v, g and t are of order 1.

    λ = 1, m = 1 unless the readings were taken at a half period, which the data leave open; so nothing is claimed.

    Args:
        x0: known starting positions.
        y: positions that were read.
        scale: standard deviation of a reading.

    Raises:
        ValueError: a scale that is not positive, or data that do not match.

    >>> pendulum_regression(np.array([0.0, 1.0]), np.array([0.4, 0.9]), scale=0.1).dimension
    3
    """
    return Triple.regression(pendulum_position, _prior(), x0, y, scale=float(scale), name="pendulum")


def _prior() -> dict[str, dist.Distribution]:
    return {"v": dist.Normal(0.0, 1.0), "g": dist.LogNormal(0.0, 1.0), "t": dist.LogNormal(0.0, 1.0)}
