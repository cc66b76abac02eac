"""What coordinates remember, while particles move, of the ancestors that they share."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from singlearn.tempering.genealogy import families, variance_inflation

# Moves go on until what a family shares raises the variance of no mean by more than this share.
SHARED = 0.5
COORDINATE_MOVES = 15
# So many moves have to be made before it is said that more of them would not help.
FEWEST_MOVES = 2
# Scores are cut off here, so that a heavy tail does not decide alone.
HIGHEST_SCORE = 3.0


@dataclass(frozen=True)
class CoordinateMemory:
    """Coordinates of a population before moves, and how much the families in it share in them.

    Attributes:
        start: scores of coordinates and of their squares before the moves; mean 0, mean square 1.
        inflation: of the variance of their means, by what families share.
        centre, scale: of the coordinates, for their scores.
    """

    start: Float[np.ndarray, "particles functions"] = field(repr=False)
    inflation: Float[np.ndarray, " functions"]
    centre: Float[np.ndarray, " d"]
    scale: Float[np.ndarray, " d"]

    @classmethod
    def of(
        cls,
        population: Float[np.ndarray, "all_particles d"],
        ancestors: Int[np.ndarray, "rungs replicates particles"],
    ) -> CoordinateMemory:
        """Of all replicates together, with the ancestors of all rungs up to ``population``."""
        _, replicates, particles = ancestors.shape
        number = np.tile(np.arange(particles), (replicates, 1))
        labels, effective = families(ancestors, np.full_like(number, len(ancestors) - 1), number)
        low, centre, high = np.quantile(population, (0.16, 0.5, 0.84), axis=0)
        scale = np.where(high > low, (high - low) / 2, 1.0)
        start = _scores(population, centre, scale)
        return cls(start, variance_inflation(start, labels.ravel(), effective), centre, scale)

    def shared(self, population: Float[np.ndarray, "particles d"]) -> float:
        r"""The largest :math:`(I_j - 1) ρ_j^2` over coordinates and their squares.

        I is the inflation before the moves, ρ the correlation of before and after: two members of a
        family that moved independently since share :math:`ρ^2` of what they shared.
        """
        correlation = (self.start * _scores(population, self.centre, self.scale)).mean(axis=0)
        return float(((self.inflation - 1) * correlation**2).max(initial=0.0))


@dataclass
class Outlook:
    """Whether another move would do something about what is shared."""

    first: float
    seen: list[float] = field(default_factory=list)

    def see(self, shared: float) -> None:
        """What is shared after one more move."""
        self.seen.append(shared)

    @property
    def is_worth_a_move(self) -> bool:
        """Whether too much is shared and, at the pace of the last two moves, the rest would end it.

        >>> outlook = Outlook(4.0)
        >>> for shared in (3.0, 2.2):
        ...     outlook.see(shared)
        >>> outlook.is_worth_a_move
        True
        >>> for shared in (2.15, 2.14):
        ...     outlook.see(shared)  # modes between which nothing moves
        >>> outlook.is_worth_a_move
        False
        """
        values = [self.first, *self.seen]
        if values[-1] <= SHARED:
            return False
        if len(self.seen) < FEWEST_MOVES:
            return True
        pace = math.log(values[-3] / values[-1]) / 2
        return pace * (COORDINATE_MOVES - len(self.seen)) > math.log(values[-1] / SHARED)


def _scores(
    population: Float[np.ndarray, "particles d"],
    centre: Float[np.ndarray, " d"],
    scale: Float[np.ndarray, " d"],
) -> Float[np.ndarray, "particles functions"]:
    linear = np.clip((population.astype(float) - centre) / scale, -HIGHEST_SCORE, HIGHEST_SCORE)
    both = np.concatenate([linear, linear**2], axis=1)
    both -= both.mean(axis=0)
    deviation = both.std(axis=0)
    return np.asarray(both / np.where(deviation > 0, deviation, 1.0))
