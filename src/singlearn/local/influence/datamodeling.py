"""How well influence predicts what networks that are trained anew do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import rankdata

from singlearn.local.influence.results import Influence
from singlearn.local.verdict.shown import with_cautions
from singlearn.results.caution import Caution, Reason
from singlearn.results.estimate import Estimate
from singlearn.results.result import Answer

FEWEST = 8
"""Trainings, below which a rank correlation says nothing."""
BOOTSTRAPS = 200


@dataclass(frozen=True)
class DatamodelingScore(Answer):
    """The linear datamodeling score.

    Attributes:
        value: mean over samples of the rank correlation between predicted and measured losses.
        standard_error: by drawing the trainings again, with replacement.
        per_sample: of every sample whose loss was predicted.
        trainings: how many networks were trained.
        cautions: what may be wrong with it.
    """

    value: float
    standard_error: float
    per_sample: tuple[float, ...]
    trainings: int
    cautions: tuple[Caution, ...] = ()

    def __str__(self) -> str:
        head = (
            f"linear datamodeling score {Estimate(self.value, self.standard_error)}   "
            f"({self.trainings} trainings, losses of {len(self.per_sample)} samples)"
        )
        return with_cautions([head], self.cautions)


def linear_datamodeling_score(
    influence: Influence | Float[np.ndarray, "samples others"],
    included: Bool[np.ndarray, "trainings samples"],
    losses: Float[np.ndarray, "trainings others"],
    shift: str | None = None,
) -> DatamodelingScore:
    r"""Rank correlation between losses that an influence predicts and those of networks that were
    trained anew on parts of the data (Park et al. 2023 [park2023trak]_).

    .. math:: \mathrm{LDS} = \frac1J \sum_j ρ_S\left( \sum_{i ∈ S} I_{ij},\; ℓ_j(w_S) \right),

    with ρ Spearman's correlation over the parts S. Here :math:`I_{ij}` is by how much the loss of j
    changes when i is counted once more, so the sign needs no turning. A score of 1: the order of
    the losses is predicted exactly; 0: nothing is.

    Args:
        influence: from :func:`singlearn.local.influence`, or an array with the same sign.
        included: which samples each network was trained on.
        losses: of every network at the samples j, in nats; the mean over several trainings on the
            same part has less noise.
        shift: by name, the distribution of the samples j; by default they are those of the data.

    Returns:
        The score with its error.

    Raises:
        ValueError: arrays that do not fit together, too few trainings, or parts that are all alike.

    >>> rng = np.random.default_rng(0)
    >>> effect, parts = rng.normal(size=(20, 3)), rng.uniform(size=(40, 20)) < 0.5
    >>> found = linear_datamodeling_score(effect, parts, parts @ effect)
    >>> found.value, found.trainings
    (1.0, 40)
    """
    cautions: tuple[Caution, ...] = ()
    if isinstance(influence, Influence):
        cautions = influence.cautions
        matrix = influence[f"influence_{shift}" if shift else "influence"].values
    else:
        matrix = np.asarray(influence, dtype=float)
    parts, seen = np.asarray(included), np.asarray(losses, dtype=float)
    if matrix.ndim != 2:
        raise ValueError(
            f"influence: got {matrix.ndim} axes; it should be by sample and other sample"
        )
    if parts.shape != (len(parts), len(matrix)) or not np.isin(parts, (0, 1)).all():
        raise ValueError(
            f"included: got {parts.dtype} of shape {parts.shape}; it should be truth values of "
            f"shape (trainings, {len(matrix)})"
        )
    if seen.shape != (len(parts), matrix.shape[1]) or not np.isfinite(seen).all():
        raise ValueError(
            f"losses: got shape {seen.shape}; it should be finite, of shape "
            f"({len(parts)}, {matrix.shape[1]})"
        )
    if len(parts) < FEWEST:
        raise ValueError(f"losses: got {len(parts)} trainings; it should be at least {FEWEST}")
    if (parts == parts[:1]).all():
        raise ValueError("included: all trainings had the same samples; they should differ")
    predicted = parts.astype(float) @ matrix
    own = _correlations(predicted, seen)
    rng = np.random.default_rng(0)
    again = [
        _correlations(predicted[rows], seen[rows]).mean()
        for rows in rng.integers(len(parts), size=(BOOTSTRAPS, len(parts)))
    ]
    if not np.isfinite(matrix).all():
        words = "influence is withheld for this component, and so is the score"
        cautions = (Caution(Reason.NO_ANSWER, words), *cautions)
    return DatamodelingScore(
        float(own.mean()),
        float(np.std(again)) if np.isfinite(own).all() else math.nan,
        tuple(map(float, own)),
        len(parts),
        cautions,
    )


def _correlations(
    one: Float[np.ndarray, "trainings others"], other: Float[np.ndarray, "trainings others"]
) -> Float[np.ndarray, " others"]:
    """Spearman's, column by column; 0 where a column is constant."""
    if not np.isfinite(one).all():
        return np.full(one.shape[1], np.nan)
    a, b = (rankdata(part, axis=0) for part in (one, other))
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    size: Any = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    found: Float[np.ndarray, " others"] = np.divide(
        (a * b).sum(axis=0), size, out=np.zeros(a.shape[1]), where=size > 0
    )
    return found
