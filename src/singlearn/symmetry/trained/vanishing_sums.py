"""Subsets of vectors whose sum is zero up to a tolerance, as far as they are more than an
accident.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float, Int
from scipy.special import gammaln

ALL_SUBSETS = 26
"""Vectors of which all subsets are searched, by meeting in the middle."""

MOST_MATCHES = 1_000_000
MOST_PARTIAL_SUMS = 700_000
LARGEST_LATTICE = 90
ROUNDING = 16 * 2.0**-53
Subset = tuple[int, ...]


@dataclass(frozen=True)
class VanishingSums:
    """What was found, and what was not looked at.

    Attributes:
        subsets: independent ones: every other one that was found is a signed sum of these.
        sizes: the sizes of subset that were searched completely.
        accidents: how many subsets are within the tolerance of zero but of a size where chance
            alone makes such.
    """

    subsets: tuple[Subset, ...]
    sizes: tuple[int, ...]
    accidents: int = 0


@dataclass(frozen=True)
class Rows:
    """Vectors to be summed, each with one row per output, every output in units of its own size.

    Attributes:
        values: vectors, flattened.
        sizes: sum of absolute values of each row; at least one vector is not zero.
        target: what is added to every sum.
        target_sizes: size of the terms that the target is made of, per output.
    """

    values: Float[np.ndarray, "vectors outputs inputs"]
    sizes: Float[np.ndarray, "vectors outputs"]
    target: Float[np.ndarray, "outputs inputs"]
    target_sizes: Float[np.ndarray, " outputs"]

    @classmethod
    def of(
        cls,
        values: Float[np.ndarray, "vectors outputs inputs"],
        target: Float[np.ndarray, "outputs inputs"],
        target_sizes: Float[np.ndarray, " outputs"],
    ) -> tuple[Rows, Float[np.ndarray, " outputs"]]:
        """In units of each output's own size, which comes second."""
        sizes = np.abs(values).sum(axis=2)
        unit = np.maximum(sizes.sum(axis=0) + target_sizes, 1e-300)
        return cls(
            values / unit[:, None], sizes / unit, target / unit[:, None], target_sizes / unit
        ), unit

    def gaps(self, chosen: Int[np.ndarray, "subsets size"]) -> Float[np.ndarray, " subsets"]:
        """Size of the sums of subsets relative to the size of their terms, the largest over the
        outputs.
        """
        total = np.abs(self.target + self.values[chosen].sum(axis=1)).sum(axis=2)
        found: Float[np.ndarray, " subsets"] = np.max(
            total / np.maximum(self.target_sizes + self.sizes[chosen].sum(axis=1), 1e-300), axis=1
        )
        return found


def vanishing_sums(
    rows: Rows, relative_tolerance: float, accidents_allowed: float
) -> VanishingSums:
    """Subsets with a sum of at most ``relative_tolerance`` times the size of its terms.

    Among p vectors there are 2^p subsets, so some sum nearly vanishes in any set of numbers. A
    subset is taken to be meant only if fewer than ``accidents_allowed`` of its size or rarer would
    be that small in vectors without structure, whose sums are spread like normal variables. Up to
    26 vectors all subsets are looked at. Of more, those of up to six vectors and those that leave
    out up to six, and short vectors of a lattice (LLL).

    Args:
        rows: the vectors.
        relative_tolerance: share of the size of the terms that are compared.
        accidents_allowed: expected number.
    """
    count = len(rows.values)
    if not count:
        return VanishingSums((), ())
    meant = meaningful_sizes(rows, relative_tolerance, accidents_allowed)
    found: list[Subset] = []
    searched: list[int] = []
    if count <= ALL_SUBSETS:
        everything = _all_subsets(rows, relative_tolerance)
        if everything is not None:
            accidents = sum(len(subset) not in meant for subset in everything)
            kept = [subset for subset in everything if len(subset) in meant]
            return VanishingSums(independent(kept, count), tuple(range(count + 1)), accidents)
    for size in range(2 if not np.any(rows.target_sizes) else 0, min(count, 6) + 1):
        if size in meant and (new := _of_size(rows, size, relative_tolerance)) is not None:
            found += new
            searched.append(size)
    everything_sum = rows.target + rows.values.sum(axis=0)
    turned = Rows(
        -rows.values, rows.sizes, everything_sum, rows.target_sizes + rows.sizes.sum(axis=0)
    )
    for left_out in range(0, min(count, 6) + 1):
        size = count - left_out
        if (
            size in meant
            and size not in searched
            and (new := _of_size(turned, left_out, relative_tolerance)) is not None
        ):
            candidates = [tuple(i for i in range(count) if i not in subset) for subset in new]
            found += [
                s
                for s in candidates
                if rows.gaps(np.array([s], dtype=int).reshape(1, -1))[0]
                <= _window(relative_tolerance)
            ]
            searched.append(size)
    if count <= LARGEST_LATTICE and not np.any(rows.target_sizes):
        found += [
            subset for subset in _short_vectors(rows, relative_tolerance) if len(subset) in meant
        ]
    return VanishingSums(independent(found, count), tuple(sorted(searched)))


def independent(subsets: Sequence[Subset], count: int) -> tuple[Subset, ...]:
    """Small ones first, those that are signed sums of earlier ones left out; of one that contains
    an earlier one, what is left.
    """
    ordered = sorted(set(subsets), key=lambda subset: (len(subset), subset))
    table = np.zeros((len(ordered), count))
    for row, subset in zip(table, ordered, strict=True):
        row[list(subset)] = 1.0
    chosen: list[Subset] = []
    while len(left := np.flatnonzero(np.abs(table).max(axis=1, initial=0.0) > 1e-9)):
        first = int(left[0])
        rest = set(ordered[first])
        for earlier in chosen:
            rest -= set(earlier) if rest > set(earlier) else set()
        chosen.append(tuple(sorted(rest)))
        direction = table[first] / np.linalg.norm(table[first])
        for _ in range(2):  # once more, for rounding
            table = table - np.outer(table @ direction, direction)
    return tuple(chosen)


def _window(relative_tolerance: float) -> float:
    """Sums are made in float64; what is found is looked at exactly afterwards."""
    return max(relative_tolerance, ROUNDING)


def meaningful_sizes(rows: Rows, relative_tolerance: float, allowed: float) -> set[int]:
    """Sizes of subset of which, rarest first, fewer than the allowed number vanish by accident."""
    return {
        int(size)
        for size in np.flatnonzero(
            largest_meaningful_gaps(rows, allowed) > _window(relative_tolerance)
        )
    }


def largest_meaningful_gaps(rows: Rows, allowed: float) -> Float[np.ndarray, " sizes"]:
    r"""For every size of subset, from 0 on, the gap below which fewer than the allowed number of
    subsets vanish by accident.

    Sums of k of p vectors are taken to be spread like normal variables, with the vectors' own
    second moments. Of n dimensions a sum then lies in a cross-polytope of radius r with probability
    :math:`(2r)^n / (n! \prod_i \sqrt{2 \pi k} s_i)`; sizes of which there are fewer subsets count
    with.
    """
    count = len(rows.values)
    flat = rows.values.reshape(count, -1)
    spread = np.linalg.svd(flat, compute_uv=False) / math.sqrt(count)
    spread = spread[spread > 1e-9 * spread[0]]
    dimensions = len(spread)
    mean_size, fixed = float(np.mean(rows.sizes.sum(axis=1))), float(rows.target_sizes.sum())
    size = np.arange(count + 1)
    log = gammaln(count + 1) - gammaln(size + 1) - gammaln(count - size + 1)
    log += dimensions * np.log(np.maximum(2 * (size * mean_size + fixed), 1e-300)) - math.lgamma(
        dimensions + 1
    )
    log -= float(np.sum(np.log(spread * math.sqrt(2 * math.pi)))) + dimensions / 2 * np.log(
        np.maximum(size, 1)
    )
    order = np.argsort(log, kind="stable")
    expected = np.empty(count + 1)
    expected[order] = np.logaddexp.accumulate(log[order])
    result: np.ndarray = np.exp(np.minimum((math.log(allowed) - expected) / dimensions, 0.0))
    return result


def _all_subsets(rows: Rows, relative_tolerance: float) -> list[Subset] | None:
    """By meeting in the middle; ``None`` if there are too many to look at."""
    count = len(rows.values)
    halves = [list(range(count // 2)), list(range(count // 2, count))]
    tables, sums = [], []
    for half in halves:
        table = (np.arange(2 ** len(half))[:, None] >> np.arange(len(half))) & 1
        tables.append(table)
        sums.append(np.tensordot(table, rows.values[half], axes=1).reshape(len(table), -1))
    pairs = _near(sums[0] + rows.target.reshape(-1), -sums[1], relative_tolerance, rows)
    if pairs is None:
        return None
    result = []
    for i, j in pairs:
        left, right = (
            tuple(half[k] for k in np.flatnonzero(table[n]))
            for half, table, n in zip(halves, tables, (i, j), strict=True)
        )
        subset = (*left, *right)
        if (subset or np.any(rows.target_sizes)) and rows.gaps(
            np.array([subset], dtype=int).reshape(1, -1)
        )[0] <= _window(relative_tolerance):
            result.append(subset)
    return result


def _near(
    first: Float[np.ndarray, "left entries"],
    second: Float[np.ndarray, "right entries"],
    relative_tolerance: float,
    rows: Rows,
) -> list[tuple[int, int]] | None:
    """Pairs of nearly equal rows: those whose projections on one direction are close, then compared
    entry by entry.
    """
    width = _window(relative_tolerance) * float(rows.sizes.sum() + rows.target_sizes.sum())
    direction = np.random.default_rng(0).uniform(0.5, 1.0, first.shape[1]) * np.where(
        np.arange(first.shape[1]) % 2, -1.0, 1.0
    )
    left, right = first @ direction, second @ direction
    order = np.argsort(right, kind="stable")
    low = np.searchsorted(right[order], left - width, side="left")
    high = np.searchsorted(right[order], left + width, side="right")
    counts = high - low
    if counts.sum() > MOST_MATCHES:
        return None
    i = np.repeat(np.arange(len(left)), counts)
    j = order[
        np.repeat(low - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts) + np.arange(len(i))
    ]
    close = np.abs(first[i] - second[j]).sum(axis=1) <= width
    return list(zip(i[close].tolist(), j[close].tolist(), strict=True))


def _of_size(rows: Rows, size: int, relative_tolerance: float) -> list[Subset] | None:
    """All subsets of one size whose sum vanishes, by joining halves; ``None`` if there are too many
    sums.
    """
    count = len(rows.values)
    half = size // 2
    if math.comb(count, size - half) > MOST_PARTIAL_SUMS:
        return None
    left, right = combinations_of(count, size - half), combinations_of(count, half)
    sums = [rows.values[part].sum(axis=1).reshape(len(part), -1) for part in (left, right)]
    pairs = _near(sums[0] + rows.target.reshape(-1), -sums[1], relative_tolerance, rows)
    if pairs is None:
        return None
    found = {tuple(sorted((*left[i].tolist(), *right[j].tolist()))) for i, j in pairs}
    subsets = sorted(subset for subset in found if len(set(subset)) == size)
    if not subsets:
        return []
    gaps = rows.gaps(np.array(subsets, dtype=int).reshape(len(subsets), size))
    return [
        subset
        for subset, gap in zip(subsets, gaps, strict=True)
        if gap <= _window(relative_tolerance)
    ]


def combinations_of(count: int, size: int) -> Int[np.ndarray, "subsets size"]:
    """All subsets of one size of the numbers below ``count``, one per row."""
    return np.array(list(combinations(range(count), size)), dtype=int).reshape(
        math.comb(count, size), size
    )


def _short_vectors(rows: Rows, relative_tolerance: float) -> Iterator[Subset]:
    """Subsets among the short integer relations of the vectors, by lattice reduction."""
    import flint

    flat = rows.values.reshape(len(rows.values), -1)
    scale = 1.0 / (
        _window(relative_tolerance) * max(float(np.abs(flat).sum(axis=1).mean()), 1e-300)
    )
    entries = [[int(v) for v in np.rint(row * scale)] for row in flat]
    unit = [[int(i == j) for j in range(len(flat))] for i in range(len(flat))]
    reduced = flint.fmpz_mat([[*own, *row] for own, row in zip(unit, entries, strict=True)]).lll()
    for i in range(reduced.nrows()):
        relation = [int(reduced[i, j]) for j in range(len(flat))]
        for sign in (1, -1):
            if set(relation) <= {0, sign}:
                subset = tuple(j for j, v in enumerate(relation) if v)
                if subset and rows.gaps(np.array([subset], dtype=int))[0] <= _window(
                    relative_tolerance
                ):
                    yield subset
