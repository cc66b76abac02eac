"""What no particle has seen: a search for modes of the posterior that hold mass and no
particles.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy.special import logsumexp

from singlearn.measure.ladder_view import LadderView
from singlearn.tempering.copies import Likeness
from singlearn.tempering.descent import Descended, descend
from singlearn.tempering.landscape import BATCH, QUICKLY_COMPILED, Landscape, landscape_of
from singlearn.tempering.markov_moves import Moves, prior_draws
from singlearn.tempering.mode_mass import Mode, evaluations_of_mode, measure_mode
from singlearn.tempering.rungs import Rungs
from singlearn.tempering.switches import Switches, switches_of
from singlearn.triple import Triple

# Of the gradients of the run, what a search may cost.
SHARE = 0.05
ITERATIONS = 150
MOST_MODES = 6
LARGEST_SCAN = 2**16
FINEST_GRID = 2**18
GRID_CHUNK = 2**13
# Starts of the descents, by where they come from; draws of the prior fill up what is left of a
# batch.
FROM_SCAN, FROM_COLDEST, FROM_POSTERIOR, FROM_HOTTER, FROM_SWITCHES = 8, 8, 4, 12, 16
# Numbers a scan of prior draws may touch however short the run was: about a tenth of a second.
CHEAP = 2**18
# A mode competes where its mass moves the free energy by this many nats, and is missing where the
# particles hold less than half of it.
COMPETES = 0.05
MISSING = 2.0
# Replicates whose free energies spread by more than this, and by so many times what independent
# particles would, have met a mode by luck where one accounts for it.
SPREAD, BEYOND_CHANCE = 0.1, 4.0
# Minima whose energies are as near as this many nats may be copies of one; they are measured after
# all others.
ALIKE = 0.01


@dataclass(frozen=True)
class UnseenMode:
    """A mode that competes with what the particles hold.

    Attributes:
        mode: where it is and what it weighs.
        share_of_particles: inside its ellipsoid or like it, on the rung that was looked at; one
            number per replicate.
        by_luck: some particles found it, but not as many as to say how much it weighs.
    """

    mode: Mode
    share_of_particles: tuple[float, ...]
    by_luck: bool = False


@dataclass(frozen=True)
class ModeSearch:
    """What was looked at, and what was found.

    Attributes:
        inverse_temperature: β at which masses were compared, that of a rung, in 1/nats.
        descents: how many.
        switches: places where the program chooses, whose other side was looked at.
        prior_draws: whose energies were looked at, beside the particles.
        lowest_energy: of anything that was looked at, in nats.
        missing: modes that compete with the particles and that these do not represent, the heaviest
            first.
        scales: the prior's standard deviations, flat coordinates.
    """

    inverse_temperature: float
    descents: int
    switches: int
    prior_draws: int
    lowest_energy: float
    missing: tuple[UnseenMode, ...]
    scales: Float[np.ndarray, " d"] = field(default_factory=lambda: np.zeros(0), repr=False)


def search(triple: Triple, moves: Moves, rungs: Rungs, view: LadderView, seed: int) -> ModeSearch:
    r"""Look where the particles have not been.

    From many starts at once :math:`βnL_n - \log φ` is descended: from draws of the prior (the
    lowest of a scan among them), from particles of all rungs, from the truth where that is a
    parameter, from the model's own start where it has one, and from the other side of every switch
    in the program of the model (:mod:`~singlearn.tempering.switches`). What lies in each minimum is
    measured (:func:`~singlearn.tempering.mode_mass.measure_mode`) and compared with what the
    particles hold in the same ellipsoid.

    Args:
        triple: that was tempered.
        moves: compiled for it.
        rungs: of the run.
        view: of the same rungs.
        seed: of the draws.

    Returns:
        What was looked at and what is missing. The cost is bounded by ``SHARE`` of the gradients of
        the run, with a floor for short ones.
    """
    generator = np.random.default_rng(seed)
    landscape, switches = landscape_of(triple), switches_of(triple)
    last = rung_looked_at(rungs.inverse_temperature, view.coldest, triple.is_population)
    beta = float(rungs.inverse_temperature[last])
    if beta == 0:
        return ModeSearch(0.0, 0, 0, 0, float(rungs.energies.min()), ())
    budget = SHARE * float(rungs.gradients.sum()) * rungs.energies[0].size
    draws, draw_energies = _scan(triple, moves, rungs, budget / 3, seed)
    scales = _scales(draws[: rungs.energies[0].size])
    iterations = int(np.clip(budget / 3 / BATCH, 40, ITERATIONS))
    starts, random = _starts(
        landscape, switches, rungs, last, draws, draw_energies, scales, iterations // 2, generator
    )
    found = descend(lambda u: landscape.slope(u, beta, 1.0)[:2], starts, scales, iterations)
    _, _, energies = landscape.look(found.points, beta)
    free = view.free_energy(beta)
    here = rungs.particles[last].astype(float)
    floor = view.free_energy_floor(beta) * math.sqrt(rungs.replicates)
    modes: list[Mode] = []
    missing: list[UnseenMode] = []
    most = int(np.clip(budget / 3 / evaluations_of_mode(triple.dimension), 2, MOST_MODES))
    for index in _in_order(found.values, energies):
        point, lowest = found.points[index], beta * energies[index]
        if len(modes) >= most:
            break
        # No mode weighs more than e^{-β n L_n} at its lowest, which a regular one leaves by d/2 at
        # its mode, at most.
        if lowest - triple.dimension / 2 > free.value + 3 or any(
            own.ellipsoid.holds(point[None])[0] for own in modes
        ):
            continue
        mode = measure_mode(landscape, point, scales, beta, generator)
        if mode is None or any(
            own.ellipsoid.holds(mode.ellipsoid.centre[None])[0] for own in modes
        ):
            continue
        modes.append(mode)

        def judged(
            mode: Mode, shares: np.ndarray, ends: Callable[[np.ndarray], np.ndarray]
        ) -> UnseenMode | None:
            at_most, own = mode.free_energy_at_most, tuple(map(float, shares))
            if is_missing(at_most, shares, free.replicates):
                return UnseenMode(mode, own)
            if (
                is_found_by_luck(at_most, shares, free.replicates, floor)
                and _share_of_basin(ends, found, random) < 0.5
            ):
                return UnseenMode(mode, own, by_luck=True)
            return None

        # What looks missing is looked at more closely: with more draws, and for copies of it among
        # the particles.
        shares = mode.ellipsoid.holds(here).mean(axis=1)
        if judged(mode, shares, mode.ellipsoid.holds) is None:
            continue
        mode = modes[-1] = mode.with_more_draws(landscape, beta, generator)
        if judged(mode, shares, mode.ellipsoid.holds) is None:
            continue
        alike = Likeness(triple, mode, beta, here.shape[0] * here.shape[1])
        unseen = judged(mode, np.maximum(shares, alike.holds(here).mean(axis=1)), alike.holds)
        missing += [] if unseen is None else [unseen]
    return ModeSearch(
        inverse_temperature=beta,
        descents=len(starts),
        switches=switches.count,
        prior_draws=len(draws),
        lowest_energy=min(
            float(np.min(energies)), float(draw_energies.min()), float(rungs.energies.min())
        ),
        missing=tuple(sorted(missing, key=lambda own: own.mode.free_energy)),
        scales=scales,
    )


def gain(
    free_energy: float, shares: Float[np.ndarray, " replicates"], free: tuple[float, ...]
) -> tuple[float, float]:
    """By how many nats a mode lowers the free energy, and the log of how much more it weighs than
    what the particles hold in its place.

    Args:
        free_energy: of the mode, in nats.
        shares: of the particles of each replicate that lie in its place.
        free: free energies of the replicates, in nats.

    >>> lower, ratio = gain(0.0, np.array([0.0, 0.0]), (0.0, 0.0))
    >>> round(lower, 6), ratio
    (0.693147, inf)
    """
    with np.errstate(divide="ignore"):
        held = float(logsumexp(np.log(shares) - np.array(free))) - math.log(len(shares))
        ratio = -free_energy - held
        more = math.log(-math.expm1(-ratio)) if ratio > 0 else -math.inf
    return float(np.logaddexp(0.0, np.mean(free) - free_energy + more)), ratio


def is_missing(
    free_energy: float,
    shares: Float[np.ndarray, " replicates"],
    free: tuple[float, ...],
    error: float = 0.0,
) -> bool:
    """Whether a mode competes, and the particles hold less than half of what it weighs, beyond the
    errors of both.

    What they hold is as uncertain as the free energies and, where some are in its place, as the
    shares of the replicates. Where most of them are there they have seen it, however uncertain
    their free energy. Arguments as for :func:`gain`, and the error of ``free_energy``.
    """
    lower, ratio = gain(free_energy, shares, free)
    if len(free) > 1:
        held = shares * np.exp(np.min(free) - np.array(free))
        spread = float(np.std(held, ddof=1)) / float(held.mean()) if held.any() else 0.0
        error = math.hypot(error, max(spread, float(np.std(free, ddof=1))) / math.sqrt(len(free)))
    return bool(ratio > math.log(MISSING) + 3 * error and lower > COMPETES and shares.mean() < 0.5)


def is_found_by_luck(
    free_energy: float,
    shares: Float[np.ndarray, " replicates"],
    free: tuple[float, ...],
    floor: float = 0.0,
) -> bool:
    """Whether replicates differ because some met the mode more often than others: with its mass put
    in, they agree.

    Arguments as for :func:`gain`; ``floor`` is by how much the free energies of independent
    particles would differ, in nats.
    """
    values = np.array(free)
    if len(values) < 2 or values.std(ddof=1) < max(SPREAD, BEYOND_CHANCE * floor):
        return False
    with np.errstate(divide="ignore"):
        rest = np.log1p(-np.minimum(shares, 1.0)) - values
    together = -np.logaddexp(rest, -free_energy)
    share = math.exp(min(0.0, float(np.mean(together)) - free_energy))
    return share > 0.2 and float(together.std(ddof=1)) < 0.25 * float(values.std(ddof=1))


def rung_looked_at(
    inverse_temperatures: Float[np.ndarray, " rungs"], coldest: float, is_population: bool
) -> int:
    """The index of the posterior, or of the rung that comes nearest to it; of a population run,
    whose limit counts, the coldest.

    Args:
        inverse_temperatures: of the rungs, in 1/nats.
        coldest: the largest β at which energies still have digits.
        is_population: whether it is a run without data.

    >>> betas = np.array([0.0, 0.1, 1.0, 10.0, 1e20])
    >>> [rung_looked_at(betas, 1e9, population) for population in (False, True)]
    [2, 3]
    """
    wanted = coldest if is_population else min(1.0, coldest)
    allowed = inverse_temperatures[inverse_temperatures <= coldest * (1 + 1e-12)]
    with np.errstate(divide="ignore"):
        return int(np.argmin(np.abs(np.log(allowed) - math.log(wanted)))) if wanted > 0 else 0


def _in_order(
    values: Float[np.ndarray, " starts"], energies: Float[np.ndarray, " starts"]
) -> list[int]:
    """Ends of finite value, the lowest first; those with the energy of a lower one, which may be
    copies of it, after all others.
    """
    first: list[int] = []
    again: list[int] = []
    for index in map(int, np.argsort(values)):
        if np.isfinite(values[index]):
            (again if np.any(np.abs(energies[first] - energies[index]) < ALIKE) else first).append(
                index
            )
    return first + again


def _share_of_basin(
    holds: Callable[[np.ndarray], np.ndarray], found: Descended, random: slice
) -> float:
    """The share of the descents from random draws of the prior that settled and settled here."""
    settled = found.converged[random]
    return float(holds(found.points[random])[settled].mean()) if settled.any() else 1.0


def _scales(draws: Float[np.ndarray, "draws d"]) -> Float[np.ndarray, " d"]:
    """Widths of the prior that a few far draws do not decide."""
    low, high = np.quantile(draws, [0.16, 0.84], axis=0)
    found: Float[np.ndarray, " d"] = np.maximum(
        (high - low) / 2, 1e-12 * np.maximum(np.abs(draws).max(axis=0), 1e-280)
    )
    return found


def _scan(
    triple: Triple, moves: Moves, rungs: Rungs, budget: float, seed: int
) -> tuple[Float[np.ndarray, "draws d"], Float[np.ndarray, " draws"]]:
    """Prior draws with their energies; in one dimension also a grid of the prior's quantiles, which
    sees narrow wells.
    """
    size = rungs.energies[0].size
    numbers = triple.dimension * (1 if triple.is_population else int(triple.n))
    # A draw and its energy cost about a gradient.
    allowed = int(max(budget, CHEAP / numbers))
    key = jax.random.fold_in(jax.random.key(seed), 2**31 - 1)
    count = (
        1
        if triple.dimension == 1
        else int(np.clip(allowed // size, 1, max(1, LARGEST_SCAN // size)))
    )
    drawn = [
        np.asarray(prior_draws(triple, jax.random.fold_in(key, k), size), float)
        for k in range(count)
    ]
    energies = [np.asarray(moves.energies(jnp.asarray(part)), float) for part in drawn]
    if triple.dimension == 1:
        ordered = np.sort(drawn[0][:, 0])
        chunks = int(np.clip(allowed // GRID_CHUNK, 0, FINEST_GRID // GRID_CHUNK))
        grid = np.interp(
            np.linspace(0, 1, chunks * GRID_CHUNK), np.linspace(0, 1, len(ordered)), ordered
        )[:, None]
        data = jax.tree.map(jnp.asarray, triple.data)
        look = jax.jit(jax.vmap(triple.energy, in_axes=(0, None)))
        for part in np.split(grid, chunks) if chunks else []:
            drawn.append(part)
            energies.append(np.asarray(look(jnp.asarray(part), data), float))
    return np.concatenate(drawn), np.concatenate(energies)


def _starts(
    landscape: Landscape,
    switches: Switches,
    rungs: Rungs,
    last: int,
    draws: Float[np.ndarray, "draws d"],
    draw_energies: Float[np.ndarray, " draws"],
    scales: Float[np.ndarray, " d"],
    iterations: int,
    generator: np.random.Generator,
) -> tuple[Float[np.ndarray, "starts d"], slice]:
    """A batch of starts, and which of them are random draws of the prior."""
    d = draws.shape[1]
    beta = float(rungs.inverse_temperature[last])
    posterior = rungs.particles[last].reshape(-1, d).astype(float)
    kept_energies = rungs.kept_energies[last]
    each = -(
        -FROM_COLDEST // len(kept_energies)
    )  # of every replicate, so that one phase does not take all
    coldest = np.argsort(kept_energies, axis=1)[:, :each]
    cold = (
        np.take_along_axis(rungs.particles[last], coldest[:, :, None], axis=1)
        .reshape(-1, d)[:FROM_COLDEST]
        .astype(float)
    )
    levels = np.unique(np.linspace(1, len(rungs) - 1, FROM_HOTTER).astype(int))
    every = rungs.particles.reshape(len(rungs), -1, d)
    hotter = np.stack([every[k][generator.integers(every.shape[1])] for k in levels]).astype(float)
    some = posterior[generator.integers(len(posterior), size=FROM_POSTERIOR)]
    parts = [
        cold,
        some,
        hotter,
        draws[np.argsort(draw_energies)[:FROM_SCAN]],
        *_named(landscape.triple),
    ]
    if switches.count:
        parts.append(
            _other_sides(landscape, switches, posterior, draws, scales, beta, iterations, generator)
        )
    known = np.concatenate(parts)
    known = known[np.isfinite(known).all(axis=1)][:BATCH]
    random = draws[: BATCH - len(known)]
    starts = np.concatenate([known, random])
    return np.concatenate([starts, np.repeat(starts[:1], BATCH - len(starts), axis=0)]), slice(
        len(known), len(starts)
    )


def _named(triple: Triple) -> list[Float[np.ndarray, "1 d"]]:
    """The truth and the model's own start, where there are such."""
    named = [triple.truth] if triple.truth_is_parameter else []
    start = getattr(triple, "start", None)
    if start is not None:
        named.append(start(triple.data))
    # One program is compiled, not one for each of its operations.
    unconstrain = jax.jit(triple.coordinates.unconstrain, compiler_options=QUICKLY_COMPILED)
    flat = [np.asarray(unconstrain(jax.tree.map(jnp.asarray, w)), float) for w in named]
    return [own[None] for own in flat if np.isfinite(own).all()]


def _other_sides(
    landscape: Landscape,
    switches: Switches,
    posterior: Float[np.ndarray, "particles d"],
    draws: Float[np.ndarray, "draws d"],
    scales: Float[np.ndarray, " d"],
    beta: float,
    iterations: int,
    generator: np.random.Generator,
) -> Float[np.ndarray, "starts d"]:
    """The best points on the ways down the scores, those of lowest cost first."""
    from_prior = draws[generator.integers(len(draws), size=BATCH // 2)]
    starts = np.concatenate(
        [from_prior, posterior[generator.integers(len(posterior), size=BATCH // 2)]]
    )
    which = np.arange(BATCH) % switches.count
    path: list[np.ndarray] = []

    def slope(points: Float[np.ndarray, "batch d"]) -> tuple[np.ndarray, np.ndarray]:
        path.append(points)
        return switches.slope(points, which)

    descend(slope, starts, scales, iterations)
    visited = np.stack(path)
    costs = landscape.costs(visited.reshape(-1, visited.shape[2]), beta).reshape(visited.shape[:2])
    best = costs.min(axis=0)
    best_at = visited[costs.argmin(axis=0), np.arange(BATCH)]
    order = np.argsort(best)
    first = [int(order[which[order] == switch][0]) for switch in range(switches.count)]
    chosen = sorted(first, key=lambda index: best[index])[:FROM_SWITCHES]
    chosen += [int(index) for index in order if index not in chosen][: FROM_SWITCHES - len(chosen)]
    found: Float[np.ndarray, "starts d"] = best_at[chosen]
    return found
