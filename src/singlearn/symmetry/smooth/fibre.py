r"""All parameters of one width that compute the function of a smooth network, up to connectedness.

Let p units, width m, excess e = m - p; parameters are real. Nothing rescales, so what moves is
which node sits on which unit, which way round, with which amount.

*Odd activations* (tanh, sigmoid, erf), any number of outputs.

- e = 0: every unit has one node, turned one way or the other, c follows: :math:`p!\,2^p` points.
  (Sussmann 1992 [sussmann1992uniqueness]_.)
- e ≥ 1: one connected component. A free node (q = 0) can be put on a unit the other way round, take
  over the amount, and leave the node that was there free: so orientation and numbering all change
  within it. That nothing else can happen is the theorem of the form: amounts on a unit add up to
  A_k ≠ 0, so every unit has a node, and amounts elsewhere cancel, so they can be shrunk to 0.
  Farrugia-Roberts shows more: it is connected by piecewise linear paths, of at most 7 pieces where
  most of the nodes are redundant [farrugiaroberts2023functional]_.
- Its largest strata have e nodes that are free one by one, with q = 0, then (w, b) free, or with w
  = 0, then (b, q) free: dimension :math:`e\,(\max(N, M) + 1)`. A group of r nodes on one free unit
  that cancel has N + 1 + (r - 1)M dimensions, r nodes on one of the p units (r - 1)M: less.

*Even activations* (SiLU, GELU). Turning a node round leaves a line, so the slope has to balance as
for ReLU.

- e = 0, any outputs: :math:`p!\,|Σ_0|` points, Σ_0 the orientations s with :math:`\sum_k s_k A_k
  w_k^T/2 = G`.
- e ≥ 1, one output: the classification of :mod:`singlearn.symmetry.fibre.components` carries over
  word for word with units in the place of kinks and without scales: its moves shift amounts between
  nodes on one unit, move free nodes, and turn linear pairs, and none of them uses a scale;
  conversely a rigid parameter stays one because no amount can pass through zero. Two things change.
  A rigid component is a point. A linear pair :math:`vσ(u) - vσ(-u) = vu` has v and the offset free,
  :math:`w = R/v` follows: 2 dimensions; it lies down on a unit k where R is parallel to w_k.
- e ≥ 1, several outputs: not classified here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from singlearn.results.prompt import LONG_LIST, shortened
from singlearn.results.result import Answer
from singlearn.symmetry.fibre.balance import SlopeBalance
from singlearn.symmetry.fibre.components import Classification, ComponentKind
from singlearn.symmetry.smooth.form import SmoothForm, smooth_form
from singlearn.symmetry.smooth.minimal_width import as_kinks
from singlearn.symmetry.smooth.network import TwoLayerSmooth, require_smooth
from singlearn.symmetry.two_layer.kink_form import short

MOST_ORIENTATIONS = 2**18


@dataclass(frozen=True)
class SmoothComponent(Answer):
    """Components that differ by the numbering of the nodes, and for odd activations by their
    orientations.

    Attributes:
        copies: how many there are.
        dimension: of each, that of its largest stratum.
        free_nodes: how many nodes can contribute nothing at the same time.
        description: in words.
    """

    copies: int
    dimension: int
    free_nodes: int
    description: str


@dataclass(frozen=True)
class SmoothFibre(Answer):
    """The parameters of one width and activation that compute one function on R^N, and so on any
    open set.

    Attributes:
        form: what they share.
        width: m.
    """

    form: SmoothForm
    width: int

    @property
    def excess(self) -> int:
        """e, the number of nodes beyond one per unit."""
        return self.width - len(self.form.units)

    @property
    def number(self) -> int:
        """How many connected components there are; 0 if no network of this width computes the
        function.
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

    @cached_property
    def components(self) -> tuple[SmoothComponent, ...]:
        """The connected components.

        Raises:
            ValueError: too many units to list the orientations.
        """
        if self.excess < 0:
            return ()
        return tuple(self._even() if self.form.activation.is_even else self._odd())

    def _odd(self) -> list[SmoothComponent]:
        p, e = len(self.form.units), self.excess
        if e == 0:
            return [
                SmoothComponent(
                    math.factorial(p) * 2**p, 0, 0, "a point: every node kept on its unit"
                )
            ]
        inputs, outputs = len(self.form.linear[0]), len(self.form.constant)
        dimension = e * (max(inputs, outputs) + 1)
        return [
            SmoothComponent(1, dimension, e, f"up to {_nodes(e)} free, units turned either way")
        ]

    def _even(self) -> list[SmoothComponent]:
        if self.excess == 0:
            count = self._balanced()
            points = math.factorial(len(self.form.units)) * count
            what = "a point: every node kept on its unit"
            return [SmoothComponent(points, 0, 0, what)] if count else []
        kinks = as_kinks(self.form)
        balance = SlopeBalance(
            tuple(kinks.kinks),
            tuple(total[0] for total in kinks.kinks.values()),
            self.form.slope[0],
        )
        idle = len(balance.slope) + 1
        found = []
        try:
            classified = Classification(balance, self.width).components
        except ValueError as error:
            raise ValueError(str(error).replace("kinks", "units")) from None
        for own in classified:
            if own.kind is ComponentKind.RIGID:
                found.append(
                    SmoothComponent(
                        own.copies, 0, 0, "a point: two opposite nodes on a unit, none can leave"
                    )
                )
            elif own.kind is ComponentKind.LINEAR_PAIR:
                found.append(SmoothComponent(own.copies, 2, 0, "a linear pair off the units"))
            else:
                # A linear pair holds two nodes where no orientation balances, nor two opposite
                # nodes on one unit.
                pair = 2 if self.excess >= 3 and self.excess - own.free_nodes == 2 else 0
                several = (
                    "of any orientation"
                    if own.takes_every_pattern
                    else f"of {len(own.patterns)} orientations"
                )
                dimension = own.free_nodes * idle + pair
                text = f"up to {_nodes(own.free_nodes)} free, units {several}"
                if len(own.patterns) == 1 and not own.takes_every_pattern:
                    text = (
                        f"up to {_nodes(own.free_nodes)} free, the orientation of the units fixed"
                    )
                found.append(SmoothComponent(own.copies, dimension, own.free_nodes, text))
        return found

    def _balanced(self) -> int:
        """How many orientations balance the slope, of all outputs."""
        p = len(self.form.units)
        if 2**p > MOST_ORIENTATIONS:
            raise ValueError(
                f"net: its function has {p} units, 2^{p} orientations; at most {MOST_ORIENTATIONS} "
                f"are searched"
            )
        kinks = as_kinks(self.form).kinks
        steps = [
            [total * n / 2 for total in totals for n in plane.normal]
            for plane, totals in kinks.items()
        ]
        goal = [v for row in self.form.slope for v in row]
        return sum(
            all(
                v == sum(s * step[i] for s, step in zip(signs, steps, strict=True))
                for i, v in enumerate(goal)
            )
            for signs in product((1, -1), repeat=p)
        )

    def __str__(self) -> str:
        if not self.components:
            return f"no network of {self.width} hidden nodes computes this function"
        count, p = self.number, len(self.form.units)
        lines = [
            f"{count} component{'s' * (count != 1)}, width {self.width}, {p} unit{'s' * (p != 1)}, "
            f"largest dimension {self.dimension}"
        ]
        name = self.form.activation.symbol
        lines += [
            f"  {', '.join(map(short, own))} on {name}({unit})"
            for unit, own in self.form.units.items()
        ]
        lines += [
            f"  {c.copies} × dimension {c.dimension}: {c.description}" for c in self.components[:12]
        ]
        if len(self.components) > 12:
            lines.append(f"  and {len(self.components) - 12} more")
        return shortened("\n".join(lines), LONG_LIST, "form and components have all")


def _nodes(number: int) -> str:
    return "one node" if number == 1 else f"{number} nodes"


def smooth_fibre(net: TwoLayerSmooth, width: int | None = None) -> SmoothFibre:
    """The set of parameters of one width that compute the same function; its components are proved
    above.

    Args:
        net: the network.
        width: number of hidden nodes; that of ``net`` if not given.

    Returns:
        The components of the set with their dimensions and numbers of copies.

    Raises:
        ValueError: a negative width, or SiLU or GELU with several outputs and a width other than
            the number of units.

    >>> net = TwoLayerSmooth("tanh", [[1], [2]], [0, -1], [1, 1], 0)
    >>> smooth_fibre(net).number, smooth_fibre(net, 4).dimension
    (8, 4)
    """
    require_smooth(net, "fibre")
    form = smooth_form(net)
    own = net.width if width is None else width
    if own < 0:
        raise ValueError(f"width: got {width}; it should be a number of hidden nodes, 0 or more")
    if form.activation.is_even and net.outputs != 1 and own > len(form.units):
        raise ValueError(
            f"net: it has {net.outputs} outputs and {own - len(form.units)} nodes beyond one per "
            f"unit; for {form.activation} "
            "components are known for one output then, so take one row of q at a time"
        )
    return SmoothFibre(form, own)
