"""Restricting a triple to one phase: the part of the prior inside, and how much of the prior that
is.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from singlearn.phases import Labeller
from singlearn.phases.labeller import inside_phase, is_traceable, name_of
from singlearn.phases.shares import largest_share
from singlearn.results.estimate import Estimate
from singlearn.triple import Coordinates, Model, Triple

Restrict = Callable[[PyTree], Any] | tuple[Labeller, Hashable]
"""A predicate of a constrained parameter that JAX can trace, or a labeller that JAX can trace and
one of its phases.
"""

Drawing = Callable[[Key[Array, ""], int], tuple[Float[Array, "draws d"], Bool[Array, " draws"]]]

# Batches, each of as many draws as there are particles, in which every replicate has to find its
# particles inside.
LARGEST_BATCHES = 2000
FIRST_LOOK = 25


class PhaseTooSmallError(ValueError):
    """Too little of the prior lies in the phase to find it by drawing from the prior."""


@dataclass(frozen=True)
class Restriction:
    """A phase as a hard constraint: its name, and the predicate that JAX can trace.

    Equal where ``source`` is, the labeller and its phase: what was compiled for one serves the
    other.
    """

    description: str = field(compare=False)
    inside: Callable[[PyTree], Bool[Array, ""]] = field(compare=False)
    source: Hashable

    @classmethod
    def of(cls, restrict: Restrict, coordinates: Coordinates) -> Restriction:
        """Read the argument ``restrict``.

        Raises:
            ValueError: JAX cannot trace it, or a predicate is not a single boolean.
        """
        labeller, phase = restrict if isinstance(restrict, tuple) else (restrict, None)
        if not is_traceable(labeller, coordinates):
            raise ValueError(
                f"restrict: JAX cannot trace {name_of(labeller)} as a function to integers or "
                f"booleans; write it with jax.numpy, without "
                "branches on values (it is asked in the middle of compiled moves)"
            )
        if isinstance(restrict, tuple):
            return cls(f"{name_of(labeller)} = {phase}", inside_phase(labeller, phase), restrict)
        shape = jax.eval_shape(labeller, coordinates.shapes())
        if getattr(shape, "shape", None) != () or shape.dtype != jnp.bool_:
            raise ValueError(
                f"restrict: {name_of(labeller)} returns {shape}; a predicate should return one "
                f"boolean, else give (labeller, phase)"
            )
        return cls(name_of(labeller), labeller, restrict)


def restricted(triple: Triple, restriction: Restriction) -> Triple:
    """The triple with infinite energy and no prior density outside the phase.

    Its ``coordinates.sample`` still draws from the whole prior; :func:`draw_inside` sorts. It keeps
    the truth only if that lies inside.
    """
    coordinates, function = _functions_inside(triple.as_model(), restriction)
    truth_energy = triple.truth_energy if _holds_truth(triple, restriction.inside) else None
    name = f"{triple.name}, {restriction.description}"
    return triple.within(coordinates, function, name, truth_energy)


@lru_cache(maxsize=32)
def _functions_inside(
    model: Model, restriction: Restriction
) -> tuple[Coordinates, Callable[..., Any]]:
    """Coordinates without density outside the phase, and the log likelihood or K without a finite
    value there; the same objects for all triples of a model, so that a compiled run serves the
    next.
    """
    triple, inside, coordinates = model.triple, restriction.inside, model.triple.coordinates

    def log_prob(u: Float[Array, " d"]) -> Float[Array, ""]:
        return jnp.where(inside(coordinates.constrain(u)), coordinates.log_prob(u), -jnp.inf)

    kind = triple.kind

    def function_inside(w: PyTree, *more: PyTree) -> Array:
        return jnp.where(inside(w), kind.function(w, *more), kind.excluded)

    return replace(coordinates, log_prob=log_prob), function_inside


def _holds_truth(triple: Triple, inside: Callable[[PyTree], Bool[Array, ""]]) -> bool:
    shapes = triple.coordinates.shapes()
    same_structure = jax.tree.structure(triple.truth) == jax.tree.structure(shapes)  # type: ignore[operator]
    if triple.truth is None or not same_structure:
        return False
    same = [
        np.shape(a) == b.shape
        for a, b in zip(jax.tree.leaves(triple.truth), jax.tree.leaves(shapes), strict=True)
    ]
    with jax.enable_x64(True):
        return all(same) and bool(jax.jit(inside)(jax.tree.map(jnp.asarray, triple.truth)))


@dataclass(frozen=True)
class Inside:
    """Draws inside a phase, and how many of how many draws of each replicate fell inside."""

    population: Float[np.ndarray, "replicates particles d"]
    hits: Int[np.ndarray, " replicates"]
    draws: int

    @property
    def free_energies(self) -> Float[np.ndarray, " replicates"]:
        """-log of the mass of the phase, of each replicate, in nats."""
        return -np.log(self.hits / self.draws)

    @property
    def floor(self) -> float:
        """Standard error of :attr:`free_energies` of one replicate, if draws are independent, which
        they are.
        """
        share = self.hits.mean() / self.draws
        return float(np.sqrt((1 - share) / self.hits.mean()))


def draw_inside(
    draw: Drawing,
    phase: str,
    key: Key[Array, ""],
    particles: int,
    replicates: int,
    what: str = "prior",
) -> Inside:
    """Draw from the whole until every replicate has its particles inside the phase; the share of
    hits is the mass of the phase.

    Args:
        draw: key and count to draws, and which of them lie in the phase.
        phase, what: the phase and what is drawn from, in words.

    Raises:
        PhaseTooSmallError: it would take more than ``LARGEST_BATCHES`` draws per particle.
    """
    kept: list[list[np.ndarray]] = [[] for _ in range(replicates)]
    hits = np.zeros(replicates, dtype=int)
    for batch in range(LARGEST_BATCHES):
        drawn, inside = draw(jax.random.fold_in(key, batch), particles * replicates)
        rows, flags = (
            np.asarray(drawn).reshape(replicates, particles, -1),
            np.asarray(inside).reshape(replicates, particles),
        )
        for r in range(replicates):
            if hits[r] < particles:
                kept[r].append(rows[r][flags[r]])
            hits[r] += int(flags[r].sum())
        if hits.min() >= particles:
            return Inside(
                np.stack([np.concatenate(own)[:particles] for own in kept]),
                hits,
                particles * (batch + 1),
            )
        if batch + 1 >= FIRST_LOOK and 2 * hits.mean() * LARGEST_BATCHES / (batch + 1) < particles:
            break
    total = particles * replicates * (batch + 1)
    bound = largest_share(float(hits.sum()), float(total))
    raise PhaseTooSmallError(
        f"restrict: {hits.sum()} of {total} draws from the {what} lie in the phase {phase!r} "
        f"(its mass is below {bound:.2g}): too few to start a restricted run from; "
        "temper_from starts from a known parameter of the phase instead"
    )


@lru_cache(maxsize=16)
def drawing_from_prior(coordinates: Coordinates, restriction: Restriction) -> Drawing:
    """Draws from the prior for :func:`draw_inside`, compiled once for all runs restricted to a
    phase.
    """

    @partial(jax.jit, static_argnums=1)
    def draw(
        key: Key[Array, ""], count: int
    ) -> tuple[Float[Array, "draws d"], Bool[Array, " draws"]]:
        drawn = jax.vmap(coordinates.sample)(jax.random.split(key, count))
        return drawn, jax.vmap(lambda u: restriction.inside(coordinates.constrain(u)))(drawn)

    return draw


def prior_mass(settings: dict[str, Any]) -> Estimate:
    """The prior mass that a run's settings record; 1 for a run that was not restricted."""
    if "prior_free_energies" not in settings:
        return Estimate(1.0, 0.0)
    masses = np.exp(-np.array(settings["prior_free_energies"]))
    return Estimate.from_replicates(
        [float(m) for m in masses],
        float(masses.mean() * settings["prior_floor"] / np.sqrt(len(masses))),
    )
