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
from singlearn.running.arguments import random_seed, real_number, whole_number
from singlearn.triple import Triple


def pendulum_position(
    w: Mapping[str, Float[Array | np.ndarray, ""]], x0: Float[Array | np.ndarray, " n"]
) -> Float[Array, " n"]:
    r"""Where a small pendulum of unit length is at time t.

    .. math:: f(x_0) = x_0 \cos(\sqrt g t) + \frac{v}{\sqrt g} \sin(\sqrt g t)

    Args:
        w: ``{"v", "g", "t"}``: initial velocity, gravity > 0, time of the reading; any consistent
            units.
        x0: starting positions.

    Returns:
        One position per starting position, in their unit.

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
    r"""Simulated readings of a pendulum: starting positions :math:`x_0 ~ N(0, 1)` known, (v, g, t)
    to be learned.

    Prior v ~ N(0, 1), g and t ~ LogNormal(0, 1), so both are positive.

    The orbit :math:`(x_0, a v, a^2 g, t/a)` leaves f unchanged: gravity and time cannot be told
    apart. Readings show two numbers, :math:`\cos(\sqrt g t)` and :math:`v \sin(\sqrt g t)/\sqrt g`,
    so the Fisher information of (v, g, t) has rank 2.

    Known: λ = 1, m = 1 where :math:`\sin(\sqrt g t) ≠ 0` at the truth, because rank 2 holds on all
    true parameters. Where the sine vanishes, true parameters have :math:`\sqrt g t ∈ πZ` with any
    v; with δ the distance from there, near v = 0 :math:`K ≍ δ^2 (v^2 + δ^2)`, so λ = 1/2, m = 2.

    Args:
        n: number of readings ≥ 1.
        velocity: true v.
        gravity: true g > 0.
        time: true t > 0.
        scale: standard deviation of a reading.
        seed: of the simulated data.

    Returns:
        A triple with simulated readings, whose λ is known.

    Raises:
        ValueError: an argument is outside these ranges.

    >>> str(pendulum(n=20).known.value), pendulum(n=20, time=np.pi).known.multiplicity
    ('1', 2)
    """
    n, seed = whole_number("n", n), random_seed(seed)
    velocity = real_number("velocity", velocity)
    gravity = real_number("gravity", gravity, above=0, meaning="positive")
    time = real_number("time", time, above=0, meaning="positive")
    scale = real_number("scale", scale, above=0, meaning="a positive standard deviation")
    generator = np.random.default_rng(seed)
    x0 = generator.normal(size=n)
    truth = {"v": np.asarray(velocity), "g": np.asarray(gravity), "t": np.asarray(time)}
    with jax.enable_x64(True):
        y = np.asarray(pendulum_position(truth, x0)) + scale * generator.normal(size=n)
    return Triple.regression(
        pendulum_position,
        _prior(),
        x0,
        y,
        scale=scale,
        truth=truth,
        name="pendulum, simulated readings",
        known=_known(gravity, time),
    )


def pendulum_population(
    velocity: float | int = 0.5,
    gravity: float | int = 1.0,
    time: float | int = 1.0,
    scale: float | int = 0.1,
    n: float | int = 1.0,
) -> Triple:
    r"""The population triple of :func:`pendulum`: starting positions :math:`x_0 ~ N(0, 1)`, the
    same prior and λ.

    .. math:: K = \frac{1}{2σ^2} \big[(\cos φ - \cos φ_0)^2 + (u \sin φ - u_0 \sin φ_0)^2\big],
              \qquad φ = \sqrt g t, \; u = v/\sqrt g

    Args:
        velocity: true v.
        gravity: true g > 0.
        time: true t > 0.
        scale: σ > 0, standard deviation of a reading.
        n: sample size; only nβ matters.

    Returns:
        A population triple whose λ is known.

    Raises:
        ValueError: an argument is outside these ranges.

    >>> triple = pendulum_population(velocity=0.5, gravity=1.0, time=1.0)
    >>> round(triple.parameter_energy(pendulum_orbit({"v": 0.5, "g": 1.0, "t": 1.0}, 3.0)), 12)
    0.0
    """
    velocity = real_number("velocity", velocity)
    gravity = real_number("gravity", gravity, above=0, meaning="positive")
    time = real_number("time", time, above=0, meaning="positive")
    scale = real_number("scale", scale, above=0, meaning="positive")

    def readings(w: Mapping[str, Float[Array | np.ndarray, ""]]) -> tuple[Array, Array]:
        u, phase = pendulum_invariants(w)
        return jnp.cos(phase), u * jnp.sin(phase)

    truth = {
        "v": np.asarray(float(velocity)),
        "g": np.asarray(float(gravity)),
        "t": np.asarray(float(time)),
    }
    with jax.enable_x64(True):
        cosine, sine = (float(number) for number in readings(truth))

    def kl(w: Mapping[str, Float[Array, ""]]) -> Float[Array, ""]:
        now = readings(w)
        return ((now[0] - cosine) ** 2 + (now[1] - sine) ** 2) / (2 * scale**2)

    known = _known(float(gravity), float(time))
    return Triple.population(kl, _prior(), n, name="pendulum, population", known=known)


def pendulum_invariants(
    w: Mapping[str, Float[Array | np.ndarray, ""] | float | int],
) -> tuple[Array, Array]:
    r"""What readings can show: :math:`u = v/\sqrt g` and the phase :math:`φ = \sqrt g t`,
    coordinates without the orbit.

    Returns:
        u and φ, without units for a pendulum of unit length.

    >>> [round(float(number), 6) for number in pendulum_invariants({"v": 1.0, "g": 4.0, "t": 1.5})]
    [0.5, 3.0]
    """
    frequency = jnp.sqrt(jnp.asarray(w["g"]))
    return jnp.asarray(w["v"]) / frequency, frequency * w["t"]


def pendulum_orbit(w: Mapping[str, float | int], factor: float | int) -> dict[str, float]:
    r"""The parameter :math:`(av, a^2 g, t/a)`, which no reading tells from (v, g, t).

    Args:
        w: ``{"v": …, "g": …, "t": …}``.
        factor: a > 0.

    Returns:
        The parameter by name.

    Raises:
        ValueError: a is not positive.

    >>> pendulum_orbit({"v": 0.5, "g": 1.0, "t": 1.0}, 2.0)
    {'v': 1.0, 'g': 4.0, 't': 0.5}
    """
    if not factor > 0:
        raise ValueError(f"factor: got {factor}; it should be positive")
    return {
        "v": float(factor * w["v"]),
        "g": float(factor**2 * w["g"]),
        "t": float(w["t"] / factor),
    }


def pendulum_regression(
    x0: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], scale: float | int
) -> Triple:
    """The same model for readings at hand, in units where v, g and t are of order 1.

    λ = 1, m = 1 unless the readings were taken at a half period, which the data leave open; so
    nothing is claimed.

    Args:
        x0: known starting positions.
        y: positions that were read.
        scale: standard deviation of a reading.

    Returns:
        A triple with these readings, whose λ is not known.

    Raises:
        ValueError: a scale that is not positive, or data that do not match.

    >>> pendulum_regression(np.array([0.0, 1.0]), np.array([0.4, 0.9]), scale=0.1).dimension
    3
    """
    return Triple.regression(pendulum_position, _prior(), x0, y, scale=scale, name="pendulum")


def _known(gravity: float | int, time: float | int) -> ExactCoefficient:
    # π is not a float: a phase that was meant to be a multiple of it misses it by rounding.
    generic = abs(np.sin(np.sqrt(gravity) * time)) > 1e-9
    return ExactCoefficient(
        value=Fraction(1) if generic else Fraction(1, 2),
        multiplicity=1 if generic else 2,
        source="singlearn, from the rank of the Fisher information"
        if generic
        else "singlearn, by blowing up δ²(v² + δ²)",
        conditions="known noise; random starting positions; sin(√g t) ≠ 0 at the truth"
        if generic
        else "sin(√g t) = 0 at the truth",
    )


def _prior() -> dict[str, dist.Distribution]:
    return {
        "v": dist.Normal(0.0, 1.0),
        "g": dist.LogNormal(0.0, 1.0),
        "t": dist.LogNormal(0.0, 1.0),
    }
