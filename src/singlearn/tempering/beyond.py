"""Whether K goes on as it did beyond the coldest rung of a population run: looked at along rays to
its zeros.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize

from singlearn.results.caution import Caution, Reason
from singlearn.tempering.markov_moves import Moves, compile_moves
from singlearn.tempering.path import Path
from singlearn.tempering.rungs import Rungs
from singlearn.triple import Triple

PARTICLES = 12
DESCENTS = 40
# Where on the line against the gradient: K/|∇K|² times these; a power p of the distance is 0 at p.
LENGTHS = np.concatenate([[1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0], 0.5 ** np.arange(1, 12, 2)])
# The prior's part of the gradient is nothing beside this many times K's.
MANY = 1e40
OCTAVES = 120
# Exponents of the distance over so many octaves far below a particle and near it, within this of
# each other, are one; this far apart they are two.
LEVEL_OCTAVES = 6
NEAR_OCTAVES = 3
LEVEL = 0.2
APART = 0.7
# Within these e-folds below the particle the ray turns towards the zero, and K of several
# directions is a sum of powers.
TURNING = 7.0
# Of the rays that can be followed.
MAJORITY = 0.6
FEWEST_RAYS = 4
# K below this share of what it is under the prior may be rounding.
ROUNDING = 1e-13
STALLED = 1e-9
# Each of a hundred quasi-Newton steps, from where the steps against the gradient stopped.
RESTARTS = 6


@dataclass(frozen=True)
class Beyond:
    """What was seen beyond the coldest rung.

    Attributes:
        exponents: of the distance along rays to a zero, near the particles and far below them,
            where they differ; else ``None``.
        at: K where they change, as a share of K at the coldest particles.
        lowest: K at its lowest points where those are not zeros; else ``None``.
    """

    exponents: tuple[float, float] | None = None
    at: float | None = None
    lowest: float | None = None

    def to_settings(self) -> dict[str, Any]:
        """What a run keeps of it; nothing where nothing was seen."""
        found: dict[str, Any] = {}
        if self.exponents is not None and self.at is not None:
            found |= {"exponents_beyond": list(self.exponents), "exponents_change_at": self.at}
        if self.lowest is not None:
            found["lowest_divergence"] = self.lowest
        return found


def look_beyond(triple: Triple, rungs: Rungs, seed: int) -> Beyond:
    r"""Follow K from particles of the coldest rung down to its zeros.

    λ of a population run is a limit. :math:`K = w^2(w^2 + 10^{-12})` looks like :math:`w^4` down to
    :math:`K = 10^{-24}`, where no run goes. From a particle w, K is descended against its gradient
    to a point w*; along the ray :math:`w^* + s(w - w^*)`, s = 1, ½, ¼ …, K falls like a power of s.
    If for most particles that power is one number well below the particles and another one further
    down, the limit lies beyond the run. Rays that cannot be followed (the descent ends too early,
    digits end) say nothing, and near the particles a change
    says nothing either: there K of several directions is a sum of powers.

    Args:
        triple: a population triple.
        rungs: its ladder, in double precision.
        seed: of the choice of particles.

    Returns:
        What was seen, mostly nothing.
    """
    size = rungs.energies.shape[1] * rungs.energies.shape[2]
    with jax.enable_x64(True), np.errstate(all="ignore"):
        moves = compile_moves(Path.of(triple), size)
        energies, gradients = _in_batches(moves, size)
        all_particles = rungs.particles[-1].reshape(-1, rungs.particles.shape[-1])
        # The upper half of the energies: from the lowest particles less of the way is left to look
        # at.
        own = energies(all_particles)
        typical = np.argsort(np.where(np.isfinite(own), own, -np.inf), kind="stable")[
            len(own) // 2 :
        ]
        start = all_particles[
            np.random.default_rng(seed).choice(
                typical, size=min(PARTICLES, len(typical)), replace=False
            )
        ]
        zero, lowest, stalled = _descend(start, energies, gradients)
        least = ROUNDING * float(np.median(rungs.energies[0][np.isfinite(rungs.energies[0])]))
        if np.mean(stalled & (lowest > least)) >= MAJORITY and lowest.min() > least:
            bottom = bottom_of(zero[np.argmin(lowest)], energies, gradients)
            return Beyond(lowest=bottom / float(triple.n) if bottom > least else None)
        scales = 0.5 ** np.arange(OCTAVES)
        points = zero[:, None] + scales[:, None] * (start - zero)[:, None]
        along = energies(points.reshape(-1, start.shape[1])).reshape(len(start), OCTAVES)
        spacing = np.spacing(np.abs(zero)).max(axis=1)
        followed = scales * np.abs(start - zero).max(axis=1)[:, None] > 1e5 * spacing[:, None]
    changes = [
        _change(ray, int(ok.sum()), float(low))
        for ray, ok, low in zip(along, followed, lowest, strict=True)
    ]
    rays = [change for change in changes if change is not None]
    changed = [change for change in rays if change[0] != change[1]]
    if len(rays) < FEWEST_RAYS or len(changed) < MAJORITY * len(rays):
        return Beyond()
    first, last, at = (float(np.median(part)) for part in zip(*changed, strict=True))
    return Beyond((first, last), at)


def beyond_warnings(settings: dict[str, Any], reached: float) -> list[Caution]:
    """Warnings of what was seen beyond nβ = ``reached``."""
    found = []
    if exponents := settings.get("exponents_beyond"):
        found.append(
            Caution(
                Reason.TOO_FEW_DECADES,
                "beyond the coldest rung K changes its law: along rays to its zeros it falls like "
                f"the distance to the {exponents[0]:.2g} at first, and to the {exponents[1]:.2g} "
                f"from {settings['exponents_change_at']:.1g} of what the coldest particles have; λ "
                f"was read over nβ ≤ {reached:.3g}, and the limit is another (a larger beta_max)",
            )
        )
    if (lowest := settings.get("lowest_divergence")) is not None:
        found.append(
            Caution(
                Reason.NO_ZERO,
                f"K is nowhere 0: the lowest value found from the coldest particles is "
                f"{lowest:.3g}; "
                f"λ was read over nβ ≤ {reached:.3g}; a K that is nowhere 0 has no λ in the limit",
            )
        )
    return found


Energies = Callable[[Float[np.ndarray, "points d"]], Float[np.ndarray, " points"]]
Gradients = Callable[[Float[np.ndarray, "points d"]], Float[np.ndarray, "points d"]]


def _in_batches(moves: Moves, size: int) -> tuple[Energies, Gradients]:
    """Energies and their gradients from what the run has compiled, for any number of points."""

    def batches(points: Float[np.ndarray, "points d"], f: Callable[[Any], Any]) -> np.ndarray:
        found = []
        for begin in range(0, len(points), size):
            part = points[begin : begin + size]
            filled = np.concatenate([part, np.repeat(part[:1], size - len(part), axis=0)])
            found.append(np.asarray(f(jnp.asarray(filled.astype(float))), dtype=float)[: len(part)])
        return np.concatenate(found)

    def gradient(points: Any) -> Any:
        # A move so short that it ends where it began leaves the gradient of log φ - βU there.
        keys = jax.random.split(jax.random.key(0), size)
        moved = moves.hamiltonian(keys, points, MANY, 1e-200, jnp.ones(points.shape[1]), 1)
        return -moved.gradients / MANY  # type: ignore[operator]

    return lambda points: batches(points, moves.energies), lambda points: batches(points, gradient)


def _descend(
    start: Float[np.ndarray, "particles d"], energies: Energies, gradients: Gradients
) -> tuple[Float[np.ndarray, "particles d"], Float[np.ndarray, " particles"], np.ndarray]:
    """Steps against the gradient as long as the best of several says; where they end, the energy
    there, and where nothing is gained.
    """
    where, value = start.copy(), energies(start)
    stalled = np.zeros(len(start), dtype=bool)
    for _ in range(DESCENTS):
        if not (value > 0).any():
            break
        slope = gradients(where)
        step = slope * (value / np.sum(slope**2, axis=1))[:, None]
        tried = (
            where[:, None]
            - LENGTHS[:, None] * np.nan_to_num(step, nan=0.0, posinf=0.0, neginf=0.0)[:, None]
        )
        found = np.nan_to_num(
            energies(tried.reshape(-1, start.shape[1])).reshape(len(start), -1), nan=np.inf
        )
        best = np.argmin(found, axis=1)
        reached = found[np.arange(len(start)), best]
        better = reached < value
        stalled = ~better | (value - reached < STALLED * value)
        where = np.where(better[:, None], tried[np.arange(len(start)), best], where)
        value = np.where(better, reached, value)
        if np.all(stalled | (value <= 0)):
            break
    return where, value, stalled & (value > 0)


def bottom_of(start: Float[np.ndarray, " d"], energies: Energies, gradients: Gradients) -> float:
    """The energy where a quasi-Newton method cannot halve it any more; 0 while it still can.

    Steps against the gradient stop in narrow curved valleys, such as those of a tanh network that
    computes nothing, far above the zeros to which the valleys lead.
    """
    where, value = start, float(energies(start[None])[0])
    for _ in range(RESTARTS):
        unit = value

        def scaled(point: Float[np.ndarray, " d"], unit: float = unit) -> tuple[float, np.ndarray]:
            return float(energies(point[None])[0]) / unit, gradients(point[None])[0] / unit

        found = minimize(scaled, where, jac=True, method="L-BFGS-B", options={"maxiter": 100})
        reached = float(found.fun) * unit
        if not reached < 0.5 * value:
            return min(reached, value) if np.isfinite(reached) else value
        where, value = found.x, reached
    return 0.0


def _change(
    along: Float[np.ndarray, " octaves"], followed: int, lowest: float
) -> tuple[float, float, float] | None:
    """Exponents near the particle and far below, and where they change, as a share; the same twice
    where they do not; ``None`` unseen.
    """
    usable = np.isfinite(along) & (along > max(1e4 * lowest, 1e-290))
    count = min(followed, int(np.argmin(usable)) if not usable.all() else len(usable))
    if count < 2 * LEVEL_OCTAVES:
        return None
    logs = np.log(along[:count])
    exponents = -np.diff(logs) / np.log(2.0)
    first = int(np.argmax(logs < logs[0] - TURNING))
    if first == 0 or count - 1 - first < NEAR_OCTAVES + LEVEL_OCTAVES:
        return None
    near, far = exponents[first : first + NEAR_OCTAVES], exponents[-LEVEL_OCTAVES:]
    if np.ptp(near) > LEVEL or np.ptp(far) > LEVEL:
        return None
    a, b = float(near.mean()), float(far.mean())
    if abs(a - b) < APART or b < APART:
        return a, a, 1.0
    middle = int(np.argmax(np.abs(exponents[first:] - a) > APART / 2)) + first
    return a, b, float(np.exp(logs[middle] - logs[0]))
