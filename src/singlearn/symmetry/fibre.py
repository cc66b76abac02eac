"""All parameters of one width that compute one function."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from random import Random

from singlearn.results.prompt import Shown
from singlearn.symmetry.fibre_balance import Pattern, SlopeBalance
from singlearn.symmetry.fibre_component import Classification, Component, Kind
from singlearn.symmetry.fibre_path import connect
from singlearn.symmetry.fibre_sample import random_parameter, random_stratum
from singlearn.symmetry.fibre_segment import NoPath, Path
from singlearn.symmetry.fibre_strata import Stratum, strata
from singlearn.symmetry.fibre_walk import PAIR, Seat, Walk
from singlearn.symmetry.kink_form import Hyperplane, KinkForm, boundary, kink_form, short
from singlearn.symmetry.network import TwoLayerReLU
from singlearn.symmetry.snap.hint import relations_up_to_rounding


@dataclass(frozen=True)
class Fibre(Shown):
    """The parameters of one width that compute the function of ``net`` on all of R^N.

    Attributes:
        net: the network it was made from; "reversed" means against the orientation of its nodes.
        form: the kink form they share.
        width: their number of hidden nodes.
    """

    net: TwoLayerReLU
    form: KinkForm
    width: int

    @cached_property
    def classification(self) -> Classification:
        """The kinks, the slope, and what follows from them."""
        return Classification(SlopeBalance.of(self.form), self.width)

    @property
    def kinks(self) -> tuple[Hyperplane, ...]:
        """The p hyperplanes on which the function has a kink, in the order that patterns and strata use."""
        return self.classification.balance.planes

    @property
    def excess(self) -> int:
        """e, the number of nodes beyond one per kink."""
        return self.classification.excess

    @property
    def components(self) -> tuple[Component, ...]:
        """The connected components, those that differ by the numbering of the nodes listed once."""
        return self.classification.components

    @property
    def number(self) -> int:
        """How many connected components there are in all; 0 if no network of this width computes the function."""
        return sum(component.copies for component in self.components)

    @property
    def dimension(self) -> int:
        """The largest dimension of a component.

        Raises:
            ValueError: the fibre is empty.
        """
        if not self.components:
            raise ValueError(f"width: no network of {self.width} hidden nodes computes this function; an empty fibre has no dimension")
        return max(component.dimension for component in self.components)

    def component_of(self, net: TwoLayerReLU) -> int:
        """The index in ``components`` of the component a parameter lies in.

        Raises:
            ValueError: the network has another width or computes another function.
        """
        self._check(net, "net")
        return self.classification.index_of(Walk(net, self.form).pattern)

    def strata(self, component: int) -> Iterator[Stratum]:
        """The arrangements of nodes that make up a component, up to numbering.

        Those with at most one pair off the kinks: all there are up to excess 2, and the largest ones from excess 3 on.

        Args:
            component: index in ``components``.

        Raises:
            ValueError: there is no such component.
        """
        self._check_index(component)
        for stratum in strata(self.classification.balance, self.width):
            if self.classification.index_of(stratum.pattern) == component:
                yield stratum

    def sample(self, seed: int, component: int | None = None) -> TwoLayerReLU:
        """A random parameter of the fibre, in exact rationals: component, arrangement, free numbers and numbering of the nodes are drawn.

        The law is for exploring: every stratum that :meth:`strata` lists can come up; it is no uniform measure on the fibre.

        Args:
            seed: of the random numbers.
            component: index in ``components``; drawn if not given.

        Raises:
            ValueError: the fibre is empty, or there is no such component.
        """
        rng = Random(seed)
        if not self.components:
            raise ValueError(f"width: no network of {self.width} hidden nodes computes this function; there is nothing to sample")
        if component is not None:
            self._check_index(component)
        index = rng.randrange(len(self.components)) if component is None else component
        return random_parameter(self.net, self.form, random_stratum(self.classification, index, rng), rng)

    def path(self, a: TwoLayerReLU, b: TwoLayerReLU) -> Path | NoPath:
        """A piecewise smooth path of equal functions from one parameter to another, or a falsy result with the reason why there is none.

        Raises:
            ValueError: one of them has another width or computes another function.
        """
        self._check(a, "a")
        self._check(b, "b")
        first, last = Walk(a, self.form), Walk(b, self.form)
        i, j = self.classification.index_of(first.pattern), self.classification.index_of(last.pattern)
        if i != j:
            return NoPath(f"a lies in a component with {self.describe(i)}; b in one with {self.describe(j)}")
        component = self.components[i]
        if component.kind is not Kind.FREE and first.seats != last.seats:
            return NoPath(self._differently_numbered(first.seats, last.seats))
        path = connect(a, b, self.form, self.classification, component)
        if not path.verify():
            raise AssertionError("the path found does not keep the function")
        return path

    def reversed_kinks(self, pattern: Pattern) -> list[int]:
        """Numbers (from 1) of the kinks whose nodes point against the orientation they have in ``net``."""
        return [k + 1 for k, (sign, own) in enumerate(zip(pattern, self._reference, strict=True)) if sign == -own]

    def describe(self, component: int) -> str:
        """A component in words."""
        self._check_index(component)
        found = self.components[component]
        if found.kind is Kind.RIGID:
            shared = [k + 1 for k, sign in enumerate(found.patterns[0]) if not sign]
            opposite = f"two opposite nodes on {_kinks(shared)}, " if shared else ""
            return f"{opposite}{self._orientation(found.patterns[0])}, every node kept on its boundary"
        if found.kind is Kind.LINEAR_PAIR:
            return f"a linear pair off the kinks, {self._orientation(found.patterns[0])}"
        nodes = "one node" if found.free_nodes == 1 else f"{found.free_nodes} nodes"
        if found.takes_every_pattern:
            return f"up to {nodes} free, kinks of any orientation"
        several = f" or {len(found.patterns) - 3} other patterns" if len(found.patterns) > 4 else ""
        shown = found.patterns[:3] if several else found.patterns
        return f"up to {nodes} free, " + " or ".join(self._orientation(pattern) for pattern in shown) + several

    def __str__(self) -> str:
        if not self.components:
            return f"no network of {self.width} hidden nodes computes this function"
        types = len(self.components)
        lines = [
            f"{self.number} component{'s' * (self.number != 1)} ({types} up to numbering the nodes), "
            f"width {self.width}, {len(self.kinks)} kinks, largest dimension {self.dimension}"
        ]
        lines += [
            f"  kink {k + 1}: total {short(plane.total_for_people((total,))[0])} on {plane}"
            for k, (plane, total) in enumerate(zip(self.kinks, self.classification.balance.totals, strict=True))
        ]
        shown = range(min(types, 12))
        lines += [f"  {self.components[i].copies} × dimension {self.components[i].dimension}: {self.describe(i)}" for i in shown]
        if types > len(shown):
            lines.append(f"  and {types - len(shown)} more")
        lines += filter(None, [relations_up_to_rounding(self.net)])
        return "\n".join(lines)

    @cached_property
    def _reference(self) -> Pattern:
        """Orientation in ``net`` of the first node on each kink."""
        found: dict[Hyperplane, int] = {}
        for node in self.net.nodes:
            if not node.is_degenerate:
                plane, factor = boundary(node)
                found.setdefault(plane, 1 if factor > 0 else -1)
        return tuple(found[plane] for plane in self.kinks)

    def _orientation(self, pattern: Pattern) -> str:
        turned = self.reversed_kinks(pattern)
        return f"{_kinks(turned)} reversed" if turned else "nothing reversed"

    def _differently_numbered(self, first: dict[Seat, int], last: dict[Seat, int]) -> str:
        seats = {node: seat for seat, node in last.items()}
        seat, node = next((seat, node) for seat, node in first.items() if last[seat] != node)
        return (
            f"the nodes are numbered differently, and none of them can be set free: "
            f"node {node} is {self._seat(seat)} in a, {self._seat(seats[node])} in b"
        )

    def _seat(self, seat: Seat) -> str:
        k, sign = seat
        if k == PAIR:
            return f"the node with q {'>' if sign > 0 else '<'} 0 of the linear pair"
        return f"{'along' if sign > 0 else 'against'} the normal on {self.kinks[k]}"

    def _check(self, net: TwoLayerReLU, name: str) -> None:
        if net.width != self.width:
            raise ValueError(f"{name}: it has {net.width} hidden nodes; the fibre is that of width {self.width}")
        if kink_form(net) != self.form:
            raise ValueError(f"{name}: it computes another function than the fibre's; its kink form is {kink_form(net)}")

    def _check_index(self, component: int) -> None:
        if not 0 <= component < len(self.components):
            raise ValueError(f"component: got {component}; it should be an index in components, from 0 to {len(self.components) - 1}")


def fibre(net: TwoLayerReLU, width: int | None = None) -> Fibre:
    """The set of parameters of one width that compute the same function as ``net`` on all of R^N.

    Its components are proved in :mod:`singlearn.symmetry.fibre_component`.

    Args:
        net: a network with one output.
        width: number of hidden nodes of the parameters; that of ``net`` if not given.

    Raises:
        ValueError: several outputs, or a negative width.

    >>> net = TwoLayerReLU([[1], [1]], [0, -1], [1, 1], 0)
    >>> print(fibre(net, width=3))
    13 components (3 up to numbering the nodes), width 3, 2 kinks, largest dimension 4
      kink 1: total 1 on x - 1 = 0
      kink 2: total 1 on x = 0
      1 × dimension 4: up to one node free, nothing reversed
      6 × dimension 3: two opposite nodes on kink 1, kink 2 reversed, every node kept on its boundary
      6 × dimension 3: two opposite nodes on kink 2, kink 1 reversed, every node kept on its boundary
    >>> fibre(net, width=4).number
    1
    """
    if net.outputs != 1:
        raise ValueError(f"net: it has {net.outputs} outputs; components are known for one output only, so take one row of q at a time")
    if width is not None and width < 0:
        raise ValueError(f"width: got {width}; it should be a number of hidden nodes, 0 or more")
    return Fibre(net, kink_form(net), net.width if width is None else width)


def _kinks(numbers: list[int]) -> str:
    names = [str(n) for n in numbers]
    return f"kink {names[0]}" if len(names) == 1 else "kinks " + ", ".join(names[:-1]) + " and " + names[-1]
