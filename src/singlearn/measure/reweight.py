"""All rungs of one population reweighted together, so that any β in between can be read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import solveh_banded
from scipy.special import logsumexp
from threadpoolctl import threadpool_limits

from singlearn.measure.energy_nodes import RESOLVED, Piece, pieces_of
from singlearn.measure.neighbours import neighbour_differences
from singlearn.running.arguments import real_number

# Stands for an infinite energy: no weight at any β > 0, and 0 · ENERGY_CEILING = 0 at β = 0 where ∞
# would give NaN.
ENERGY_CEILING = 1e280
# A rung whose density at a particle is this many e-folds below the largest one's is no neighbour of
# it: what is left out is below rounding.
NEGLIGIBLE = 36.0
# Readings leave out particles this many e-folds below the heaviest one; their weights underflow
# beyond the second figure.
UNREAD = 50.0
UNDERFLOW = 746.0
# Particles that are handed on together.
BLOCK = 2048
# Moments that are remembered, by β.
REMEMBERED = 256


class Members(NamedTuple):
    """Neighbouring particles, sorted by energy, and their share in each rung of a range.

    Attributes:
        particles: their positions in the order of energies.
        rungs: the rungs outside of which no share exceeds rounding.
        shares: :math:`p_k(x) = N_k e^{f_k - β_k U(x) - D(x)}`, whose sum over rungs is 1.
    """

    particles: slice
    rungs: slice
    shares: Float[np.ndarray, "rungs particles"]


class Reweighting:
    r"""Multistate reweighting (MBAR) of the family :math:`p^β ∝ e^{-βU} φ` from samples at rungs
    :math:`β_k`.

    With :math:`D(x) = \log Σ_k N_k e^{f_k - β_k U(x)}` the free energies solve
    :math:`f_k = -\log Σ_x e^{-β_k U(x) - D(x)}`, :math:`f = 0` at :math:`β = 0`; any other β is
    read with the weights :math:`w_β(x) ∝ e^{-βU(x) - D(x)}` (Shirts & Chodera 2008
    [shirts2008mbar]_).

    Only energies enter, because the family has one parameter. f is a concave function of β, so
    :math:`f_k - β_k U` falls off to both sides of one rung: the rungs that count at an energy are
    neighbours, and the particles that count at a β are neighbours in energy.
    The equations are therefore solved by Newton's method with a banded matrix over particles sorted
    by energy, started from what neighbouring rungs say of each other, and a reading looks at a
    window of energies. Both take time proportional to the number of rungs; what is left out, e⁻³⁶
    of the largest term, is below rounding.

    Attributes:
        free_energies: :math:`f_k`, in nats.

    Args:
        inverse_temperatures: increasing, starting at 0, in 1/nats.
        energies: of the particles of one replicate at each rung, in nats; infinite ones count as
            weightless.

    Raises:
        RuntimeError: the equations did not converge.

    >>> rng = np.random.default_rng(0)
    >>> betas = np.array(
    ...     [0.0, 1.0, 3.0]
    ... )  # U = x²/2, φ = N(0,1): p^β = N(0, 1/(1+β)), F = ½ log(1+β)
    >>> x = rng.normal(size=(3, 4000)) / np.sqrt(1 + betas)[:, None]
    >>> bool(abs(Reweighting(betas, x**2 / 2).free_energy(3.0) - 0.5 * np.log(4)) < 0.05)
    True
    >>> lifted = Reweighting(betas, x**2 / 2 + 1e9).free_energy(3.0) - 3e9
    >>> bool(abs(lifted - Reweighting(betas, x**2 / 2).free_energy(3.0)) < 1e-5)
    True
    """

    def __init__(
        self,
        inverse_temperatures: Float[np.ndarray, " rungs"],
        energies: Float[np.ndarray, "rungs particles"],
    ) -> None:
        self.inverse_temperatures = np.asarray(inverse_temperatures, dtype=float)
        self.energies = np.minimum(
            np.nan_to_num(np.asarray(energies, dtype=float), nan=np.inf), ENERGY_CEILING
        )
        # Counted from the lowest: where that is 10⁷ nats, β U leaves no digits for the equations.
        # D(x) is the same from any zero.
        lowest = float(self.energies.min())
        self._lowest = lowest if lowest < ENERGY_CEILING else 0.0
        excess = self.energies - self._lowest
        self.order: Int[np.ndarray, " samples"] = np.argsort(excess, axis=None, kind="stable")
        self._sorted = excess.ravel()[self.order]
        self._sorted_denominators = np.empty(self._sorted.size)
        # BLAS is handed many small matrices, and measured ten times slower where it spreads them
        # over busy cores.
        with threadpool_limits(1, user_api="blas"):
            self._above = self._solve(excess)
            self._read_off(self._above)
        self.free_energies = self._above + self.inverse_temperatures * self._lowest
        self._moments: dict[float, tuple[float, float]] = {}

    # -- the equations
    # ----------------------------------------------------------------------------------------------

    def members(self) -> Iterator[Members]:
        """All particles, a few at a time in the order of their energies, with their share in each
        rung.

        Yields:
            A few particles, with their shares.
        """
        bound = _concave_bound(self.inverse_temperatures, self._above)
        for start in range(0, self._sorted.size, BLOCK):
            particles = slice(start, min(start + BLOCK, self._sorted.size))
            rungs, shares, _ = self._shares(self._above, bound, self._sorted[particles])
            yield Members(particles, rungs, shares)

    def _shares(
        self,
        f: Float[np.ndarray, " rungs"],
        bound: Float[np.ndarray, " rungs"],
        energies: Float[np.ndarray, " some"],
    ) -> tuple[slice, Float[np.ndarray, "own some"], Float[np.ndarray, " some"]]:
        """The rungs that count at some energies; their shares; and D there."""
        rungs = self._range(f, bound, float(energies.min()), float(energies.max()))
        terms = f[rungs, None] - self.inverse_temperatures[rungs, None] * energies
        highest = terms.max(axis=0)
        terms -= highest
        np.exp(terms, out=terms)
        total = terms.sum(axis=0)
        terms /= total
        return rungs, terms, highest + np.log(total) + math.log(self.energies.shape[1])

    def _range(
        self,
        f: Float[np.ndarray, " rungs"],
        bound: Float[np.ndarray, " rungs"],
        low: float,
        high: float,
    ) -> slice:
        """The rungs that count between two energies: the hot ones by the higher energy, the cold
        ones by the lower.

        Returns:
            The slice of the rungs.
        """
        beta = self.inverse_temperatures
        hot = bound - beta * high >= (f - beta * high).max() - NEGLIGIBLE
        cold = bound - beta * low >= (f - beta * low).max() - NEGLIGIBLE
        return slice(int(np.argmax(hot)), len(beta) - int(np.argmax(cold[::-1])))

    def _solve(
        self,
        excess: Float[np.ndarray, "rungs particles"],
        tolerance: float = 1e-9,
        iterations: int = 60,
    ) -> Float[np.ndarray, " rungs"]:
        """Newton's method on the concave MBAR likelihood, started from what neighbouring rungs say,
        which is already close.

        Returns:
            One free energy per rung, in nats.
        """
        rungs, particles = excess.shape
        if rungs == 1:
            self._pieces = self._cut(np.zeros(1))
            return np.zeros(1)
        f = np.concatenate(
            [[0.0], np.cumsum(neighbour_differences(self.inverse_temperatures, excess))]
        )
        self._pieces = self._cut(f)
        previous = math.inf
        for _ in range(iterations):
            expected, overlaps = self._balance(f)
            gradient = (particles - expected)[1:]
            # The lower half of diag(expected) - second, without rung 0, whose f is fixed.
            hessian = -overlaps[:, 1:]
            hessian[0] += expected[1:] + 1e-12 * particles
            step = solve_banded(hessian, gradient, particles)
            # A full step from a poor start can overshoot; the likelihood is concave, so a bounded
            # step cannot get lost. Rungs pull on their neighbours, so that it is differences that
            # count.
            size = float(np.abs(np.diff(step, prepend=0.0)).max())
            step *= min(1.0, 2.0 / max(size, 1e-300))
            f[1:] += step
            # Convergence is quadratic until rounding ends it.
            if (
                size < tolerance
                or np.abs(gradient).max() < 1e-3 * tolerance * particles
                or (previous < 1e-4 and size > previous / 2)
            ):
                return f
            previous = size
        raise RuntimeError(
            f"reweighting did not converge in {iterations} iterations (largest imbalance "
            f"{np.abs(gradient).max() / particles:.2g}): "
            "neighbouring rungs do not overlap"
        )

    def _cut(self, f: Float[np.ndarray, " rungs"]) -> list[Piece]:
        """The energies in pieces over which the shares at f are polynomials within rounding."""
        bound = _concave_bound(self.inverse_temperatures, f)

        def functions(
            energies: Float[np.ndarray, " points"],
        ) -> tuple[Float[np.ndarray, "*functions points"], ...]:
            own, shares, denominators = self._shares(f, bound, energies)
            scale = _resolvable(self.inverse_temperatures[own] @ shares * energies)
            return shares * scale, denominators * scale

        return pieces_of(self._sorted, functions)

    def _balance(
        self, f: Float[np.ndarray, " rungs"]
    ) -> tuple[Float[np.ndarray, " rungs"], Float[np.ndarray, "offsets rungs"]]:
        """Σ_x p_k(x), and Σ_x p_k(x) p_{k+o}(x) as row o of the lower half of a banded matrix."""
        rungs = len(f)
        expected, overlaps = np.zeros(rungs), np.zeros((1, rungs))
        bound = _concave_bound(self.inverse_temperatures, f)
        for piece in self._pieces:
            own, shares, _ = self._shares(f, bound, piece.energies)
            weighted = shares * piece.counts
            expected[own] += weighted.sum(axis=1)
            overlaps = add_to_band(overlaps, own.start, weighted @ shares.T)
        return expected, overlaps

    def _read_off(self, f: Float[np.ndarray, " rungs"]) -> None:
        """D of every particle, and the energies at which the weights at a β are largest."""
        bound = _concave_bound(self.inverse_temperatures, f)
        typical, mean = [], []
        for piece in self._pieces:
            own, shares, denominators = self._shares(f, bound, piece.energies)
            # The mean β of the rungs a particle belongs to: where it is β, the weights at β are
            # largest.
            typical.append(piece.energies)
            mean.append(self.inverse_temperatures[own] @ shares)
            if not piece.is_resolved(denominators * _resolvable(mean[-1] * piece.energies)):
                _, _, found = self._shares(f, bound, self._sorted[piece.particles])
            else:
                found = piece.at_particles(denominators, self._sorted)
            self._sorted_denominators[piece.particles] = found
        self._typical_energies, self._mean_beta = np.concatenate(typical), np.concatenate(mean)

    # -- readings
    # ----------------------------------------------------------------------------------------------

    def _check(self, beta: float | int) -> float:
        beta = real_number("beta", beta, meaning="a finite inverse temperature")
        lowest, highest = self.inverse_temperatures[0], self.inverse_temperatures[-1]
        if not lowest <= beta <= highest * (1 + 1e-12):
            raise ValueError(
                f"beta: got {beta:g}; it should be within the run's range [{lowest:g}, {highest:g}]"
            )
        return beta

    def window(self, beta: float | int, depth: float = UNREAD) -> slice:
        """Where in the order of energies the weights at β are within ``depth`` e-folds of the
        largest one.

        Returns:
            The slice of positions.
        """
        beta = self._check(beta)
        place = int(np.searchsorted(-self._mean_beta, -beta))
        typical = self._typical_energies[min(place, len(self._mean_beta) - 1)]
        peak = min(int(np.searchsorted(self._sorted, typical)), self._sorted.size - 1)
        # The logarithm of the weights is a concave function of the energy.
        floor = self._log_weight(beta, peak) - depth
        start = _first(lambda i: self._log_weight(beta, i) >= floor, 0, peak)
        stop = _first(lambda i: self._log_weight(beta, i) < floor, peak + 1, self._sorted.size)
        return slice(start, stop)

    def _log_weight(self, beta: float, position: int) -> float:
        return float(-beta * self._sorted[position] - self._sorted_denominators[position])

    def weights_within(self, beta: float | int, window: slice) -> Float[np.ndarray, " window"]:
        """Weights at β of the particles in a window of the order of energies, normalised over
        it.

        Returns:
            Weights that sum to one.
        """
        logs = -self._check(beta) * self._sorted[window] - self._sorted_denominators[window]
        found: Float[np.ndarray, " window"] = np.exp(logs - logsumexp(logs))
        return found

    def energies_within(self, window: slice) -> Float[np.ndarray, " window"]:
        """Energies of a window of the order of energies, in nats."""
        found: Float[np.ndarray, " window"] = self.energies.ravel()[self.order[window]]
        return found

    def free_energy(self, beta: float | int) -> float:
        """F(β) = -log ∫ exp(-βU) φ dw, in nats."""
        window = self.window(beta)
        logs = -float(beta) * self._sorted[window] - self._sorted_denominators[window]
        return float(beta) * self._lowest - float(logsumexp(logs))

    def weights(self, beta: float | int) -> Float[np.ndarray, "rungs particles"]:
        """Normalised weights of all particles of all rungs at β."""
        window = self.window(beta, UNDERFLOW)
        found = np.zeros(self._sorted.size)
        found[self.order[window]] = self.weights_within(beta, window)
        return found.reshape(self.energies.shape)

    def mean_and_variance(self, beta: float | int) -> tuple[float, float]:
        """Mean and variance of the energy at β, in nats and nats²."""
        beta = self._check(beta)
        if beta not in self._moments:
            if len(self._moments) >= REMEMBERED:
                self._moments.clear()
            self._moments[beta] = self._mean_and_variance(beta)
        return self._moments[beta]

    def _mean_and_variance(self, beta: float) -> tuple[float, float]:
        window = self.window(beta)
        weights, energies = self.weights_within(beta, window), self.energies_within(window)
        if energies[-1] >= ENERGY_CEILING and weights[energies >= ENERGY_CEILING].sum() > 0:
            return np.inf, np.inf
        mean = float(np.sum(weights * energies))
        # An infinite energy weighs nothing here, and its square would be no number.
        centred = np.where(energies < ENERGY_CEILING, energies - mean, 0.0)
        return mean, float(np.sum(weights * centred**2))

    def effective_sample_size(self, beta: float | int) -> float:
        """Kish's effective number of particles at β."""
        return 1.0 / float(np.sum(self.weights_within(beta, self.window(beta)) ** 2))


def add_to_band(
    band: Float[np.ndarray, "offsets columns"], start: int, block: Float[np.ndarray, "size size"]
) -> Float[np.ndarray, "wider columns"]:
    """Add a symmetric block, whose first row is ``start``, to the lower half of a banded matrix;
    the band grows where it has to.

    Returns:
        The band itself, or a wider copy.
    """
    size, width = len(block), len(band)
    if size > width:
        band = np.concatenate([band, np.zeros((size - width, band.shape[1]))])
    rows, columns = _lower_half(size)
    band[rows - columns, start + columns] += block[rows, columns]
    return band


@lru_cache(maxsize=64)
def _lower_half(size: int) -> tuple[Int[np.ndarray, " entries"], Int[np.ndarray, " entries"]]:
    return np.tril_indices(size)


def solve_banded(
    lower: Float[np.ndarray, "offsets columns"],
    right: Float[np.ndarray, "columns *more"],
    scale: float | int,
) -> Float[np.ndarray, "columns *more"]:
    """Solve a symmetric banded system, given by its lower half, that may be singular within
    rounding of ``scale``.

    Returns:
        The solution, with the shape of ``right``.
    """
    for ridge in (0.0, 1e-10, 1e-8, 1e-6):
        try:
            lifted = lower[: lower.shape[1]].copy()
            lifted[0] += ridge * scale
            return np.asarray(solveh_banded(lifted, right, lower=True, check_finite=False))
        except np.linalg.LinAlgError:
            continue
    raise RuntimeError("reweighting: the overlaps of the rungs are not numbers")


def _resolvable(exponents: Float[np.ndarray, " points"]) -> float:
    """What to multiply shares by, differences of numbers like βU exponentiated, so that no
    polynomial has to follow their rounding.

    Returns:
        A factor of at most 1.
    """
    rounding = 32 * np.finfo(float).eps * float(exponents.max())
    return min(1.0, RESOLVED / rounding) if rounding > 0 else 1.0


def _first(holds: Callable[[int], bool], lower: int, upper: int) -> int:
    """The first position in lower … upper where a condition holds that goes on holding once it
    does; ``upper`` if it never does.

    Returns:
        A position.
    """
    while lower < upper:
        middle = (lower + upper) // 2
        if holds(middle):
            upper = middle
        else:
            lower = middle + 1
    return lower


def _concave_bound(
    beta: Float[np.ndarray, " rungs"], f: Float[np.ndarray, " rungs"]
) -> Float[np.ndarray, " rungs"]:
    """The smallest concave function of β nowhere below f: f itself once the equations are
    solved.

    Returns:
        Its value at every rung.
    """
    slopes = np.diff(f) / np.diff(beta)
    if np.all(np.diff(slopes) <= 0):
        return f
    hull: list[int] = []
    for k in range(len(f)):
        while len(hull) > 1:
            i, j = hull[-2], hull[-1]
            if (f[j] - f[i]) * (beta[k] - beta[i]) > (f[k] - f[i]) * (beta[j] - beta[i]):
                break
            hull.pop()
        hull.append(k)
    found: Float[np.ndarray, " rungs"] = np.maximum(np.interp(beta, beta[hull], f[hull]), f)
    return found
