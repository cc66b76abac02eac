"""Cautions of a run about what it was brought: its prior and its truth; and a divergence that no
run can follow.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from singlearn.results.caution import Caution, Reason
from singlearn.tempering.markov_moves import compile_moves, prior_draws
from singlearn.tempering.path import Path
from singlearn.tempering.posterior import compiled_constrain
from singlearn.tempering.rungs import Rungs
from singlearn.triple import Triple
from singlearn.triple.intake.truth import outside_support
from singlearn.triple.prior_agreement import (
    PriorFinding,
    check_moved,
    check_prior,
    coordinate_name,
    is_numpyro_prior,
    mass_finding,
    same_draws,
)

# Of the posterior's particles beyond what floats resolve; a change of their energy, in nats, that
# the likelihood would go on making.
SHARE_BEYOND, ENERGY_BEYOND = 0.01, 0.05
SETTING = "intake_cautions"


def intake_cautions(
    triple: Triple, rungs: Rungs, settings: dict[str, Any], is_whole_prior: bool
) -> list[dict[str, str]]:
    """What is wrong with the prior and the truth of a run, as records for its settings.

    Args:
        triple: what was brought, before any restriction.
        rungs: of the run.
        settings: of the run: ``precision``, ``particles``, ``replicates``, ``seed``.
        is_whole_prior: whether the first rung holds draws from all of the prior.

    Returns:
        Reason and message of each caution.
    """
    found = [
        _caution(finding) for finding in _prior_findings(triple, rungs, settings, is_whole_prior)
    ]
    found += _beyond_resolution(triple, rungs, settings)
    if (sentence := outside_support(triple.prior, triple.truth)) and triple.truth_is_parameter:
        found.append(Caution(Reason.PHASE_ELSEWHERE, sentence))
    return [{"reason": str(caution.reason), "message": caution.message} for caution in found]


def cautions_of_density(triple: Triple) -> list[Caution]:
    """The same for a run that uses the density of the prior itself: ``temper_from``. NumPyro's own
    densities are normalised.

    A prior object that says which parameters are angles (``repeats_along``, their names) has a
    density that goes on after a turn; over all of space it cannot be compared with draws, nor
    integrated.
    """
    if is_numpyro_prior(triple) or bool(getattr(triple.prior, "repeats_along", ())):
        return []
    findings = check_prior(triple.coordinates) + mass_finding(triple.coordinates)
    return [_caution(finding) for finding in findings]


def _caution(finding: PriorFinding) -> Caution:
    return Caution(
        Reason.SATURATED_CHART if finding.is_saturated else Reason.PRIOR_MISMATCH, finding.message
    )


def refuse_negative_divergence(
    triple: Triple, particles: int, replicates: int, seed: int, precision: str
) -> None:
    """Raise ``ValueError`` where K is further below 0 at prior draws than it usually is from 0: the
    run would not come to an end.

    Args:
        triple: what is to be tempered; only population triples have a K.
        particles, replicates, seed, precision: of the run, whose compiled programs are used.
    """
    if not triple.is_population:
        return
    count = particles * replicates
    with jax.enable_x64(precision == "float64"):
        moves = compile_moves(Path.of(triple), count)
        drawn = prior_draws(triple, jax.random.fold_in(jax.random.key(seed), 0), count)
        energies = np.asarray(moves.energies(jnp.asarray(drawn)), dtype=float)
    energies = energies[np.isfinite(energies)] / float(triple.n)
    if energies.size and energies.min() < -float(np.median(np.abs(energies))):
        raise ValueError(
            f"kl: K is negative, {energies.min():.4g} at a draw of the prior of {triple.name!r}; a "
            f"Kullback-Leibler divergence is ≥ 0: "
            "subtract its minimum, or give the log likelihood and data instead"
        )


def stored_cautions(settings: dict[str, Any]) -> list[Caution]:
    """The cautions that the settings of a run record."""
    return [
        Caution(Reason(record["reason"]), record["message"]) for record in settings.get(SETTING, [])
    ]


def _prior_findings(
    triple: Triple, rungs: Rungs, settings: dict[str, Any], is_whole_prior: bool
) -> tuple[PriorFinding, ...]:
    coordinates = triple.coordinates
    if not is_numpyro_prior(triple):
        return check_prior(coordinates)
    # Of NumPyro's own distributions the run's draws are looked at, by what is compiled already.
    if not is_whole_prior:
        return ()
    kept = rungs.particles[0].reshape(-1, coordinates.dimension)
    names = [coordinate_name(coordinates, i) for i in range(coordinates.dimension)]
    if sentence := same_draws(kept, names) or same_draws(
        *_rounded_parameters(triple, kept), symbol="w"
    ):
        return (PriorFinding(True, sentence),)
    return check_moved(coordinates, kept, _moved(triple, kept, settings))


def _rounded_parameters(
    triple: Triple, kept: Float[np.ndarray, "draws d"]
) -> tuple[Float[np.ndarray, "draws entries"], list[str]]:
    """Entries of the constrained parameters that should differ from draw to draw, and their names.

    Left out are constants, as the upper triangle of a Cholesky factor, and leaves whose chart goes
    beyond what floats resolve: of those the posterior's particles are looked at.
    """
    coordinates = triple.coordinates
    with jax.enable_x64(kept.dtype == np.float64):
        leaves = jax.tree.leaves(compiled_constrain(triple, kept.dtype.name)(jnp.asarray(kept)))
    beyond = [False] * len(leaves)
    if coordinates.resolved is not None and coordinates.sizes is not None:
        edges = np.split(np.array(coordinates.resolved), np.cumsum(coordinates.sizes)[:-1], axis=1)
        beyond = [bool(np.isfinite(own).any()) for own in edges]
    values, names = [np.empty((len(kept), 0))], []
    for leaf, name, is_beyond in zip(leaves, coordinates.names(), beyond, strict=True):
        flat = np.asarray(leaf, float).reshape(len(kept), -1)
        flat = flat[:, (flat != flat[:1]).any(axis=0)]
        if not is_beyond:
            values.append(flat)
            names += [repr(name)] * flat.shape[1]
    return np.concatenate(values, axis=1), names


def _moved(
    triple: Triple, kept: Float[np.ndarray, "draws d"], settings: dict[str, Any]
) -> Float[np.ndarray, "draws d"]:
    """The draws after one Hamiltonian move at β = 0, which leaves the prior invariant; by the run's
    compiled program.
    """
    count = int(settings["particles"]) * int(settings["replicates"])
    with jax.enable_x64(settings["precision"] == "float64"):
        moves = compile_moves(Path.of(triple), count)
        # As many as were compiled for; those that were kept come first.
        all_of_them = np.concatenate([kept] * -(-count // len(kept)))[:count]
        low, high = np.quantile(kept, [0.25, 0.75], axis=0)
        width = np.where(high > low, (high - low) / 1.35, 1.0)
        result = moves.hamiltonian(
            jax.random.split(jax.random.key(int(settings["seed"])), count),
            jnp.asarray(all_of_them),
            0.0,
            1.0,
            jnp.asarray(width**2, kept.dtype),
            3,
        )
        return np.asarray(result.particles)[: len(kept)]


def _beyond_resolution(triple: Triple, rungs: Rungs, settings: dict[str, Any]) -> list[Caution]:
    """Particles at β ≤ 1 that lie where the parameter is rounded to its least or largest value, if
    the energy still changes there.
    """
    if triple.coordinates.resolved is None:
        return []
    rung = int(np.searchsorted(rungs.inverse_temperature, 1.0, side="right")) - 1
    particles = rungs.particles[rung].reshape(-1, triple.dimension)
    lower, upper = triple.coordinates.resolved
    beyond = (particles < lower) | (particles > upper)
    share = float(beyond.any(axis=1).mean())
    if share < SHARE_BEYOND:
        return []
    with jax.enable_x64(settings["precision"] == "float64"):
        energy = jax.jit(jax.vmap(triple.energy, in_axes=(0, None)))
        data = jax.tree.map(jnp.asarray, triple.energy_data)
        chosen = particles[beyond.any(axis=1)]
        # Three e-folds inside the edge: an energy that changes there would go on changing beyond
        # it.
        inside = np.clip(chosen, lower + 3, upper - 3).astype(chosen.dtype)
        change = np.abs(
            np.asarray(energy(jnp.asarray(chosen), data))
            - np.asarray(energy(jnp.asarray(inside), data))
        )
    share *= float(np.mean(~(change <= ENERGY_BEYOND)))
    if share < SHARE_BEYOND:
        return []
    return [
        Caution(
            Reason.SATURATED_CHART,
            f"prior: {share:.1%} of the particles at β = {rungs.inverse_temperature[rung]:.3g} lie "
            f"where a parameter is rounded to the "
            "edge of its support while the log likelihood still changes there: write it in the "
            "logarithm of that parameter",
        )
    ]
