"""Numbers such as 1/2 + 3 tanh(1/4): what nodes with w = 0 add to a network, kept exact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from flint import arb, ctx, fmpq

from singlearn.symmetry.two_layer.kink_form import short

PRECISION = 128
"""Bits of an enclosure, where none are asked for."""


class Base(StrEnum):
    """The odd transcendental functions whose values at positive rationals are kept."""

    TANH = "tanh"
    ERF = "erf"
    ERF_HALF = "erf(·/√2)"


def ball(value: Fraction) -> arb:
    """An enclosure of a rational, in the precision that is set."""
    return arb(fmpq(value.numerator, value.denominator))


def enclosure(base: Base, at: arb) -> arb:
    """An enclosure of the function's values on a ball."""
    if base is Base.TANH:
        return at.tanh()
    return at.erf() if base is Base.ERF else (at / arb(2).sqrt()).erf()


@dataclass(frozen=True)
class Constant:
    r"""The real number :math:`r + \sum_j c_j T_j(b_j)`, with r, c_j, b_j rational and T_j odd, b_j
    > 0.

    Equal as objects means equal as numbers. The converse is a theorem for tanh: with b_j = n_j/D
    and :math:`t = e^{2/D}`, every :math:`\tanh(b_j) = (t^{n_j} - 1)/(t^{n_j} + 1)` is a rational
    function of t, which is transcendental (Hermite), so a relation over Q is one between functions
    of t; among them the largest n has a pole (a primitive 2n-th root of 1) that the others do not
    have. So 1 and tanh of distinct positive rationals are independent over Q. For erf the values
    alone, without the 1, are independent (they are :math:`2/\sqrt\pi` times values of E-functions
    that are independent over the rational functions, so Beukers' theorem applies
    [beukers2006refined]_); whether :math:`\sqrt\pi` is a rational combination of them is not known.

    Attributes:
        rational: r.
        terms: c_j by function and b_j, sorted, none of them zero.
    """

    rational: Fraction
    terms: tuple[tuple[tuple[Base, Fraction], Fraction], ...] = ()

    @classmethod
    def of(cls, rational: Fraction, terms: Mapping[tuple[Base, Fraction], Fraction]) -> Constant:
        """The number, with terms of zero left out.

        Returns:
            The sum in its normal form.

        >>> print(Constant.of(Fraction(1, 2), {(Base.TANH, Fraction(1, 4)): Fraction(3)}))
        1/2 + 3 tanh(1/4)
        """
        return cls(rational, tuple(sorted((key, value) for key, value in terms.items() if value)))

    @classmethod
    def value(cls, base: Base, at: Fraction, factor: Fraction) -> Constant:
        """``factor · T(at)``, T odd."""
        if not at:
            return cls(Fraction(0))
        return cls.of(Fraction(0), {(base, abs(at)): factor if at > 0 else -factor})

    @property
    def is_rational(self) -> bool:
        """Whether no transcendental term is left."""
        return not self.terms

    def __bool__(self) -> bool:
        return bool(self.rational) or bool(self.terms)

    def __add__(self, other: Constant | Fraction) -> Constant:
        if isinstance(other, Fraction):
            return Constant(self.rational + other, self.terms)
        terms = dict(self.terms)
        for key, value in other.terms:
            terms[key] = terms.get(key, Fraction(0)) + value
        return Constant.of(self.rational + other.rational, terms)

    def __mul__(self, factor: Fraction) -> Constant:
        return Constant.of(self.rational * factor, {key: v * factor for key, v in self.terms})

    def __sub__(self, other: Constant) -> Constant:
        return self + other * Fraction(-1)

    def enclosure(self) -> arb:
        """A ball that holds the number, in the precision that is set."""
        total = ball(self.rational)
        for (base, at), factor in self.terms:
            total += ball(factor) * enclosure(base, ball(at))
        return total

    def __float__(self) -> float:
        with ctx.workprec(PRECISION):
            return float(self.enclosure().mid())

    def __str__(self) -> str:
        parts = [] if self.terms and not self.rational else [short(self.rational)]
        for (base, at), factor in self.terms:
            name = (
                base.value.replace("·", short(at))
                if "·" in base.value
                else f"{base.value}({short(at)})"
            )
            size = "" if abs(factor) == 1 else f"{short(abs(factor))} "
            sign = "-" if factor < 0 else "+"
            parts.append(f"{sign} {size}{name}")
        text = " ".join(parts)
        return (
            text[2:] if text.startswith("+ ") else "-" + text[2:] if text.startswith("- ") else text
        )


ZERO = Constant(Fraction(0))
