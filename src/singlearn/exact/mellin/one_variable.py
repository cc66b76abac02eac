r"""The zeta function of a polynomial in one variable on an interval, continued to the whole plane.

Near a zero r of K, with :math:`K = s^k u(s)` and :math:`φ = s^h ψ(s)` for s = \|x - r\|, the power
series of
:math:`u^z ψ` is integrated term by term:
:math:`∫_0^ρ s^{kz+h} ∑ c_j(z) s^j ds = ∑ c_j(z) ρ^{kz+h+j+1}/(kz+h+j+1)`, which
holds for every z and shows every pole. Away from the zeros the integral is an entire function of z.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Complex, Float

TERMS = 90
RADIUS = 0.42
"""Of the distance to the next singularity, within which the power series is used: 0.42 to the
power 90 is 1e-34.
"""

NODES = 24


@dataclass(frozen=True)
class SideOfZero:
    """One side of one zero: an interval of length ``length`` that begins at it.

    Attributes:
        order: k of K there.
        weight: h of the prior there.
        unit: coefficients of u, lowest first.
        density: coefficients of ψ, lowest first.
        length: ρ.
    """

    order: int
    weight: int
    unit: Float[np.ndarray, " degree"]
    density: Float[np.ndarray, " powers"]
    length: float


@dataclass(frozen=True)
class PolynomialOnInterval:
    """A polynomial K ≥ 0 in one variable on an interval, times a prior.

    Attributes:
        pieces: the sides of its zeros.
        log_values: log K at quadrature nodes away from the zeros.
        weights: of these nodes, the prior included.
    """

    pieces: tuple[SideOfZero, ...]
    log_values: Float[np.ndarray, " nodes"]
    weights: Float[np.ndarray, " nodes"]

    def value(self, z: Complex[np.ndarray, " points"]) -> Complex[np.ndarray, " points"]:
        """ζ at complex points that are not poles."""
        z = np.asarray(z, complex)
        total = np.zeros(z.shape, complex)
        if len(self.weights):
            total = np.exp(z[:, None] * self.log_values) @ self.weights
        for piece in self.pieces:
            total = total + _integrated(piece, z)
        return total

    def locations(self, left: float) -> dict[Fraction, int]:
        """Where poles may be, down to ``left``, with the largest order each can have."""
        found: dict[Fraction, int] = {}
        for piece in self.pieces:
            if piece.order == 0:
                continue
            for j in range(TERMS):
                place = Fraction(-(piece.weight + 1 + j), piece.order)
                if place < left:
                    break
                found[place] = 1
        return found

    @property
    def has_zero(self) -> bool:
        """Whether K vanishes in the interval."""
        return any(piece.order for piece in self.pieces)


def _integrated(
    piece: SideOfZero, z: Complex[np.ndarray, " points"]
) -> Complex[np.ndarray, " points"]:
    coefficients = _power(piece.unit, z)
    series = np.zeros_like(coefficients)
    for shift, c in enumerate(piece.density):
        if c:
            series[shift:] += c * coefficients[: TERMS - shift]
    j = np.arange(TERMS)[:, None]
    exponent = piece.order * z[None] + piece.weight + 1 + j
    found: Complex[np.ndarray, " points"] = np.sum(
        series * np.exp(exponent * np.log(piece.length)) / exponent, axis=0
    )
    return found


def _power(
    unit: Float[np.ndarray, " degree"], z: Complex[np.ndarray, " points"]
) -> Complex[np.ndarray, "terms points"]:
    """Coefficients of u(s)^z: n u₀ p_n = Σ_k (z k - n + k) u_k p_{n-k}."""
    found = np.zeros((TERMS, len(z)), complex)
    found[0] = np.exp(z * np.log(unit[0]))
    for n in range(1, TERMS):
        for k in range(1, min(n, len(unit) - 1) + 1):
            if unit[k]:
                found[n] += (z * k - (n - k)) * unit[k] * found[n - k]
        found[n] /= n * unit[0]
    return found


def line(
    coefficients: Float[np.ndarray, " degree"],
    zeros: list[tuple[float, int]],
    others: Float[np.ndarray, " roots"] | Complex[np.ndarray, " roots"],
    ends: tuple[float, float],
    prior: Float[np.ndarray, " powers"],
    prior_weight: int,
) -> PolynomialOnInterval:
    r"""The zeta function of one variable.

    Args:
        coefficients: of K, lowest first.
        zeros: real zeros of K in the interval, with multiplicities.
        others: all other roots of K, real or complex.
        ends: of the interval.
        prior: coefficients of a polynomial factor of the prior.
        prior_weight: h of a further factor :math:`|x|^h`.

    Returns:
        Its pieces and nodes.
    """
    low, high = ends
    special = dict(zeros)
    if prior_weight and low <= 0 <= high and not any(abs(r) < 1e-13 for r in special):
        special[0.0] = 0
    every = np.concatenate([np.array(list(special), complex), np.asarray(others, complex)])
    pieces: list[SideOfZero] = []
    covered: list[tuple[float, float]] = []
    for r, k in special.items():
        far = np.abs(every - r)
        reach = RADIUS * far[far > 1e-13].min(initial=np.inf)
        for sign, room in ((1.0, high - r), (-1.0, r - low)):
            length = min(reach, room)
            if length <= 1e-14:
                continue
            unit = _expanded(coefficients, r, sign)[k:]
            density = _expanded(prior, r, sign)
            at_zero = abs(r) < 1e-13
            if prior_weight and not at_zero:
                # |x|^h is a polynomial on this side of 0.
                power = np.polynomial.polynomial.polypow([abs(r), sign * np.sign(r)], prior_weight)
                density = np.polynomial.polynomial.polymul(density, power)
            pieces.append(SideOfZero(k, prior_weight if at_zero else 0, unit, density, length))
            covered.append((r, r + length) if sign > 0 else (r - length, r))
    nodes, weights = _nodes(low, high, sorted(covered), every)
    values = np.polynomial.polynomial.polyval(nodes, coefficients)
    density = np.polynomial.polynomial.polyval(nodes, prior) * np.abs(nodes) ** prior_weight
    return PolynomialOnInterval(
        tuple(pieces), np.log(values) if len(nodes) else nodes, weights * density
    )


def _expanded(
    coefficients: Float[np.ndarray, " degree"], r: float, sign: float
) -> Float[np.ndarray, " powers"]:
    """Coefficients in s, x = r ± s."""
    found = np.zeros(1)
    for c in coefficients[::-1]:
        found = np.polynomial.polynomial.polyadd(
            np.polynomial.polynomial.polymul(found, [r, sign]), [c]
        )
    return np.concatenate([found, np.zeros(max(0, len(coefficients) - len(found)))])


def _nodes(
    low: float,
    high: float,
    covered: list[tuple[float, float]],
    roots: Complex[np.ndarray, " roots"],
) -> tuple[Float[np.ndarray, " nodes"], Float[np.ndarray, " nodes"]]:
    """Gauss–Legendre nodes on what no piece covers, panels no longer than the distance to the
    next root.
    """
    points, weights = np.polynomial.legendre.leggauss(NODES)
    xs, ws = [np.zeros(0)], [np.zeros(0)]
    begin = low
    for left, right in [*covered, (high, high)]:
        at = begin
        while at < left - 1e-14:
            distance = np.abs(roots - at).min(initial=np.inf)
            end = min(left, at + max(0.5 * distance, 1e-6))
            xs.append((at + end) / 2 + (end - at) / 2 * points)
            ws.append((end - at) / 2 * weights)
            at = end
        begin = max(begin, right)
    return np.concatenate(xs), np.concatenate(ws)
