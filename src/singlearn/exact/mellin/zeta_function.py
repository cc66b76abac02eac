"""The zeta function of a divergence in the whole plane, its poles, and the laws of V(t) and Z(N)
that they write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from math import factorial, inf, log
from typing import Any

import numpy as np
from jaxtyping import Complex, Float

from singlearn.exact.mellin.combined import Zeta, laurent, principal_part, times_gamma
from singlearn.exact.mellin.separate import NotSeparableError, prior_by_variable, zeta_of
from singlearn.exact.read.inputs import rational, read_function, read_prior
from singlearn.results.result import Answer
from singlearn.running.arguments import real_number, whole_number

MARGIN = 1.5
NEAR = 1e-9
MOST_SHOWN = 8


@dataclass(frozen=True)
class LaurentPole(Answer):
    r"""A pole of ζ: :math:`ζ(z) = ∑_{j=1}^m c_j (z - z_0)^{-j} +` an analytic function.

    Attributes:
        location: z₀ < 0.
        order: m.
        coefficients: :math:`c_1, …, c_m`; the first is the residue.
    """

    location: Fraction
    order: int
    coefficients: tuple[float, ...]

    @property
    def residue(self) -> float:
        """:math:`c_1`."""
        return self.coefficients[0]

    @property
    def leading(self) -> float:
        """:math:`c_m`, the coefficient of the highest power."""
        return self.coefficients[-1]

    def __str__(self) -> str:
        powers = ", ".join(f"{c:.6g}" for c in self.coefficients[::-1])
        return f"z = {self.location}, order {self.order}, coefficients {powers}"


@dataclass(frozen=True)
class AsymptoticLaw(Answer):
    r"""An asymptotic law, :math:`c\,t^λ(-\log t)^{m-1}` or :math:`c\,N^{-λ}(\log N)^{m-1}`, with
    further terms.

    Attributes:
        exponent: λ.
        multiplicity: m.
        constant: c of the leading term.
        terms: by exponent the coefficients of powers of the logarithm, of every pole that was
            found.
        of: ``"t"`` or ``"N"``.
    """

    exponent: Fraction | float
    multiplicity: int
    constant: float
    terms: tuple[tuple[Fraction, tuple[float, ...]], ...] = field(repr=False)
    of: str = "t"

    def __call__(self, at: float | int) -> float:
        """The leading term.

        Raises:
            ValueError: not a positive number, or t ≥ 1, or N ≤ 1.
        """
        x = self._logarithm(at)
        if self.exponent == inf:
            return 0.0
        return (
            self.constant * float(np.exp(-float(self.exponent) * x)) * x ** (self.multiplicity - 1)
        )

    def expansion(self, at: float | int) -> float:
        """All terms that were found.

        Returns:
            The value of the law with all its terms, at t or N.

        Raises:
            ValueError: as a call does.
        """
        x = self._logarithm(at)
        return sum(
            c * x**j * float(np.exp(-float(a) * x))
            for a, own in self.terms
            for j, c in enumerate(own)
        )

    def _logarithm(self, at: float | int) -> float:
        number = real_number(self.of, at, above=0, meaning="a positive number")
        if (self.of == "t" and number >= 1) or (self.of == "N" and number <= 1):
            raise ValueError(
                f"{self.of}: got {at}; it should be "
                f"{'between 0 and 1' if self.of == 't' else 'above 1'}"
            )
        return -log(number) if self.of == "t" else log(number)

    def __str__(self) -> str:
        if self.exponent == inf:
            return "V(t) = 0 for small t" if self.of == "t" else "Z(N) falls exponentially"
        base = _base(self.of, self.exponent)
        logs = "(-log t)" if self.of == "t" else "(log N)"
        power = {1: "", 2: f" {logs}"}.get(self.multiplicity, f" {logs}^{self.multiplicity - 1}")
        return f"{'V(t)' if self.of == 't' else 'Z(N)'} ~ {self.constant:.6g} {base}{power}"


def _power(exponent: Fraction | float) -> str:
    text = str(exponent)
    return f"({text})" if "/" in text else text


def _base(of: str, exponent: Fraction | float) -> str:
    if of == "N":
        return f"N^-{_power(exponent)}"
    return "t" if exponent == 1 else f"t^{_power(exponent)}"


@dataclass(frozen=True, eq=False)
class ZetaFunction(Answer):
    r""":math:`ζ(z) = ∫ K(w)^z φ(w)\,dw`, continued from the right to the whole plane.

    Attributes:
        name: K as it was given.
        poles: the largest first, down to ``down_to``.
        down_to: poles were looked for to the right of it.
        domain: the box, by variable.
    """

    name: str
    poles: tuple[LaurentPole, ...]
    down_to: float
    domain: Mapping[str, tuple[float, float]]
    continued: Zeta = field(repr=False)

    @property
    def learning_coefficient(self) -> Fraction | float:
        """λ, the distance of the largest pole from 0; ``inf`` where K has no zero in the box."""
        return -self.poles[0].location if self.poles else inf

    @property
    def multiplicity(self) -> int:
        """The order of the largest pole; 0 where there is none."""
        return self.poles[0].order if self.poles else 0

    def __call__(self, z: Any) -> Any:
        """ζ(z) at a complex number or an array of them; ``inf`` at a pole.

        Raises:
            ValueError: left of where the poles are known.
        """
        points = np.asarray(z, complex)
        if points.size and points.real.min() < self.down_to:
            raise ValueError(
                f"z: got {complex(points.flat[int(np.argmin(points.real))]):.4g}; poles are "
                f"known to the right of {self.down_to:g}: "
                "ask zeta for more with down_to="
            )
        flat = points.ravel()
        at_pole = np.array(
            [any(abs(p - float(q.location)) < NEAR for q in self.poles) for p in flat], bool
        )
        found = np.full(flat.shape, complex(inf, 0.0))
        # Next to a candidate that is no pole the sum of two poles that cancel is a difference of
        # large numbers.
        if (~at_pole).any():
            found[~at_pole] = self._away(flat[~at_pole])
        shaped: Any = found.reshape(points.shape)
        return complex(shaped) if points.ndim == 0 else shaped

    def _away(self, z: Complex[np.ndarray, " points"]) -> Complex[np.ndarray, " points"]:
        real = {p.location for p in self.poles}
        silent = [
            float(q) for q in self.continued.locations(self.down_to - MARGIN) if q not in real
        ]
        near = np.array([min((abs(p - q) for q in silent), default=1.0) for p in z])
        found = np.zeros(z.shape, complex)
        plain = near > 1e-3
        if plain.any():
            found[plain] = self.continued.value(z[plain])
        for i in np.flatnonzero(~plain):
            # The mean over a circle round a removable singularity.
            everything = [float(q) for q in self.continued.locations(self.down_to - MARGIN)]
            away = sorted(abs(z[i] - q) for q in everything)
            radius = 0.4 * (away[1] if len(away) > 1 else 1.0)
            ring = z[i] + radius * np.exp(2j * np.pi * np.arange(48) / 48)
            found[i] = np.mean(self.continued.value(ring))
        return found

    def laurent(self, at: Any, terms: int = 4) -> dict[int, float]:
        """Coefficients of ζ about a real point, by power.

        Args:
            at: the centre, a fraction such as ``"-1/2"`` or a number.
            terms: how many powers from the lowest on.

        Returns:
            From the power -m of a pole of order m, or 0, on.

        Raises:
            ValueError: no rational number, or too far left.
        """
        terms = whole_number("terms", terms)
        place = rational("at", at)
        if place < self.down_to:
            raise ValueError(f"at: got {place}; poles are known to the right of {self.down_to:g}")
        found, order, _ = laurent(self.continued, place, terms + 8, self.down_to - MARGIN)
        pole = next((p for p in self.poles if p.location == place), None)
        own = pole.order if pole else 0
        numbers = {k - order: float(np.real(c)) for k, c in enumerate(found)}
        return {k: numbers[k] for k in range(-own, terms - own)}

    @cached_property
    def volume_law(self) -> AsymptoticLaw:
        r"""How :math:`V(t) = ∫_{K<t} φ` vanishes: residues of :math:`-ζ(z) t^{-z}/z`."""
        terms = []
        for pole in self.poles:
            a, own = -float(pole.location), np.zeros(pole.order)
            for m, c in enumerate(pole.coefficients, start=1):
                # c ε^-m t^(a - ε)/(a - ε): 1/(a - ε) = Σ ε^i/a^(i+1).
                for j in range(m):
                    own[j] += c / factorial(j) / a ** (m - j)
            terms.append((-pole.location, tuple(float(c) for c in own)))
        return self._law(terms, "t")

    @cached_property
    def laplace_law(self) -> AsymptoticLaw:
        r"""How :math:`Z(N) = ∫ e^{-NK} φ` vanishes: residues of :math:`Γ(-z) ζ(z) N^z`. N = nβ."""
        terms = [
            (-p.location, tuple(times_gamma(np.array(p.coefficients), -p.location).tolist()))
            for p in self.poles
        ]
        return self._law(terms, "N")

    def _law(self, terms: list[tuple[Fraction, tuple[float, ...]]], of: str) -> AsymptoticLaw:
        if not terms:
            return AsymptoticLaw(inf, 0, 0.0, (), of)
        exponent, own = terms[0]
        return AsymptoticLaw(exponent, len(own), own[-1], tuple(terms), of)

    def on_the_line(self, z: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
        """ζ at real points, ``inf`` at poles."""
        return np.real(self(np.asarray(z, float)))

    def __str__(self) -> str:
        box = ", ".join(f"{v} in [{a:g}, {b:g}]" for v, (a, b) in list(self.domain.items())[:4])
        lines = [f"ζ(z) = ∫ K^z φ, K = {self.name[:100]}, {box}"]
        if not self.poles and not self.continued.has_zero:
            return lines[0] + "\n  no poles: K has no zero there, λ = ∞"
        if not self.poles:
            return lines[0] + f"\n  no poles to the right of {self.down_to:g}"
        lines.append(f"  λ = {self.learning_coefficient}, m = {self.multiplicity}")
        lines += [f"  pole {pole}" for pole in self.poles[:MOST_SHOWN]]
        if len(self.poles) > MOST_SHOWN:
            lines.append(f"  … {len(self.poles)} poles to the right of {self.down_to:g}")
        return "\n".join([*lines, f"  {self.volume_law}", f"  {self.laplace_law}"])

    def to_dict(self) -> dict[str, Any]:
        """For machines; locations as fractions in words."""
        return {
            "K": self.name,
            "domain": {v: list(ends) for v, ends in self.domain.items()},
            "learning_coefficient": str(self.learning_coefficient),
            "multiplicity": self.multiplicity,
            "poles": [
                {
                    "location": str(p.location),
                    "order": p.order,
                    "coefficients": list(p.coefficients),
                }
                for p in self.poles
            ],
            "volume_constant": self.volume_law.constant,
            "laplace_constant": self.laplace_law.constant,
            "down_to": self.down_to,
        }


def zeta_function(
    K: Any,
    domain: Mapping[Any, Sequence[Any]] | Sequence[Any] | None = None,
    prior: Any = None,
    down_to: float | int | None = None,
) -> ZetaFunction:
    r"""The zeta function of a polynomial whose variables separate: values everywhere, every pole
    with its coefficients.

    K is taken apart into products and sums of functions of separate variables, such as ``"x^2*y^2 +
    (z^2-1)^2"``; each
    function of one variable may have several zeros, inside the box or at its ends. Its zeta
    function is
    continued by power series at the zeros, a product's by multiplication, a sum's by the Mellin
    transform of
    :math:`Z(N) = ∫ e^{-NK}φ`, whose expansion multiplies (Watanabe 2009, §4
    [watanabe2009algebraic]_). Numbers are
    right to about nine digits.

    Args:
        K: a string, a SymPy expression, or a list of generators whose squares are added; ≥ 0 on the
            box.
        domain: the box, by variable a pair of ends, or one pair for all; [-1, 1] by default, with
            density 1.
        prior: a factor φ ≥ 0, a product of polynomials in one variable each and of absolute values.
        down_to: poles are found to the right of it; by default 3/2 left of the largest.

    Returns:
        ζ as a function, its poles, and the laws of V(t) and Z(N).

    Raises:
        NotSeparableError: the variables of K, or of the prior, do not separate.
        ValueError: K is not a polynomial or negative on the box, or an argument does not fit.

    >>> cross = zeta_function("x^2*y^2")
    >>> [(pole.location, pole.order, pole.coefficients) for pole in cross.poles]
    [(Fraction(-1, 2), 2, (0.0, 1.0))]
    >>> print(cross.laplace_law)                                 # √π N^(-1/2) log N
    Z(N) ~ 1.77245 N^-(1/2) (log N)
    """
    function = read_function(K)
    if K is not None and isinstance(K, str) and not function.variables:
        raise ValueError(f"K: got {K!r}; it should have at least one variable")
    names = function.variables
    ends = _read_box(domain, names)
    weights, factor = read_prior(prior, names)
    by_variable = prior_by_variable(weights, factor, names)
    left = (
        -1.0
        if down_to is None
        else real_number("down_to", down_to, below=0, meaning="a negative number")
    )
    found = zeta_of(function.whole, names, ends, by_variable, left - MARGIN)
    if down_to is None and found.has_zero:
        # As many poles as the largest brings along.
        largest = None
        while largest is None and left > -64:
            places = [p for p in found.locations(left - MARGIN) if p >= left]
            largest = max(
                (p for p in places if len(principal_part(found, p, left - MARGIN))), default=None
            )
            if largest is None:
                left *= 2
                found = zeta_of(function.whole, names, ends, by_variable, left - MARGIN)
        if largest is not None:
            left = float(largest) - 1.5
            found = zeta_of(function.whole, names, ends, by_variable, left - MARGIN)
    poles = []
    for place in sorted((p for p in found.locations(left - MARGIN) if p >= left), reverse=True):
        principal = principal_part(found, place, left - MARGIN)
        if len(principal):
            poles.append(LaurentPole(place, len(principal), tuple(_cleaned(principal))))
    text = " , ".join(function.texts)
    return ZetaFunction(f"[{text}]" if function.is_list else text, tuple(poles), left, ends, found)


def _cleaned(principal: Float[np.ndarray, " order"]) -> list[float]:
    """Without the last digits, which are rounding, and with zeros where there is nothing else."""
    largest = float(np.abs(principal).max())
    return [0.0 if abs(c) < 1e-11 * largest else float(f"{float(c):.12g}") for c in principal]


def _read_box(domain: Any, names: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    if domain is None:
        return dict.fromkeys(names, (-1.0, 1.0))
    given = dict(domain) if isinstance(domain, Mapping) else dict.fromkeys(names, domain)
    given = {str(name): pair for name, pair in given.items()}
    if set(given) - set(names):
        raise ValueError(
            f"domain: got {sorted(set(given) - set(names))}; the variables of K are "
            f"{', '.join(names)}"
        )
    box = {}
    for name in names:
        pair = given.get(name, (-1.0, 1.0))
        try:
            low, high = (float(e) for e in pair)
        except (TypeError, ValueError):
            raise ValueError(
                f"domain: got {pair!r} for {name}; it should be a pair of ends"
            ) from None
        if not (np.isfinite([low, high]).all() and low < high):
            raise ValueError(
                f"domain: got {pair!r} for {name}; it should be two finite ends, the smaller first"
            )
        box[name] = (low, high)
    return box


__all__ = ["AsymptoticLaw", "LaurentPole", "NotSeparableError", "ZetaFunction", "zeta_function"]
