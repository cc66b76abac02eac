"""The deformation with two inputs: two kinks that cross at an angle, which closes until the
posterior makes one kink of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.optimize import brentq, minimize

from singlearn.experiments.carroll2021.relu_chart import (
    SQUARE,
    Chart,
    ChartPrior,
    to_chart,
    to_network,
)
from singlearn.experiments.carroll2021.relu_laplace import DEAD, log_node_density
from singlearn.models.relu_population import difference, half_mean_square
from singlearn.results.estimate import Estimate
from singlearn.tempering import RunFrom, temper_from
from singlearn.triple import Triple

DIRECTION = 0.3  # of the bisector, in radians: parallel to no edge of the square
TURN, SHIFT = (
    0.5,
    0.3,
)  # how far the kinks of a phase may be from it: in direction (radians), and in offset
# Of the amplitude, that either of two kinks carries at least. Below, a node falls silent, which is
# another phase: it costs 1/2 log n.
LEAST_SHARE = 0.2
Network = dict[str, Any]


def crossing_kinks(angle: float) -> Network:
    """ReLU(⟨n₁, x⟩) + ReLU(⟨n₂, x⟩), unit normals ``angle`` radians apart."""
    return network(
        np.array([DIRECTION + angle / 2, DIRECTION - angle / 2, 0.0, 0.0, 1.0, 1.0, 0.0])
    )


def network(u: Float[Array | np.ndarray, " D"]) -> dict[str, Any]:
    """The network with nodes of unit weights at the function's coordinates: all θ, all o, all a,
    and c.
    """
    nodes = (len(u) - 1) // 3
    θ, o, a = (jnp.asarray(u)[i * nodes : (i + 1) * nodes] for i in range(3))
    return {
        "w": jnp.stack([jnp.cos(θ), jnp.sin(θ)], axis=1),
        "b": o,
        "q": a,
        "c": jnp.asarray(u)[-1],
    }


def _divergence(u: Float[Array, " D"], truth: Network) -> Float[Array, ""]:
    return half_mean_square(difference(network(u), truth), SQUARE)


_value_and_gradient, _hessian = (
    jax.jit(jax.value_and_grad(_divergence)),
    jax.jit(jax.hessian(_divergence)),
)


def closest_crossing_kink(angle: float) -> tuple[Float[np.ndarray, " 4"], float]:
    r"""The network of one node that is closest to the truth, (θ, o, a, c), and its K, which falls
    like the cube of the angle.

    >>> [round(closest_crossing_kink(angle)[1] / closest_crossing_kink(angle / 2)[1], 1) for angle in (0.1, 0.025)]
    [7.8, 8.0]
    """  # noqa: E501
    with jax.enable_x64(True):
        truth = crossing_kinks(angle)

        def objective(u: np.ndarray) -> tuple[float, np.ndarray]:
            value, gradient = _value_and_gradient(jnp.asarray(u), truth)
            # In units in which the optimiser's tolerances mean something.
            return float(value) / angle**3, np.asarray(gradient) / angle**3

        found = minimize(
            objective,
            np.array([DIRECTION, 0.0, 2.0, 0.0]),
            jac=True,
            method="BFGS",
            options={"gtol": 1e-7},
        )
    return np.asarray(found.x), float(found.fun) * angle**3


def angle_at(divergence: float) -> float:
    """The angle at which the best single kink has this K.

    Raises:
        ValueError: none up to 0.8 has.
    """
    if not 0 < divergence < closest_crossing_kink(0.8)[1]:
        raise ValueError(
            f"divergence: got {divergence:.3g}; a single kink is that far from two at no angle up "
            f"to 0.8"
        )
    return float(
        brentq(lambda angle: closest_crossing_kink(angle)[1] - divergence, 3e-3, 0.8, xtol=1e-5)
    )


def laplace_gap(n: float, angle: float, scale: float) -> float:
    r"""F of one kink minus F of two by Laplace's method, in nats: what it is once :math:`n K` is
    large.

    Either is :math:`n K + \frac D2 \log\frac{n}{2π} + \frac12 \log\det ∂^2 K - \log φ` at its best
    parameter, the scales of the nodes integrated out. The two ways to number two kinks, and to
    choose the live one of two nodes, cancel; the other node is dead.
    """
    with jax.enable_x64(True):
        truth = crossing_kinks(angle)
        here, divergence = closest_crossing_kink(angle)
        there = np.array([DIRECTION + angle / 2, DIRECTION - angle / 2, 0.0, 0.0, 1.0, 1.0, 0.0])
        one, two = (
            _laplace(n, u, np.asarray(_hessian(jnp.asarray(u), truth)), scale)
            for u in (here, there)
        )
    return n * divergence + one - math.log(DEAD) - two


def _laplace(
    n: float, u: Float[np.ndarray, " D"], hessian: Float[np.ndarray, "D D"], scale: float
) -> float:
    nodes = (len(u) - 1) // 3
    density = sum(
        log_node_density(float(u[nodes + i]), float(u[2 * nodes + i]), scale) for i in range(nodes)
    )
    density -= 0.5 * (float(u[-1]) / scale) ** 2 + math.log(scale * math.sqrt(2 * math.pi))
    return (
        0.5 * len(u) * math.log(n / (2 * math.pi))
        + 0.5 * float(np.linalg.slogdet(hessian)[1])
        - density
    )


def critical_angle_by_laplace(n: float, scale: float) -> float:
    """The angle at which Laplace's gap is 0."""
    least = angle_at(1.0 / n)
    return float(
        brentq(lambda angle: laplace_gap(n, angle, scale), least, min(4 * least, 0.8), xtol=1e-5)
    )


@cache
def _family(hidden: int, scale: float) -> Triple:
    """The exact K in the chart with n = 1; the setting is the truth, so that all angles share what
    is compiled.
    """

    def kl(v: Chart, truth: Network) -> Float[Array, ""]:
        return half_mean_square(difference(to_network(v), truth), SQUARE)

    return Triple.population(
        kl,
        ChartPrior(hidden, scale),
        n=1.0,
        name=f"{hidden} kinks",
        setting=_plain(crossing_kinks(0.1)),
    )


def _plain(w: Network) -> Network:
    return {name: np.asarray(part, dtype=float) for name, part in w.items()}


def one_kink(v: Chart) -> Any:
    """The one kink is near the bisector."""
    return jnp.all((jnp.abs(v["θ"] - DIRECTION) < TURN) & (jnp.abs(v["o"]) < SHIFT) & (v["a"] > 0))


def two_kinks_in_order(v: Chart) -> Any:
    """Both kinks are near the bisector and carry at least ``LEAST_SHARE`` of the amplitude, the
    first node being the one turned further.
    """
    least = jnp.min(v["a"]) / jnp.sum(v["a"])
    return one_kink(v) & (least > LEAST_SHARE) & (v["θ"][0] > v["θ"][1])


def from_inside(
    n: float, angle: float, scale: float, particles: int, replicates: int, seed: int
) -> tuple[RunFrom, RunFrom]:
    """Local runs in either phase, with exact K: one kink in a network of one node, and two kinks in
    the order of the truth.
    """
    truth, single = crossing_kinks(angle), network(closest_crossing_kink(angle)[0])
    phases: tuple[tuple[Network, Callable[[Chart], Any]], ...] = (
        (single, one_kink),
        (truth, two_kinks_in_order),
    )
    runs = [
        temper_from(
            _family(len(start["b"]), scale).with_setting(_plain(truth)),
            to_chart(start, scale),
            inside,
            beta=n,
            particles=particles,
            replicates=replicates,
            seed=seed + i,
        )
        for i, (start, inside) in enumerate(phases)
    ]
    return runs[0], runs[1]


def free_energies(runs: tuple[RunFrom, RunFrom]) -> tuple[Estimate, Estimate]:
    """F of either phase of two nodes, in nats: one node live of two and the other one dead; two
    kinks in two orders.
    """
    one, two = (run.free_energy for run in runs)
    return Estimate(one.value - math.log(2 * DEAD), one.standard_error), Estimate(
        two.value - math.log(2), two.standard_error
    )
