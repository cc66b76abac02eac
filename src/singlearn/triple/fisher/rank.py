"""The rank of a matrix of scores, its spectrum and its kernel, with what decides."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

ZERO, FULL = 1e-11, 1e-8
"""A singular value below the first counts as zero, above the second as not; between them nothing is
decided.
Columns are scaled to length one before, so that units do not matter. Rounding leaves about
1e-15."""

ZERO_SINGLE, FULL_SINGLE = 1e-5, 1e-3
"""The same where the model computes in single precision."""

ZERO_HESSIAN, FULL_HESSIAN = 3e-6, 3e-4
"""The same for square roots of the eigenvalues of a Hessian, whose rounding they magnify."""

SHORTEST_ROW = 1e-10
"""Shorter rows, beside the longest, are not brought to its length."""

ZERO_COLUMN = 1e-10
"""A coordinate whose scores are this share of what they are elsewhere has no influence."""


@dataclass(frozen=True)
class Rank:
    """What the singular values of scores say.

    Attributes:
        rank: singular values above the upper threshold.
        undecided: those between the thresholds.
        kernel: an orthonormal basis of the directions below the lower threshold.
        smallest_kept: the smallest that counts, relative to the largest; 0 where none does.
        largest_dropped: the largest that does not; 0 where all do.
    """

    rank: int
    undecided: int
    kernel: Float[np.ndarray, "directions d"]
    smallest_kept: float
    largest_dropped: float


def rank_of(
    rows: Float[np.ndarray, "rows d"],
    typical: Float[np.ndarray, " d"],
    thresholds: tuple[float, float] = (ZERO, FULL),
    zero_column: float = ZERO_COLUMN,
    rows_differ: bool = True,
) -> Rank:
    """The numerical rank of scores with equilibrated columns, and again with rows of equal length.

    Far out in a logistic regression the scores of most observations are next to nothing beside
    those of a few,
    which look as if they were all. With rows of equal length every observation counts, and so does
    the rounding
    of those that say nothing. A direction that only the second rank sees is undecided.

    Args:
        rows: scores.
        typical: length of each column at other parameters; 0 where it is 0 everywhere.
        thresholds: below the first is zero, above the second is not.
        zero_column: a column this much shorter than it typically is counts as zero.
        rows_differ: whether the second rank is taken.

    Returns:
        Rank, kernel, and how clear the decision was.

    >>> found = rank_of(np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]]), np.ones(2))
    >>> found.rank, (found.kernel / found.kernel[0, 1]).round(6).tolist()
    (1, [[-2.0, 1.0]])
    """
    first = _rank_of(rows, typical, thresholds, zero_column)
    if not rows_differ or first.rank + first.undecided == rows.shape[1]:
        return first
    length = np.linalg.norm(rows, axis=1)
    scaled = rows / np.maximum(length, SHORTEST_ROW * length.max(initial=1e-290))[:, None]
    second = _rank_of(scaled, np.zeros_like(typical), thresholds, 0.0)
    # A column that is next to zero beside what it is elsewhere stays zero: lengths of rows do not
    # change that.
    alive = np.linalg.norm(rows, axis=0) > np.maximum(zero_column * typical, 1e-290)
    more = min(second.rank, int(alive.sum())) - first.rank - first.undecided
    return replace(first, undecided=first.undecided + max(more, 0)) if more > 0 else first


def _rank_of(
    rows: Float[np.ndarray, "rows d"],
    typical: Float[np.ndarray, " d"],
    thresholds: tuple[float, float],
    zero_column: float,
) -> Rank:
    d = rows.shape[1]
    square: Float[np.ndarray, "rows d"] = rows
    if rows.shape[0] > d:
        square = np.asarray(np.linalg.qr(rows, mode="r"))
    length = np.linalg.norm(square, axis=0)
    alive = length > np.maximum(zero_column * typical, 1e-290)
    dead = np.flatnonzero(~alive)
    basis = [np.eye(d)[j] for j in dead]
    count, undecided, kept, dropped = 0, 0, 0.0, 0.0
    if alive.any():
        scaled = square[:, alive] / length[alive]
        _, values, right = np.linalg.svd(scaled, full_matrices=True)
        values = np.concatenate([values, np.zeros(int(alive.sum()) - len(values))]) / values[0]
        above, below = values > thresholds[1], values < thresholds[0]
        count, undecided = int(above.sum()), int((~above & ~below).sum())
        kept = float(values[above].min())
        dropped = float(values[~above].max()) if (~above).any() else 0.0
        for vector in right[below]:
            own = np.zeros(d)
            own[alive] = vector / length[alive]
            basis.append(own / np.linalg.norm(own))
    kernel = np.array(basis).reshape(-1, d)
    if len(kernel):
        kernel = np.linalg.qr(kernel.T)[0].T
    return Rank(count, undecided, kernel, kept, dropped)


def echelon(kernel: Float[np.ndarray, "directions d"]) -> Float[np.ndarray, "directions d"]:
    """The basis of the same space with as many zeros as elimination makes, each row's largest entry
    1.

    >>> echelon(np.array([[1.0, 1.0, 1.0], [1.0, 1.0, -1.0]])).tolist()
    [[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    rows = np.array(kernel, float)
    used: list[int] = []
    for i in range(len(rows)):
        rest = np.abs(rows[i:])
        where = np.unravel_index(int(np.argmax(rest)), rest.shape)
        pivot_row, column = i + int(where[0]), int(where[1])
        rows[[i, pivot_row]] = rows[[pivot_row, i]]
        rows[i] /= rows[i, column]
        for j in range(len(rows)):
            if j != i:
                rows[j] -= rows[j, column] * rows[i]
        used.append(column)
    for row in rows:
        row /= row[int(np.argmax(np.abs(row)))]
    rows[np.abs(rows) < 1e-7] = 0.0
    order = sorted(range(len(rows)), key=lambda i: int(np.argmax(np.abs(rows[i]) > 0)))
    return rows[order] + 0.0
