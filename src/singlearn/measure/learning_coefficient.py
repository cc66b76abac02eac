"""The learning coefficient λ, read in independent ways from one ladder, and whether they agree."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from singlearn.measure.asymptotics import fit_asymptotics
from singlearn.measure.influence import Curve
from singlearn.measure.ladder_view import LadderView
from singlearn.measure.line import energy_slope, least_squares
from singlearn.measure.window import look_around
from singlearn.results.caution import Caution, Reason, said
from singlearn.results.document import of_each
from singlearn.results.estimate import Estimate
from singlearn.results.number import WithError
from singlearn.results.result import Answer
from singlearn.results.table import frame

if TYPE_CHECKING:
    import pandas

METHODS = ("energy", "heat_capacity", "free_energy")
POINTS = 5
# Multiplicities with less weight are left out of the text.
SHOWN_WEIGHT = 0.01
# Energies whose standard deviation is below this share of a thermal one, 1/β, are the same for all
# parameters.
CONSTANT = 1e-9


@dataclass(frozen=True)
class LearningCoefficient(WithError, Answer):
    """λ̂ with its error, the multiplicity assumed or found, and everything needed to doubt it.

    Attributes:
        value: λ̂, dimensionless.
        standard_error: one standard deviation, from replicates and (population runs) from the
            choice of fit.
        multiplicity: m, or ``None`` where the run cannot tell.
        multiplicity_weights: of a population run whose m was not given: how well each m explains
            the data, adding up to 1.
        intercept: the energy as β → ∞ along the fitted line, in nats: n L_n of the phase that was
            measured.
        r_squared: of the line E against 1/β.
        readings: every reading that was made, by name.
        inverse_temperatures: where they were made.
        reference_energy: what the intercept was compared with, in nats: n L_n(w_0) or the best
            energy reached.
        cautions: why the value should not be taken at face value.
        note: what the value rests on, where that has to be said: the range of a limit, or why λ is
            0.
    """

    value: float
    standard_error: float
    multiplicity: int | None
    intercept: Estimate
    r_squared: float
    readings: dict[str, Estimate]
    inverse_temperatures: tuple[float, ...]
    reference_energy: float | None = None
    cautions: tuple[Caution, ...] = field(default=())
    multiplicity_weights: dict[int, float] = field(default_factory=dict)
    note: str = ""

    def summary(self) -> str:
        """All of it, for people."""
        text = f"λ = {Estimate(self.value, self.standard_error)}"
        if self.multiplicity is not None:
            text += f", m = {self.multiplicity}"
        elif self.multiplicity_weights:
            likely = sorted(self.multiplicity_weights.items(), key=lambda item: -item[1])
            text += ", m = " + " or ".join(
                f"{m} ({weight:.2f})" for m, weight in likely if weight >= SHOWN_WEIGHT
            )
        if self.note:
            text += f" ({self.note})"
        return "\n".join([text, *said(self.cautions)])

    def to_dict(self) -> dict[str, Any]:
        """Everything, for machines."""
        return {
            "learning_coefficient": self.value,
            "standard_error": self.standard_error,
            "multiplicity": self.multiplicity,
            "multiplicity_weights": {
                str(m): weight for m, weight in self.multiplicity_weights.items()
            },
            "note": self.note,
            "intercept": self.intercept.to_dict(),
            "r_squared": self.r_squared,
            "readings": {name: reading.to_dict() for name, reading in self.readings.items()},
            "inverse_temperatures": list(self.inverse_temperatures),
            "reference_energy": self.reference_energy,
            "cautions": of_each(self.cautions),
        }

    def table(self) -> pandas.DataFrame:
        """Every reading with its error; the recommended value is the last row."""
        rows = [{"reading": name, "λ": reading} for name, reading in self.readings.items()]
        return frame([*rows, {"reading": "recommended", "λ": self}])


def default_inverse_temperatures(
    n: float | int, beta_max: float | int, is_population: bool
) -> Float[np.ndarray, " points"]:
    r"""The five β of Algorithm 1: a factor 3/2 to either side of :math:`1/\log n`, evenly spaced in
    log β.

    A population triple has no fluctuations to balance against, and λ is a limit: the five β then
    span the coldest two decades.

    Returns:
        β in 1/nats, increasing.

    Raises:
        ValueError: the run stops before the coldest of them.

    >>> [round(float(b), 3) for b in default_inverse_temperatures(20000, 1.0, False)]
    [0.067, 0.082, 0.101, 0.124, 0.151]
    """
    if is_population:
        return np.geomspace(beta_max / 100, beta_max, POINTS)
    if n < 3:
        raise ValueError(
            f"n: got {n}; 1/log n is a temperature only for n ≥ 3, give inverse_temperatures="
        )
    betas = np.geomspace(2 / 3, 3 / 2, POINTS) / math.log(n)
    if betas[-1] > beta_max:
        raise ValueError(
            f"beta_max: the run ends at β = {beta_max:.4g}; it should reach {betas[-1]:.4g}, or "
            f"give inverse_temperatures="
        )
    return betas


def read_learning_coefficient(
    view: LadderView,
    n: float | int,
    is_population: bool,
    method: str = "all",
    inverse_temperatures: Float[np.ndarray, " points"] | None = None,
    multiplicity: int | None = None,
    dimension: int | None = None,
) -> LearningCoefficient:
    r"""λ from a ladder. Readings, for :math:`Z(β) ≈ c\, e^{-βE_0} β^{-λ} (\log nβ)^{m-1}`, :math:`ℓ
    = \log nβ`:

    - ``energy``: :math:`E(β) = E_0 + λ/β - (m-1)/(βℓ)`, a line in 1/β (Algorithm 1 of Wei et al.
      2022 [wei2022deep]_);
    - ``heat_capacity``: :math:`C(β) = λ - (m-1)(1/ℓ + 1/ℓ^2)`, which needs no intercept;
    - ``free_energy``: :math:`F(β) = E_0 β + λ \log β - (m-1)\log ℓ + \mathrm{const}`.

    Each is a least-squares fit weighted by the variances of its points, made for every replicate;
    the error is the replicates' spread, and at least what the covariance of the points propagates
    to.

    On a population run (:math:`E_0 = 0` exactly, β over many decades) the value comes from
    ``asymptotics``: fits of βE over windows that reach the coldest rung, with power-law corrections
    and, unless ``multiplicity=`` is given, several m, averaged by how well they explain the data; m
    is hard to tell from λ even over eight decades, and the error says so. Elsewhere the window
    around 1/log n is too narrow to tell m from λ: m = 1 is assumed, ``multiplicity`` stays ``None``
    and the value is the energy slope, unless ``multiplicity=`` is given. Readings made of the same
    five β do not check each other: with data, ``measure.window`` looks at the temperatures
    beside them, and how far the heat capacity moves to colder ones joins the error (unless the β
    were given).

    Args:
        view: the ladder.
        n: number of observations, or the sample size of a population triple.
        is_population: whether E_0 = 0 and λ is a limit.
        method: one reading, or ``"all"``.
        inverse_temperatures: where to read, in 1/nats.
        multiplicity: m, if it is known.
        dimension: d, where λ ≤ d/2 holds.

    Returns:
        λ̂; of energies that are the same for all parameters, 0.

    Raises:
        ValueError: an unknown method, fewer than two β, or β outside the ladder or where rounding
            leaves the energies no digits.
    """
    n = float(n)
    if method not in (*METHODS, "all"):
        raise ValueError(f"method: got {method!r}; it should be one of {', '.join(METHODS)}, all")
    beta_max = view.coldest
    betas = (
        default_inverse_temperatures(n, beta_max, is_population)
        if inverse_temperatures is None
        else np.sort(np.asarray(inverse_temperatures, dtype=float))
    )
    if len(np.unique(betas)) < 2 or betas[0] <= 0:
        raise ValueError(
            f"inverse_temperatures: got {betas}; at least two distinct β > 0 are needed"
        )
    view.check(float(betas[-1]))
    if (constant := _constant(view, betas, n, is_population, method)) is not None:
        return constant
    cautions: list[Caution] = []
    inside = np.sum(
        (view.inverse_temperatures >= betas[0] / 1.5)
        & (view.inverse_temperatures <= betas[-1] * 1.5)
    )
    if inside < 2:
        cautions.append(
            Caution(
                Reason.TOO_FEW_RUNGS,
                f"{inside} rungs lie near β = {betas[0]:.3g} … {betas[-1]:.3g}; the readings there "
                f"rest on too few rungs "
                "(raise target_ess or beta_max)",
            )
        )
    asymptotic = None
    found = multiplicity
    if is_population:
        within = view.inverse_temperatures <= view.coldest * (1 + 1e-12)
        asymptotic = fit_asymptotics(
            view.inverse_temperatures[within] * n, view.energies[within] / n, multiplicity
        )
        found = asymptotic.multiplicity
    correction = (found or 1) - 1
    lines = _energy_lines(view, betas, correction, n)
    readings: dict[str, Estimate] = {}
    for name in METHODS if method == "all" else (method,):
        readings[name] = lines[0] if name == "energy" else _CURVES[name](view, betas, correction, n)
    if asymptotic is not None and method == "all":
        readings["asymptotics"] = asymptotic.estimate
    chosen = (
        readings["asymptotics"]
        if "asymptotics" in readings
        else readings.get(method, readings.get("energy", lines[0]))
    )
    around = look_around(view, betas, chosen, dimension if not is_population else None)
    if is_population:
        # Its window ends where the run ends, and the fits weigh how the curve bends; the d/2 of a K
        # without a zero is theirs too.
        cautions += [w for w in around.cautions if w.reason is Reason.PRIOR_DOMINATED]
    else:
        cautions += around.cautions
    statistical = chosen
    if not is_population and inverse_temperatures is None:
        chosen = replace(chosen, standard_error=math.hypot(chosen.standard_error, around.drift))
    if method == "all":
        # Near the limit all readings are λ; what they still differ by is a bias no single one
        # shows.
        others = [r for r in readings.values() if r is not statistical]
        apart = [
            r
            for r in others
            if abs(r.value - chosen.value)
            > 4 * math.hypot(r.standard_error, statistical.standard_error)
        ]
        if apart:
            listed = ", ".join(f"{name} {reading}" for name, reading in readings.items())
            sentence = (
                f"{listed}: the asymptotic law does not hold in this window, or the run did not mix"
            )
            cautions.append(Caution(Reason.READINGS_DISAGREE, sentence))
            widest = max(abs(r.value - chosen.value) for r in apart)
            chosen = replace(chosen, standard_error=math.hypot(chosen.standard_error, widest / 2))
    return LearningCoefficient(
        chosen.value,
        chosen.standard_error,
        found,
        lines[1],
        lines[2],
        readings,
        tuple(float(b) for b in betas),
        cautions=tuple(cautions),
        multiplicity_weights={}
        if asymptotic is None or multiplicity is not None
        else asymptotic.multiplicity_weights,
        note=f"over nβ ≤ {n * view.coldest:.3g}" if is_population else "",
    )


def _constant(
    view: LadderView,
    betas: Float[np.ndarray, " points"],
    n: float,
    is_population: bool,
    method: str,
) -> LearningCoefficient | None:
    """λ = 0 where the energies do not vary, which no line can be fitted to; ``None`` where they
    do.

    Returns:
        λ = 0 without an error, or ``None``.
    """
    moments = np.array([[r.mean_and_variance(float(b)) for b in betas] for r in view.replicates])
    if not np.all(betas**2 * moments[:, :, 1] <= CONSTANT**2):
        return None
    energy = Estimate.from_replicates([float(m) for m in moments[:, :, 0].mean(axis=1)])
    where = f"at β = {betas[0]:.3g} … {betas[-1]:.3g}"
    if is_population and abs(energy.value) * betas[-1] > 1e-6:
        reason = f"K is {energy.value / n:.4g} at every particle {where}: no parameter changes it"
    elif is_population:
        reason = (
            f"K is 0 at every particle {where}: parameters without any error have a positive share "
            "of the prior"
        )
    else:
        reason = (
            f"the energy is {energy.value:.6g} nats at every particle {where}: no parameter "
            "changes it"
        )
    readings = {
        name: Estimate(0.0, 0.0, (0.0,) * len(view.replicates))
        for name in (METHODS if method == "all" else (method,))
    }
    return LearningCoefficient(
        0.0,
        0.0,
        None,
        Estimate(energy.value, 0.0, energy.replicates),
        1.0,
        readings,
        tuple(float(b) for b in betas),
        note=reason,
    )


def intercept_is_elsewhere(
    intercept: Estimate,
    slope: float,
    coldest: float,
    reference: float,
    fluctuation: bool,
    overfit: float = 0.0,
) -> bool:
    r"""Whether a fitted intercept lies above the energy of the phase it should belong to, by more
    than theory and errors leave room for.

    Room: four standard errors; half a thermal energy :math:`λ/β` (curvature of the line over the
    window), at most :math:`1/β`; and for data the fluctuation :math:`U_n\sqrt{λ/2β}` of Watanabe's
    Theorem 4, two standard deviations of it; and ``overfit``, in nats, by which a best fit lies
    below the truth.

    Returns:
        Whether it is too high to be that of the phase.
    """
    slope = max(slope, 0.0)
    room = overfit + 4 * intercept.standard_error + min(0.5 * slope, 1.0) / coldest
    if fluctuation:
        room += 2 * math.sqrt(slope / (2 * coldest))
    return intercept.value - reference > room


def _covariance(
    view: LadderView, betas: Float[np.ndarray, " points"], reading: Curve
) -> Float[np.ndarray, "points points"]:
    """Covariance of the mean over replicates, as if particles were independent."""
    covariance = view.covariance(betas, reading)
    # A β at which the energies hardly vary must not make the matrix singular.
    spread = np.diag(covariance)
    return covariance + np.diag(1e-8 * spread + 1e-12 * spread.max())


def _operator(
    design: Float[np.ndarray, "points terms"], covariance: Float[np.ndarray, "points points"]
) -> tuple[Float[np.ndarray, "terms points"], Float[np.ndarray, " terms"]]:
    """The matrix from values to the terms fitted to them, weighted by their variances, and what the
    whole covariance says of its errors.

    The covariance of readings of one run is nearly singular. As weights it would buy a little
    precision where the law holds exactly, and where it does not, extrapolate: a "mean" of heat
    capacities between 0.60 and 0.86 came out at 0.50 ± 0.003.

    Returns:
        The matrix, and one standard error per term.
    """
    variances = np.diag(np.diag(covariance))
    operator = np.stack(
        [least_squares(design, unit, variances)[0] for unit in np.eye(len(design))], axis=1
    )
    return operator, np.sqrt(np.diag(operator @ covariance @ operator.T))


def _fit_each(
    view: LadderView,
    betas: Float[np.ndarray, " points"],
    reading: Curve,
    design: Float[np.ndarray, "points terms"],
    values: Callable[[int], Float[np.ndarray, " points"]],
) -> list[Estimate]:
    """The fit of every replicate with common weights: one Estimate a term."""
    operator, errors = _operator(design, _covariance(view, betas, reading))
    fits = np.stack([operator @ values(r) for r in range(len(view.replicates))])
    return [
        Estimate.from_replicates(list(map(float, own)), floor=float(error))
        for own, error in zip(fits.T, errors, strict=True)
    ]


def _energy_lines(
    view: LadderView, betas: Float[np.ndarray, " points"], correction: int, n: float
) -> tuple[Estimate, Estimate, float]:
    """Slope and intercept of E against 1/β, per replicate, and R² of the line through the mean."""
    logarithm = np.log(n * betas)
    offset = correction / (betas * logarithm) if correction else np.zeros_like(betas)
    energies = (
        np.array([[r.mean_and_variance(float(b))[0] for b in betas] for r in view.replicates])
        + offset
    )
    design = np.stack([np.ones_like(betas), 1 / betas], axis=1)
    intercept, slope = _fit_each(view, betas, "energy", design, lambda r: energies[r])
    variances = np.diag(np.diag(_covariance(view, betas, "energy")))
    return slope, intercept, energy_slope(betas, energies.mean(axis=0), variances).r_squared


def _heat_capacity(
    view: LadderView, betas: Float[np.ndarray, " points"], correction: int, n: float
) -> Estimate:
    logarithm = np.log(n * betas)
    offset = correction * (1 / logarithm + 1 / logarithm**2) if correction else np.zeros_like(betas)

    def values(r: int) -> Float[np.ndarray, " points"]:
        found: Float[np.ndarray, " points"] = (
            np.array([b**2 * view.replicates[r].mean_and_variance(float(b))[1] for b in betas])
            + offset
        )
        return found

    return _fit_each(view, betas, "heat_capacity", np.ones((len(betas), 1)), values)[0]


def _free_energy(
    view: LadderView, betas: Float[np.ndarray, " points"], correction: int, n: float
) -> Estimate:
    logarithm = np.log(n * betas)
    offset = correction * np.log(logarithm) if correction else np.zeros_like(betas)
    design = np.stack([np.log(betas), np.ones_like(betas), betas], axis=1)

    def values(r: int) -> Float[np.ndarray, " points"]:
        found: Float[np.ndarray, " points"] = (
            np.array([view.replicates[r].free_energy(float(b)) for b in betas]) + offset
        )
        return found

    return _fit_each(view, betas, "free_energy", design, values)[0]


_CURVES: dict[str, Callable[[LadderView, Float[np.ndarray, " points"], int, float], Estimate]] = {
    "heat_capacity": _heat_capacity,
    "free_energy": _free_energy,
}
