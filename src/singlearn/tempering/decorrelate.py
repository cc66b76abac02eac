"""Moving a population at one rung until its energies have forgotten where they started: measured,
not assumed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from singlearn.measure.ranks import ranks
from singlearn.tempering.coordinate_memory import COORDINATE_MOVES, CoordinateMemory, Outlook
from singlearn.tempering.markov_moves import MovedParticles, Moves

# A rung is done when the rank correlation of its energies with those before the moves is below
# this, and all but this share moved.
TARGET_CORRELATION = 0.2
STUCK_SHARE = 0.05
HAMILTONIAN_MOVES = 20
# Curvature moves cost two Hessians each: as many as this many gradients pay for, within bounds.
CURVATURE_GRADIENTS = 600
CURVATURE_MOVES = (6, 30)
# Beyond these a rung counts as poorly mixed, and the dearer moves are called in.
POOR_CORRELATION = 0.6
POOR_STUCK_SHARE = 0.1
# Hessians cost d gradients and an eigendecomposition costs d³: beyond this many parameters the
# curvature move does not pay.
CURVATURE_DIMENSION = 64
# Longer ones pay on smooth targets, but where a phase has hard edges most of them end there;
# shorter ones leave slow directions behind that the rank correlation of the energies does not see.
LONGEST_TRAJECTORY = 8
# Along a flat valley a trajectory goes straight on: one of so many times the length goes as far as
# the square of that many short ones.
LONGER = 2
ACCEPTANCE_TARGET = {"hamiltonian": 0.75, "curvature": 0.7}


@dataclass(frozen=True)
class Adaptation:
    """What one rung teaches the next.

    Step sizes are in units of the metric; ``gradient_scales`` are the root mean squares of the
    derivatives of the log density.
    """

    hamiltonian_step: float = 1.0
    curvature_step: float = 0.9
    leapfrog_steps: int = 8
    gradient_scales: tuple[float, ...] = ()


@dataclass(frozen=True)
class RungMixing:
    """How a rung mixed: moves made, their mean acceptance, what the energies still remember, who
    never moved.
    """

    moves: int
    acceptance: float
    rank_correlation: float
    stuck_share: float
    gradients: int


def decorrelate(
    moves: Moves,
    key: Key[Array, ""],
    particles: Float[np.ndarray, "particles d"],
    energies: Float[np.ndarray, " particles"],
    beta: float,
    adaptation: Adaptation,
    coordinates: CoordinateMemory | None = None,
) -> tuple[
    Float[np.ndarray, "particles d"], Float[np.ndarray, " particles"], RungMixing, Adaptation
]:
    """Move all particles at ``beta``, adapting steps on the way, until they are decorrelated or the
    budget is spent.

    Hamiltonian moves come first; see ``_inverse_masses`` for their metric. Where they stall - near
    a singularity the stiff direction and its width differ from particle to particle, and no global
    metric fits - curvature-preconditioned moves take over. Energies say nothing of directions along
    which they are flat: where ``coordinates`` are given, Hamiltonian moves with longer trajectories
    go on until those have forgotten what particles of one family share, too, or it is seen that
    they will not.
    """
    dimension = particles.shape[1]
    deviations = np.std(particles, axis=0)
    deviations = np.where(
        deviations > 0, deviations, np.maximum(np.abs(particles).max(axis=0), 1e-12) * 1e-8
    )
    inverse_masses = jnp.asarray(
        _inverse_masses(deviations, adaptation.gradient_scales), particles.dtype
    )
    squares = np.zeros(dimension)
    walk = _Walk(particles, energies)
    has_curvature = dimension <= CURVATURE_DIMENSION
    hamiltonian_moves = 0
    while not walk.is_done and hamiltonian_moves < HAMILTONIAN_MOVES:
        steps = adaptation.leapfrog_steps
        result = moves.hamiltonian(
            _keys(key, hamiltonian_moves, len(particles)),
            jnp.asarray(walk.particles),
            beta,
            adaptation.hamiltonian_step,
            inverse_masses,
            steps,
        )
        acceptance = walk.account(result, steps + 1)
        gradient = np.asarray(result.gradients, dtype=float)
        squares += np.mean(np.where(np.isfinite(gradient), gradient, 0.0) ** 2, axis=0)
        hamiltonian_moves += 1
        gain = 1.5 / np.sqrt(hamiltonian_moves)
        step = adaptation.hamiltonian_step * np.exp(
            gain * (acceptance - ACCEPTANCE_TARGET["hamiltonian"])
        )
        adaptation = replace(adaptation, hamiltonian_step=float(np.clip(step, 1e-30, 3.0)))
    adaptation = replace(
        adaptation,
        leapfrog_steps=_next_length(adaptation.leapfrog_steps, hamiltonian_moves),
        gradient_scales=tuple(np.sqrt(squares / hamiltonian_moves).tolist()),
    )
    curvature_moves = 0
    if has_curvature and (
        walk.correlation > POOR_CORRELATION or walk.stuck_share > POOR_STUCK_SHARE
    ):
        shortest = float(np.clip(adaptation.hamiltonian_step / 8, 1e-30, 0.5))
        budget = int(np.clip(CURVATURE_GRADIENTS // (2 * (dimension + 1)), *CURVATURE_MOVES))
        while not walk.is_done and curvature_moves < budget:
            index = HAMILTONIAN_MOVES + curvature_moves
            result = moves.curvature(
                _keys(key, index, len(particles)),
                jnp.asarray(walk.particles),
                beta,
                adaptation.curvature_step,
                jnp.asarray(deviations),
                shortest,
            )
            acceptance = walk.account(result, 2 * (dimension + 1))
            curvature_moves += 1
            gain = 1.0 / np.sqrt(curvature_moves)
            step = adaptation.curvature_step * np.exp(
                gain * (acceptance - ACCEPTANCE_TARGET["curvature"])
            )
            adaptation = replace(adaptation, curvature_step=float(np.clip(step, 0.05, 1.3)))
    if coordinates is not None:
        longer = LONGER * adaptation.leapfrog_steps
        outlook = Outlook(coordinates.shared(walk.particles))
        for index in range(COORDINATE_MOVES):
            if not outlook.is_worth_a_move:
                break
            result = moves.hamiltonian(
                _keys(key, HAMILTONIAN_MOVES + CURVATURE_MOVES[1] + index, len(particles)),
                jnp.asarray(walk.particles),
                beta,
                adaptation.hamiltonian_step,
                inverse_masses,
                longer,
            )
            walk.account(result, longer + 1)
            outlook.see(coordinates.shared(walk.particles))
    mixing = RungMixing(
        len(walk.acceptances),
        float(np.mean(walk.acceptances)),
        walk.correlation,
        walk.stuck_share,
        walk.gradients,
    )
    return walk.particles, walk.energies, mixing, adaptation


class _Walk:
    """Particles on their way, and what has become of their start."""

    def __init__(
        self, particles: Float[np.ndarray, "particles d"], energies: Float[np.ndarray, " particles"]
    ) -> None:
        self.particles = particles
        self.energies = energies
        self.acceptances: list[float] = []
        self.gradients = 0
        self.correlation = 1.0
        self._start = ranks(energies)
        self._moved = np.zeros(len(particles), dtype=bool)

    def account(self, result: MovedParticles, cost: int) -> float:
        """Take over the result of one move that cost so many gradients per particle; its
        acceptance.
        """
        self.particles, self.energies = np.asarray(result.particles), np.asarray(result.energies)
        self._moved |= np.asarray(result.accepted)
        self.acceptances.append(float(np.asarray(result.acceptance).mean()))
        self.gradients += cost
        self.correlation = _correlation(self._start, ranks(self.energies))
        return self.acceptances[-1]

    @property
    def stuck_share(self) -> float:
        """Of the particles that never moved."""
        return float(1 - self._moved.mean())

    @property
    def is_done(self) -> bool:
        return (
            len(self.acceptances) >= 2
            and self.correlation < TARGET_CORRELATION
            and self.stuck_share < STUCK_SHARE
        )


def _inverse_masses(
    deviations: Float[np.ndarray, " d"], gradient_scales: tuple[float, ...]
) -> Float[np.ndarray, " d"]:
    r"""Standard deviation over root mean square of the gradient, coordinate by coordinate; the
    variance where gradients are not known yet.

    This is the :math:`a_i` that minimises :math:`a_i E[g_i^2] + Var[x_i]/a_i`. A Gaussian
    coordinate has :math:`E[g^2] = 1/σ^2`, so that it is the variance. A coordinate with hard edges,
    as those of a dead ReLU node have, gets less: trajectories may then be long for the others
    without running into its walls.
    """
    if not gradient_scales:
        return deviations**2
    scales = np.asarray(gradient_scales)
    return deviations / np.where(scales > 0, scales, 1 / deviations)


@partial(jax.jit, static_argnums=2)
def _keys(
    key: Key[Array, ""], index: int | Int[Array, ""], particles: int
) -> Key[Array, " particles"]:
    return jax.random.split(jax.random.fold_in(key, index), particles)


def _correlation(a: Float[np.ndarray, " particles"], b: Float[np.ndarray, " particles"]) -> float:
    """Correlation of ranks; 0 when the energies do not vary, for then there is nothing to
    forget.
    """
    if a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def _next_length(steps: int, moves: int) -> int:
    """Longer trajectories where many moves were needed, shorter ones where few were."""
    if moves >= 4:
        return min(LONGEST_TRAJECTORY, int(np.ceil(steps * 1.5)))
    if moves <= 2:
        return max(3, int(steps / 1.25))
    return steps
