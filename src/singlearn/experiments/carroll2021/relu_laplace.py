"""What phases of two-layer ReLU networks cost, in closed form: all nodes dead exactly, the true
parameters by Laplace's method.
"""

from __future__ import annotations

import math
from itertools import product

import jax
import numpy as np
from jaxtyping import Float
from scipy.special import kve

from singlearn.experiments.carroll2021.relu_chart import SQUARE, Chart, Network, to_chart
from singlearn.models import relu_population_kl

DEAD = math.acos(-1 / 3) / math.pi - 0.5
r"""Prior mass of a node that is dead on [-1, 1]²: :math:`b < -|w_1| - |w_2|` cuts the solid angle
:math:`4\arccos(-1/3) - 2π` from the
sphere, whatever the scale of the prior. Always active nodes have the same mass.
"""

FINE = 500


def constant_fit(truth: Network) -> tuple[float, float]:
    """(mean of the truth's function on the square, K of the best constant), from the exact K.

    >>> from singlearn.models import star_truth
    >>> mean, divergence = constant_fit(star_truth(3, 3))
    >>> 0.3 < mean < 0.4 and 0.02 < divergence < 0.04
    True
    """
    kl = jax.jit(relu_population_kl(truth, SQUARE))
    nothing = {"w": np.zeros((1, 2)), "b": np.zeros(1), "q": np.zeros(1)}
    with jax.enable_x64(True):
        zero, one = (float(kl(nothing | {"c": np.array(c)})) for c in (0.0, 1.0))
    mean = 0.5 - (one - zero)
    return mean, zero - 0.5 * mean**2


def dead_free_energy(
    n_beta: float, mean: float, divergence: float, hidden: int, scale: float
) -> float:
    r"""F of the phase in which every node is dead on the square, exactly, in nats: the function is
    the constant c.

    :math:`K = K_0 + (c - \bar c)^2/2` and c has the prior N(0, scale²).

    >>> round(dead_free_energy(0.0, 0.4, 0.03, 5, 50.0) + 5 * math.log(DEAD), 12)
    0.0
    """
    width = 1 + n_beta * scale**2
    return (
        -hidden * math.log(DEAD)
        + n_beta * divergence
        + 0.5 * math.log(width)
        + 0.5 * n_beta * mean**2 / width
    )


def log_node_density(offset: float, amplitude: float, scale: float) -> float:
    r"""The prior log density of one node in (θ, o, a), its scale integrated out, in nats.

    :math:`(2πσ^2)^{-2} ∫ ρ e^{-Aρ^2 - B/ρ^2} dρ = (2πσ^2)^{-2} \sqrt{B/A}\, K_1(2\sqrt{AB})`, with
    :math:`A = (1 + o^2)/2σ^2`, :math:`B = a^2/2σ^2`.

    >>> from scipy.integrate import quad
    >>> direct = quad(lambda r: r * math.exp(-(r**2 * 1.25 + 4 / r**2) / 18), 0, 60)[0] / (18 * math.pi) ** 2
    >>> round(log_node_density(0.5, 2.0, 3.0) - math.log(direct), 8)
    0.0
    """  # noqa: E501
    a, b = (1 + offset**2) / (2 * scale**2), amplitude**2 / (2 * scale**2)
    z = 2 * math.sqrt(a * b)
    return (
        -2 * math.log(2 * math.pi * scale**2)
        + 0.5 * math.log(b / a)
        + math.log(float(kve(1, z)))
        - z
    )


def laplace_free_energy(n_beta: float, point: Network, scale: float) -> float:
    r"""F near a true parameter without excess nodes, up to a term that vanishes as nβ grows, in
    nats.

    :math:`\frac{D}{2}\log\frac{nβ}{2π} + \frac12\log\det I - \log φ`, in the D = 3 H + 1
    coordinates (θ, o, a, c) of the function; where K = 0 the Hessian of K is the Fisher information
    :math:`I = E_x[∂f ∂f^T]`.

    Raises:
        ValueError: the Fisher information is singular there, because nodes share a kink, are idle,
            or have none in the square.

    >>> from singlearn.models import star_truth
    >>> slope = laplace_free_energy(math.e, star_truth(3, 3), 50.0) - laplace_free_energy(1.0, star_truth(3, 3), 50.0)
    >>> round(slope, 9)    # λ = (3 · 3 + 1)/2
    5.0
    """  # noqa: E501
    v = to_chart(point, 1.0)
    derivatives = _derivatives(v)
    information = derivatives @ derivatives.T / derivatives.shape[1]
    sign, log_det = np.linalg.slogdet(information)
    if sign <= 0 or np.linalg.cond(information) > 1e10:
        raise ValueError(
            "point: the Fisher information of its function is singular; it should have no excess "
            "node"
        )
    nodes = sum(
        log_node_density(float(o), float(a), scale) for o, a in zip(v["o"], v["a"], strict=True)
    )
    density = nodes - 0.5 * (float(v["c"]) / scale) ** 2 - math.log(scale * math.sqrt(2 * math.pi))
    return (
        0.5 * len(information) * math.log(n_beta / (2 * math.pi)) + 0.5 * float(log_det) - density
    )


def _derivatives(v: Chart) -> Float[np.ndarray, "D points"]:
    """∂f/∂(θ, o, a, c) on a lattice of the square, fine enough for three digits of det I."""
    centres = (np.arange(FINE) + 0.5) / FINE * 2 - 1
    x = np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 2)
    normal, across = (
        np.stack(pair, axis=1)
        for pair in ((np.cos(v["θ"]), np.sin(v["θ"])), (-np.sin(v["θ"]), np.cos(v["θ"])))
    )
    height = normal @ x.T + v["o"][:, None]
    alive = v["a"][:, None] * (height > 0)
    return np.concatenate(
        [alive * (across @ x.T), alive, np.maximum(height, 0.0), np.ones((1, len(x)))]
    )


def reversals(truth: Network) -> list[tuple[bool, ...]]:
    """Which sets of nodes can be turned round without any other change than in c: those whose total
    gradients sum to zero.

    >>> from singlearn.models import star_truth
    >>> [len(reversals(star_truth(m, m))) for m in (3, 4, 5)]
    [2, 4, 2]
    """
    gradients = np.asarray(truth["q"])[:, None] * np.asarray(truth["w"])
    return [
        s
        for s in product((False, True), repeat=len(gradients))
        if np.linalg.norm(np.array(s, dtype=float) @ gradients) < 1e-9
    ]


def turned(network: Network, which: tuple[bool, ...]) -> dict[str, np.ndarray]:
    """The nodes ``which`` turned round, and c changed by what that adds: the same function where
    their total gradients sum to zero.

    >>> turned({"w": np.eye(2), "b": np.ones(2), "q": np.ones(2), "c": np.zeros(())}, (True, False))["c"].tolist()
    1.0
    """  # noqa: E501
    sign = np.where(which, -1.0, 1.0)
    w, b, q, c = (np.asarray(network[name], dtype=float) for name in ("w", "b", "q", "c"))
    return {
        "w": w * sign[:, None],
        "b": b * sign,
        "q": q,
        "c": c + np.sum(np.where(which, q * b, 0.0)),
    }
