r"""The connected components of the set of parameters of one width that compute one function.

Let p kinks, width m, excess e = m - p, scalar output, domain all of R^N. Rescaling a node and
moving a node that contributes nothing (q = 0 or w = 0) leave two things that matter: which node
sits on which oriented hyperplane, and with which amount a = q|ρ|. Amounts on a kink add up to A_k,
elsewhere to zero, and the slope must balance
(:class:`~singlearn.symmetry.fibre.balance.SlopeBalance`).

*Rigid* components. Let e kinks T carry two opposite nodes each, every other kink one, so that no
node is left over. If the normals of T are independent, the v_k are determined; if no v_k is ±A_k/2,
all amounts are determined and not zero. Then no node can leave its oriented hyperplane (its amount
would have to pass through zero), so the component is the orbit R_{>0}^m of rescaling, and each of
the m! ways to number the nodes gives another one. For e = 0 these are the p! |Σ_0| components of a
minimal parameter; for e = 1 the isolated opposite pairs; for e = 2 isolated double pairs, and so on
up to e = N.

In everything else a node can be brought to contribute nothing, or there is a linear pair (two
opposite nodes on a hyperplane without kink, amounts ±a), or both.

- A *free* node x, one that contributes nothing, can take the place of any other node y: put it
  beside y, let it take y's amount; then y is free. So a component with a free node contains all
  numberings.
- e = 1: nodes on kinks only; the orientation s of the kinks cannot change, so there is one such
  component for each s in Σ_0.
- e = 2: the residual R_s of an orientation pattern s is carried by a linear pair of normal R_s (or
  R_s = 0 and two nodes are free). Where R_s is parallel to n_k (zero is), and only there, the pair
  can lie down on kink k; the three nodes there can hand the kink over to the other orientation, and
  on the way one of the three is free. So s and s with s_k reversed are connected. The classes of
  this relation are one component each, except a class of a single pattern with R_s ≠ 0: no node
  ever becomes free, the two nodes of the pair are told apart by the sign of q, so there are m!
  components.
- e ≥ 3: a linear pair and a free node: kink k moves its amount to the free node on its other side
  while the pair turns to balance. Every pattern and every numbering is reached: one component.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import cached_property
from itertools import combinations

from singlearn.numbers.linear_algebra import rank
from singlearn.results.result import Answer
from singlearn.symmetry.fibre.balance import Pattern, SlopeBalance, parallel

LARGEST_SEARCH = 2**26
"""Sums of half the kinks: a few seconds. Those of 40 kinks are 2^20."""

MOST_LISTED = 2**18
"""Patterns that are each a component of its own."""


class ComponentKind(Enum):
    """How the nodes beyond one per kink are held."""

    RIGID = "rigid"
    LINEAR_PAIR = "linear pair"
    ALWAYS_ACTIVE = "always active"
    FREE = "free"


@dataclass(frozen=True)
class Component(Answer):
    """The components that differ only by the numbering of the nodes.

    Attributes:
        kind: RIGID: each node keeps its boundary and orientation, only scales are free;
            LINEAR_PAIR: also the offset of two opposite nodes on a hyperplane without kink;
            ALWAYS_ACTIVE: on a domain, nodes active on all of it carry a slope, and none is free;
            FREE: contains parameters with a node that contributes nothing.
        patterns: orientations of the kinks, +1 along the normal, -1 against it, 0 where two
            opposite nodes share the kink. For a FREE component of excess 3 or more, which takes
            every pattern, those that need no linear pair.
        takes_every_pattern: whether all 2^p orientation patterns occur.
        copies: number of components of this type: 1 if all numberings of the nodes are connected,
            m! if none are.
        dimension: of the component, the largest of its strata.
        free_nodes: how many nodes can contribute nothing at the same time.
        carriers: how many linear pairs or always active nodes it needs, where no node is free.
    """

    kind: ComponentKind
    patterns: tuple[Pattern, ...]
    takes_every_pattern: bool
    copies: int
    dimension: int
    free_nodes: int
    carriers: int = 0


@dataclass(frozen=True)
class Classification:
    """All components for one function and one width."""

    balance: SlopeBalance
    width: int

    @property
    def excess(self) -> int:
        """e, the nodes beyond one per kink."""
        return self.width - len(self.balance.planes)

    @cached_property
    def components(self) -> tuple[Component, ...]:
        """Free components first, then linear pairs, then rigid ones.

        Raises:
            ValueError: too many kinks to list the orientation patterns.
        """
        if self.excess < 0:
            return ()
        self._refuse_large_search()
        held = sorted(self._held(), key=lambda component: component.kind is ComponentKind.RIGID)
        return (*self._free(), *held)

    @cached_property
    def balanced(self) -> list[Pattern]:
        """Σ_0, the orientation patterns that need neither opposite nor linear pairs."""
        return self._solutions(())

    def _solutions(self, both: tuple[int, ...]) -> list[Pattern]:
        """As those of the balance, found once."""
        if both not in self._known:
            self._known[both] = self.balance.solutions(both)
        return self._known[both]

    @cached_property
    def _known(self) -> dict[tuple[int, ...], list[Pattern]]:
        return {}

    @cached_property
    def classes(self) -> list[list[Pattern]]:
        """For e = 2: orientation patterns that a linear pair connects, reversing one kink k with
        R_s parallel to n_k at a time.
        """
        neighbours: dict[Pattern, list[Pattern]] = {
            pattern: [] for pattern in self.balance.patterns()
        }
        for k in range(len(self.balance.planes)):
            for pattern in self._solutions((k,)):
                one, other = ((*pattern[:k], sign, *pattern[k + 1 :]) for sign in (1, -1))
                neighbours[one].append(other)
                neighbours[other].append(one)
        result = []
        while neighbours:
            start = next(iter(neighbours))
            members, frontier = [start], neighbours.pop(start)
            while frontier:
                pattern = frontier.pop()
                if pattern in neighbours:
                    members.append(pattern)
                    frontier += neighbours.pop(pattern)
            result.append(sorted(members, reverse=True))
        return result

    def reversals(self, pattern: Pattern) -> Iterator[tuple[int, Pattern]]:
        """The kinks that a linear pair of slope R_s can reverse, and the pattern after it."""
        residual = self.balance.residual(pattern)
        for k, normal in enumerate(self.balance.normals):
            if parallel(residual, normal):
                yield k, (*pattern[:k], -pattern[k], *pattern[k + 1 :])

    def index_of(self, pattern: Pattern) -> int:
        """Which of ``components`` holds the parameters with this orientation of the kinks.

        Args:
            pattern: +1, -1, or 0 for a kink with nodes of both orientations whose amounts are
                non-zero.
        """
        exact = self._by_pattern.get(pattern)
        if exact is not None:
            return exact
        return 0 if self.excess >= 3 else self._by_pattern[tuple(sign or 1 for sign in pattern)]

    @cached_property
    def _by_pattern(self) -> dict[Pattern, int]:
        return {
            pattern: i
            for i, component in enumerate(self.components)
            for pattern in component.patterns
        }

    @cached_property
    def _balanced_set(self) -> frozenset[Pattern]:
        return frozenset(self.balanced)

    def _free(self) -> Iterator[Component]:
        p, e = len(self.balance.planes), self.excess
        idle = len(self.balance.slope) + 1  # q = 0, (w, b) free
        if e == 1:
            for pattern in self.balanced:
                yield Component(ComponentKind.FREE, (pattern,), False, 1, p + idle, 1)
        elif e == 2:
            for members in self.classes:
                if not self._balanced_set.isdisjoint(members):
                    yield Component(ComponentKind.FREE, tuple(members), False, 1, p + 2 * idle, 2)
                elif len(members) > 1:
                    yield Component(ComponentKind.FREE, tuple(members), False, 1, p + 1 + idle, 1)
        elif e >= 3:
            if self.balanced:
                held, scales = 0, 0
            elif any(self.balance.solvable((k,)) for k in range(p)):
                held, scales = 1, 1  # two opposite nodes on one kink
            else:
                held, scales = 2, 3  # a linear pair: two scales and an offset
            yield Component(
                ComponentKind.FREE,
                tuple(self.balanced),
                True,
                1,
                p + scales + (e - held) * idle,
                e - held,
            )

    def _held(self) -> Iterator[Component]:
        p, labellings = len(self.balance.planes), math.factorial(self.width)
        if self.excess == 2:
            for members in self.classes:
                if len(members) == 1 and members[0] not in self._balanced_set:
                    yield Component(
                        ComponentKind.LINEAR_PAIR, tuple(members), False, labellings, p + 3, 0, 1
                    )
        for both in combinations(range(p), self.excess):
            if rank([[Fraction(n) for n in self.balance.normals[k]] for k in both]) < len(both):
                continue
            # v_k = ±A_k/2 means that k can do with one node: the pattern balances with fewer shared
            # kinks.
            fewer = {
                (*pattern[:k], 0, *pattern[k + 1 :])
                for k in both
                for pattern in self._solutions(tuple(other for other in both if other != k))
            }
            for pattern in self._solutions(both):
                if pattern not in fewer:
                    yield Component(
                        ComponentKind.RIGID, (pattern,), False, labellings, self.width, 0
                    )

    def _refuse_large_search(self) -> None:
        """The lists are exponential in p: deciding whether Σ_0 is empty is already NP-hard
        (PARTITION, for N = 1).
        """
        p, e = len(self.balance.planes), self.excess
        inputs = len(self.balance.slope)
        pairs = math.comb(p, e) + math.comb(p, e - 1) if 0 < e <= inputs else 0
        sums = max(pairs, p if e >= 3 and inputs > 1 else 1) * 2 ** ((p - min(e, p) + 1) // 2)
        listed = max(
            2**p if e == 2 else 0,
            p * 2 ** (p - 1) if e == 1 and inputs == 1 else 0,
        )
        for count, most, what in (
            (listed, MOST_LISTED, "sign patterns, and at most {} are listed"),
            (sums, LARGEST_SEARCH, "sums of signs, and at most {} are formed"),
        ):
            if count > most:
                raise ValueError(
                    f"net: its function has {p} kinks; the components of width {self.width} would "
                    f"need about {count:.2g} {what.format(most)}"
                )
