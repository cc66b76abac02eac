"""Down to which temperature rounding leaves the energies their digits, measured on the
particles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from singlearn.results.caution import Caution, Reason
from singlearn.tempering.markov_moves import Moves, compile_moves
from singlearn.tempering.path import Path
from singlearn.tempering.rungs import Rungs
from singlearn.triple import Triple

# Steps of the energy larger than this share of a thermal energy, 1/β, bend the populations.
LARGEST_STEP = 0.05
PROBED = 16
HALVINGS = 53
# After this many halvings a smooth function has no change left that would count; what changes still
# is noise.
NOISE_FROM = 30
BISECTIONS = 24


Changes = Callable[[Float[np.ndarray, "probes times"]], Float[np.ndarray, "probes times"]]


@dataclass(frozen=True)
class _Rung:
    """What the probes of one rung showed: changes of the energy that can be resolved, changes that
    cannot, or none at all.
    """

    resolved: int
    unresolved: int

    @property
    def is_resolved(self) -> bool:
        return self.resolved > self.unresolved

    @property
    def is_unresolved(self) -> bool:
        return self.unresolved > 0 and not self.is_resolved


def resolved_inverse_temperature(triple: Triple, rungs: Rungs, seed: int) -> float | None:
    r"""The largest β of a rung at which energies are known to better than 1/β, or ``None`` if that
    holds for the whole ladder.

    At the coldest rung, particles x are moved towards others y by :math:`t(y - x)`, t = 1, ½, ¼ ….
    The energy of a smooth function then changes by ever less. Where the digits are used up - of the
    energy, because a large constant is part of it; of the parameter, because the population is as
    narrow as the spacing of floating point numbers; of something on the way - it changes in steps
    instead, or goes on changing at random. Where it leaves a plateau it changes not at all, then
    continuously, which is told apart by bisection. If the coldest rung is not resolved, the last
    one that is, is found by bisection.

    Args:
        triple: what was tempered.
        rungs: its ladder.
        seed: of the choice of particles.

    Returns:
        β of the last resolved rung, 0 if there is none.
    """
    with jax.enable_x64(rungs.particles.dtype == np.float64):
        moves = compile_moves(Path.of(triple), rungs.energies.shape[1] * rungs.energies.shape[2])
    generator = np.random.default_rng(seed)
    good, bad = 0, len(rungs)
    seen_unresolved = False
    index = bad - 1
    while bad - good > 1:
        found = _probe(moves, rungs, index, generator)
        seen_unresolved |= found.is_unresolved
        good, bad = (index, bad) if found.is_resolved else (good, index)
        index = (good + bad) // 2
    if bad == len(rungs) or not seen_unresolved:
        return None
    return float(rungs.inverse_temperature[good])


def rounding_warnings(resolved: float | None, beta_max: float) -> list[Caution]:
    """One warning if a ladder goes on to where rounding leaves the energies no digits."""
    if resolved is None:
        return []
    return [
        Caution(
            Reason.ROUNDING,
            f"beyond β = {resolved:.3g} rounding changes the energies by more than "
            f"{LARGEST_STEP:g}/β; the run goes on to "
            f"β = {beta_max:.3g}, and nothing is read there (a smaller beta_max, "
            f"precision='float64', no large constant in the log "
            "likelihood, or differences written without cancellation)",
        )
    ]


def _probe(moves: Moves, rungs: Rungs, index: int, generator: np.random.Generator) -> _Rung:
    beta = float(rungs.inverse_temperature[index])
    particles = rungs.particles[index].reshape(-1, rungs.particles.shape[-1])
    size = rungs.energies.shape[1] * rungs.energies.shape[2]

    def energies(points: Float[np.ndarray, "points d"]) -> Float[np.ndarray, " points"]:
        found = []
        for start in range(0, len(points), size):
            part = points[start : start + size]
            filled = np.concatenate([part, np.repeat(part[:1], size - len(part), axis=0)])
            found.append(np.asarray(moves.energies(jnp.asarray(filled)), dtype=float)[: len(part)])
        return np.concatenate(found)

    with (
        jax.enable_x64(particles.dtype == np.float64),
        np.errstate(invalid="ignore", over="ignore"),
    ):
        own = energies(particles)
        # The upper half of the energies, which are the typical ones: from the lowest a small change
        # is a large one.
        typical = np.argsort(np.where(np.isfinite(own), own, -np.inf), kind="stable")[
            len(own) // 2 :
        ]
        chosen = generator.choice(typical, size=min(PROBED, len(typical)), replace=False)
        start, base = particles[chosen], own[chosen]
        towards = particles[generator.integers(len(particles), size=len(chosen))] - start
        # Numbers of the precision of the run next to each other, at these energies.
        spacing = np.spacing(np.abs(base).astype(particles.dtype)).astype(float) * beta
        times = 0.5 ** np.arange(HALVINGS)

        def changes(t: Float[np.ndarray, "probes times"]) -> Float[np.ndarray, "probes times"]:
            points = (
                start[:, None] + t[:, :, None].astype(start.dtype) * towards[:, None]
            ).reshape(-1, start.shape[1])
            found = np.abs(energies(points).reshape(t.shape) - base[:, None]) * beta
            # The same point may be computed with another rounding in another place of the batch.
            return np.where(found <= 4 * spacing[:, None], 0.0, found)

        sizes = changes(np.tile(times, (len(chosen), 1)))
        usable = np.isfinite(sizes).all(axis=1) & np.isfinite(base)
        moving = usable & (sizes > 0).any(axis=1)
        coarse = moving & (spacing > LARGEST_STEP)
        # In digits too coarse for any change to show, nothing moves.
        coarse |= usable & (4 * spacing > LARGEST_STEP)
        noisy = moving & (sizes[:, NOISE_FROM:].max(axis=1) > LARGEST_STEP)
        stepping = moving & ~coarse & ~noisy & _steps(sizes, times, changes)
        unresolved = coarse | noisy | stepping
    return _Rung(int((moving & ~unresolved).sum()), int(unresolved.sum()))


def _steps(
    sizes: Float[np.ndarray, "probes times"], times: Float[np.ndarray, " times"], changes: Changes
) -> Bool[np.ndarray, " probes"]:
    """Whether the energy goes from no change to one that counts without anything in between."""
    still = np.cumsum(sizes[:, ::-1] > 0, axis=1)[:, ::-1] == 0
    # The last time at which it changes; from the next on it does not.
    last = np.maximum((~still).sum(axis=1) - 1, 0)
    smallest = np.take_along_axis(sizes, last[:, None], axis=1)[:, 0]
    suspicious = smallest > LARGEST_STEP
    if not suspicious.any():
        return suspicious
    upper = times[last]
    lower = upper / 2
    for _ in range(BISECTIONS):
        middle = (lower + upper) / 2
        found = changes(middle[:, None])[:, 0]
        moved = found > 0
        smallest = np.where(moved, np.minimum(smallest, found), smallest)
        lower, upper = np.where(moved, lower, middle), np.where(moved, middle, upper)
    return suspicious & (smallest > LARGEST_STEP)
