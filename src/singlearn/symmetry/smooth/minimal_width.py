"""The least number of hidden nodes that compute the function of a smooth network, and a network
that has no more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from singlearn.numbers.rational import Vector
from singlearn.results.result import Answer
from singlearn.symmetry.domain import Domain
from singlearn.symmetry.smooth.expansion import SmoothExpansion
from singlearn.symmetry.smooth.form import SmoothForm, Unit, smooth_form, unit_of
from singlearn.symmetry.smooth.network import TwoLayerSmooth
from singlearn.symmetry.smooth.step import Turn
from singlearn.symmetry.two_layer.kink_form import Hyperplane, KinkForm, boundary
from singlearn.symmetry.two_layer.minimal_width import MOST_KINKS
from singlearn.symmetry.two_layer.network import Node
from singlearn.symmetry.two_layer.sign_choice import SignChoice, choose_signs, completed


@dataclass(frozen=True)
class SmoothWidth(Answer):
    """The minimal width, or bounds on it.

    Attributes:
        lower: no network of the activation with fewer hidden nodes computes the function.
        upper: one of this width does; equal to ``lower`` where the width is exact.
        form: the form of the function.
        choice: for SiLU and GELU, which units turn round, which carry two opposite nodes; ``None``
            for the others.
    """

    lower: int
    upper: int
    form: SmoothForm
    choice: SignChoice | None

    @property
    def is_exact(self) -> bool:
        """Whether the bounds agree."""
        return self.lower == self.upper

    def __int__(self) -> int:
        if not self.is_exact:
            raise ValueError(
                f"minimal width: known only to lie between {self.lower} and {self.upper}; it is "
                f"searched for up to {MOST_KINKS} units"
            )
        return self.upper

    def __str__(self) -> str:
        if self.is_exact:
            return f"minimal width {self.upper}"
        found = f"({len(self.form.units)} units; searched exactly up to {MOST_KINKS})"
        return f"minimal width between {self.lower} and {self.upper} {found}"


def minimal_width_smooth(net: TwoLayerSmooth, domain: Domain | None = None) -> SmoothWidth:
    r"""The least number of hidden nodes of any network of the same activation, with real
    parameters, that is the same function.

    For tanh, sigmoid and erf it is p, the number of units: every one needs a node, by independence,
    and the output bias takes what is constant (Sussmann 1992 [sussmann1992uniqueness]_; for tanh it
    is called the rank). For SiLU and GELU a node leaves the slope :math:`±A_k w_k^T/2`, so the
    count is that of a ReLU network on R^N
    (:func:`singlearn.symmetry.two_layer.minimal_width.minimal_width`), with units in the place of
    kinks:

    .. math:: H_{\min} = p + \min_{T, s}\; |T|
              + 2\,\mathrm{rank}\Bigl[\bigl(G - \sum_{k \notin T} s_k A_k w_k^T/2\bigr)
              \bmod \mathrm{span}\{w_k : k \in T\}\Bigr].

    The proof is the same: nodes on one unit give :math:`A_k` and a slope along :math:`w_k`, one
    node only :math:`±A_k w_k/2`; nodes on a unit that is not among the p cancel, which takes two of
    them for a slope of rank one.

    Args:
        net: the network.
        domain: changes nothing; analytic functions that are equal on an open set are equal.

    Returns:
        The least width where it is decided, else bounds.

    Raises:
        ValueError: a domain of another dimension.

    >>> int(minimal_width_smooth(TwoLayerSmooth("tanh", [[1], [-1], [1]], [0, 0, 1], [2, 2, 1], 0)))
    1
    >>> int(minimal_width_smooth(TwoLayerSmooth("silu", [[1], [-1], [1]], [0, 0, 1], [2, 2, 1], 0)))
    3
    """
    form = smooth_form(net, domain)
    units = len(form.units)
    if not form.activation.is_even:
        return SmoothWidth(units, units, form, None)
    stand_in = as_kinks(form)
    if units <= MOST_KINKS:
        choice = choose_signs(stand_in, on_domain=False)
        return SmoothWidth(units + choice.cost, units + choice.cost, form, choice)
    signs, both = _orientations(net, form)
    own = {plane: signs[unit] for plane, unit in zip(stand_in.kinks, form.units, strict=True)}
    pairs = [plane for plane, unit in zip(stand_in.kinks, form.units, strict=True) if unit in both]
    choices = [completed(stand_in, own, (), 2)]
    choices.append(completed(stand_in, {p: s for p, s in own.items() if p not in pairs}, pairs, 2))
    best = min(choices, key=lambda choice: choice.cost)
    return SmoothWidth(units, units + best.cost, form, best)


def as_kinks(form: SmoothForm) -> KinkForm:
    """The kinks whose slopes balance as those of the units do: only normals and amounts matter, so
    offsets are numbers that tell units apart.
    """
    kinks: dict[Hyperplane, Vector] = {}
    for k, (unit, totals) in enumerate(form.units.items()):
        plane, factor = boundary(Node(unit.w, Fraction(0), totals))
        kinks[Hyperplane(plane.normal, k)] = tuple(v * factor for v in totals)
    return KinkForm(kinks, form.linear, (Fraction(0),) * len(form.constant))


def compress_smooth(net: TwoLayerSmooth, domain: Domain | None = None) -> TwoLayerSmooth:
    """The same function with as few hidden nodes as :func:`minimal_width_smooth` finds; what is
    constant goes to the output bias.

    Args:
        net: the network.
        domain: changes nothing.

    Returns:
        A network of the same activation.

    Raises:
        ValueError: a domain of another dimension.

    >>> narrow = compress_smooth(TwoLayerSmooth("tanh", [[1], [-1], [0]], [0, 0, 2], [3, 1, 1], 0))
    >>> narrow.width, str(narrow.c[0])
    (1, 'tanh(2)')
    """
    width = minimal_width_smooth(net, domain)
    form, choice = width.form, width.choice
    found = SmoothExpansion(net.activation, (), form.linear, form.constant)
    signs, _ = _orientations(net, form)

    def put(unit: Unit, amount: Vector, sign: int) -> None:
        """Add ``amount σ(u)``, turned round where the sign is -1."""
        nonlocal found
        if any(amount):
            found = replace(found, nodes=(*found.nodes, Node(unit.w, unit.b, amount)))
            if sign < 0:
                found = Turn(len(found.nodes) - 1).apply(found)

    planes = list(as_kinks(form).kinks)
    for plane, (unit, total) in zip(planes, form.units.items(), strict=True):
        if choice is None:
            put(unit, total, signs[unit])
        elif plane in choice.pairs:
            factor = boundary(Node(unit.w, Fraction(0), total))[1]
            half = tuple(v / factor for v in choice.pairs[plane])
            put(unit, tuple(a / 2 + v for a, v in zip(total, half, strict=True)), 1)
            put(unit, tuple(a / 2 - v for a, v in zip(total, half, strict=True)), -1)
        else:
            put(unit, total, choice.signs[plane])
    for value, normal in () if choice is None else choice.terms:
        offset = Fraction(0)
        while unit_of(Node(normal, offset, value))[0] in form.units:
            offset += 1
        # v σ(u) - v σ(-u) = v u, and what it takes from the line and the constant is v u.
        pair = (
            Node(normal, offset, value),
            Node(tuple(-v for v in normal), -offset, tuple(-v for v in value)),
        )
        linear = tuple(
            tuple(v - q * w for v, w in zip(row, normal, strict=True))
            for row, q in zip(found.linear, value, strict=True)
        )
        constant = tuple(d + -q * offset for d, q in zip(found.constant, value, strict=True))
        found = replace(found, nodes=(*found.nodes, *pair), linear=linear, constant=constant)
    result = net.replaced(found.nodes, found.constant)
    if (
        any(any(row) for row in found.linear)
        or smooth_form(result) != form
        or result.width != width.upper
    ):
        raise AssertionError("the compressed network is not the same function")
    return result


def _orientations(net: TwoLayerSmooth, form: SmoothForm) -> tuple[dict[Unit, int], set[Unit]]:
    """How the first node of every unit points, and the units with nodes of both orientations."""
    signs: dict[Unit, int] = {}
    both: set[Unit] = set()
    for node in net.nodes:
        if any(node.w) and any(node.q):
            unit, sign = unit_of(node)
            if signs.setdefault(unit, sign) != sign:
                both.add(unit)
    return {unit: signs[unit] for unit in form.units}, both
