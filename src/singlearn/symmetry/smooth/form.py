r"""What a two-layer network of a smooth activation computes, and nothing else about it.

Write :math:`σ(u) = α + βu + γ(u)`; γ is odd for tanh, sigmoid and erf (β = 0), even for SiLU and
GELU (β = 1/2). Turning every node with w ≠ 0 so that the first non-zero weight is positive, and
adding up the nodes with equal (w, b), gives :math:`f = d + Lx + \sum_k A_k σ(u_k)` with distinct
units :math:`u_k(x) = ⟨w_k, x⟩ + b_k`, no two of them opposite, all :math:`A_k ≠ 0`.

**Theorem.** For every activation of this room the functions :math:`1, x_1, …, x_N, σ(u_1), …,
σ(u_p)` are linearly independent on every open set, for non-constant affine :math:`u_k` with
:math:`u_i ≠ ±u_j`. So two networks are equal, on R^N or on any domain with an interior, exactly
when their forms are equal. For tanh this is Sussmann's theorem [sussmann1992uniqueness]_, for
larger classes of odd activations Albertini & Sontag's [albertini1993neural]_; here is a proof for
all five.

*Proof.* The functions are analytic, so a relation on an open set holds on R^N. Restrict it to a
line :math:`x = p + tv` that avoids finitely many hyperplanes of directions: :math:`u_k = a_k t +
c_k` with :math:`a_k ≠ 0` and still :math:`(a_i, c_i) ≠ ±(a_j, c_j)`; turn them so that :math:`a_k >
0`. (If :math:`w_i = ±w_j`, then the offsets differ along every line, because b_i ≠ ±b_j with the
same sign.)

- *tanh, sigmoid, SiLU.* :math:`\tanh(su)` has poles at :math:`su = iπ(m + 1/2)`, that is at
  :math:`t = (iπ(m + 1/2)/s - c)/a`. For SiLU, :math:`γ = \tfrac u2 \tanh(τu/2)`, u is not zero
  there. Of the units with one value of -c/a, the real part, that with the largest a has its first
  pole nearest to the real axis; none of the others has a pole there, the polynomial part neither.
  So its A is 0; repeat.
- *erf.* The derivative along the line is :math:`ℓ + \sum_k A_k a_k \tfrac{2}{\sqrtπ} e^{-u_k^2} =
  0`. As t → ∞ every exponential vanishes, so ℓ = 0. The polynomials :math:`u_k^2` differ from each
  other by polynomials that are not constant, because :math:`u_i^2 - u_j^2 = (u_i - u_j)(u_i + u_j)`
  is constant only if one factor is zero or both are constant, and :math:`a_i = a_j` and :math:`a_i
  = -a_j` exclude each other. So one of them is the least as t → ∞; divide by its exponential: its
  coefficient is 0; repeat.
- *GELU.* The second derivative is :math:`\sum_k A_k a_k^2 (2 - u_k^2) φ(u_k) = 0`, φ the normal
  density: the same argument with polynomial coefficients that are not zero. ∎

Two consequences differ from ReLU: a domain changes nothing, as no node is ever dead or always
active on one; and a scale of (w, b) is part of the function.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from singlearn.numbers.rational import Matrix, Vector, dot
from singlearn.results.prompt import LONG_LIST, shortened
from singlearn.results.result import Answer
from singlearn.symmetry.domain import Domain
from singlearn.symmetry.smooth.activation import Activation
from singlearn.symmetry.smooth.constant import Constant
from singlearn.symmetry.smooth.network import TwoLayerSmooth, require_smooth
from singlearn.symmetry.two_layer.kink_form import short
from singlearn.symmetry.two_layer.network import Node


@dataclass(frozen=True, order=True)
class Unit(Answer):
    """``u(x) = <w, x> + b``, the first non-zero entry of w positive: a node up to its sign."""

    w: Vector
    b: Fraction

    def at(self, point: Sequence[Fraction]) -> Fraction:
        """``<w, x> + b``."""
        return dot(self.w, point) + self.b

    def __str__(self) -> str:
        names = [f"x{i + 1}" if len(self.w) > 1 else "x" for i in range(len(self.w))]
        terms = [(v, name) for v, name in zip(self.w, names, strict=True) if v]
        terms += [(self.b, "")] if self.b else []
        text = " ".join(f"{'-' if v < 0 else '+'} {_size(v, name)}" for v, name in terms)
        return text[2:] if text.startswith("+ ") else "-" + text[2:]


def _size(value: Fraction, name: str) -> str:
    size = short(abs(value))
    if not name:
        return size
    return name if abs(value) == 1 else f"{size} {name}"


def unit_of(node: Node) -> tuple[Unit, int]:
    """The unit of a node with w ≠ 0, and +1, or -1 where the node is turned round.

    >>> unit, sign = unit_of(Node((Fraction(-2),), Fraction(1), (Fraction(1),)))
    >>> str(unit), sign
    ('2 x - 1', -1)
    """
    if next(v for v in node.w if v) < 0:
        return Unit(tuple(-v for v in node.w), -node.b), -1
    return Unit(node.w, node.b), 1


@dataclass(frozen=True)
class SmoothForm(Answer):
    r""":math:`f(x) = d + Lx + \sum_k A_k σ(u_k(x))`; equal forms and equal functions are the same
    thing, see above.

    Equality of functions that differ in d only is a question about numbers, see
    :class:`~singlearn.symmetry.smooth.constant.Constant`.

    Attributes:
        activation: σ.
        units: A_k (M numbers) of each unit, sorted by unit.
        linear: L, M rows of N numbers; zero for tanh, sigmoid and erf.
        constant: d, M numbers.
    """

    activation: Activation
    units: dict[Unit, Vector]
    linear: Matrix
    constant: tuple[Constant, ...]

    def __hash__(self) -> int:
        return hash((self.activation, tuple(self.units.items()), self.linear, self.constant))

    @property
    def slope(self) -> Matrix:
        r""":math:`G = L + β\sum_k A_k w_k^T`, free of orientations: :math:`f = \sum_k A_k γ(u_k) +
        Gx + \mathrm{const}`.
        """
        rows = [list(row) for row in self.linear]
        for unit, totals in self.units.items():
            for row, total in zip(rows, totals, strict=True):
                for i, w in enumerate(unit.w):
                    row[i] += self.activation.kind.slope * total * w
        return tuple(tuple(row) for row in rows)

    def __str__(self) -> str:
        units = [
            f"  {', '.join(short(v) for v in own)} on {self.activation.symbol}({unit})"
            for unit, own in self.units.items()
        ]
        lines = [f"{len(self.units)} unit{'s' * (len(self.units) != 1)}"]
        lines += [shortened("\n".join(units), LONG_LIST, "units has all")] if units else []
        tail = f"constant {', '.join(map(str, self.constant))}"
        if self.activation.is_even:
            tail = (
                "linear part "
                + "; ".join(", ".join(short(v) for v in row) for row in self.linear)
                + ", "
                + tail
            )
        return "\n".join([*lines, "  " + tail])


def smooth_form(net: TwoLayerSmooth, domain: Domain | None = None) -> SmoothForm:
    """The form of a network; a domain changes nothing, and is only looked at for its dimension.

    Args:
        net: the network.
        domain: any domain of as many inputs.

    Returns:
        The units with their outgoing weights, the linear part and the constant, exactly.

    Raises:
        ValueError: a network of another kind, or a domain of another dimension.

    >>> print(smooth_form(TwoLayerSmooth("tanh", [[1], [-1], [0]], [0, 0, 2], [3, 1, 1], 1)))
    1 unit
      2 on tanh(x)
      constant 1 + tanh(2)
    """
    require_smooth(net, "smooth_form")
    check_domain(net, domain)
    linear = ((Fraction(0),) * net.inputs,) * net.outputs
    return form_of(net.activation, net.nodes, linear, net.c)


def check_domain(net: TwoLayerSmooth, domain: Domain | None) -> None:
    """Refuse a domain of another dimension.

    Raises:
        ValueError: it has.
    """
    if domain is not None and domain.inputs != net.inputs:
        raise ValueError(
            f"domain: it has dimension {domain.inputs}; the network has {net.inputs} inputs"
        )


def form_of(
    activation: Activation, nodes: Sequence[Node], linear: Matrix, constant: tuple[Constant, ...]
) -> SmoothForm:
    """The form of nodes, a line and a constant."""
    kind = activation.kind
    totals: dict[Unit, list[Fraction]] = {}
    rows, left = [list(row) for row in linear], list(constant)
    for node in nodes:
        if not any(node.q):
            continue
        if not any(node.w):
            value = activation.value(node.b)
            left = [d + value * q for d, q in zip(left, node.q, strict=True)]
            continue
        unit, sign = unit_of(node)
        own = totals.setdefault(unit, [Fraction(0)] * len(left))
        for j, q in enumerate(node.q):
            if sign > 0:
                own[j] += q
                continue
            own[j] += q if activation.is_even else -q
            left[j] = left[j] + 2 * q * (kind.offset + kind.slope * node.b)
            for i, w in enumerate(node.w):
                rows[j][i] += 2 * kind.slope * q * w
    units = {unit: tuple(own) for unit, own in sorted(totals.items()) if any(own)}
    return SmoothForm(activation, units, tuple(tuple(row) for row in rows), tuple(left))
