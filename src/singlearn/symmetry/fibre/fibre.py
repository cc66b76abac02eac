"""All parameters of one width that compute one function."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Any

from singlearn.results.prompt import LONG_LIST, shortened
from singlearn.results.result import Answer
from singlearn.symmetry.domain import Domain
from singlearn.symmetry.fibre.balance import Pattern, SlopeBalance
from singlearn.symmetry.fibre.cells import CellClassification, pattern_of
from singlearn.symmetry.fibre.components import Classification, Component, ComponentKind
from singlearn.symmetry.fibre.path import connect
from singlearn.symmetry.fibre.sample import random_parameter, random_stratum
from singlearn.symmetry.fibre.sample_cells import random_cell_parameter
from singlearn.symmetry.fibre.segments import FibrePath, NoPath
from singlearn.symmetry.fibre.strata import NodeStratum, strata
from singlearn.symmetry.fibre.walk import PAIR, Seat, Walk
from singlearn.symmetry.trained.hint import relations_up_to_rounding
from singlearn.symmetry.two_layer.kink_form import Hyperplane, KinkForm, boundary, kink_form, short
from singlearn.symmetry.two_layer.network import TwoLayerReLU
from singlearn.symmetry.two_layer.step import idleness


@dataclass(frozen=True)
class Fibre(Answer):
    """The parameters of one width that compute the function of ``net`` on all of R^N or on a
    domain.

    Attributes:
        net: the network it was made from; "reversed" means against the orientation of its nodes.
        form: the kink form they share.
        width: their number of hidden nodes.
        domain: where they compute it; ``None`` for all of R^N.
        snapped: for the fibre of a snapped network, that network beside the original one.
    """

    net: TwoLayerReLU
    form: KinkForm
    width: int
    domain: Domain | None = None
    snapped: Any = field(default=None, compare=False, repr=False)

    @cached_property
    def classification(self) -> Classification | CellClassification:
        """The kinks, the slope, and what follows from them: for one output on R^N without listing
        the cells.
        """
        if self.domain is None and len(self.form.constant) == 1:
            return Classification(SlopeBalance.of(self.form), self.width)
        return CellClassification(self.form, self.width, self.domain is not None)

    @property
    def kinks(self) -> tuple[Hyperplane, ...]:
        """The p hyperplanes on which the function has a kink, in the order that patterns and strata
        use.
        """
        return tuple(self.form.kinks)

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
        """How many connected components there are in all; 0 if no network of this width computes
        the function.
        """
        return sum(component.copies for component in self.components)

    @property
    def dimension(self) -> int:
        """The largest dimension of a component.

        Raises:
            ValueError: the fibre is empty.
        """
        if not self.components:
            raise ValueError(
                f"width: no network of {self.width} hidden nodes computes this function; an empty "
                f"fibre has no dimension"
            )
        return max(component.dimension for component in self.components)

    def component_of(self, net: TwoLayerReLU) -> int:
        """The index in ``components`` of the component a parameter lies in; of a network that was
        snapped, that of the snapped one.

        Returns:
            An index from 0.

        Raises:
            ValueError: the network has another width or computes another function.
        """
        if self.snapped is not None and net == self.snapped.original:
            net = self.snapped.net
        self._check(net, "net")
        return self.classification.index_of(pattern_of(net, self.form, self.domain))

    def strata(self, component: int) -> Iterator[NodeStratum]:
        """The arrangements of nodes that make up a component, up to numbering.

        Those with at most one pair off the kinks: all there are up to excess 2, and the largest
        ones from excess 3 on.

        Args:
            component: index in ``components``.

        Yields:
            One arrangement after the other.

        Raises:
            ValueError: there is no such component; several outputs, or a domain.
        """
        parts = self._scalar("strata are listed")
        self._check_index(component)
        for stratum in strata(parts.balance, self.width):
            if parts.index_of(stratum.pattern) == component:
                yield stratum

    def sample(self, seed: int, component: int | None = None) -> TwoLayerReLU:
        """A random parameter of the fibre, in exact rationals: component, arrangement, free numbers
        and numbering of the nodes are drawn.

        The law is for exploring: every stratum that :meth:`strata` lists can come up; it is no
        uniform measure on the fibre. With several outputs or on a domain every cell of
        :mod:`singlearn.symmetry.fibre.cells` can, with as few carriers of slope as it needs.

        Args:
            seed: of the random numbers.
            component: index in ``components``; drawn if not given.

        Returns:
            A network of the fibre.

        Raises:
            ValueError: the fibre is empty, or there is no such component.
        """
        rng = Random(seed)
        if not self.components:
            raise ValueError(
                f"width: no network of {self.width} hidden nodes computes this function; there is "
                f"nothing to sample"
            )
        if component is not None:
            self._check_index(component)
        index = rng.randrange(len(self.components)) if component is None else component
        if isinstance(self.classification, CellClassification):
            return random_cell_parameter(self.net, self.classification, index, self.domain, rng)
        return random_parameter(
            self.net, self.form, random_stratum(self.classification, index, rng), rng
        )

    def path(self, a: TwoLayerReLU, b: TwoLayerReLU) -> FibrePath | NoPath:
        """A piecewise smooth path of equal functions from one parameter to another, or a falsy
        result with the reason why there is none.

        Returns:
            The path, or an object that is false and says why there is none.

        Raises:
            ValueError: one of them has another width or computes another function; several outputs,
                or a domain.
        """
        parts = self._scalar("paths are built")
        self._check(a, "a")
        self._check(b, "b")
        first, last = Walk(a, self.form), Walk(b, self.form)
        i, j = parts.index_of(first.pattern), parts.index_of(last.pattern)
        if i != j:
            return NoPath(
                f"a lies in a component with {self.describe(i)}; b in one with {self.describe(j)}"
            )
        component = self.components[i]
        if component.kind is not ComponentKind.FREE and first.seats != last.seats:
            return NoPath(self._differently_numbered(first.seats, last.seats))
        path = connect(a, b, self.form, parts, component)
        if not path.verify():
            raise AssertionError("the path found does not keep the function")
        return path

    def reversed_kinks(self, pattern: Pattern) -> list[int]:
        """Numbers (from 1) of the kinks whose nodes point against the orientation they have in
        ``net``.

        Returns:
            Numbers from 1, increasing.
        """
        return [
            k + 1
            for k, (sign, own) in enumerate(zip(pattern, self._reference, strict=True))
            if sign == -own
        ]

    def describe(self, component: int) -> str:
        """A component in words."""
        self._check_index(component)
        found = self.components[component]
        if found.kind is ComponentKind.RIGID:
            shared = [k + 1 for k, sign in enumerate(found.patterns[0]) if not sign]
            opposite = f"two opposite nodes on {_kinks(shared)}, " if shared else ""
            return (
                f"{opposite}{self._orientation(found.patterns[0])}, every node kept on its boundary"
            )
        if found.kind in (ComponentKind.LINEAR_PAIR, ComponentKind.ALWAYS_ACTIVE):
            shared = [k + 1 for k, sign in enumerate(found.patterns[0]) if not sign]
            opposite = f"two opposite nodes on {_kinks(shared)}, " if shared else ""
            one, more, where = {
                ComponentKind.LINEAR_PAIR: ("a linear pair", "linear pairs", "off the kinks"),
                ComponentKind.ALWAYS_ACTIVE: (
                    "an always active node",
                    "always active nodes",
                    "with a slope",
                ),
            }[found.kind]
            who = one if found.carriers == 1 else f"{found.carriers} {more}"
            return f"{who} {where}, {opposite}{self._orientation(found.patterns[0])}"
        nodes = "one node" if found.free_nodes == 1 else f"{found.free_nodes} nodes"
        if found.takes_every_pattern:
            return f"up to {nodes} free, kinks of any orientation"
        several = f" or {len(found.patterns) - 3} other patterns" if len(found.patterns) > 4 else ""
        shown = found.patterns[:3] if several else found.patterns
        return (
            f"up to {nodes} free, "
            + " or ".join(self._orientation(pattern) for pattern in shown)
            + several
        )

    def __str__(self) -> str:
        text = self._described()
        text = shortened(text, LONG_LIST, "kinks and components have all")
        return text if self.snapped is None else f"{text}\n{self.snapped.sentence}"

    def _described(self) -> str:
        if not self.components:
            return f"no network of {self.width} hidden nodes computes this function" + (
                "" if self.domain is None else " on the domain"
            )
        types = len(self.components)
        lines = [
            f"{self.number} component{'s' * (self.number != 1)} ({types} up to numbering the "
            f"nodes), "
            f"width {self.width}, {len(self.kinks)} "
            f"kinks{'' if self.domain is None else ' on the domain'}, "
            f"largest dimension {self.dimension}"
        ]
        lines += [
            f"  kink {k + 1}: total {', '.join(map(short, plane.total_for_people(total)))} on "
            f"{plane}"
            for k, (plane, total) in enumerate(self.form.kinks.items())
        ]
        shown = range(min(types, 12))
        lines += [
            f"  {self.components[i].copies} × dimension {self.components[i].dimension}: "
            f"{self.describe(i)}"
            for i in shown
        ]
        if types > len(shown):
            lines.append(f"  and {types - len(shown)} more")
        lines += filter(None, [relations_up_to_rounding(self.net, self.domain)])
        return "\n".join(lines)

    @cached_property
    def _reference(self) -> Pattern:
        """Orientation in ``net`` of the first node on each kink."""
        found: dict[Hyperplane, int] = {}
        for node in self.net.nodes:
            if idleness(node, self.domain) is None:
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
            raise ValueError(
                f"{name}: it has {net.width} hidden nodes; the fibre is that of width {self.width}"
            )
        form = kink_form(net, self.domain)
        if form != self.form:
            raise ValueError(
                f"{name}: it computes another function than the fibre's; its kink form is {form}"
            )

    def _scalar(self, what: str) -> Classification:
        if not isinstance(self.classification, Classification):
            which = f"{len(self.form.constant)} outputs" if self.domain is None else "a domain"
            raise ValueError(f"fibre: it is one of {which}; {what} for one output on all of R^N")
        return self.classification

    def _check_index(self, component: int) -> None:
        if not 0 <= component < len(self.components):
            raise ValueError(
                f"component: got {component}; it should be an index in components, from 0 to "
                f"{len(self.components) - 1}"
            )


def fibre(net: TwoLayerReLU, width: int | None = None, domain: Domain | None = None) -> Fibre:
    """The set of parameters of one width that compute the same function as ``net`` on all of R^N,
    or on a bounded domain.

    Its components are proved in :mod:`singlearn.symmetry.fibre.components`, for several outputs and
    for domains in :mod:`singlearn.symmetry.fibre.cells`. On a domain more parameters compute the
    function: nodes can be dead or always active there.

    Args:
        net: a network, of any number of outputs.
        width: number of hidden nodes of the parameters; that of ``net`` if not given.
        domain: a ``Box`` or ``Polytope``; ``None`` for all of R^N.

    Raises:
        ValueError: a negative width, or a domain of another dimension than the inputs.

    >>> net = TwoLayerReLU([[1], [1]], [0, -1], [1, 1], 0)
    >>> print(fibre(net, width=3))
    13 components (3 up to numbering the nodes), width 3, 2 kinks, largest dimension 4
      kink 1: total 1 on x - 1 = 0
      kink 2: total 1 on x = 0
      1 × dimension 4: up to one node free, nothing reversed
      6 × dimension 3: two opposite nodes on kink 1, kink 2 reversed, every node kept on its
      boundary
      6 × dimension 3: two opposite nodes on kink 2, kink 1 reversed, every node kept on its
      boundary
    >>> fibre(net, width=4).number
    1
    >>> from singlearn.symmetry import Box
    >>> print(fibre(net, width=2, domain=Box([0], [2])))
    10 components (3 up to numbering the nodes), width 2, 1 kinks on the domain, largest dimension 3
      kink 1: total 1 on x - 1 = 0
      4 × dimension 3: an always active node with a slope, nothing reversed
      4 × dimension 3: an always active node with a slope, kink 1 reversed
      2 × dimension 2: two opposite nodes on kink 1, nothing reversed, every node kept on its
      boundary
    """
    if width is not None and width < 0:
        raise ValueError(f"width: got {width}; it should be a number of hidden nodes, 0 or more")
    return Fibre(net, kink_form(net, domain), net.width if width is None else width, domain)


def _kinks(numbers: list[int]) -> str:
    names = [str(n) for n in numbers]
    return (
        f"kink {names[0]}"
        if len(names) == 1
        else "kinks " + ", ".join(names[:-1]) + " and " + names[-1]
    )
