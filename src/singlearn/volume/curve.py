"""The volume V(t) of almost true parameters, and what is read off it: λ, the volume codimension,
the entropy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Float

from singlearn.results.caution import Caution, Reason, said
from singlearn.results.document import of_each
from singlearn.results.estimate import Estimate
from singlearn.results.picture import drawn
from singlearn.results.result import Answer
from singlearn.results.table import Column, aligned, frame
from singlearn.running.arguments import real_number, whole_number
from singlearn.volume.fit import VolumeFit, fit_volume

if TYPE_CHECKING:
    import pandas

POINTS_PER_DECADE = 10
METHODS = {"nested_sampling": "nested sampling", "tempering": "tempered run"}
# Replicates that spread by more than this many times what independent points would are called
# poorly mixed.
SPREAD_LIMIT = 2.5


def threshold_grid(smallest: float, largest: float) -> Float[np.ndarray, " thresholds"]:
    """Thresholds t, ten per decade, powers of ten among them, within [smallest, largest].

    Returns:
        Thresholds, increasing.

    Raises:
        ValueError: fewer than two thresholds fit.

    >>> threshold_grid(0.05, 0.1).round(3)
    array([0.05 , 0.063, 0.079, 0.1  ])
    """
    lowest = math.ceil(POINTS_PER_DECADE * math.log10(smallest) - 1e-9)
    highest = math.floor(POINTS_PER_DECADE * math.log10(largest) + 1e-9)
    if highest <= lowest:
        raise ValueError(
            f"V(t) was reached only for t between {smallest:.3g} and {largest:.3g}; that is less "
            f"than two thresholds"
        )
    return 10.0 ** (np.arange(lowest, highest + 1) / POINTS_PER_DECADE)


@dataclass(frozen=True, eq=False)
class VolumeCurve(Answer):
    r"""The prior volume :math:`V(t) = ∫_{K(w) < t} φ(w)\,dw` of almost true parameters, over many
    decades of t.

    Attributes:
        thresholds: t, increasing, in nats.
        log_volumes: log V(t) of every replicate.
        covariance: of log V(t), one replicate, had its points been independent.
        dimension: d, the number of parameters.
        method: how it was measured.
        name: of the triple.
        seen: cautions of whoever measured it; see ``cautions``.

    >>> t = threshold_grid(1e-8, 1.0)  # a curve without noise: K = w₁² in a plane, V = t^(1/2)/2
    >>> curve = VolumeCurve(
    ...     t, np.log(0.5 * np.sqrt(t))[None], 1e-12 * np.eye(len(t)), 2, "nested_sampling", "line"
    ... )
    >>> (
    ...     round(curve.codimension(1e-6).value, 6),
    ...     round(curve.flat_directions(1e-6).value, 6),
    ... )  # one direction costs, one is flat
    (1.0, 1.0)
    >>> (
    ...     round(curve.entropy(1e-6).value, 4),
    ...     round(0.5 * math.log(1e-6) + math.log(2), 4),
    ... )  # (4.4): ((d-d')/2) log t - log c
    (-6.2146, -6.2146)
    """

    thresholds: Float[np.ndarray, " thresholds"]
    log_volumes: Float[np.ndarray, "replicates thresholds"]
    covariance: Float[np.ndarray, "thresholds thresholds"]
    dimension: int
    method: Literal["nested_sampling", "tempering"]
    name: str
    seen: tuple[Caution, ...] = ()

    @property
    def smallest(self) -> float:
        """The smallest threshold that was reached, in nats."""
        return float(self.thresholds[0])

    @property
    def largest(self) -> float:
        """The largest threshold, in nats; nine tenths of the prior lie below it."""
        return float(self.thresholds[-1])

    def log_volume(self, t: float | int) -> Estimate:
        """log V(t), natural logarithm.

        Returns:
            log V, with its standard error over replicates.

        Raises:
            ValueError: t outside [smallest, largest].
        """
        return self._estimate(self._weights(t))

    def volume(self, t: float | int) -> Estimate:
        """V(t), the share of the prior where K < t.

        Returns:
            V(t), a share from 0 to 1, with its error over replicates.

        Raises:
            ValueError: t outside [smallest, largest].
        """
        log_volume = self.log_volume(t)
        value = math.exp(log_volume.value)
        return Estimate(
            value,
            value * log_volume.standard_error,
            tuple(math.exp(r) for r in log_volume.replicates),
        )

    def codimension(self, t: float | int, a: float | int = 10.0) -> Estimate:
        r"""Volume codimension at t, :math:`2λ(t) = 2 \log[V(at)/V(t)]/\log a`, whose limit as t → 0
        is 2λ.

        Eq. (4.3) of Wei et al. 2022 [wei2022deep]_, where the limit is called λ: it is 2λ. In a
        regular or minimally singular model it is the number :math:`d'` of directions in which K is
        not flat.

        Args:
            t: the smaller threshold (the larger, for a < 1), in nats.
            a: > 0, not 1.

        Returns:
            2λ(t), without a unit, with its error over replicates.

        Raises:
            ValueError: a out of range, or t or at outside [smallest, largest].
        """
        a = real_number("a", a, above=0, meaning="a positive number other than 1")
        if a == 1:
            raise ValueError(f"a: got {a}; it should be a positive number other than 1")
        return self._estimate(2 * (self._weights(a * t) - self._weights(t)) / math.log(a))

    def flat_directions(self, t: float | int, a: float | int = 10.0) -> Estimate:
        """d - 2λ(t): along how many of the d directions K is flat.

        Returns:
            A number of directions, with the error of 2λ(t).

        Raises:
            ValueError: as ``codimension`` does.
        """
        codimension = self.codimension(t, a)
        return Estimate(
            self.dimension - codimension.value,
            codimension.standard_error,
            tuple(self.dimension - r for r in codimension.replicates),
        )

    def entropy(self, t: float | int) -> Estimate:
        r"""Entropy of (4.4), in nats: :math:`-\log[V(t)/t^{d/2}]`.

        For :math:`K = Σ_{i ≤ d'} c_i w_i^2` it is :math:`\frac{d-d'}{2}\log t + \frac12 Σ_{i ≤
        d'}\log c_i` up to a constant (the second sum runs to d', not to d as printed). Only where
        no direction is flat does it have a limit as t → 0; ``flat_entropy`` is the part that has
        none.

        Returns:
            The entropy in nats, with its error over replicates.

        Raises:
            ValueError: t outside [smallest, largest].
        """
        log_volume, regular = self.log_volume(t), 0.5 * self.dimension * math.log(t)
        return Estimate(
            regular - log_volume.value,
            log_volume.standard_error,
            tuple(regular - r for r in log_volume.replicates),
        )

    def flat_entropy(self, t: float | int, a: float | int = 10.0) -> Estimate:
        """The part of the entropy that flat directions make, ((d - 2λ(t))/2) log t, in nats.

        Returns:
            The part in nats, with its error over replicates.

        Raises:
            ValueError: as ``codimension`` does.
        """
        flat, half = self.flat_directions(t, a), 0.5 * math.log(t)
        return Estimate(
            half * flat.value,
            abs(half) * flat.standard_error,
            tuple(half * r for r in flat.replicates),
        )

    def learning_coefficient(self, multiplicity: int | None = None) -> VolumeFit:
        r"""λ and m from :math:`V(t) ≈ c\,t^λ(-\log t)^{m-1}`; see ``fit_volume``.

        Args:
            multiplicity: m, where it is known; by default several are weighed, and the error says
                what that costs.

        Returns:
            λ̂ with its standard error, m with its probability, and the fitted law.

        Raises:
            ValueError: fewer than two decades of t below the bulk of the prior, or a multiplicity
                below 1.
        """
        if multiplicity is not None:
            multiplicity = whole_number("multiplicity", multiplicity)
        return fit_volume(
            self.thresholds,
            self.log_volumes,
            self.covariance,
            self.dimension,
            multiplicity,
            self.cautions,
        )

    @cached_property
    def cautions(self) -> tuple[Caution, ...]:
        """``seen``, and one if replicates spread by much more than independent points would."""
        replicates = len(self.log_volumes)
        if replicates < 2:
            return self.seen
        spread = self.log_volumes.std(axis=0, ddof=1)
        ideal = np.sqrt(np.diag(self.covariance))
        ratio = float(np.median(spread / ideal))
        if ratio < SPREAD_LIMIT:
            return self.seen
        sentence = (
            f"log V(t) of the replicates spreads {ratio:.1f} times as much as independent points "
            "would: they sit in different places"
        )
        return (*self.seen, Caution(Reason.POOR_MIXING, sentence))

    def _decades(self) -> list[float]:
        """Powers of ten from the largest threshold down; codimensions need another decade above."""
        lowest = math.ceil(math.log10(self.smallest) - 1 / (2 * POINTS_PER_DECADE))
        highest = math.floor(math.log10(self.largest) + 1e-9)
        return [10.0**power for power in range(highest - 1, lowest - 1, -1)]

    def _read(self) -> VolumeFit | str:
        """λ̂, or why there is none: the curve is too short, say."""
        try:
            return self.learning_coefficient()
        except ValueError as error:
            return str(error)

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {
                "t": t,
                "V(t)": self.volume(t),
                "codimension 2λ(t)": self.codimension(t),
                "flat directions d − 2λ(t)": self.flat_directions(t),
                "entropy": self.entropy(t),
                "of it flat": self.flat_entropy(t),
            }
            for t in self._decades()
        ]

    def table(self) -> pandas.DataFrame:
        """One decade of t per row; entropies and t in nats."""
        return frame(self._rows())

    def summary(self) -> str:
        """A table for people: a decade of t a line, λ and m beneath, cautions in words."""
        columns = [
            Column(name, cells, unit)
            for name, unit, cells in zip(
                (
                    "t",
                    "V(t)",
                    "codimension 2λ(t)",
                    "flat directions d − 2λ(t)",
                    "entropy",
                    "of it flat",
                ),
                ("nats", "share of prior", "", "", "nats", "nats"),
                zip(*(_cells(row) for row in self._rows()), strict=True),
                strict=False,
            )
        ]
        read = self._read()
        return "\n".join(
            [
                f"{self.name}  V(t) by {METHODS[self.method]}, {len(self.log_volumes)} replicates, "
                f"d = {self.dimension}",
                "",
                *aligned(columns),
                "",
                f"  λ is not read: {read}" if isinstance(read, str) else f"  {read.plain()}",
                *said(self.cautions if isinstance(read, str) else read.cautions),
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """The same numbers for machines; t in nats, natural logarithms."""
        read = self._read()
        estimates = [self.log_volume(float(t)) for t in self.thresholds]
        coefficient = None
        if not isinstance(read, str):
            coefficient = {k: v for k, v in read.to_dict().items() if k != "cautions"}
        return {
            "name": self.name,
            "method": self.method,
            "dimension": self.dimension,
            "thresholds": [float(t) for t in self.thresholds],
            "log_volume": [e.value for e in estimates],
            "standard_error": [e.standard_error for e in estimates],
            "decades": [
                {
                    "t": t,
                    "codimension": self.codimension(t).to_dict(),
                    "entropy": self.entropy(t).to_dict(),
                }
                for t in self._decades()
            ],
            "learning_coefficient": coefficient,
            **({"withheld": {"learning_coefficient": read}} if isinstance(read, str) else {}),
            "cautions": of_each(self.cautions if isinstance(read, str) else read.cautions),
        }

    def plot(self, **options: Any) -> Any:
        """The curve on logarithmic axes, with the fit; see ``singlearn.plot.volume``."""
        return drawn("volume", self, **options)

    def _weights(self, t: float | int) -> Float[np.ndarray, " thresholds"]:
        """Weights of the thresholds in the linear interpolation of log V in log t."""
        slack = 1e-9
        if not self.smallest * (1 - slack) <= t <= self.largest * (1 + slack):
            raise ValueError(
                f"t: got {t:.4g}; V(t) was measured for t from {self.smallest:.3g} to "
                f"{self.largest:.3g}"
            )
        position = float(
            np.interp(math.log(t), np.log(self.thresholds), np.arange(len(self.thresholds)))
        )
        below = min(int(position), len(self.thresholds) - 2)
        weights = np.zeros(len(self.thresholds))
        weights[below : below + 2] = below + 1 - position, position - below
        return weights

    def _estimate(self, weights: Float[np.ndarray, " thresholds"]) -> Estimate:
        floor = math.sqrt(
            max(float(weights @ self.covariance @ weights), 0.0) / len(self.log_volumes)
        )
        return Estimate.from_replicates([float(v) for v in self.log_volumes @ weights], floor)


def _cells(row: dict[str, Any]) -> list[str]:
    """A row for people."""
    t, volume, *others = row.values()
    return [f"1e{round(math.log10(t)):+d}", _power_of_ten(volume), *map(str, others)]


def _power_of_ten(estimate: Estimate) -> str:
    exponent = math.floor(math.log10(estimate.value))
    if exponent >= -2:
        return str(estimate)
    scaled = Estimate(estimate.value / 10.0**exponent, estimate.standard_error / 10.0**exponent)
    return f"({scaled})·10^{exponent}"
