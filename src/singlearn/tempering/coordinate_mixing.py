"""Whether every coordinate of the draws mixed: energies do not tell of directions that are flat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import chdtri, ndtri

from singlearn.measure.ranks import ranks
from singlearn.results.caution import Caution, Reason
from singlearn.tempering.genealogy import families, variance_inflation
from singlearn.tempering.posterior import Posterior
from singlearn.tempering.rungs import Rungs

# A coordinate counts as unmixed where the variance of its mean is, beyond doubt, more than so many
# times that of independent draws: the error that is read off the draws is then too small.
LARGEST_INFLATION = 2.0
# What "beyond doubt" is: standard deviations of the inflation that is read off families, and the
# chance of a false alarm of the one that is read off replicates.
DEVIATIONS = 4.0
FALSE_ALARM = 1e-5
RANDOM_DIRECTIONS = 8
# Of more coordinates than this only the random directions are looked at.
MOST_COORDINATES = 1024
NAMED_IN_A_SENTENCE = 4


@dataclass(frozen=True)
class CoordinateMixing:
    """How the coordinates of exported draws mixed.

    Attributes:
        names: of the coordinates; the last ones are random directions in the space of all.
        inflation: M over the number of independent draws, the worse of each coordinate and of its
            distance from its median.
        between: R-hat between replicates, rank-normalised (Vehtari et al. 2021
            [vehtari2021rank]_), the worse of the same two.
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
        """So many independent draws would give the mean of the worst coordinate the same error."""
        return self.draws / max(1.0, float(self.inflation.max(initial=1.0)))


def coordinate_mixing(posterior: Posterior, rungs: Rungs) -> CoordinateMixing:
    """Follow the families of draws back, and see how much their members share of each coordinate.

    Args:
        posterior: the draws, with the rung and the particle that each is.
        rungs: with the genealogy.

    Returns:
        The mixing of every coordinate that varies, of every variable.
    """
    labels, effective = families(
        rungs.ancestor, posterior.rung, posterior.particle, begins=rungs.inverse_temperature == 0
    )
    replicates, count = posterior.rung.shape
    names, scores = _scores(posterior)
    folded = _normal_scores(np.abs(scores))
    found = [
        _read(own, labels.ravel(), effective, replicates) for own in (scores, folded) if own.size
    ]
    if not found or count < 2:
        none = np.zeros(0)
        return CoordinateMixing(
            (), none, none, np.zeros(0, dtype=bool), effective, replicates * count
        )
    inflation, between, unmixed = (np.stack(parts) for parts in zip(*found, strict=True))
    return CoordinateMixing(
        tuple(names),
        inflation.max(axis=0),
        between.max(axis=0),
        np.any(unmixed, axis=0),
        effective,
        replicates * count,
    )


def coordinate_warnings(mixing: CoordinateMixing) -> list[Caution]:
    """One warning that names the coordinates that did not mix, if there are any."""
    bad = np.flatnonzero(mixing.is_unmixed)
    if not bad.size:
        return []
    bad = bad[np.argsort(-mixing.inflation[bad], kind="stable")]
    names = list(dict.fromkeys(mixing.names[i] for i in bad))
    more = len(names) - NAMED_IN_A_SENTENCE
    listed = ", ".join(names[:NAMED_IN_A_SENTENCE]) + (f" and {more} more" if more > 0 else "")
    worth = mixing.draws / max(float(mixing.inflation[bad].max()), 1.0)
    sentence = (
        f"the draws of {listed} did not mix: {mixing.draws} of them are worth {worth:.0f} "
        f"independent ones (R-hat between replicates up to {mixing.between[bad].max():.3f}). The "
        "energy is flat along such a coordinate (a symmetry: a rotation, a rescaling, exchanged "
        "labels), or it separates modes. F, λ and the criteria read energies and are not affected; "
        "means, deviations and intervals of these coordinates are, and their errors are larger "
        "than an effective sample size says: raise particles, or fix what a symmetry exchanges"
    )
    return [Caution(Reason.UNMIXED_COORDINATE, sentence)]


def _read(
    scores: Float[np.ndarray, "draws coordinates"],
    labels: np.ndarray,
    effective: float,
    replicates: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inflation, R-hat between replicates, and whether the inflation is too large beyond doubt."""
    inflation = variance_inflation(scores, labels, effective)
    sure = inflation / (1 + DEVIATIONS * np.sqrt(2 / effective)) > LARGEST_INFLATION
    count = len(scores) // replicates
    ratio = np.ones_like(inflation)
    if replicates > 1:
        means = scores.reshape(replicates, count, -1).mean(axis=1)
        ratio = count * means.var(axis=0, ddof=1) / np.maximum(scores.var(axis=0), 1e-300)
        # Of independent draws, (R - 1) times this is χ² with R - 1 degrees of freedom.
        highest = chdtri(replicates - 1, FALSE_ALARM) / (replicates - 1)
        sure |= ratio / LARGEST_INFLATION > highest
    return inflation, np.sqrt((count - 1 + ratio) / count), sure


def _scores(posterior: Posterior) -> tuple[list[str], Float[np.ndarray, "draws coordinates"]]:
    """Names and normal scores of the coordinates that vary, and of random directions in them."""
    names, columns = [], []
    for name, values in posterior.draws.items():
        shape = values.shape[2:]
        columns.append(values.reshape(values.shape[0] * values.shape[1], -1).astype(float))
        indices = (",".join(map(str, index)) for index in np.ndindex(*shape))
        names += [f"{name}[{index}]" if shape else name for index in indices]
    every = np.concatenate(columns, axis=1)
    varies = np.flatnonzero(np.ptp(every, axis=0) > 0)
    names, scores = [names[i] for i in varies], _normal_scores(every[:, varies])
    if len(names) > 1:
        directions = np.random.default_rng(0).normal(size=(len(names), RANDOM_DIRECTIONS))
        along = _normal_scores(scores @ directions)
        if len(names) > MOST_COORDINATES:
            names, scores = [], scores[:, :0]
        names += ["a combination of coordinates"] * RANDOM_DIRECTIONS
        scores = np.concatenate([scores, along], axis=1)
    return names, scores


def _normal_scores(
    columns: Float[np.ndarray, "draws coordinates"],
) -> Float[np.ndarray, "draws coordinates"]:
    ordered = np.apply_along_axis(ranks, 0, columns) if columns.size else columns
    return np.asarray(ndtri((ordered - 0.375) / (len(columns) + 0.25)))
