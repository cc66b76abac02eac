"""The zeta function of a monomial, and volumes near the zeros of any polynomial, to leading
order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import factorial, inf, log
from typing import Any

from singlearn.exact.read.inputs import Function, read_function, read_prior
from singlearn.exact.read.ring import terms_of
from singlearn.exact.resolution import rlct
from singlearn.results.result import Answer


@dataclass(frozen=True)
class Pole(Answer):
    """A pole of ζ at ``location`` < 0, of order ``order``."""

    location: Fraction
    order: int


@dataclass(frozen=True)
class VolumeLaw(Answer):
    r""":math:`V(t) = c\, t^λ (-\log t)^{m-1} (1 + o(1))` as t → 0.

    Args:
        exponent: λ.
        multiplicity: m.
        constant: c, where it is computed (a monomial on :math:`[-1, 1]^n`), otherwise None.
    """

    exponent: Fraction
    multiplicity: int
    constant: float | None

    def __call__(self, t: float) -> float:
        """The leading term at t.

        Raises:
            ValueError: t is not between 0 and 1, or the constant is not known.
        """
        if self.constant is None:
            raise ValueError("constant: it was not computed; the law gives the exponents only")
        if not 0 < t < 1:
            raise ValueError(f"t: got {t}; it should be between 0 and 1")
        found: float = (
            self.constant * t ** float(self.exponent) * (-log(t)) ** (self.multiplicity - 1)
        )
        return found


def zeta(K: Any, prior: Any = None) -> list[Pole]:
    r"""All poles, with orders, of :math:`ζ(z) = ∫_{[-1,1]^n} K^z φ\,dw` for normal crossings, the
    largest first.

    For :math:`K = c ∏ w_i^{k_i}` and :math:`φ = a ∏ |w_i|^{h_i}` the integral is :math:`a c^z ∏
    2/(k_i z + h_i + 1)`.

    Args:
        K: a monomial that is ≥ 0.
        prior: a monomial in absolute values.

    Returns:
        Locations as fractions and orders; the first is at -λ.

    Raises:
        ValueError: K or the prior is not a monomial; :func:`singlearn.exact.rlct` finds the largest
            pole of other functions.

    >>> zeta("x^2*y^4*z^4")
    [Pole(location=-1/4, order=2), Pole(location=-1/2, order=1)]
    """
    _, exponents, weights, _ = _monomial(read_function(K), prior)
    poles = Counter(-Fraction(h + 1, k) for k, h in zip(exponents, weights, strict=True) if k)
    return [Pole(location, poles[location]) for location in sorted(poles, reverse=True)]


def _monomial(
    function: Function, prior: Any
) -> tuple[Fraction, tuple[int, ...], tuple[int, ...], Fraction]:
    """c and k of K, h and the constant of φ."""
    terms = terms_of(function.whole)
    weights, factor = read_prior(prior, function.variables)
    factors = terms_of(factor)
    if len(terms) > 1 or len(factors) > 1:
        raise ValueError(
            "K, prior: got a sum; each should be a monomial, for other functions there is rlct"
        )
    ((exponents, coefficient),) = terms.items()
    if coefficient < 0 or any(k % 2 for k in exponents):
        raise ValueError(f"K: got {function.whole}, which is negative somewhere; it should be ≥ 0")
    ((extra, constant),) = factors.items()
    if constant < 0 or any(h % 2 for h in extra):
        raise ValueError(
            f"prior: got {str(prior)!r}, which is negative somewhere; it should be ≥ 0, such as "
            f"|x|*y^2"
        )
    density = tuple(a + b for a, b in zip(weights, extra, strict=True))
    return _fraction(coefficient), exponents, density, _fraction(constant)


def _fraction(number: Any) -> Fraction:
    return Fraction(int(number.p), int(number.q))


def volume(
    K: Any,
    at: Mapping[Any, Any] | None = None,
    domain: Any = None,
    prior: Any = None,
    timeout: float | int = 60.0,
) -> VolumeLaw:
    r"""How :math:`V(t) = ∫_{K<t} φ\,dw` vanishes with t; arguments as for
    :func:`singlearn.exact.rlct`.

    The constant is computed for a monomial with a monomial prior near the origin, on
    :math:`[-1,1]^n`; elsewhere it depends on the whole neighbourhood.

    Returns:
        The exponent λ, the multiplicity m, and the constant where it is known.

    Raises:
        ValueError: K has no zero there, or λ and m could not be proved.

    >>> law = volume("x^2*y^2")
    >>> law.exponent, law.multiplicity, law.constant
    (Fraction(1, 2), 2, 2.0)
    >>> volume("x^2", prior="2").constant                       # ∫ of 2 over |x| < √t
    4.0
    """
    result = rlct(K, at=at, domain=domain, prior=prior, timeout=timeout)
    if result.value == inf:
        raise ValueError("K: it has no zero there, so that V(t) = 0 for small t")
    if (
        result.status != "proved"
        or not isinstance(result.value, Fraction)
        or result.multiplicity is None
    ):
        raise ValueError(f"K: λ and m could not be proved, because {result.reason}")
    constant = None
    if at is None and domain is None:
        try:
            constant = _constant(
                result.value, result.multiplicity, *_monomial(read_function(K), prior)
            )
        except ValueError:
            constant = None
    return VolumeLaw(result.value, result.multiplicity, constant)


def _constant(
    value: Fraction,
    multiplicity: int,
    scale: Fraction,
    exponents: tuple[int, ...],
    weights: tuple[int, ...],
    density: Fraction,
) -> float:
    """From ζ(z) ~ C/(z + λ)^m: c = C/(λ (m-1)!)."""
    leading = float(density)
    for k, h in zip(exponents, weights, strict=True):
        leading *= 2 / k if k and Fraction(h + 1, k) == value else 2 / float(h + 1 - value * k)
    found: float = (
        leading * float(scale) ** -float(value) / (float(value) * factorial(multiplicity - 1))
    )
    return found
