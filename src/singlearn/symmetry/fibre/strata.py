"""The smooth pieces a component is made of: which nodes share which boundary, and which are
degenerate and how.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import product

from singlearn.results.result import Answer
from singlearn.symmetry.fibre.balance import Pattern, SlopeBalance, Splits


class Pair(Enum):
    """Two nodes on a hyperplane where the function has no kink."""

    NONE = "none"
    LINEAR = "linear"  # opposite orientations, amounts a and -a: a slope
    CANCELLING = "cancelling"  # equal orientations, amounts a and -a: nothing


@dataclass(frozen=True)
class NodeStratum(Answer):
    """Parameters of equal arrangement, up to the numbering of the nodes.

    Attributes:
        along: number of nodes on each kink that point along its normal.
        against: number of nodes on each kink that point against it.
        pair: two nodes off the kinks.
        outgoing_zero: number of nodes with q = 0.
        incoming_zero: number of nodes with w = 0.
        dimension: of the stratum.
    """

    along: tuple[int, ...]
    against: tuple[int, ...]
    pair: Pair
    outgoing_zero: int
    incoming_zero: int
    dimension: int

    @property
    def pattern(self) -> Pattern:
        """Orientation of each kink, 0 where both occur."""
        return tuple(
            0 if a and b else 1 if a else -1 for a, b in zip(self.along, self.against, strict=True)
        )

    def __str__(self) -> str:
        parts = []
        if self.outgoing_zero:
            parts.append(f"q = 0 for {_count(self.outgoing_zero)}")
        if self.incoming_zero:
            parts.append(f"w = 0 for {_count(self.incoming_zero)}")
        for k, (along, against) in enumerate(zip(self.along, self.against, strict=True)):
            if along and against:
                parts.append(
                    f"kink {k + 1} shared by {along} along and {against} against its normal"
                )
            elif along + against > 1:
                parts.append(f"kink {k + 1} shared by {along + against} of equal orientation")
        if self.pair is not Pair.NONE:
            parts.append(f"a {self.pair.value} pair off the kinks")
        return ", ".join(parts) or "one node on every kink"


def arrangement(
    balance: SlopeBalance,
    along: tuple[int, ...],
    against: tuple[int, ...],
    pair: Pair,
    outgoing_zero: int,
    incoming_zero: int,
) -> NodeStratum | None:
    r"""The stratum of an arrangement, or ``None`` if no amounts, all non-zero, balance the slope.

    Its dimension counts a scale per node that is not degenerate, the amounts that the sums
    :math:`A_k` and the slope leave free, N + 1 for a node with q = 0, 2 for a node with w = 0, the
    offset of a linear pair, and the N + 1 numbers of a cancelling pair (hyperplane and amount).
    """
    inputs = len(balance.slope)
    sides = [n for n in (*along, *against) if n]
    stratum = NodeStratum(along, against, pair, outgoing_zero, incoming_zero, 0)
    both = [k for k, sign in enumerate(stratum.pattern) if not sign]
    dimension = (
        sum(sides) + sum(n - 1 for n in sides) + (inputs + 1) * outgoing_zero + 2 * incoming_zero
    )
    if pair is Pair.LINEAR:
        if not both and not any(balance.residual(stratum.pattern)):
            return None
        dimension += 2 + 1 + len(both)
    else:
        splits = balance.splits(stratum.pattern)
        if splits is None or any(
            _forbidden(balance, stratum, splits, i, k) for i, k in enumerate(both)
        ):
            return None
        dimension += len(splits.directions) + (2 + inputs + 1 if pair is Pair.CANCELLING else 0)
    return NodeStratum(along, against, pair, outgoing_zero, incoming_zero, dimension)


def _forbidden(
    balance: SlopeBalance, stratum: NodeStratum, splits: Splits, index: int, k: int
) -> bool:
    """Whether a side of kink k that has a single node is left with amount zero."""
    value = splits.fixed(index)
    if value is None:
        return False
    half = balance.totals[k] / 2
    return (stratum.along[k] == 1 and value == -half) or (stratum.against[k] == 1 and value == half)


def strata(balance: SlopeBalance, width: int) -> Iterator[NodeStratum]:
    """All arrangements of ``width`` nodes with at most one pair off the kinks.

    Up to excess 2 these are all; from excess 3 on nodes off the kinks can also stand in threes or
    in several pairs, in no larger dimension.
    """
    p = len(balance.planes)
    for pair in Pair:
        free = width - p - (0 if pair is Pair.NONE else 2)
        for idle in range(free + 1):
            for extras in _shares(free - idle, p):
                for along in product(*(range(n, -1, -1) for n in (extra + 1 for extra in extras))):
                    against = tuple(extra + 1 - n for extra, n in zip(extras, along, strict=True))
                    if arrangement(balance, along, against, pair, 0, 0) is None:
                        continue
                    for incoming_zero in range(idle + 1):
                        found = arrangement(
                            balance, along, against, pair, idle - incoming_zero, incoming_zero
                        )
                        assert found is not None
                        yield found


def _shares(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    """All ways to write ``total`` as an ordered sum of ``parts`` non-negative integers."""
    if not parts:
        if not total:
            yield ()
        return
    for first in range(total, -1, -1):
        for rest in _shares(total - first, parts - 1):
            yield (first, *rest)


def _count(number: int) -> str:
    return "one node" if number == 1 else f"{number} nodes"
