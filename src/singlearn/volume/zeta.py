r"""The zeta function of any K, measured: the Mellin transform of V(t), continued with the law
fitted to its tail.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex, Float
from scipy.interpolate import PchipInterpolator

from singlearn.exact.mellin.zeta_function import ZetaFunction, zeta_function
from singlearn.results.caution import Caution, Reason
from singlearn.results.document import of_each
from singlearn.results.estimate import Estimate
from singlearn.results.result import Answer
from singlearn.running.arguments import whole_number
from singlearn.triple.triple import Triple
from singlearn.volume.curve import VolumeCurve
from singlearn.volume.fit import VolumeFit

NEAR = 1e-9
DRAWS = 2**16
FINER = 8
RELATIVELY_SURE = 0.5


@dataclass(frozen=True)
class ComplexEstimate(Answer):
    """A complex number and its standard error, one number for both parts."""

    value: complex
    standard_error: float

    def __complex__(self) -> complex:
        return self.value

    def __str__(self) -> str:
        return f"{self.value:.5g} ± {self.standard_error:.1g}"


@dataclass(frozen=True, eq=False)
class MeasuredZeta(Answer):
    r""":math:`ζ(z) = ∫ K^z φ\,dw` from a measured V(t) up to T, its largest threshold, and draws of
    the prior beyond.

    What K > T adds is an entire function: without draws it is left out, and poles and their leading
    coefficients are still those of the whole.

    Attributes:
        name: of the triple.
        learning_coefficient: λ̂; the largest pole is at -λ̂.
        multiplicity: m of that pole.
        curve: V(t).
        fit: of its tail, from which ζ is continued.
        cautions: of the curve and the fit, and where ζ rests on the fit alone.
        beyond: log K at draws of the prior where K > T; ``None`` where they are left out.
        draws: of the prior in all.
    """

    name: str
    learning_coefficient: Estimate
    multiplicity: int
    curve: VolumeCurve = field(repr=False)
    fit: VolumeFit = field(repr=False)
    cautions: tuple[Caution, ...]
    beyond: Float[np.ndarray, " beyond"] | None = field(default=None, repr=False)
    draws: int = 1

    @property
    def poles(self) -> tuple[float, ...]:
        """The largest pole, the only one that samples show."""
        return (-self.learning_coefficient.value,)

    def at(self, z: complex | float | int) -> ComplexEstimate:
        """ζ(z) with its error: over replicates, and over λ̂ within its own.

        Returns:
            ζ(z), with one standard error for both parts.

        Raises:
            ValueError: z at the pole.
        """
        point = np.array([complex(z)])
        if abs(point[0] + self.learning_coefficient.value) < NEAR:
            raise ValueError(f"z: got {z}, the pole")
        replicates = np.array(
            [
                self._value(point, log_v, self.learning_coefficient.value)[0]
                for log_v in self.curve.log_volumes
            ]
        )
        mean = self._value(
            point, self.curve.log_volumes.mean(axis=0), self.learning_coefficient.value
        )[0]
        away = np.abs(replicates - replicates.mean())
        seen = math.sqrt(float(np.sum(away**2)) / max(1, len(away) * (len(away) - 1)))
        error = self.learning_coefficient.standard_error
        moved = [
            abs(
                self._value(
                    point,
                    self.curve.log_volumes.mean(axis=0),
                    self.learning_coefficient.value + s * error,
                )[0]
                - mean
            )
            for s in (1, -1)
        ]
        bulk = 0.0
        if self.beyond is not None and len(self.beyond):
            powers = np.exp(point[0] * self.beyond)
            share = len(powers) / self.draws
            second = (
                float(np.mean(np.abs(powers) ** 2)) * share
                - abs(complex(powers.mean()) * share) ** 2
            )
            bulk = math.sqrt(max(second, 0.0) / self.draws)
        return ComplexEstimate(complex(mean), math.hypot(seen, max(moved), bulk))

    def __call__(self, z: Any) -> Any:
        """ζ right of its largest pole, at a complex number or an array of them; ``at`` gives the
        error, and goes left too.

        Returns:
            ζ at every z, in their shape.

        Raises:
            ValueError: a point left of -λ̂, where errors grow without bound as t falls.
        """
        points = np.asarray(z, complex)
        lead = self.learning_coefficient.value
        if points.size and points.real.min() < -lead:
            raise ValueError(
                f"z: got {complex(points.flat[int(np.argmin(points.real))]):.4g}, left of the "
                f"pole at {-lead:.4g}, where noise of V(t) "
                "is all there is; at(z) says what is known there, with its error"
            )
        found = self.continued(points.ravel()).reshape(points.shape)
        return complex(found) if points.ndim == 0 else found

    def continued(self, z: Complex[np.ndarray, " points"]) -> Complex[np.ndarray, " points"]:
        """ζ from the mean of the replicates anywhere, without a word on its error."""
        return self._value(z, self.curve.log_volumes.mean(axis=0), self.learning_coefficient.value)

    def on_the_line(self, z: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
        """ζ at real points right of the largest pole."""
        return np.real(self(np.asarray(z, float)))

    def _value(
        self,
        z: Complex[np.ndarray, " points"],
        log_v: Float[np.ndarray, " thresholds"],
        exponent: float,
    ) -> Complex[np.ndarray, " points"]:
        """Between near points V is a power of t; below the smallest it is c t^λ (s +
        log(T/t))^(m-1).

        Returns:
            ζ at every z.
        """
        smooth = PchipInterpolator(np.log(self.curve.thresholds), log_v)
        low, high = (float(t) for t in np.log(self.curve.thresholds[[0, -1]]))
        log_t = np.linspace(low, high, FINER * len(log_v))
        log_v = smooth(log_t)
        slopes = np.diff(log_v) / np.diff(log_t)
        total = np.zeros(z.shape, complex)
        for i, slope in enumerate(slopes):
            power = z + slope
            step = log_t[i + 1] - log_t[i]
            small = np.abs(power) < 1e-8
            safe = np.where(small, 1.0, power)
            ratio = np.where(small, step, np.expm1(power * step) / safe)
            total += slope * np.exp(log_v[i] + z * log_t[i]) * ratio
        tail = np.exp(log_v[0] + z * log_t[0])
        many = self.multiplicity - 1
        span = 1.0 + log_t[-1] - log_t[0]
        series = sum(
            math.comb(many, j) * math.factorial(j) / span**j / (z + exponent) ** (j + 1)
            for j in range(many + 1)
        )
        total = total + tail * (1 - z * series)
        if self.beyond is not None and len(self.beyond):
            total = total + np.exp(z[:, None] * self.beyond).sum(axis=1) / self.draws
        found: Complex[np.ndarray, " points"] = total
        return found

    @property
    def volume_constant(self) -> Estimate:
        r"""c of :math:`V(t) ~ c\,t^λ(-\log t)^{m-1}`, with λ̂ as it is: from the smallest
        threshold.
        """
        return self._constant(1.0)

    @property
    def laplace_constant(self) -> Estimate:
        r""":math:`Γ(λ+1) c` of :math:`Z(N) ~ Γ(λ+1)\,c\,N^{-λ}(\log N)^{m-1}`."""
        return self._constant(math.gamma(self.learning_coefficient.value + 1))

    def _constant(self, factor: float) -> Estimate:
        t = self.curve.smallest
        logs = max(-math.log(t), 1.0) ** (self.multiplicity - 1)
        lead = self.learning_coefficient
        values = [factor * math.exp(v[0]) / t**lead.value / logs for v in self.curve.log_volumes]
        found = Estimate.from_replicates(values)
        slope = abs(math.log(t)) * lead.standard_error * found.value
        error = math.hypot(
            found.standard_error if math.isfinite(found.standard_error) else 0.0, slope
        )
        return Estimate(found.value, error, found.replicates)

    def __str__(self) -> str:
        logs = {1: "", 2: " (-log t)"}.get(self.multiplicity, f" (-log t)^{self.multiplicity - 1}")
        lines = [
            f"ζ(z) of {self.name}, measured from V(t) over t = {self.curve.smallest:.1e} … "
            f"{self.curve.largest:.1e}",
            f"  λ = {self.learning_coefficient}: pole at z = -λ, order {self.multiplicity}",
            f"  V(t) ~ ({self.volume_constant}) t^λ{logs}",
            *(f"  caution: {c}"[:300] for c in self.cautions[:5]),
        ]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        return {
            "name": self.name,
            "learning_coefficient": self.learning_coefficient.to_dict(),
            "multiplicity": self.multiplicity,
            "volume_constant": self.volume_constant.to_dict(),
            "laplace_constant": self.laplace_constant.to_dict(),
            "cautions": of_each(self.cautions),
        }


def _with_the_bulk(found: MeasuredZeta, triple: Triple) -> MeasuredZeta:
    """K above the largest threshold, from draws of the prior."""
    with jax.enable_x64(True):
        setting = jax.tree.map(jnp.asarray, triple.data)
        keys = jax.random.split(jax.random.key(1), DRAWS)
        values = np.asarray(
            jax.jit(jax.vmap(lambda key: triple.energy(triple.coordinates.sample(key), setting)))(
                keys
            )
        ) / float(triple.n)
    above = values[np.isfinite(values) & (values > found.curve.largest)]
    kept = tuple(c for c in found.cautions if c.reason != Reason.TRUNCATED)
    return replace(found, beyond=np.log(above), draws=DRAWS, cautions=kept)


def zeta_of_volume(curve: VolumeCurve, multiplicity: int | None = None) -> MeasuredZeta:
    """The zeta function of a measured curve V(t).

    Args:
        curve: from ``run.volume()`` or nested sampling.
        multiplicity: m, where it is known.

    Returns:
        ζ as a function, λ̂ and m of its largest pole, and the leading constants.

    Raises:
        TypeError: no volume curve.
        ValueError: too few decades of t for a fit.

    >>> from singlearn.volume.curve import threshold_grid
    >>> t = threshold_grid(1e-10, 1.0)  # K = x² on [-1, 1] with density 1/2: V = √t
    >>> exactly = 0.5 * np.log(t)[None], 1e-12 * np.eye(len(t))
    >>> curve = VolumeCurve(t, *exactly, 1, "nested_sampling", "line")
    >>> found = zeta_of_volume(curve, multiplicity=1)
    >>> [round(float(found.at(z).value.real), 6) for z in (1.0, -0.25, -1.0)]  # 1/(2z + 1)
    [0.333333, 2.0, -1.0]
    """
    if not isinstance(curve, VolumeCurve):
        raise TypeError(
            f"curve: got {type(curve).__name__}; it should be a VolumeCurve, as run.volume() "
            "makes it"
        )
    if multiplicity is not None:
        multiplicity = whole_number("multiplicity", multiplicity)
    fit = curve.learning_coefficient(multiplicity)
    cautions = list(fit.cautions)
    if fit.standard_error > RELATIVELY_SURE * fit.value:
        cautions.append(
            Caution(
                Reason.EXTRAPOLATED,
                f"λ = {fit.estimate}: left of -λ the function rests on this fit and may be "
                "anything",
            )
        )
    cautions.append(
        Caution(
            Reason.TRUNCATED,
            f"the curve ends at T = {curve.largest:.3g}: what K > T adds to ζ, an entire "
            "function, is left out. Poles and "
            "constants are not affected; values right of the pole are (give the triple instead)",
        )
    )
    return MeasuredZeta(curve.name, fit.estimate, fit.multiplicity, curve, fit, tuple(cautions))


def zeta(
    K: Any,
    domain: Any = None,
    prior: Any = None,
    down_to: float | int | None = None,
    multiplicity: int | None = None,
) -> ZetaFunction | MeasuredZeta:
    r"""The zeta function :math:`ζ(z) = ∫ K(w)^z φ(w)\,dw` of a polynomial, of a triple, or of a
    measured curve V(t).

    A polynomial whose variables separate is continued exactly, with every pole
    (:func:`singlearn.exact.zeta_function`). Of anything else V(t) is measured, which shows the
    largest pole, its order and the
    leading constants, with errors: give ``run.volume()``, a nested sampling curve, or the triple
    itself, on which nested sampling is then run.

    Args:
        K: a polynomial as text, SymPy expression or list of generators; a population triple; a
            ``VolumeCurve``.
        domain: the box of a polynomial.
        prior: of a polynomial.
        down_to: how far left poles of a polynomial are wanted.
        multiplicity: m of a measured curve, where it is known.

    Returns:
        ζ, which can be called at complex z, with its poles.

    Raises:
        TypeError: an argument that does not go with such a K.
        ValueError: as the functions that are called.

    >>> zeta("x^2*y^4").poles[0].location
    Fraction(-1, 4)
    """
    measured = isinstance(K, (Triple, VolumeCurve))
    given = (
        {"domain": domain, "prior": prior, "down_to": down_to}
        if measured
        else {"multiplicity": multiplicity}
    )
    for name, value in given.items():
        if value is not None:
            kind = (
                "a triple or a curve, which have their own prior"
                if measured
                else "a polynomial, whose poles are exact"
            )
            raise TypeError(f"{name}: got {value!r}; it does not go with {kind}")
    if isinstance(K, VolumeCurve):
        return zeta_of_volume(K, multiplicity)
    if isinstance(K, Triple):
        from singlearn.volume.by_nested_sampling import volume_by_nested_sampling

        curve = volume_by_nested_sampling(K)
        return _with_the_bulk(zeta_of_volume(curve, multiplicity), K)
    return zeta_function(K, domain, prior, down_to)
