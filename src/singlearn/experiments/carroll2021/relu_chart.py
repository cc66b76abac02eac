"""Two-layer ReLU networks in coordinates in which the scale of a node is a straight line, and their
phases from inside.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from singlearn.models import two_layer_network
from singlearn.models.relu_population import difference, half_mean_square
from singlearn.results.estimate import Estimate
from singlearn.tempering.temper_from import RunFrom, temper_from
from singlearn.triple import Triple

Network = Mapping[str, Float[Array | np.ndarray, "*_"]]
Chart = dict[str, Any]
SQUARE = ((-1.0, 1.0), (-1.0, 1.0))
SIDE = 32  # of the lattice that stands in for the square while particles move
BATCH = 256


def to_network(v: Mapping[str, Any]) -> dict[str, Any]:
    r"""The network of a chart ``{"r", "θ", "o", "a", "c"}``: :math:`w = e^r(\cos θ, \sin θ)`,
    :math:`b = e^r o`, :math:`q = a e^{-r}`.

    Along r only the scale of a node changes, and the function does not.

    >>> from singlearn.models import star_truth
    >>> back = to_network(to_chart(star_truth(3, 3), length=50.0))
    >>> [round(float(x), 6) for x in back["q"]], round(float(jnp.linalg.norm(back["w"][0])), 4)
    ([0.02, 0.02, 0.02], 50.0)
    """
    length = jnp.exp(v["r"])
    direction = jnp.stack([jnp.cos(v["θ"]), jnp.sin(v["θ"])], axis=-1)
    return {
        "w": direction * length[..., None],
        "b": v["o"] * length,
        "q": v["a"] / length,
        "c": v["c"],
    }


def to_chart(w: Network, length: float) -> Chart:
    """The chart of a network of two inputs whose weights w_i are rescaled to ``length``; the
    function stays the same.
    """
    weight = np.asarray(w["w"])
    norm = np.linalg.norm(weight, axis=1)
    return {
        "r": np.full(len(norm), math.log(length)),
        "θ": np.arctan2(weight[:, 1], weight[:, 0]),
        "o": np.asarray(w["b"]) / norm,
        "a": np.asarray(w["q"]) * norm,
        "c": np.asarray(w["c"], dtype=float),
    }


@dataclass(frozen=True)
class ChartPrior:
    r"""N(0, scale²) on every parameter of a network with two inputs, in the chart: the Jacobian is
    :math:`∏ e^{2 r_i}`.
    """

    hidden: int
    scale: float
    # An angle and the same one a turn further are one network: the density integrates to one over a
    # turn, and goes on beyond it.
    repeats_along: ClassVar[tuple[str, ...]] = ("θ",)

    def sample(self, key: Key[Array, ""]) -> Chart:
        """One draw in the coordinates of the chart."""
        keys = jax.random.split(key, 4)
        shapes = ((self.hidden, 2), (self.hidden,), (self.hidden,), ())
        weight, bias, q, c = (
            self.scale * jax.random.normal(k, shape) for k, shape in zip(keys, shapes, strict=True)
        )
        length = jnp.linalg.norm(weight, axis=1)
        return {
            "r": jnp.log(length),
            "θ": jnp.arctan2(weight[:, 1], weight[:, 0]),
            "o": bias / length,
            "a": q * length,
            "c": c,
        }

    def log_prob(self, v: Chart) -> Float[Array, ""]:
        """The log density in the coordinates of the chart, in nats."""
        flat = jnp.concatenate([jnp.ravel(part) for part in to_network(v).values()])
        constant = flat.size * math.log(self.scale * math.sqrt(2 * math.pi))
        return -0.5 * jnp.sum((flat / self.scale) ** 2) - constant + 2 * jnp.sum(v["r"])


def lattice() -> Float[np.ndarray, "points 2"]:
    """The centres of the cells of a ``SIDE`` × ``SIDE`` lattice of the square."""
    centres = (np.arange(SIDE) + 0.5) / SIDE * 2 - 1
    return np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 2)


def _lattice_kl(v: Chart, y: Float[Array, " points"]) -> Float[Array, ""]:
    return 0.5 * jnp.mean((two_layer_network(to_network(v), lattice()) - y) ** 2)


@cache
def _lattice_family(hidden: int, scale: float) -> Triple:
    """K on the lattice in the chart, with n = 1; the setting is the truth's function there, so that
    all truths share what is compiled.
    """
    return Triple.population(
        _lattice_kl,
        ChartPrior(hidden, scale),
        n=1.0,
        name=f"{hidden} nodes",
        setting=np.zeros(SIDE**2),
    )


def lattice_population(truth: Network, hidden: int, scale: float, name: str) -> Triple:
    """n K with n = 1 in the chart, inputs on the lattice: nearly the square, and fast."""
    y = np.asarray(two_layer_network(truth, lattice()), dtype=float)
    return _lattice_family(hidden, scale).with_setting(y, name=name)


@jax.jit
def _divergences(
    charts: Chart, truth: Network, y: Float[Array, " points"]
) -> Float[Array, "particles 2"]:
    """K of many charts, on the square and on the lattice."""

    def both(v: Chart) -> Float[Array, " 2"]:
        return jnp.stack(
            [half_mean_square(difference(to_network(v), truth), SQUARE), _lattice_kl(v, y)]
        )

    found: Float[Array, "particles 2"] = jax.lax.map(both, charts, batch_size=BATCH)
    return found


@dataclass(frozen=True)
class RunInside:
    """A phase from inside at one nβ: F in nats, nβ E[K] and the heat capacity, both dimensionless;
    in units of the exact K.
    """

    n_beta: float
    free_energy: Estimate
    energy: Estimate
    heat_capacity: Estimate
    effective: float
    warnings: tuple[str, ...]
    local: RunFrom = field(repr=False, compare=False)


def from_inside(
    truth: Network,
    start: Network,
    inside: Callable[[Chart], Any],
    n_beta: float,
    scale: float,
    particles: int,
    seed: int,
    name: str,
) -> RunInside:
    """A local run from ``start`` on the lattice, its particles then weighed by the exact K of the
    square.

    Importance weights :math:`e^{-nβ(K - K_lattice)}` make it exact; ``effective`` is the share of
    particles they leave.
    """
    hidden = len(np.asarray(start["b"]))
    triple = lattice_population(truth, hidden, scale, name)
    local = temper_from(
        triple,
        to_chart(start, scale),
        inside,
        beta=n_beta,
        particles=particles,
        replicates=4,
        seed=seed,
    )
    with jax.enable_x64(True):
        flat = jnp.asarray(local.particles.reshape(-1, triple.dimension))
        charts = jax.vmap(triple.coordinates.constrain)(flat)
        there = {name: jnp.asarray(part, float) for name, part in truth.items()}
        values = np.asarray(_divergences(charts, there, jnp.asarray(triple.setting)), dtype=float)
    k, on_lattice = (n_beta * values[:, i].reshape(local.particles.shape[:2]) for i in (0, 1))
    weights = np.exp(on_lattice - k - (on_lattice - k).max())
    shift = float((on_lattice - k).max())
    free = [
        f - shift - math.log(float(own.mean()))
        for f, own in zip(local.free_energy.replicates, weights, strict=True)
    ]
    share = weights / weights.sum(axis=1, keepdims=True)
    means = (share * k).sum(axis=1)
    variances = (share * (k - means[:, None]) ** 2).sum(axis=1)
    count = k.size
    effective = float(weights.sum() ** 2 / (weights**2).sum() / count)
    floor = 1 / math.sqrt(effective * count)
    spread, fourth = (
        float(variances.mean()),
        float((share * (k - means[:, None]) ** 4).sum(axis=1).mean()),
    )
    warnings = [f"{w.reason}: {w.message}" for w in local.cautions]
    if effective < 0.5:
        warnings.append(
            f"lattice: the exact K leaves {effective:.0%} of the particles of the lattice at nβ = "
            f"{n_beta:g}"
        )
    return RunInside(
        n_beta,
        Estimate.from_replicates(free, local.free_energy.standard_error),
        Estimate.from_replicates([float(e) for e in means], math.sqrt(spread) * floor),
        Estimate.from_replicates(
            [float(c) for c in variances], math.sqrt(max(fourth - spread**2, 0.0)) * floor
        ),
        effective,
        tuple(warnings),
        local,
    )


def near(start: Network, angle: float = 0.5, offset: float = 0.3) -> Callable[[Chart], Any]:
    """The neighbourhood of a network: directions within ``angle`` (radians), offsets within
    ``offset``, amplitudes of equal sign.
    """
    centre = to_chart(start, 1.0)

    def near(v: Chart) -> Any:
        turned = jnp.abs(v["θ"] - centre["θ"]) < angle
        moved = jnp.abs(v["o"] - centre["o"]) < offset
        return jnp.all(turned & moved & (v["a"] * centre["a"] > 0))

    return near
