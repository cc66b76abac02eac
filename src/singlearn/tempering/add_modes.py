r"""Adding up the evidence of modes that no particle reached: each is tempered from inside, the rest
without them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from singlearn.measure.ladder_view import LadderView
from singlearn.phases.restriction import PhaseTooSmallError, draw_inside
from singlearn.running.progress import Progress
from singlearn.tempering.anneal import anneal
from singlearn.tempering.mode_mass import MARGIN, Ellipsoid, radius_of
from singlearn.tempering.path import Path, PathFunctions
from singlearn.tempering.rungs import Rungs
from singlearn.tempering.settings import Settings
from singlearn.triple import Coordinates, Triple

# Uniform draws per particle, from which draws of the prior inside an ellipsoid are resampled.
POOL = 16
# A mode whose particles come nearer than a tenth to the edge of its ellipsoid, more than this share
# of them, is not inside.
AT_THE_EDGE = 0.002
EDGE = 0.9
WIDENINGS = 3


@dataclass(frozen=True, eq=False)
class ModeRun:
    """A mode tempered from β = 0 to β_max within its ellipsoid.

    Attributes:
        ellipsoid: within which.
        rungs: with particles in the flat coordinates of the whole.
        prior_free_energies: -log of the prior mass of the ellipsoid, one per replicate, in nats.
        prior_floor: the error of those that independent draws would leave.
        at_the_edge: share of the particles near the edge of the ellipsoid, on the rung that was
            looked at.
    """

    ellipsoid: Ellipsoid
    rungs: Rungs
    prior_free_energies: Float[np.ndarray, " replicates"]
    prior_floor: float
    at_the_edge: float

    @property
    def view(self) -> LadderView:
        """The rungs reweighted together."""
        rungs = self.rungs
        start, floor = self.prior_free_energies, self.prior_floor
        return LadderView(
            rungs.inverse_temperature,
            rungs.energies,
            rungs.effective_sample_size,
            start,
            floor,
            memory=rungs.rank_correlation,
        )

    @property
    def is_whole(self) -> bool:
        """Whether the mode lies inside its ellipsoid; else what was found is less than all of
        it.
        """
        return self.at_the_edge <= AT_THE_EDGE


def run_mode(
    triple: Triple,
    settings: Settings,
    ellipsoid: Ellipsoid,
    earlier: Sequence[Ellipsoid],
    last_beta: float,
    index: int,
) -> ModeRun:
    r"""Temper one mode from inside.

    Uniform draws from the ellipsoid, weighted by the prior, give its prior mass
    :math:`|\text{ellipsoid}|\,E[φ]` and, resampled, draws of the prior inside; where the prior is
    too uneven for that, they are tempered from uniform draws to draws of the prior. From there the
    same sequential Monte Carlo as everywhere goes down to ``beta_max``. Where the particles then
    lie at the edge, the ellipsoid is fitted to them and the mode tempered again.

    Args:
        triple: the whole.
        settings: of the whole run.
        ellipsoid: around the mode.
        earlier: ellipsoids whose mass is counted elsewhere.
        last_beta: the rung on which the mode was seen to compete.
        index: of the mode, for its random numbers.

    Raises:
        PhaseTooSmallError: the prior has no density at any of the uniform draws.
    """
    own = replace(settings, seed=(settings.seed + 7919 * (index + 1)) % 2**63)
    for widening in range(WIDENINGS):
        run = _temper_inside(triple, own, ellipsoid, earlier, last_beta)
        if run.is_whole or widening == WIDENINGS - 1:
            return run
        last = int(np.argmin(np.abs(run.rungs.inverse_temperature - last_beta)))
        ellipsoid = _fitted(run.rungs.particles[last].reshape(-1, triple.dimension), ellipsoid)
    raise AssertionError("unreachable")


def _temper_inside(
    triple: Triple,
    settings: Settings,
    ellipsoid: Ellipsoid,
    earlier: Sequence[Ellipsoid],
    last_beta: float,
) -> ModeRun:
    d, particles, replicates = triple.dimension, settings.particles, settings.replicates
    whitened = _whitened(triple.coordinates, ellipsoid, earlier)
    inside = Path.of(triple, whitened, f"{triple.name}, a mode from inside")
    with jax.enable_x64(settings.precision == "float64"):
        generator = np.random.default_rng(settings.seed)
        directions = generator.normal(size=(replicates * POOL * particles, d))
        lengths = ellipsoid.radius * generator.uniform(size=len(directions)) ** (1 / d)
        pool = directions * (lengths / np.linalg.norm(directions, axis=1))[:, None]
        densities = np.asarray(
            jax.jit(jax.vmap(whitened.log_prob))(jnp.asarray(pool)), dtype=float
        ).reshape(replicates, -1)
    pool = pool.reshape(replicates, -1, d)
    highest = densities.max()
    weights = np.where(np.isfinite(densities), np.exp(densities - highest), 0.0)
    effective = weights.sum(axis=1) ** 2 / np.maximum(np.sum(weights**2, axis=1), 1e-300)
    # The pool fills the ball of the whitened coordinates, whose density has the Jacobian in it.
    log_volume = ellipsoid.log_volume - float(np.linalg.slogdet(ellipsoid.axes)[1])
    if not np.isfinite(highest):
        raise PhaseTooSmallError(
            f"mode: the prior has no density at {pool.shape[1]} draws from its ellipsoid"
        )
    if effective.min() >= particles / 2:
        start = np.stack(
            [
                own[_systematic(w, particles, generator)]
                for own, w in zip(pool, weights, strict=True)
            ]
        )
        prior_free_energies = -(highest + np.log(weights.mean(axis=1)) + log_volume)
        floor = float(
            np.sqrt(np.mean(weights.var(axis=1) / weights.mean(axis=1) ** 2) / pool.shape[1])
        )
    else:
        start, prior_free_energies, floor = _from_uniform_to_prior(
            triple, settings, whitened, pool[:, :particles], float(highest)
        )
        prior_free_energies = prior_free_energies - log_volume
    rungs = anneal(inside, settings, None, False, lambda: start)
    last = int(np.argmin(np.abs(rungs.inverse_temperature - last_beta)))
    edge = float(
        (
            np.linalg.norm(rungs.particles[last].astype(float), axis=-1) > EDGE * ellipsoid.radius
        ).mean()
    )
    flat = ellipsoid.centre + rungs.particles @ ellipsoid.axes.T
    return ModeRun(
        ellipsoid,
        replace(rungs, particles=flat.astype(rungs.particles.dtype)),
        prior_free_energies,
        floor,
        edge,
    )


def _from_uniform_to_prior(
    triple: Triple,
    settings: Settings,
    whitened: Coordinates,
    uniform: Float[np.ndarray, "replicates particles d"],
    highest: float,
) -> tuple[Float[np.ndarray, "replicates particles d"], Float[np.ndarray, " replicates"], float]:
    """Draws of the prior inside where it is too uneven for uniform draws to be weighted: tempered
    from these to the prior.

    Returns:
        The draws, -log of the mean density of the prior over the ball, and its error for a single
        replicate, in nats.
    """

    def flat_inside(z: Float[Array, " d"], data: PyTree) -> Float[Array, ""]:
        return jnp.where(whitened.log_prob(z) > -jnp.inf, 0.0, -jnp.inf)

    def below_highest(z: Float[Array, " d"], data: PyTree) -> Float[Array, ""]:
        shortfall = highest - whitened.log_prob(z)
        return jnp.where(jnp.isnan(shortfall), jnp.inf, shortfall)

    # From the ball as it is, with the shortfall of the density of the prior as the energy.
    program = PathFunctions((whitened, highest), triple.dimension, flat_inside, below_highest)
    name = f"{triple.name}, the prior inside a mode"
    bridge = Path(program, (), name)
    own = Settings.of(
        bridge,
        1.0,
        settings.particles,
        settings.replicates,
        settings.seed,
        settings.target_ess,
        1,
        settings.precision,
    )
    rungs = anneal(bridge, own, None, False, lambda: uniform)
    view = LadderView(
        rungs.inverse_temperature,
        rungs.energies,
        rungs.effective_sample_size,
        memory=rungs.rank_correlation,
    )
    shortfall = np.array(view.free_energy(1.0).replicates)
    return (
        rungs.particles[-1].astype(float),
        shortfall - highest,
        view.free_energy_floor(1.0) * np.sqrt(rungs.replicates),
    )


def run_outside(
    triple: Triple, settings: Settings, ellipsoids: Sequence[Ellipsoid], progress: Progress
) -> tuple[Rungs, Float[np.ndarray, " replicates"], float]:
    """The whole but for these ellipsoids, tempered from prior draws outside them: rungs, -log of
    the prior mass, and its error.
    """
    outside = _outside(triple.coordinates, ellipsoids)
    rest = Path.of(triple, outside)

    def draw(key: Any, count: int) -> tuple[Array, Array]:
        drawn = sample(jax.random.split(key, count))
        return drawn, density(drawn) > -jnp.inf

    with jax.enable_x64(settings.precision == "float64"):
        sample, density = jax.jit(jax.vmap(outside.sample)), jax.jit(jax.vmap(outside.log_prob))
        key = jax.random.fold_in(jax.random.key(settings.seed), 0)
        masses = draw_inside(
            draw, "outside its narrow modes", key, settings.particles, settings.replicates
        )
    return (
        anneal(rest, settings, None, progress, lambda: masses.population),
        masses.free_energies,
        masses.floor,
    )


def _fitted(particles: Float[np.ndarray, "particles d"], earlier: Ellipsoid) -> Ellipsoid:
    """An ellipsoid around particles that fill the earlier one to its edge."""
    d = particles.shape[1]
    whitened = np.linalg.solve(earlier.axes, (particles.astype(float) - earlier.centre).T).T
    centre = whitened.mean(axis=0)
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(whitened.T)) + 1e-12 * np.eye(d))
    # Twice as wide as what was seen, where that was cut off.
    axes = vectors * np.sqrt(values) * 2
    return Ellipsoid(
        earlier.centre + earlier.axes @ centre, earlier.axes @ axes, radius_of(d) / MARGIN
    )


def _systematic(
    weights: Float[np.ndarray, " pool"], count: int, generator: np.random.Generator
) -> np.ndarray:
    """Indices drawn by weight, evenly."""
    edges = np.cumsum(weights / weights.sum())
    chosen = np.searchsorted(edges, (np.arange(count) + generator.uniform()) / count)
    # In no order: what comes next takes particles as they are.
    return generator.permutation(np.minimum(chosen, len(weights) - 1))


def _inside_any(u: Float[Array, " d"], ellipsoids: Sequence[Ellipsoid]) -> Bool[Array, ""]:
    within = jnp.zeros((), bool)
    for own in ellipsoids:
        z = jnp.asarray(np.linalg.inv(own.axes), u.dtype) @ (u - jnp.asarray(own.centre, u.dtype))
        within = within | (jnp.sum(z**2) <= own.radius**2)
    return within


def _outside(coordinates: Coordinates, ellipsoids: Sequence[Ellipsoid]) -> Coordinates:
    def log_prob(u: Float[Array, " d"]) -> Float[Array, ""]:
        return jnp.where(_inside_any(u, ellipsoids), -jnp.inf, coordinates.log_prob(u))

    return replace(coordinates, log_prob=log_prob)


def _whitened(
    coordinates: Coordinates, ellipsoid: Ellipsoid, earlier: Sequence[Ellipsoid]
) -> Coordinates:
    """Coordinates z of an ellipsoid, u = c + A z, in which it is a ball and outside of which there
    is not a density.
    """
    log_jacobian = float(np.linalg.slogdet(ellipsoid.axes)[1])

    def flat(z: Float[Array, " d"]) -> Float[Array, " d"]:
        return jnp.asarray(ellipsoid.centre, z.dtype) + jnp.asarray(ellipsoid.axes, z.dtype) @ z

    def log_prob(z: Float[Array, " d"]) -> Float[Array, ""]:
        u = flat(z)
        within = (jnp.sum(z**2) <= ellipsoid.radius**2) & ~_inside_any(u, earlier)
        return jnp.where(within, coordinates.log_prob(u) + log_jacobian, -jnp.inf)

    def unconstrain(w: Any) -> Float[Array, " d"]:
        found: Float[Array, " d"] = jnp.linalg.solve(
            jnp.asarray(ellipsoid.axes), coordinates.unconstrain(w) - jnp.asarray(ellipsoid.centre)
        )
        return found

    return Coordinates(
        coordinates.dimension,
        coordinates.sample,
        log_prob,
        lambda z: coordinates.constrain(flat(z)),
        unconstrain,
    )
