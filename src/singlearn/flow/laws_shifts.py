"""Which hidden coordinates may be shifted without any loss seeing it."""

from __future__ import annotations

from collections import defaultdict
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int

Kind = Literal["same", "row", "steady", "key"]
"""``same``: one coordinate, by the same amount on every input and at every place (a bias before
batch normalisation, the bias of keys). ``row``: all coordinates of a vector alike, by an amount
that may differ from input to input (before layer normalisation, logits of a softmax). ``steady``:
the same by one amount at every place (the bias before a norm over channels and places). ``key``:
the scores of one query, all alike.
"""
KINDS: tuple[Kind, ...] = ("same", "row", "steady", "key")
Ids = Int[np.ndarray, "..."]


class Shifts:
    """What is done with every coordinate: consumers that see a shift of it, and those that do
    not.
    """

    def __init__(self) -> None:
        self._seen: dict[Kind, list[Ids]] = {kind: [] for kind in KINDS}
        self._passed: list[tuple[Kind, Ids, Kind, Ids]] = []
        self._rows: dict[bytes, Ids] = {}
        self._steady: dict[bytes, Ids] = {}

    def see(self, ids: Ids, but: tuple[Kind, ...] = ()) -> None:
        """An operation sees shifts of these, except those kinds; who is blind to a row is blind to
        a steady one.
        """
        blind = (*but, "steady") if "row" in but else but
        for kind in KINDS:
            if kind not in blind:
                self._seen[kind].append(np.unique(ids[ids > 0]))

    def passed(
        self, ids: Ids, onto: Ids, kind: Kind | None = None, as_kind: Kind | None = None
    ) -> None:
        """A shift of these becomes one of others, place by place."""
        keep = ids > 0
        size = int(onto.max(initial=0)) + 1
        _, first = np.unique(ids[keep] * size + onto[keep], return_index=True)
        for own in KINDS if kind is None else (kind,):
            self._passed.append((own, ids[keep][first], as_kind or own, onto[keep][first]))

    def row(self, ids: Ids, steady: bool = False) -> None:
        """An operation does not see a common shift of these; ``steady``: if it is the same at all
        places.
        """
        found = np.unique(ids)
        (self._steady if steady else self._rows)[found.tobytes()] = found

    def unseen(self, size: int) -> Unseen:
        """What the whole network does not see.

        Args:
            size: number of coordinates.
        """
        seen = {kind: np.zeros(size, dtype=bool) for kind in KINDS}
        used = np.zeros(size, dtype=bool)
        for kind in KINDS:
            for ids in self._seen[kind]:
                seen[kind][ids] = True
                used[ids] = True
        for ids in (*self._rows.values(), *self._steady.values()):
            used[ids] = True
        for _, ids, _, onto in self._passed:
            used[ids] = True
            used[onto] = True
        while True:
            before = sum(int(flags.sum()) for flags in seen.values())
            for own, ids, other, onto in self._passed:
                np.logical_or.at(seen[own], ids, seen[other][onto])
            if sum(int(flags.sum()) for flags in seen.values()) == before:
                break
        rows = list(self._rows.values())
        onward = [(ids, onto) for own, ids, other, onto in self._passed if own == other == "row"]
        steady = _Common(seen["steady"] | ~used, [*rows, *self._steady.values()], onward)
        return Unseen(used & ~seen["same"], _Common(seen["row"] | ~used, rows, onward), steady)


class Unseen:
    """Shifts that no loss sees.

    Args:
        alone: for each coordinate, whether it may be shifted by itself.
        common, steady: who sees common shifts, and those that are the same at all places.

    Attributes:
        alone: as given.
    """

    def __init__(self, alone: Bool[np.ndarray, "..."], common: _Common, steady: _Common) -> None:
        self.alone = alone
        self._common, self._steady = common, steady

    def together(self, ids: Ids, steady: bool = False) -> bool:
        """Whether a common shift of these, and of nothing else, is unseen; ``steady``: one that is
        the same at all places.
        """
        return (self._steady if steady else self._common).unseen(ids)


class _Common:
    """Which operations depend on common shifts.

    Args:
        seen: coordinates whose shifts are always seen.
        rows: sets of coordinates of which a shift is not seen if it moves them all.
        onward: what a shift of some coordinates becomes.
    """

    def __init__(
        self, seen: Bool[np.ndarray, " n"], rows: list[Ids], onward: list[tuple[Ids, Ids]]
    ) -> None:
        self._seen, self._rows, self._onward = seen, rows, onward
        self._by_row, self._by_step = defaultdict(set), defaultdict(set)
        for number, ids in enumerate(rows):
            for i in ids.tolist():
                self._by_row[i].add(number)
        for number, (ids, _) in enumerate(onward):
            for i in ids.tolist():
                self._by_step[i].add(number)

    def unseen(self, ids: Ids) -> bool:
        """Whether a common shift of these, and of nothing else, is unseen."""
        waiting, looked_at = [np.unique(ids)], set()
        while waiting:
            here = waiting.pop()
            if here.tobytes() in looked_at:
                continue
            looked_at.add(here.tobytes())
            if self._seen[here].any():
                return False
            inside = set(here.tolist())
            for number in {n for i in inside for n in self._by_row.get(i, ())}:
                if not inside.issuperset(self._rows[number].tolist()):
                    return False
            for number in {n for i in inside for n in self._by_step.get(i, ())}:
                start, onto = self._onward[number]
                waiting.append(np.unique(onto[np.isin(start, here)]))
        return True
