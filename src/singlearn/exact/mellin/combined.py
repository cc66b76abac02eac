r"""Products and sums of divergences in separate variables.

Of a product the zeta functions multiply. Of a sum the Laplace transforms :math:`Z(N) = ∫ e^{-NK} φ`
do, and

.. math:: Γ(s)\, ζ(-s) = ∫_0^∞ N^{s-1} Z(N)\,dN, \qquad Z(N) ∼ ∑_a N^{-a} ∑_j C_{aj} (\log N)^j,

so that the expansions of the summands, multiplied, are that of the sum, and every term is a pole.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise, product
from math import comb, factorial
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Complex, Float
from scipy.special import loggamma

CIRCLE = 64
HIGHEST, STEPS_TO_POLE = 26.0, 5.5
"""Γ(s) is below 1e-17 at that height; the trapezoidal rule errs by e^(-2π) per step to the next
pole.
"""

SMALLEST = -30.0
"""Logarithm of what is left of a series for N < 1 where it is not told from rounding."""

RESOLVED = 1e-9
"""Where terms explain Z(N) to this share, what is left is rounding."""

ZERO = 1e-9
"""A Laurent coefficient below this share of the largest is rounding."""


@runtime_checkable
class Zeta(Protocol):
    """A zeta function that can be evaluated and knows where its poles may be."""

    def value(self, z: Complex[np.ndarray, " points"]) -> Complex[np.ndarray, " points"]:
        """ζ at complex points."""
        ...

    def locations(self, left: float) -> dict[Fraction, int]:
        """The orders that poles right of ``left`` can have, by place."""
        ...

    @property
    def has_zero(self) -> bool:
        """Whether K vanishes somewhere on the domain."""
        ...


def laurent(
    zeta: Zeta, location: Fraction | float, terms: int, left: float
) -> tuple[Complex[np.ndarray, " terms"], int, float]:
    """Laurent coefficients at a point by Cauchy's integral, from power ``-order`` on.

    Args:
        zeta: what is expanded.
        location: the centre, on the real line.
        terms: how many coefficients.
        left: poles are known to be complete down to there.

    Returns:
        The coefficients, the order (largest possible) of the pole, and the radius of the circle.
    """
    known = zeta.locations(left)
    centre = float(location)
    order = known.get(location, 0) if isinstance(location, Fraction) else 0
    gap = min((abs(float(p) - centre) for p in known if p != location), default=1.0)
    radius = 0.45 * min(gap, 1.0)
    angles = 2 * np.pi * np.arange(CIRCLE) / CIRCLE
    ring = zeta.value(centre + radius * np.exp(1j * angles))
    powers = np.arange(-order, terms - order)
    found = np.array(
        [np.mean(ring * np.exp(-1j * k * angles)) for k in powers]
    ) / radius ** powers.astype(float)
    return found, order, radius


@dataclass(frozen=True)
class Scaled:
    """ζ of c K: c^z ζ(z), c > 0, times a constant factor of the prior."""

    inner: Zeta
    scale: float
    density: float = 1.0

    def value(self, z: Complex[np.ndarray, " points"]) -> Complex[np.ndarray, " points"]:
        """ζ at complex points."""
        z = np.asarray(z, complex)
        found: Complex[np.ndarray, " points"] = (
            self.density * np.exp(z * np.log(self.scale)) * self.inner.value(z)
        )
        return found

    def locations(self, left: float) -> dict[Fraction, int]:
        """Where poles may be."""
        return self.inner.locations(left)

    @property
    def has_zero(self) -> bool:
        """Whether K vanishes somewhere."""
        return self.inner.has_zero


@dataclass(frozen=True)
class Product:
    """ζ of a product of functions of separate variables."""

    factors: tuple[Zeta, ...]

    def value(self, z: Complex[np.ndarray, " points"]) -> Complex[np.ndarray, " points"]:
        """ζ at complex points."""
        found = self.factors[0].value(z)
        for factor in self.factors[1:]:
            found = found * factor.value(z)
        return found

    def locations(self, left: float) -> dict[Fraction, int]:
        """Where poles may be: orders add."""
        found: dict[Fraction, int] = {}
        for factor in self.factors:
            for place, order in factor.locations(left).items():
                found[place] = found.get(place, 0) + order
        return found

    @property
    def has_zero(self) -> bool:
        """Whether K vanishes somewhere: where one factor does."""
        return any(factor.has_zero for factor in self.factors)


Expansion = dict[Fraction, Float[np.ndarray, " logs"]]
"""By exponent a, the coefficients of (log N)^j in N^-a."""


def laplace_expansion(zeta: Zeta, left: float) -> Expansion:
    r"""The terms of :math:`Z(N)` with :math:`a ≤ -` ``left``: residues of :math:`Γ(-z) ζ(z) N^z`
    at the poles.
    """
    found: Expansion = {}
    for place in zeta.locations(left):
        principal = principal_part(zeta, place, left)
        if len(principal):
            found[-place] = times_gamma(principal, -place)
    return found


def principal_part(zeta: Zeta, place: Fraction, left: float) -> Float[np.ndarray, " order"]:
    """Coefficients of (z - place)^-1, ^-2, …, those that are rounding left out at the end."""
    if isinstance(zeta, Sum):
        return zeta.principal.get(place, np.zeros(0))
    if isinstance(zeta, Scaled):
        # c^z about the place is c^place Σ (ε log c)^i / i!.
        inner = principal_part(zeta.inner, place, left)
        powers = [np.log(zeta.scale) ** i / factorial(i) for i in range(len(inner))]
        outer = zeta.density * zeta.scale ** float(place)
        value: Float[np.ndarray, " order"] = outer * np.array(
            [
                sum(inner[j + i] * powers[i] for i in range(len(inner) - j))
                for j in range(len(inner))
            ]
        )
        return value
    found, order, radius = laurent(zeta, place, 6, left)
    if order == 0:
        return np.zeros(0)
    sizes = np.abs(found) * radius ** np.arange(-order, 6 - order).astype(float)
    largest = sizes.max(initial=0.0)
    low_first = np.real(found[:order][::-1])
    keep = 0
    for j in range(order):
        if sizes[order - 1 - j] > ZERO * largest:
            keep = j + 1
    return low_first[:keep]


def times_gamma(principal: Float[np.ndarray, " order"], a: Fraction) -> Float[np.ndarray, " order"]:
    """C_j with Σ_j C_j (log N)^j N^-a = Res Γ(-z) ζ(z) N^z at z = -a."""
    series = _gamma_series(float(a), len(principal))
    found = np.zeros(len(principal))
    for m, c in enumerate(principal, start=1):
        # c ε^-m Γ(a - ε) N^ε: the coefficient of ε^(m-1) of Γ(a - ε) N^ε.
        for j in range(m):
            found[j] += np.real(c) * series[m - 1 - j] / factorial(j)
    return found


def _gamma_series(a: float, terms: int) -> Float[np.ndarray, " terms"]:
    """Taylor coefficients of Γ(a - ε) in ε."""
    radius = 0.4 * min(a, 1.0)
    angles = 2 * np.pi * np.arange(CIRCLE) / CIRCLE
    ring = np.exp(loggamma(a - radius * np.exp(1j * angles)))
    return np.array(
        [np.real(np.mean(ring * np.exp(-1j * k * angles))) / radius**k for k in range(terms)]
    )


def _over_gamma(logs: Float[np.ndarray, " order"], a: Fraction) -> Float[np.ndarray, " order"]:
    """The principal part of ζ at -a whose terms in Z these are: the inverse of ``times_gamma``."""
    order = len(logs)
    matrix = np.zeros((order, order))
    for m in range(1, order + 1):
        unit = np.zeros(order)
        unit[m - 1] = 1.0
        matrix[:, m - 1] = times_gamma(unit, a)
    return np.linalg.solve(matrix, logs)


@dataclass(frozen=True)
class Sum:
    """ζ of a sum of functions of separate variables, plus a constant ≥ 0.

    Attributes:
        summands: zeta functions, each of a function whose least value is 0.
        constant: c ≥ 0.
        left: down to where poles are found.
    """

    summands: tuple[Zeta, ...]
    constant: float
    left: float

    @property
    def has_zero(self) -> bool:
        """Whether the sum vanishes somewhere: where every summand does."""
        return self.constant == 0 and all(summand.has_zero for summand in self.summands)

    @cached_property
    def expansion(self) -> Expansion:
        """The terms of Z(N) down to ``left``; none where K has no zero."""
        if not self.has_zero:
            return {}
        found: Expansion = {Fraction(0): np.ones(1)}
        for summand in self.summands:
            own = laplace_expansion(summand, self.left)
            grown: Expansion = {}
            for (a, first), (b, second) in product(found.items(), own.items()):
                if a + b > -self.left:
                    continue
                both = np.convolve(first, second)
                so_far = grown.get(a + b, np.zeros(0))
                size = max(len(both), len(so_far))
                grown[a + b] = np.pad(both, (0, size - len(both))) + np.pad(
                    so_far, (0, size - len(so_far))
                )
            found = grown
        return found

    @cached_property
    def principal(self) -> dict[Fraction, Float[np.ndarray, " order"]]:
        """By place, the coefficients of (z - place)^-1, ^-2, …"""
        return {-a: _over_gamma(np.real(logs), a) for a, logs in self.expansion.items()}

    def locations(self, left: float) -> dict[Fraction, int]:
        """Where poles are, no further left than ``self.left``."""
        return {place: len(c) for place, c in self.principal.items() if place >= left}

    @cached_property
    def _grid(
        self,
    ) -> tuple[
        Float[np.ndarray, " nodes"], Float[np.ndarray, " nodes"], Float[np.ndarray, " nodes"]
    ]:
        """log N, quadrature weights, and Z(N) at nodes over sixty powers of e."""
        points, weights = np.polynomial.legendre.leggauss(12)
        edges = np.linspace(-32.0, 32.0, 65)
        x = np.concatenate([(a + b) / 2 + (b - a) / 2 * points for a, b in pairwise(edges)])
        w = np.concatenate([(b - a) / 2 * weights for a, b in pairwise(edges)])
        value = np.exp(-self.constant * np.exp(x))
        for summand in self.summands:
            value = value * laplace(summand, x, self.left)
        return x, w, value

    def moment(self, k: int) -> float:
        """∫ K^k φ, by the multinomial theorem."""
        found = np.array([self.constant**j for j in range(k + 1)])
        for summand in self.summands:
            own = np.real(summand.value(np.arange(k + 1).astype(complex)))
            found = np.array(
                [
                    sum(comb(n, j) * found[j] * own[n - j] for j in range(n + 1))
                    for n in range(k + 1)
                ]
            )
        return float(found[k])

    def value(self, z: Complex[np.ndarray, " points"]) -> Complex[np.ndarray, " points"]:
        """ζ at complex points to the right of ``self.left``."""
        z = np.asarray(z, complex)
        x, w, value = self._grid
        found = np.zeros(z.shape, complex)
        for i, point in enumerate(z):
            whole = round(point.real)
            if whole >= 0 and abs(point - whole) < 1e-9:
                found[i] = self.moment(whole)
                continue
            # Twice as many terms as converge, so that what is left dies out before rounding grows.
            many = max(0, 2 * int(np.floor(point.real)) + 4) if point.real > -1 else 0
            moments = [self.moment(k) for k in range(many)]
            found[i] = self._at(point, x, w, value, moments)
        return found

    def _at(self, z, x, w, value, moments) -> complex:  # type: ignore[no-untyped-def]
        below, above = x < 0, x >= 0
        taylor = sum(
            ((-1) ** k * m / factorial(k) * np.exp(k * x[below]) for k, m in enumerate(moments)),
            start=np.zeros(int(below.sum())),
        )
        difference = np.where(
            max(len(moments), 1) * x[below] > SMALLEST, value[below] - taylor, 0.0
        )
        if not moments:
            difference = value[below]
        total = np.sum(w[below] * np.exp(-z * x[below]) * difference)
        total += sum((-1) ** k * m / factorial(k) / (k - z) for k, m in enumerate(moments))
        far = np.zeros(int(above.sum()))
        for a, logs in self.expansion.items():
            for j, c in enumerate(np.real(logs)):
                far = far + c * x[above] ** j * np.exp(-float(a) * x[above])
                # ∫_0^∞ x^j e^-(a + z) x dx
                total += c * factorial(j) / (float(a) + z) ** (j + 1)
        difference = value[above] - far
        explained = np.flatnonzero(np.abs(difference) < RESOLVED * np.abs(value[above]))
        if len(explained):
            difference[explained[0] :] = 0.0
        total += np.sum(w[above] * np.exp(-z * x[above]) * difference)
        return complex(total * np.exp(-loggamma(-z)))


def laplace(
    zeta: Zeta, log_n: Float[np.ndarray, " points"], left: float
) -> Float[np.ndarray, " points"]:
    r""":math:`Z(N) = ∫ e^{-NK} φ` at many N: of a sum the product, otherwise Mellin's inversion.

    .. math:: Z(N) = \frac1{2πi} ∫ Γ(s)\, ζ(-s)\, N^{-s}\, ds
    """
    if isinstance(zeta, Sum):
        found = np.exp(-zeta.constant * np.exp(log_n))
        for summand in zeta.summands:
            found = found * laplace(summand, log_n, left)
        value: Float[np.ndarray, " points"] = found
        return value
    lead = max((float(p) for p in zeta.locations(left)), default=-1.0)
    result = np.zeros(len(log_n))
    small = log_n < 0
    if small.any():
        # K is at most 1: for N < 1 the series about 0 has all digits.
        moments = np.real(zeta.value(np.arange(25).astype(complex)))
        n = np.exp(log_n[small])
        result[small] = sum((-1) ** k * m / factorial(k) * n**k for k, m in enumerate(moments))
    large = np.flatnonzero(~small)
    if len(large):
        # A line not far from the pole that governs, so that little cancels, and a step that
        # resolves that distance.
        real, step = -0.75 * lead, min(-0.25 * lead / STEPS_TO_POLE, 0.04)
        s = real + 1j * np.arange(-HIGHEST, HIGHEST, step)
        kernel = np.exp(loggamma(s)) * zeta.value(-s) * step / (2 * np.pi)
        for part in np.array_split(large, max(1, len(large) * len(s) // 2**21)):
            result[part] = np.real(np.exp(-np.outer(log_n[part], s)) @ kernel)
    return result
