"""All rungs of one population reweighted together, so that any β in between can be read."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.special import logsumexp

from singlearn.running.arguments import real_number

# Stands for an infinite energy: no weight at any β > 0, and 0 · ENERGY_CEILING = 0 at β = 0 where ∞ would give NaN.
ENERGY_CEILING = 1e280


class Reweighting:
    r"""Multistate reweighting (MBAR) of the family :math:`p^β ∝ e^{-βU} φ` from samples at rungs :math:`β_k`.

    With :math:`D(x) = \log Σ_k N_k e^{f_k - β_k U(x)}` the free energies solve
    :math:`f_k = -\log Σ_x e^{-β_k U(x) - D(x)}`, :math:`f = 0` at :math:`β = 0`; any other β is read with the weights
    :math:`w_β(x) ∝ e^{-βU(x) - D(x)}` (Shirts & Chodera 2008 [shirts2008mbar]_). Only energies enter, because the
    family has one parameter; that is why this is a page and not a dependency.

    Attributes:
        free_energies: :math:`f_k`, in nats.
        log_denominators: :math:`D(x)` of every particle.

    Args:
        inverse_temperatures: increasing, starting at 0, in 1/nats.
        energies: of the particles of one replicate at each rung, in nats; infinite ones count as weightless.

    Raises:
        RuntimeError: the equations did not converge.

    >>> rng = np.random.default_rng(0)
    >>> betas = np.array([0.0, 1.0, 3.0])             # U = x²/2, φ = N(0,1): p^β = N(0, 1/(1+β)), F = ½ log(1+β)
    >>> x = rng.normal(size=(3, 4000)) / np.sqrt(1 + betas)[:, None]
    >>> bool(abs(Reweighting(betas, x**2 / 2).free_energy(3.0) - 0.5 * np.log(4)) < 0.05)
    True
    >>> lifted = Reweighting(betas, x**2 / 2 + 1e9).free_energy(3.0) - 3e9
    >>> bool(abs(lifted - Reweighting(betas, x**2 / 2).free_energy(3.0)) < 1e-5)
    True
    """

    def __init__(self, inverse_temperatures: Float[np.ndarray, " rungs"], energies: Float[np.ndarray, "rungs particles"]) -> None:
        self.inverse_temperatures = np.asarray(inverse_temperatures, dtype=float)
        self.energies = np.minimum(np.nan_to_num(np.asarray(energies, dtype=float), nan=np.inf), ENERGY_CEILING)
        # Counted from the lowest: where that is 10⁷ nats, β U leaves no digits for the equations. D(x) is the same from any zero.
        lowest = float(self.energies.min())
        self._lowest = lowest if lowest < ENERGY_CEILING else 0.0
        self._excess = self.energies - self._lowest
        above = self._solve()
        self.free_energies = above + self.inverse_temperatures * self._lowest
        self.log_denominators = np.stack([self._log_denominator(row, above) for row in self._excess])

    def _log_denominator(self, row: Float[np.ndarray, " particles"], f: Float[np.ndarray, " rungs"]) -> Float[np.ndarray, " particles"]:
        terms = (f + np.log(len(row)))[:, None] - self.inverse_temperatures[:, None] * row[None, :]
        return logsumexp(terms, axis=0)

    def _initial(self) -> Float[np.ndarray, " rungs"]:
        f = np.zeros(len(self.inverse_temperatures))
        for k in range(1, len(f)):
            step = self.inverse_temperatures[k] - self.inverse_temperatures[k - 1]
            f[k] = f[k - 1] - (logsumexp(-step * self._excess[k - 1]) - np.log(self._excess.shape[1]))
        return f

    def _solve(self, tolerance: float = 1e-9, iterations: int = 60) -> Float[np.ndarray, " rungs"]:
        """Newton's method on the concave MBAR likelihood, started from the one-step estimates, which are already close."""
        rungs, particles = self._excess.shape
        f = self._initial()
        if rungs == 1:
            return f
        for _ in range(iterations):
            expected = np.zeros(rungs)
            second = np.zeros((rungs, rungs))
            for row in self._excess:
                terms = (f + np.log(particles))[:, None] - self.inverse_temperatures[:, None] * row[None, :]
                terms -= terms.max(axis=0)
                weights = np.exp(terms)
                weights /= weights.sum(axis=0)
                expected += weights.sum(axis=1)
                second += weights @ weights.T
            gradient = (particles - expected)[1:]
            hessian = (np.diag(expected) - second)[1:, 1:]
            step = np.linalg.solve(hessian + 1e-12 * particles * np.eye(rungs - 1), gradient)
            # A full step from a poor start can overshoot; the likelihood is concave, so a bounded step cannot get lost.
            step *= min(1.0, 2.0 / max(np.abs(np.diff(step, prepend=0.0)).max(), 1e-300))
            f[1:] += step
            if np.abs(gradient).max() < tolerance * particles or np.abs(step).max() < tolerance:
                return f
        raise RuntimeError(
            f"reweighting did not converge in {iterations} iterations (largest imbalance {np.abs(gradient).max() / particles:.2g}): "
            "neighbouring rungs do not overlap"
        )

    def _check(self, beta: float | int) -> float:
        beta = real_number("beta", beta, meaning="a finite inverse temperature")
        lowest, highest = self.inverse_temperatures[0], self.inverse_temperatures[-1]
        if not lowest <= beta <= highest * (1 + 1e-12):
            raise ValueError(f"beta: got {beta:g}; it should be within the run's range [{lowest:g}, {highest:g}]")
        return beta

    def free_energy(self, beta: float | int) -> float:
        """F(β) = -log ∫ exp(-βU) φ dw, in nats."""
        return self._check(beta) * self._lowest - float(logsumexp(-self._check(beta) * self._excess - self.log_denominators))

    def weights(self, beta: float | int) -> Float[np.ndarray, "rungs particles"]:
        """Normalised weights of all particles of all rungs at β."""
        log_weights = -self._check(beta) * self._excess - self.log_denominators
        return np.exp(log_weights - logsumexp(log_weights))

    def mean_and_variance(self, beta: float | int) -> tuple[float, float]:
        """Mean and variance of the energy at β, in nats and nats²."""
        weights = self.weights(beta)
        if self.energies.max() >= ENERGY_CEILING and weights[self.energies >= ENERGY_CEILING].sum() > 0:
            return np.inf, np.inf
        weighing = weights > 0
        weights, energies = weights[weighing], self.energies[weighing]
        mean = float(np.sum(weights * energies))
        return mean, float(np.sum(weights * (energies - mean) ** 2))

    def effective_sample_size(self, beta: float | int) -> float:
        """Kish's effective number of particles at β."""
        return 1.0 / float(np.sum(self.weights(beta) ** 2))
