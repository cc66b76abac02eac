"""Whether a prior's draws and its log density are one distribution, seen at draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Bool, Float
from scipy.special import gammaln, logsumexp

from singlearn.triple.coordinates import Coordinates
from singlearn.triple.intake.distributions import is_numpyro
from singlearn.triple.stated_by_model import StatedByModel
from singlearn.triple.triple import Triple

# As many draws as are cheap: fewer where there are many coordinates.
DRAWS, DRAWS_IN_MANY_DIMENSIONS, MANY_DIMENSIONS = 16384, 4096, 32
# Of the mean of as many terms this is never seen where the two agree: a chance of 2e-9 for each of
# some hundred tests.
STANDARD_ERRORS = 6.0
# With fewer moves of one coordinate its mean need not be normal.
FEWEST_MOVES = 200
# Draws at one point: their number, and the share of all draws below which they do not matter.
SAME_DRAWS, SAME_SHARE = 5, 1e-3
DIRECTIONS = 8
# A density that integrates to 1 ± this is normalised, as far as a free energy is concerned, in
# nats.
NORMALISED = 0.05
LARGEST_DIMENSION = 20


@dataclass(frozen=True)
class PriorFinding:
    """What is wrong with a prior.

    Attributes:
        is_saturated: draws lie where the chart is clipped; otherwise draws and density disagree.
        message: the sentence.
    """

    is_saturated: bool
    message: str


def is_numpyro_prior(triple: Triple) -> bool:
    """Whether the prior consists of NumPyro's own distributions, or is that of a NumPyro model."""
    leaves = jax.tree.leaves(triple.prior, is_leaf=lambda leaf: isinstance(leaf, dist.Distribution))
    return isinstance(triple.prior, StatedByModel) or all(
        isinstance(leaf, dist.Distribution) and is_numpyro(leaf) for leaf in leaves
    )


def mass_finding(coordinates: Coordinates) -> tuple[PriorFinding, ...]:
    r"""What is wrong where a number needs :math:`∫ p\,du = 1`, as a run from a known parameter does
    and ``temper`` does not.
    """
    value, error = log_mass(coordinates)
    if not (np.isfinite(value) and abs(value) > max(STANDARD_ERRORS * error, NORMALISED)):
        return ()
    return (
        PriorFinding(
            False,
            f"prior: exp(log_prob) integrates to {np.exp(value):.4g} ± {np.exp(value) * error:.2g} "
            f"and not to 1, and this free energy "
            f"is off by as much, {value:.3g} nats; add the normalising constant to log_prob",
        ),
    )


@lru_cache(maxsize=64)
def check_prior(coordinates: Coordinates) -> tuple[PriorFinding, ...]:
    r"""Compare draws of a prior with its log density, once for all triples that share them.

    A Metropolis move that leaves the density :math:`p` invariant leaves the mean of every function
    f of the draws unchanged:

    .. math:: E\big[(f(u') - f(u)) \min(1, p(u')/p(u))\big] = 0, \qquad u ~ p, \; u' = u + ε

    with any symmetric ε. It needs no derivative and no constant, and it holds with hard walls and
    heavy tails, where Stein's identity has boundary terms. The functions are location and spread of
    every coordinate, of their sum and of some directions, and log p itself. What it cannot see is a
    constant factor of the density, which cancels here and in ``temper``; see ``log_mass``.

    Args:
        coordinates: of the prior.

    Returns:
        What is wrong; empty if nothing.
    """
    u, log_p = _draws(coordinates)
    if found := same_draws(
        u, [coordinate_name(coordinates, i) for i in range(coordinates.dimension)]
    ):
        return (PriorFinding(True, found),)
    impossible = float(np.mean(~np.isfinite(log_p)))
    if impossible > SAME_SHARE:
        return (
            PriorFinding(
                False,
                f"prior: its log_prob is not finite at {impossible:.1%} of its own draws, so that "
                f"the two disagree",
            ),
        )
    keep = np.isfinite(log_p)
    worst, where = _largest_imbalance(coordinates, u[keep], log_p[keep])
    return () if worst < STANDARD_ERRORS else (_two_distributions(worst, where, len(u)),)


def check_moved(
    coordinates: Coordinates,
    before: Float[np.ndarray, "draws d"],
    after: Float[np.ndarray, "draws d"],
) -> tuple[PriorFinding, ...]:
    """Compare draws of a prior with what one move that leaves its density invariant has made of
    them.

    Args:
        coordinates: of the prior.
        before, after: the draws, independent of each other.

    Returns:
        What is wrong; empty if nothing.
    """
    keep = np.isfinite(before).all(axis=1) & np.isfinite(after).all(axis=1)
    before, after = before[keep], after[keep]
    if len(before) < FEWEST_MOVES:
        return ()
    centre, width = _scales(before)
    z, moved = (before - centre) / width, (after - centre) / width
    worst, where = 0.0, ""
    for terms, name in _functions(z, moved, np.zeros(len(z)), np.ones(z.shape, bool)):
        size, index = _in_standard_errors(terms)
        if size > worst:
            worst, where = size, name or coordinate_name(coordinates, index % z.shape[1])
    return () if worst < STANDARD_ERRORS else (_two_distributions(worst, where, len(before)),)


def _two_distributions(worst: float, where: str, draws: int) -> PriorFinding:
    return PriorFinding(
        False,
        f"prior: what its sample draws and what its log_prob says are two distributions ({where}: "
        f"{worst:.0f} standard errors apart in "
        f"{draws} draws): a run starts from the one and moves by the other; correct one of them",
    )


def _scales(
    u: Float[np.ndarray, "draws d"],
) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, " d"]]:
    """Median and interquartile range of every coordinate."""
    low, centre, high = np.quantile(u, [0.25, 0.5, 0.75], axis=0)
    return centre, np.where(high > low, high - low, 1.0)


def same_draws(
    u: Float[np.ndarray, "draws d"], names: Sequence[str], symbol: str = "u"
) -> str | None:
    """A sentence where a share of the draws of some entry is infinite or one and the same number,
    which no density allows.

    Args:
        u: draws, flat.
        names: of the leaf that every entry belongs to.
        symbol: u for unconstrained coordinates, w for the parameter itself.

    Returns:
        The sentence, ``None`` where all is well.
    """
    fewest = max(SAME_DRAWS, SAME_SHARE * len(u))
    infinite = np.sum(~np.isfinite(u), axis=0)
    ordered = np.sort(np.where(np.isfinite(u), u, np.inf), axis=0)
    # As many equal neighbours in a row as make the least share that matters.
    lag = int(np.ceil(fewest)) - 1
    repeated = np.isfinite(ordered[lag:]) & (ordered[lag:] == ordered[: len(ordered) - lag])
    suspects = np.flatnonzero((infinite >= fewest) | repeated.any(axis=0))
    if not len(suspects):
        return None
    shares = []
    for suspect in suspects.tolist():
        values, counts = np.unique(ordered[:, suspect], return_counts=True)
        shares.append(
            (
                max(int(counts.max()), int(infinite[suspect])) / len(u),
                suspect,
                float(values[np.argmax(counts)]),
            )
        )
    share, i, value = max(shares)
    at = "beyond the largest number" if not np.isfinite(value) else f"at {symbol} = {value:.6g}"
    return (
        f"prior: {share:.1%} of the draws of {names[i]} lie at one point, {at}: the chart "
        f"saturates there, or the prior has an atom, and "
        "the density that moves the others is not that of the draws; use a prior that is less "
        "extreme, or another parametrisation "
        "(its logarithm)"
    )


def coordinate_name(coordinates: Coordinates, i: int) -> str:
    """The leaf that a flat coordinate belongs to, in quotation marks, as far as that is known."""
    names, sizes = coordinates.names(), coordinates.sizes
    if sizes is None:
        sizes = tuple(leaf.size for leaf in jax.tree.leaves(coordinates.shapes()))
    if sum(sizes) != coordinates.dimension or len(sizes) != len(names):
        return f"coordinate {i}"
    return repr(names[int(np.searchsorted(np.cumsum(sizes), i, side="right"))])


@lru_cache(maxsize=64)
def _draws(
    coordinates: Coordinates,
) -> tuple[Float[np.ndarray, "draws d"], Float[np.ndarray, " draws"]]:
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(20_009), _count(coordinates))
        u = np.asarray(jax.jit(jax.vmap(coordinates.sample))(keys), dtype=float)
        return u, _log_prob(coordinates, u)


def _log_prob(
    coordinates: Coordinates, u: Float[np.ndarray, "points d"]
) -> Float[np.ndarray, " points"]:
    with jax.enable_x64(True):
        compiled = _compiled(coordinates)
        return np.asarray(compiled(jnp.asarray(u)))


def _count(coordinates: Coordinates) -> int:
    return DRAWS if coordinates.dimension <= MANY_DIMENSIONS else DRAWS_IN_MANY_DIMENSIONS


@lru_cache(maxsize=64)
def _compiled(coordinates: Coordinates) -> jax.stages.Wrapped:
    return jax.jit(jax.vmap(coordinates.log_prob))


def _largest_imbalance(
    coordinates: Coordinates, u: Float[np.ndarray, "draws d"], log_p: Float[np.ndarray, " draws"]
) -> tuple[float, str]:
    """The largest |mean| in standard errors over all functions and kinds of moves, and which
    coordinate it belongs to.
    """
    generator = np.random.default_rng(1)
    draws, d = u.shape
    centre, width = _scales(u)
    z = (u - centre) / width
    one = np.zeros((draws, d))
    one[np.arange(draws), generator.integers(d, size=draws)] = 1.0
    worst, where = 0.0, ""
    for directions in (np.full((draws, d), 1 / np.sqrt(d)), one):
        reach = 2.0 * np.exp(generator.uniform(-1.5, 0.5, size=(draws, 1)))
        moved = z + reach * directions * generator.normal(size=(draws, d))
        change = np.nan_to_num(
            _padded(coordinates, centre + width * moved) - log_p, nan=-np.inf, posinf=np.inf
        )
        accepted = np.exp(np.minimum(change, 0.0))
        for terms, names in _functions(
            z, moved, np.where(np.isfinite(change), change, 0.0), directions != 0
        ):
            size, index = _in_standard_errors(terms * accepted[:, None])
            if size > worst:
                worst, where = size, names or coordinate_name(coordinates, index % d)
    return worst, where


def _padded(
    coordinates: Coordinates, u: Float[np.ndarray, "draws d"]
) -> Float[np.ndarray, " draws"]:
    """log p in the number of points that is compiled already."""
    missing = _count(coordinates) - len(u)
    return (
        _log_prob(coordinates, np.concatenate([u, u[:missing]]))[: len(u)]
        if missing
        else _log_prob(coordinates, u)
    )


def _functions(
    z: Float[np.ndarray, "draws d"],
    moved: Float[np.ndarray, "draws d"],
    change: Float[np.ndarray, " draws"],
    is_moved: Bool[np.ndarray, "draws d"],
) -> list[tuple[Float[np.ndarray, "draws functions"], str | None]]:
    """f(u') - f(u) of all functions, with a name where it is not a single coordinate."""
    spread, spread_moved = np.sqrt(1 + z**2), np.sqrt(1 + moved**2)
    each = is_moved.sum(axis=0) >= FEWEST_MOVES
    v = np.random.default_rng(2).normal(size=(z.shape[1], DIRECTIONS)) / np.sqrt(z.shape[1])
    along, along_moved = z @ v, moved @ v
    several = "several coordinates together"
    found: list[tuple[np.ndarray, str | None]] = [
        ((moved - z) * each, None),
        ((spread_moved - spread) * each, None),
        (np.sum(spread_moved - spread, axis=1, keepdims=True), several if z.shape[1] > 1 else None),
        (change[:, None], several if z.shape[1] > 1 else None),
        (np.sqrt(1 + along_moved**2) - np.sqrt(1 + along**2), several if z.shape[1] > 1 else None),
    ]
    return found


def _in_standard_errors(terms: Float[np.ndarray, "draws functions"]) -> tuple[float, int]:
    error = terms.std(axis=0) / np.sqrt(len(terms))
    sizes = np.where(error > 0, np.abs(terms.mean(axis=0)) / np.where(error > 0, error, 1.0), 0.0)
    index = int(np.argmax(sizes))
    return float(sizes[index]), index


@lru_cache(maxsize=64)
def log_mass(coordinates: Coordinates) -> tuple[float, float]:
    r"""The logarithm of :math:`∫ p\,du` and its standard error, in nats, by bridge sampling against
    a t distribution fitted to the draws.

    Both are NaN where no proposal overlaps the prior well enough to say: in more than
    ``LARGEST_DIMENSION`` dimensions, or for a prior of many separate pieces.

    Args:
        coordinates: of the prior.

    Returns:
        The logarithm and its standard error.
    """
    u, log_p = _draws(coordinates)
    d, unknown = coordinates.dimension, (float("nan"), float("nan"))
    keep = np.isfinite(log_p) & np.isfinite(u).all(axis=1)
    if d > LARGEST_DIMENSION or keep.mean() < 1 - SAME_SHARE:
        return unknown
    u, log_p, proposals = u[keep], log_p[keep], len(u)
    generator, freedom = np.random.default_rng(3), 5.0
    low, centre, high = np.quantile(u, [0.16, 0.5, 0.84], axis=0)
    width = np.where(high > low, (high - low) / 2, 1.0)
    clipped = np.clip((u - centre) / width, -3, 3)
    factor = (
        np.linalg.cholesky(np.atleast_2d(np.corrcoef(clipped.T)) + 1e-6 * np.eye(d))
        * width[:, None]
    )
    noise = generator.normal(size=(proposals, d)) / np.sqrt(
        generator.chisquare(freedom, size=(proposals, 1)) / freedom
    )
    proposed = centre + noise @ factor.T
    log_q_at = [
        _log_t(np.linalg.solve(factor, (x - centre).T).T, freedom) - np.linalg.slogdet(factor)[1]
        for x in (u, proposed)
    ]
    with np.errstate(all="ignore"):
        at_prior = log_p - log_q_at[0]
        at_proposed = np.nan_to_num(_log_prob(coordinates, proposed), nan=-np.inf) - log_q_at[1]
    # Meng and Wong's iteration for the ratio of two normalising constants.
    share, log_c = len(u) / (len(u) + proposals), 0.0
    for _ in range(200):
        numerator = at_proposed - np.logaddexp(
            np.log(share) + at_proposed - log_c, np.log1p(-share)
        )
        denominator = -np.logaddexp(np.log(share) + at_prior - log_c, np.log1p(-share))
        following = float(
            logsumexp(numerator) - np.log(proposals) - logsumexp(denominator) + np.log(len(u))
        )
        if not np.isfinite(following):
            return unknown
        log_c, moved = following, abs(following - log_c)
        if moved < 1e-8:
            break
    variance = sum(
        np.var(np.exp(part - part.max())) / np.mean(np.exp(part - part.max())) ** 2 / len(part)
        for part in (numerator, denominator)
    )
    return log_c, float(np.sqrt(variance))


def _log_t(x: Float[np.ndarray, "points d"], freedom: float) -> Float[np.ndarray, " points"]:
    d = x.shape[1]
    constant = gammaln((freedom + d) / 2) - gammaln(freedom / 2) - 0.5 * d * np.log(freedom * np.pi)
    found: Float[np.ndarray, " points"] = constant - 0.5 * (freedom + d) * np.log1p(
        np.sum(x**2, axis=1) / freedom
    )
    return found
