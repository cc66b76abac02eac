"""Which symmetric generators a network has: scales of coordinates, and blocks that mix."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

PINNED = 0
"""The coordinate that no symmetry moves: inputs, outputs, constants."""
ZERO = -1
"""A constant zero, which every symmetry leaves as it is."""
LARGEST_SYSTEM = 400
Ids = Int[np.ndarray, "..."]


@dataclass(frozen=True)
class SymmetricGenerators:
    """One family of symmetric generators.

    Attributes:
        members: for each of its coordinates, those of the network that move with it: places and
            rates. One entry (a scale), or all of a block that any symmetric matrix may mix.
        full: whether the coordinates mix.
    """

    members: tuple[tuple[tuple[int, Fraction], ...], ...]
    full: bool


class Spaces:
    r"""Coordinates of hidden vectors and of the axes of parameters, and what binds them.

    A symmetric generator gives every coordinate c a rate s_c. A layer :math:`y = W x` binds those
    of its output to the rows of W and minus those of its input to the columns; a sum binds its
    parts; a product adds rates. Operations that see a whole vector at once let its coordinates mix
    (a *block*); those that act entry by entry split blocks. All constraints are necessary
    conditions made sufficient: where in doubt a coordinate is pinned or a block is split, so that
    no generator is invented.
    """

    def __init__(self) -> None:
        self.size = 1
        self._blocks: list[Ids] = [np.zeros(1, dtype=np.int64)]
        self._next_block = 1
        self._links: list[tuple[Ids, Ids, float]] = []
        self._sums: list[Int[np.ndarray, "..."]] = []
        self._sets: list[tuple[Ids, Ids]] = []
        self._soft: list[Ids] = []
        self._scores: list[Ids] = []

    def new(self, count: int) -> Ids:
        """Fresh coordinates that may mix with each other."""
        found = np.arange(self.size, self.size + count)
        self.size += count
        self._blocks.append(np.full(count, self._next_block))
        self._next_block += 1
        return found

    def link(self, left: Ids, right: Ids, ratio: float = 1.0) -> None:
        """The rate of ``right`` is ``ratio`` times that of ``left``, place by place."""
        keep = (left != ZERO) & (right != ZERO)
        _, first = np.unique(left[keep] * self.size + right[keep], return_index=True)
        if len(first):
            self._links.append((left[keep][first], right[keep][first], float(ratio)))

    def add(self, total: Ids, left: Ids, right: Ids) -> None:
        """The rate of ``total`` is the sum of the other two, place by place; they do not mix."""
        rows = np.unique(np.stack([total, left, right], axis=1), axis=0)
        self._sums.append(rows[(rows[:, 1] != ZERO) & (rows[:, 2] != ZERO)])

    def pin(self, ids: Ids) -> None:
        """No symmetry moves these."""
        found = np.unique(ids)
        self.link(found, np.zeros_like(found))

    def score(self, ids: Ids) -> None:
        """These weigh vectors with which they are multiplied: where they keep their scale, the
        coordinates behind them and those of the vectors may mix.
        """
        self._scores.append(np.unique(ids[ids != ZERO]))

    def pin_softly(self, ids: Ids) -> None:
        """A small constant, the ε of a norm, keeps symmetries from moving these."""
        self._soft.append(np.unique(ids[ids != ZERO]))

    def split(self, ids: Ids) -> None:
        """An operation acts on these entry by entry."""
        found = np.unique(ids)
        self._sets.append((found, np.arange(len(found))))

    def together(self, ids: Ids, parts: Ids | None = None) -> None:
        """An operation sees these, and of others none, as one vector (or as several parts)."""
        found, first = np.unique(ids, return_index=True)
        self._sets.append(
            (found, np.zeros(len(found), dtype=np.int64) if parts is None else parts[first])
        )

    def all_alike(self, ids: Ids) -> None:
        """The rates of all these are the same."""
        found = np.unique(ids[ids != ZERO])
        self.split(found)
        self.link(np.full(len(found) - 1, found[0]) if len(found) else found, found[1:])

    def generators(self, norms_are_exact: bool = False) -> list[SymmetricGenerators]:
        """All families, each independent of the others.

        Args:
            norms_are_exact: leave out the ε of norms.
        """
        links = list(self._links)
        if not norms_are_exact:
            links += [(ids, np.zeros_like(ids), 1.0) for ids in self._soft if len(ids)]
        found = self._solved(links)
        scores = np.unique(np.concatenate(self._scores)) if self._scores else np.zeros(0, int)
        if not len(scores):
            return found
        # One family at the scale that scores have, whose vectors mix, and what changes that scale.
        held = self._solved([*links, (scores, np.zeros_like(scores), 1.0)])
        return [*held, *_that_move(found, scores, held)]

    def _solved(self, links: list[tuple[Ids, Ids, float]]) -> list[SymmetricGenerators]:
        """Families under these links and all sums."""
        links = list(links)
        sums = [rows for rows in self._sums if len(rows)]
        component, rate = _components(self.size, links)
        while True:
            more, sums = _simplified(sums, component, rate)
            if not more:
                break
            links += more
            component, rate = _components(self.size, links)
        left = np.concatenate(sums) if sums else np.zeros((0, 3), dtype=np.int64)
        block = self._partition(links, component, left)
        return [*_full(block, component, rate), *_scales(block, component, rate, left)]

    def _partition(self, links: Sequence[tuple[Ids, Ids, float]], component: Ids, sums: Ids) -> Ids:
        """The coarsest blocks that every operation respects."""
        block = np.concatenate(self._blocks)
        for ids, parts in self._sets:
            block[ids] = block.max() + 1 + _numbered(block[ids], parts)
        block = _numbered(block, component == PINNED)
        alone = np.zeros(self.size, dtype=np.int64)
        alone[sums.reshape(-1)] = 1
        block = _isolated(block, alone.astype(bool))
        ends = [(a, b, k, r) for k, (a, b, r) in enumerate(links)]
        here = (
            np.concatenate([x for a, b, _, _ in ends for x in (a, b)])
            if ends
            else np.zeros(0, dtype=np.int64)
        )
        there = np.concatenate([x for a, b, _, _ in ends for x in (b, a)]) if ends else here
        kind = (
            np.concatenate([np.full(len(a), 2 * k + s) for a, _, k, _ in ends for s in (0, 1)])
            if ends
            else here
        )
        moving = (component[here] != PINNED) & (component[there] != PINNED)
        here, there, kind = here[moving], there[moving], kind[moving]
        while True:
            count = block.max()
            signature = _mixed(kind, block[there])
            total = np.zeros(self.size, dtype=np.uint64)
            np.add.at(total, here, signature)
            block = _numbered(block, total)
            if block.max() > count:
                continue
            # Two places of one block that are bound to each other do not mix freely.
            order = np.lexsort((component, block))
            same = (block[order][1:] == block[order][:-1]) & (
                component[order][1:] == component[order][:-1]
            )
            twice = np.zeros(block.max() + 1, dtype=bool)
            twice[block[order][1:][same & (component[order][1:] != PINNED)]] = True
            block = _isolated(block, twice[block])
            if block.max() == count:
                return block


def _numbered(left: np.ndarray, right: np.ndarray) -> Ids:
    """A number for each distinct pair."""
    a = np.unique(left, return_inverse=True)[1]
    values, b = np.unique(right, return_inverse=True)
    found: Ids = np.unique(a * len(values) + b, return_inverse=True)[1]
    return found


def _isolated(block: Ids, alone: np.ndarray) -> Ids:
    """Blocks in which some places stand alone."""
    return _numbered(block, np.where(alone, np.arange(1, len(block) + 1), 0))


def _mixed(kind: Ids, colour: Ids) -> np.ndarray:
    """Numbers that differ where (kind, colour) does, with all but certainty."""
    x = kind.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + colour.astype(
        np.uint64
    ) * np.uint64(0xBF58476D1CE4E5B9)
    for shift in (30, 27, 31):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(0x94D049BB133111EB)
    return x


def _components(
    size: int, links: Sequence[tuple[Ids, Ids, float]]
) -> tuple[Ids, Float[np.ndarray, "..."]]:
    """For each coordinate, what it is bound to (the pinned one is 0), and its rate there."""
    equal = [(a, b) for a, b, r in links if r == 1]
    label = _connected(size, [a for a, _ in equal], [b for _, b in equal])
    count = int(label.max()) + 1
    others = [(label[a], label[b], np.full(len(a), r)) for a, b, r in links if r != 1]
    rows = {
        row for a, b, r in others for row in zip(a.tolist(), b.tolist(), r.tolist(), strict=True)
    }
    beside: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for a, b, r in rows:
        beside[a].append((b, r))
        beside[b].append((a, 1 / r))
    rate = np.ones(count)
    whole = np.arange(count)
    done = np.zeros(count, dtype=bool)
    for start in beside:
        if done[start]:
            continue
        done[start], waiting = True, [start]
        while waiting:
            here = waiting.pop()
            for there, r in beside[here]:
                if not done[there]:
                    done[there], rate[there], whole[there] = True, rate[here] * r, whole[start]
                    waiting.append(there)
    pinned = np.zeros(count, dtype=bool)
    pinned[whole[label[PINNED]]] = True
    for a, b, r in rows:
        if abs(rate[b] - r * rate[a]) > 1e-9 * abs(rate[b]):
            pinned[whole[a]] = True
    group = whole[label]
    root = np.full(count, size)
    np.minimum.at(root, group, np.arange(size))
    return np.where(pinned[group], PINNED, root[group]), rate[label]


def _connected(size: int, left: Sequence[Ids], right: Sequence[Ids]) -> Ids:
    if not left:
        return np.arange(size)
    ends = np.concatenate(left), np.concatenate(right)
    found: Ids = connected_components(
        coo_array((np.ones(len(ends[0])), ends), shape=(size, size)), directed=False
    )[1]
    return found


def _simplified(
    sums: Sequence[Ids], component: Ids, rate: Float[np.ndarray, "..."]
) -> tuple[list[tuple[Ids, Ids, float]], list[Ids]]:
    """Sums of which fewer than three different rates are left become links."""
    links: list[tuple[Ids, Ids, float]] = []
    left: list[Ids] = []
    for rows in sums:
        moving = component[rows] != PINNED
        c = np.where(moving, component[rows], -np.arange(1, 4))
        same = (c[:, 0] == c[:, 1]) | (c[:, 0] == c[:, 2]) | (c[:, 1] == c[:, 2])
        count = moving.sum(axis=1)
        left.append(rows[(count == 3) & ~same])
        for k, (one, other, ratio) in enumerate(((1, 2, -1.0), (0, 2, 1.0), (0, 1, 1.0))):
            chosen = rows[~moving[:, k] & (count == 2) & ~same]
            if len(chosen):
                links.append((chosen[:, one], chosen[:, other], ratio))
        alone = rows[(count == 1)][moving[count == 1]]
        if len(alone):
            links.append((alone, np.zeros_like(alone), 1.0))
        links += _merged(rows[same & (count > 1)], component, rate)
    return links, [rows for rows in left if len(rows)]


def _merged(
    rows: Ids, component: Ids, rate: Float[np.ndarray, "..."]
) -> list[tuple[Ids, Ids, float]]:
    """Sums in which one rate occurs twice."""
    links: list[tuple[Ids, Ids, float]] = []
    for row in rows.tolist():
        terms: dict[int, float] = defaultdict(float)
        for place, sign in zip(row, (-1.0, 1.0, 1.0), strict=True):
            if component[place] != PINNED:
                terms[int(component[place])] += sign * rate[place] / rate[component[place]]
        found = {c: x for c, x in terms.items() if abs(x) > 1e-9}
        if len(found) == 1:
            links.append((np.array([next(iter(found))]), np.array([PINNED]), 1.0))
        elif len(found) == 2:
            (a, x), (b, y) = found.items()
            links.append((np.array([a]), np.array([b]), -x / y))
    return links


def _that_move(
    found: list[SymmetricGenerators], scores: Ids, held: Sequence[SymmetricGenerators]
) -> list[SymmetricGenerators]:
    """As few scales as give the scores every change of rate that all of them give; of two that give
    the same the one that scales vectors as a whole.
    """
    at = {c: k for k, c in enumerate(scores.tolist())}
    vectors = [
        [c for c, _ in column]
        for generator in held
        if generator.full
        for column in zip(*generator.members, strict=True)
    ]

    def torn(generator: SymmetricGenerators) -> int:
        rates = dict(generator.members[0])
        return sum(len({rates.get(c) for c in vector}) > 1 for vector in vectors)

    kept, pivots = [], dict[int, dict[int, Fraction]]()
    for generator in sorted((one for one in found if not one.full), key=torn):
        row = {at[c]: rate for c, rate in generator.members[0] if c in at and rate}
        for pivot, other in pivots.items():
            if pivot in row:
                share = row[pivot] / other[pivot]
                row = {
                    k: x
                    for k in row.keys() | other.keys()
                    if (x := row.get(k, Fraction(0)) - share * other.get(k, Fraction(0)))
                }
        if row:
            pivots[min(row)] = row
            kept.append(generator)
    return kept


def _exact(rate: float) -> Fraction:
    return Fraction(rate).limit_denominator(10_000)


def _groups(keys: Ids) -> Iterator[Ids]:
    order = np.argsort(keys, kind="stable")
    cuts = np.flatnonzero(np.diff(keys[order])) + 1
    yield from np.split(order, cuts)


def _full(block: Ids, component: Ids, rate: Float[np.ndarray, "..."]) -> list[SymmetricGenerators]:
    """Blocks of two and more coordinates that mix, with all blocks bound to them."""
    found: dict[tuple[int, ...], list[Ids]] = {}
    for members in _groups(block):
        if len(members) > 1 and component[members[0]] != PINNED:
            order = members[np.argsort(component[members])]
            found.setdefault(tuple(component[order].tolist()), []).append(order)
    return [
        SymmetricGenerators(
            tuple(
                tuple((int(o[j]), _exact(rate[o[j]] / rate[orders[0][j]])) for o in orders)
                for j in range(len(roots))
            ),
            True,
        )
        for roots, orders in found.items()
    ]


def _scales(
    block: Ids, component: Ids, rate: Float[np.ndarray, "..."], sums: Ids
) -> list[SymmetricGenerators]:
    """Coordinates that scale, by themselves or with others."""
    counts = np.bincount(block)
    alone = np.flatnonzero((counts[block] == 1) & (component != PINNED))
    members = {int(component[alone[k[0]]]): alone[k] for k in _groups(component[alone]) if len(k)}
    bound = {int(component[place]) for place in sums.reshape(-1) if component[place] != PINNED}
    found = [
        SymmetricGenerators((tuple((int(i), _exact(rate[i] / rate[root])) for i in ids),), False)
        for root, ids in members.items()
        if root not in bound
    ]
    for system in _systems(sums, component, rate):
        for solution in _null_space(system):
            whole = tuple(
                (int(i), x * _exact(rate[i] / rate[root]))
                for root, x in solution.items()
                if x and root in members
                for i in members[root]
            )
            found.append(SymmetricGenerators((whole,), False))
    return found


def _systems(
    sums: Ids, component: Ids, rate: Float[np.ndarray, "..."]
) -> list[list[dict[int, Fraction]]]:
    """Sums of three rates, those that share one together."""
    rows = []
    for row in sums.tolist():
        terms: dict[int, Fraction] = defaultdict(Fraction)
        for place, sign in zip(row, (-1, 1, 1), strict=True):
            if component[place] != PINNED:
                terms[int(component[place])] += sign * _exact(rate[place] / rate[component[place]])
        rows.append({c: x for c, x in terms.items() if x})
    names = sorted({c for row in rows for c in row})
    place = {c: k for k, c in enumerate(names)}
    graph = coo_array(
        (
            np.ones(3 * len(rows)),
            ([place[min(r)] for r in rows for _ in range(3)], [place[c] for r in rows for c in r]),
        ),
        shape=(len(names), len(names)),
    )
    label = connected_components(graph, directed=False)[1]
    found: dict[int, list[dict[int, Fraction]]] = {}
    for row in rows:
        found.setdefault(int(label[place[min(row)]]), []).append(row)
    return list(found.values())


def _null_space(rows: list[dict[int, Fraction]]) -> list[dict[int, Fraction]]:
    """A basis of the rates that satisfy all rows, in reduced form."""
    solved: dict[int, dict[int, Fraction]] = {}
    names = sorted({c for row in rows for c in row})
    if len(names) > LARGEST_SYSTEM:
        return []
    for row in rows:
        left = dict(row)
        for pivot, other in solved.items():
            if pivot in left:
                left = _less(left, other, left[pivot])
        if not left:
            continue
        pivot = max(left)
        left = {c: x / left[pivot] for c, x in left.items()}
        solved = {p: _less(o, left, o[pivot]) if pivot in o else o for p, o in solved.items()}
        solved[pivot] = left
    free = [c for c in names if c not in solved]
    return [{c: Fraction(1)} | {p: -row[c] for p, row in solved.items() if c in row} for c in free]


def _less(
    left: dict[int, Fraction], right: dict[int, Fraction], factor: Fraction
) -> dict[int, Fraction]:
    found = {
        c: left.get(c, Fraction(0)) - factor * right.get(c, Fraction(0))
        for c in left.keys() | right.keys()
    }
    return {c: x for c, x in found.items() if x}
