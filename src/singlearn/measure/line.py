"""Generalised least squares, and the straight line of Algorithm 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from singlearn.results.estimate import Estimate
from singlearn.results.result import Answer


@dataclass(frozen=True)
class Line(Answer):
    """A fitted line: slope, intercept and the share of variance it explains."""

    slope: Estimate
    intercept: Estimate
    r_squared: float


def least_squares(
    design: Float[np.ndarray, "points terms"],
    values: Float[np.ndarray, " points"],
    covariance: Float[np.ndarray, "points points"],
) -> tuple[Float[np.ndarray, " terms"], Float[np.ndarray, "terms terms"]]:
    r"""Generalised least squares :math:`θ = (X^T Σ^{-1} X)^{-1} X^T Σ^{-1} y`, with its covariance
    :math:`(X^T Σ^{-1} X)^{-1}`.

    Returns:
        The terms θ, and their covariance.

    Raises:
        ValueError: the covariance is not positive definite, or the design does not determine the
            terms.
    """
    try:
        factor = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError as error:
        raise ValueError("covariance: it is not positive definite") from error
    whitened, target = np.linalg.solve(factor, design), np.linalg.solve(factor, values)
    scale = np.linalg.norm(whitened, axis=0)
    if np.any(scale == 0) or np.linalg.matrix_rank(whitened / scale) < design.shape[1]:
        raise ValueError(
            f"design: {design.shape[0]} points do not determine {design.shape[1]} terms"
        )
    normal = np.linalg.inv((whitened / scale).T @ (whitened / scale)) / np.outer(scale, scale)
    return normal @ (whitened.T @ target), normal


def energy_slope(
    inverse_temperatures: Float[np.ndarray, " rungs"],
    energies: Float[np.ndarray, " rungs"],
    covariance: Float[np.ndarray, "rungs rungs"],
) -> Line:
    r"""Fit :math:`E(β) = n L_n(w_0) + λ/β` by generalised least squares.

    The slope is the learning coefficient, the intercept the energy of the phase that was measured;
    an intercept that is not :math:`n L_n(w_0)` means that the posterior sat elsewhere (Watanabe
    2013, Theorem 4 [watanabe2013wbic]_).

    Args:
        inverse_temperatures: β > 0, in units of 1/energy.
        energies: posterior means :math:`E_w^β[n L_n]`, in nats.
        covariance: of ``energies``, in nats².

    Returns:
        The line against 1/β: its slope is λ, without a unit, its intercept an energy in nats.

    Raises:
        ValueError: fewer than two distinct β, or a covariance that is not positive definite.

    >>> beta = np.array([0.1, 0.125, 0.2])
    >>> round(energy_slope(beta, 3.0 + 0.5 / beta, np.eye(3)).slope.value, 9)
    0.5
    """
    if len(np.unique(inverse_temperatures)) < 2:
        raise ValueError(
            f"inverse_temperatures: got {inverse_temperatures}; at least two distinct β are needed "
            f"for a slope"
        )
    design = np.stack([np.ones_like(inverse_temperatures), 1 / inverse_temperatures], axis=1)
    (intercept, slope), normal = least_squares(design, energies, covariance)
    residual = energies - design @ np.array([intercept, slope])
    total = np.sum((energies - energies.mean()) ** 2)
    return Line(
        Estimate(float(slope), float(np.sqrt(normal[1, 1]))),
        Estimate(float(intercept), float(np.sqrt(normal[0, 0]))),
        float(1 - np.sum(residual**2) / total) if total > 0 else float("nan"),
    )
