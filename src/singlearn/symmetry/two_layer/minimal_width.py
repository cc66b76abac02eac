"""The least number of hidden nodes that compute the same function."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from singlearn.results.caution import Caution, Reason
from singlearn.results.result import Answer
from singlearn.symmetry.domain import Domain
from singlearn.symmetry.two_layer.kink_form import Hyperplane, KinkForm, boundary, kink_form
from singlearn.symmetry.two_layer.network import TwoLayerReLU, require_two_layer
from singlearn.symmetry.two_layer.sign_choice import (
    SignChoice,
    choose_signs,
    choose_signs_by_sums,
    completed,
)
from singlearn.symmetry.two_layer.step import idleness

MOST_KINKS = 20
"""Choosing which kinks to reverse is a subset-sum problem (for N = 1, PARTITION): all choices are
looked at up to here.
"""


@dataclass(frozen=True)
class MinimalWidth(Answer):
    """The minimal width, or bounds on it, and the choice of orientations that reaches the upper
    one.

    Attributes:
        lower: no network with fewer hidden nodes computes the function.
        upper: a network of this width does; equal to ``lower`` where the width is exact.
        form: the kink form of the function.
        choice: which kinks are reversed, and which carry two opposite nodes.
        domain: where the function is to be kept.
    """

    lower: int
    upper: int
    form: KinkForm
    choice: SignChoice
    domain: Domain | None
    snapped: Any = field(default=None, compare=False, repr=False)
    """The :class:`~singlearn.symmetry.Snap` whose network it is the width of, where a
    tolerance was given.
    """

    @property
    def is_exact(self) -> bool:
        """Whether the bounds agree."""
        return self.lower == self.upper

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """That the bounds do not agree, where they do not."""
        return () if self.is_exact else (Caution(Reason.ONLY_BOUNDS, self._width()),)

    def __int__(self) -> int:
        if not self.is_exact:
            raise ValueError(
                f"minimal width: known only to lie between {self.lower} and {self.upper}; it is "
                f"found by looking at all choices up to {MOST_KINKS} kinks"
            )
        return self.upper

    def __str__(self) -> str:
        return (
            self._width() if self.snapped is None else f"{self._width()}\n{self.snapped.sentence}"
        )

    def _width(self) -> str:
        if self.is_exact:
            return f"minimal width {self.upper}"
        return (
            f"minimal width between {self.lower} and {self.upper} ({len(self.form.kinks)} "
            f"kinks; all choices are looked at up to {MOST_KINKS})"
        )


def minimal_width(net: TwoLayerReLU, domain: Domain | None = None) -> MinimalWidth:
    r"""The least number of hidden nodes of any network that is the same function.

    With p kinks and :math:`f = \sum_k \tfrac{A_k}{2}|u_k| + G x + \mathrm{const}`, a single node on
    kink k contributes the slope :math:`\pm A_k n_k^T/2`, two opposite nodes on it :math:`v n_k^T`
    with any v, and two more nodes one slope of rank one anywhere, so on R^N

    .. math:: H_{\min} = p + \min_{T, s}\; |T|
              + 2\,\mathrm{rank}\Bigl[\bigl(G - \sum_{k \notin T} s_k A_k n_k^T/2\bigr)
              \bmod \mathrm{span}\{n_k : k \in T\}\Bigr],

    over sets T of kinks and signs s on the rest. On a bounded domain one node that is always active
    carries a slope of rank one: :math:`H_{\min} = p + \min_s \mathrm{rank}(G - \sum_k s_k A_k
    n_k^T/2)`.

    Exact for up to 20 kinks. With more, subset sums are still decided, to about 40 kinks, by
    meeting in the middle: so the width is exact for one output or one input, and wherever no slope
    of rank one needs nodes of its own. What is left is a bound: the upper one comes from the
    orientations that the network has.

    Args:
        net: the network.
        domain: where the function is to be kept; ``None`` for all of R^N.

    Raises:
        ValueError: the domain has another dimension than the inputs.

    >>> int(minimal_width(TwoLayerReLU(w=[[1], [1], [-1]], b=[0, -1, 1], q=[2, 3, -1], c=0)))
    3
    """
    require_two_layer(net, "minimal_width")
    form = kink_form(net, domain)
    kinks = len(form.kinks)
    if kinks <= MOST_KINKS:
        choice = choose_signs(form, domain is not None)
        return MinimalWidth(kinks + choice.cost, kinks + choice.cost, form, choice, domain)
    amounts = _orientations(net, domain)
    signs = {plane: 1 if amounts[plane][1] >= amounts[plane][-1] else -1 for plane in form.kinks}
    term_cost = 2 if domain is None else 1
    choices = [completed(form, signs, (), term_cost)]
    if domain is None:
        both = [plane for plane in form.kinks if amounts[plane][1] and amounts[plane][-1]]
        choices.append(
            completed(
                form, {plane: s for plane, s in signs.items() if plane not in both}, both, term_cost
            )
        )
    own = min(choices, key=lambda choice: choice.cost)
    least, best = choose_signs_by_sums(form, domain is not None, own)
    return MinimalWidth(kinks + least, kinks + best.cost, form, best, domain)


def _orientations(
    net: TwoLayerReLU, domain: Domain | None
) -> dict[Hyperplane, dict[int, Fraction]]:
    """How much outgoing weight the network has on either side of each boundary."""
    amounts: dict[Hyperplane, dict[int, Fraction]] = {}
    for node in net.nodes:
        if idleness(node, domain) is None:
            plane, factor = boundary(node)
            sides = amounts.setdefault(plane, {1: Fraction(0), -1: Fraction(0)})
            sides[1 if factor > 0 else -1] += max(abs(q) for q in node.q) * abs(factor)
    return amounts
