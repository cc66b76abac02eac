"""Whether every coordinate of the draws mixed: energies do not tell of directions along which they are flat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import ndtri
from scipy.stats import chi2, rankdata

from singlearn.measure.warning import Reason, Warning_
from singlearn.tempering.genealogy import families, variance_inflation
from singlearn.tempering.posterior import Posterior
from singlearn.tempering.rungs import Rungs

# A coordinate counts as unmixed where the variance of its mean is, beyond doubt, more than so many
# times that of independent draws: what is read off draws is then wrong by more than its error.
LARGEST_INFLATION = 2.0
# What "beyond doubt" is: standard deviations of the inflation, and the chance of a false alarm.
DEVIATIONS = 4.0
FALSE_ALARM = 1e-5
RANDOM_DIRECTIONS = 8
# More coordinates than this are looked at in so many random directions only.
MOST_COORDINATES = 1024
# So many draws per replicate are enough to see an inflation that matters.
NAMED = 4


@dataclass(frozen=True)
class CoordinateMixing:
    """How the coordinates of exported draws mixed.

    Attributes:
        names: of the coordinates; the last ones are random directions in the space of all.
        inflation: M over the number of independent draws, the worse of each coordinate and of its
            distance from its median.
        between: R-hat between replicates, rank-normalised (Vehtari et al. 2021), the worse of the same two.
        is_unmixed: where the inflation is beyond doubt larger than ``LARGEST_INFLATION``.
        families: effective number of families that the inflation was read off.
        draws: M, of all replicates.
    """

    names: tuple[str, ...]
    inflation: Float[np.ndarray, " coordinates"]
    between: Float[np.ndarray, " coordinates"]
    is_unmixed: Bool[np.ndarray, " coordinates"]
    families: float
    draws: int

    @property
    def independent_draws(self) -> float:
        """As many independent draws would give the mean of the worst coordinate the error that it has."""
        return self.draws / max(1.0, float(self.inflation.max(initial=1.0)))


def coordinate_mixing(posterior: Posterior, rungs: Rungs) -> CoordinateMixing:
    """Follow the families of draws back, and compare what each coordinate has in common within them.

    Args:
        posterior: the draws, with the rung and the particle that each is.
        rungs: with the genealogy.

    Returns:
        The mixing of every coordinate of every variable.
    """
    labels, effective = families(rungs.ancestor, posterior.rung, posterior.particle)
    replicates, count = posterior.rung.shape
    names, columns = _columns(posterior)
    generator = np.random.default_rng(0)
    scores = _normal_scores(columns)
    varies = np.ptp(columns, axis=0) > 0
    names = [name for name, v in zip(names, varies, strict=True) if v]
    scores = scores[:, varies]
    if scores.shape[1] > 1:
        directions = generator.normal(size=(scores.shape[1], RANDOM_DIRECTIONS))
        names += ["a combination of coordinates"] * RANDOM_DIRECTIONS
        scores = np.concatenate([scores, _normal_scores(scores @ directions)], axis=1)
        if len(names) > MOST_COORDINATES:
            names, scores = names[-RANDOM_DIRECTIONS:], scores[:, -RANDOM_DIRECTIONS:]
    if not names or count < 2:
        none = np.zeros(0)
        return CoordinateMixing((), none, none, none.astype(bool), effective, replicates * count)
    folded = _normal_scores(np.abs(scores))
    inflation, between, unmixed = [], [], []
    for own in (scores, folded):
        found = variance_inflation(own, labels.ravel(), effective)
        # Of all particles of a family that has one member each nothing is learnt: the bound is then below 1.
        sure = found / (1 + DEVIATIONS * np.sqrt(2 / effective)) > LARGEST_INFLATION
        means = own.reshape(replicates, count, -1).mean(axis=1)
        if replicates > 1:
            ratio = count * means.var(axis=0, ddof=1) / np.maximum(own.var(axis=0), 1e-300)
            sure |= ratio * (replicates - 1) / LARGEST_INFLATION > chi2.isf(FALSE_ALARM, replicates - 1)
        else:
            ratio = np.ones_like(found)
        inflation.append(found)
        between.append(np.sqrt((count - 1) / count + ratio / count))
        unmixed.append(sure)
    return CoordinateMixing(
        tuple(names), np.max(inflation, axis=0), np.max(between, axis=0), np.any(unmixed, axis=0), effective, replicates * count
    )


def coordinate_warnings(mixing: CoordinateMixing) -> list[Warning_]:
    """One warning that names the coordinates that did not mix, if there are any."""
    bad = np.flatnonzero(mixing.is_unmixed)
    if not bad.size:
        return []
    bad = bad[np.argsort(-mixing.inflation[bad], kind="stable")]
    names = list(dict.fromkeys(mixing.names[i] for i in bad))
    listed = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    worst = float(mixing.inflation[bad].max())
    return [
        Warning_(
            Reason.UNMIXED_COORDINATE,
            f"the draws of {listed} did not mix: their {mixing.draws} draws are worth "
            f"{mixing.draws / max(worst, 1.0):.0f} independent ones (R-hat between replicates up to {mixing.between[bad].max():.3f}). "
            "The energy is flat along such a coordinate (a symmetry: a rotation, a rescaling, exchanged labels) or separates "
            "modes. F, λ and the criteria read energies, which mixed by their own measure; do not trust means, standard "
            "deviations or intervals of these coordinates: raise particles, or order or fix the coordinates that a symmetry exchanges",
        )
    ]


def _columns(posterior: Posterior) -> tuple[list[str], Float[np.ndarray, "draws coordinates"]]:
    names, columns = [], []
    for name, values in posterior.draws.items():
        shape = values.shape[2:]
        columns.append(values.reshape(values.shape[0] * values.shape[1], -1).astype(float))
        names += [f"{name}[{','.join(map(str, index))}]" if shape else name for index in np.ndindex(*shape)]
    return names, np.concatenate(columns, axis=1)


def _normal_scores(columns: Float[np.ndarray, "draws coordinates"]) -> Float[np.ndarray, "draws coordinates"]:
    ranks = rankdata(columns, axis=0)
    return np.asarray(ndtri((ranks - 0.375) / (len(columns) + 0.25)))
