"""Posterior predictive checks: does the model make data like those that were observed?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from singlearn.results.caution import Caution, Reason
from singlearn.results.estimate import Estimate
from singlearn.results.result import Answer
from singlearn.results.table import frame, pairs
from singlearn.selection.predictive import is_density_on_a_line
from singlearn.tempering import Run
from singlearn.tempering.draw_of_data import Draw
from singlearn.tempering.predicted import observed_data, predictive

Statistic = Callable[[np.ndarray], float]
STATISTICS: dict[str, Statistic] = {
    "mean": lambda y: float(np.mean(y)),
    "standard deviation": lambda y: float(np.std(y)),
    "smallest": lambda y: float(np.min(y)),
    "largest": lambda y: float(np.max(y)),
}
EXTREME = 0.005
"""Share of the replicated data, on either side, from which the observed ones are called unlike."""
POINTS = 4096
MARGIN = 2.0
"""Ranges of the data that the grid of a density on a line reaches beyond them."""


@dataclass(frozen=True)
class Checked:
    """One statistic of the data and of the data that the model makes.

    Attributes:
        name: of the statistic T.
        observed: T(y).
        replicated: mean of T(y_rep).
        spread: standard deviation of T(y_rep).
        share: P(T(y_rep) ≥ T(y) | y), with the error seen between replicates; near 0 or 1 where the
            model makes no such data.
    """

    name: str
    observed: float
    replicated: float
    spread: float
    share: Estimate

    @property
    def is_unlike(self) -> bool:
        """Whether the share, with its error, is below 0.005, or above 0.995."""
        extreme = min(self.share.value, 1 - self.share.value)
        return extreme + self.share.standard_error < EXTREME


@dataclass(frozen=True)
class PredictiveCheck(Answer):
    """What statistics of the data say of a model.

    Attributes:
        name: of the run.
        rows: one for each statistic and observed variable.
    """

    name: str
    rows: tuple[Checked, ...]

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """One for each statistic that the model does not reproduce."""
        return tuple(
            Caution(
                Reason.MISFIT,
                f"{row.name}: {row.observed:.4g} was observed, the model makes "
                f"{row.replicated:.4g} ± {row.spread:.2g}",
            )
            for row in self.rows
            if row.is_unlike
        )

    def __str__(self) -> str:
        rows = [
            (
                row.name,
                f"T(y) = {row.observed:.4g},  T(y_rep) = {row.replicated:.4g} ± {row.spread:.2g},  "
                f"P(T(y_rep) ≥ T(y)) = {row.share}",
            )
            for row in self.rows
        ]
        lines = [f"{self.name}  posterior predictive check", "", *pairs(rows)]
        return "\n".join(lines + [f"  caution: {caution}" for caution in self.cautions])

    def table(self) -> Any:
        """One statistic per row."""
        return frame(
            {
                "statistic": row.name,
                "observed": row.observed,
                "replicated": row.replicated,
                "spread": row.spread,
                "share": row.share,
            }
            for row in self.rows
        )


def predictive_check(
    run: Run,
    statistics: Mapping[str, Statistic] | None = None,
    draw: Draw | bool = True,
    seed: int = 0,
) -> PredictiveCheck:
    r"""Compare statistics of the data with those of data replicated at every posterior draw.

    The share :math:`P(T(y^{rep}) ≥ T(y) \mid y)` (Gelman, Meng & Stern 1996) uses the data twice:
    it is 1/2 on average under the right model and *less* spread than uniform, so that an extreme
    share speaks against the model, and a middling one does not speak for it.

    Args:
        run: of a NumPyro model, a regression, a density of one number, or any triple with ``draw``.
        statistics: by name, functions of an array of observations; default: mean, standard
            deviation, smallest and largest.
        draw: ``draw(key, w, data)`` returns replicated data of shape (n, …); ``True`` asks the
            model.
        seed: of the replicated data.

    Returns:
        A row for each statistic of each observed variable.

    Raises:
        ValueError: a run without its triple, a population run, or a triple that cannot draw data.
    """
    if run.triple is None or run.is_population:
        raise ValueError(
            f"run: {run.name} has no data, or was loaded without its triple; a check needs both"
        )
    if draw is True and is_density_on_a_line(run) and not run.sites.observed:
        draw = _from_density(run)
    precision = str(run.settings["precision"])
    made = predictive(run.triple, run.posterior.draws, draw, precision, seed)
    seen = observed_data(run.triple)
    wanted = STATISTICS if statistics is None else statistics
    rows = []
    for variable in map(str, made.data_vars):
        y, replicated = seen[variable].to_numpy(), made[variable].to_numpy()
        for name, statistic in wanted.items():
            said = name if len(made.data_vars) == 1 else f"{name} of {variable}"
            rows.append(checked(said, y, replicated, statistic))
    return PredictiveCheck(run.name, tuple(rows))


def checked(name: str, y: np.ndarray, replicated: np.ndarray, statistic: Statistic) -> Checked:
    """One statistic of the data, and of the data of every draw of every chain.

    Args:
        name: of the statistic.
        y: observed.
        replicated: of shape (chains, draws, …).
        statistic: of an array of the shape of ``y``.

    >>> replicated = np.arange(8.0).reshape(2, 4, 1)
    >>> checked("mean", np.array([6.0]), replicated, lambda y: float(y.mean())).share.value
    0.25
    """
    observed = float(statistic(y))
    found = np.array([[float(statistic(one)) for one in chain] for chain in replicated])
    shares = (found >= observed).mean(axis=1)
    error = float(shares.std(ddof=1) / np.sqrt(len(shares))) if len(shares) > 1 else float("nan")
    # Where all chains agree, one draw more or less is what is not known.
    error = max(error, 1 / found.size)
    share = Estimate(float(shares.mean()), error, tuple(map(float, shares)))
    return Checked(name, observed, float(found.mean()), float(found.std()), share)


def _from_density(run: Run) -> Draw:
    """Draws from a density on a line by its distribution function on a grid.

    Raises:
        ValueError: a hundredth of the mass lies beyond the grid.
    """
    assert run.triple is not None
    log_likelihood, y = run.triple.log_likelihood, np.asarray(run.triple.data, dtype=float)
    reach = MARGIN * float(np.ptp(y))
    grid = np.linspace(y.min() - reach, y.max() + reach, POINTS)

    def cumulated(w: PyTree) -> Array:
        density = jnp.exp(log_likelihood(w, jnp.asarray(grid)))
        steps = 0.5 * (density[1:] + density[:-1]) * (grid[1] - grid[0])
        return jnp.concatenate([jnp.zeros(1), jnp.cumsum(steps)])

    mass = float(np.median([float(cumulated(w)[-1]) for w in _some(run)]))
    if abs(mass - 1) > 0.01:
        raise ValueError(
            f"draw: the density of {run.name} has a mass of {mass:.3g} within {MARGIN:g} ranges of "
            "the data; give draw(key, w, data)"
        )

    def draw(key: Any, w: PyTree, data: PyTree) -> Array:
        upto = cumulated(w)
        return jnp.interp(jax.random.uniform(key, y.shape) * upto[-1], upto, jnp.asarray(grid))

    return draw


def _some(run: Run, count: int = 8) -> list[PyTree]:
    """A few parameters of the posterior."""
    many = run.sample(min(1.0, run.beta_max), count, 0)
    return [jax.tree.map(lambda leaf, i=i: jnp.asarray(leaf[i]), many) for i in range(count)]
