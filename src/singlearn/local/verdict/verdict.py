"""From measurements to a result with a verdict: a pure function, which evaluates no network."""

from __future__ import annotations

import math

import numpy as np

from singlearn.local.checks.rounding import rounding_caution
from singlearn.local.checks.unfelt import Unfelt
from singlearn.local.measuring.measurements import NOTHING, Measurements, Setting
from singlearn.local.measuring.other_gamma import HALF, TWICE, least_error
from singlearn.local.measuring.quadratic import Spectrum
from singlearn.local.sampling.agreement import SIGNIFICANT, doubts, error, travelling
from singlearn.local.sampling.discretisation import error_by_virial
from singlearn.local.sampling.mixing import Mixing
from singlearn.local.verdict.excursions import error_of_few, excursion_cautions
from singlearn.local.verdict.minimum import is_minimum, minimum_cautions
from singlearn.local.verdict.rare_samples import rare_samples_cautions
from singlearn.local.verdict.readings import reading_cautions
from singlearn.local.verdict.result import LocalLearningCoefficient, shown_trace
from singlearn.local.verdict.status import Status, what_helps, why_diverged
from singlearn.local.verdict.steps import step_cautions
from singlearn.results.caution import Caution, Reason
from singlearn.results.estimate import Estimate

WORTH_SAYING = 0.03
TIED, PLAINLY_TIED = 0.1, 0.2
HARDLY_FELT = 0.01
"""Of λ: no λ of a model that anybody brings is as small."""


def verdict(
    measured: Measurements, tolerance: float, reference: str = "loss"
) -> LocalLearningCoefficient:
    """The verdict, and the numbers it allows. A run with a diverged chain has no λ̂: the chains
    that are left are a biased choice.

    Args:
        measured: all that was measured around w*.
        tolerance: wanted relative standard error.
        reference: ``"loss"`` or ``"self"``, what L_n is.

    Returns:
        λ̂ with its error, status and diagnostics.
    """
    setting, drawn = measured.setting, measured.drawn
    traces, excess = drawn.traces, measured.excess
    before = [*setting.notes, *measured.felt.cautions(setting.dimension)]
    if excess is None or measured.distance is None:
        with np.errstate(invalid="ignore", over="ignore"):
            means = traces.excess.mean(axis=1)
        excess = Mixing(math.nan, math.nan, tuple(map(float, means)), *[math.nan] * 6)
        spread, lower = math.nan, math.nan
        status, found = Status.DIVERGED, _withheld(measured)
    else:
        spread, lower = _spread(measured, excess, measured.distance), measured.below.lower
        status, found = _of_chains(measured, excess, measured.distance, spread, tolerance)
    after = rounding_caution(setting.rounding, excess.mean, setting.loss)
    if measured.no_curvature is not None:
        words = f"no yardstick: the curvature at w* cannot be computed: {measured.no_curvature}"
        after.append(Caution(Reason.NOT_CHECKED, words))
    with np.errstate(invalid="ignore", over="ignore"):
        far = np.sqrt(traces.squared_distance.mean(axis=1))
        distance_trace = np.sqrt(shown_trace(traces.squared_distance))
        trace = shown_trace(traces.excess)
    curved = measured.curved
    return LocalLearningCoefficient(
        value=excess.mean,
        standard_error=spread,
        status=status,
        per_chain=excess.per_chain,
        effective_sample_size=excess.effective_sample_size,
        r_hat=excess.r_hat,
        acceptance=tuple(map(float, drawn.acceptance)),
        distance=tuple(map(float, far)),
        above_minimum=lower,
        heating=_heating(measured),
        at_twice_gamma=measured.at_twice_gamma,
        at_half_gamma=measured.at_half_gamma,
        half_dimension=setting.dimension / 2,
        quadratic=NOTHING if curved is None else curved.coefficient(setting.gamma),
        variance_reading=measured.variance,
        samples=setting.samples,
        nbeta=setting.nbeta,
        gamma=setting.gamma,
        gamma_chosen=setting.gamma_chosen,
        gamma_by_name=setting.gamma_by_name,
        loss=setting.loss,
        sampler=drawn.sampler,
        steps=drawn.steps,
        draws=traces.excess.shape[1],
        batch=drawn.batch,
        step=tuple(map(float, drawn.step)),
        diverged=measured.dead,
        trace=trace,
        distance_trace=distance_trace,
        cautions=(*before, *found, *after),
        unfelt=measured.felt.tensors,
        excess_over_all=measured.over_all.mean,
        rounding=setting.rounding,
        reference=reference,
    )


def of_a_constant_loss(
    setting: Setting,
    felt: Unfelt,
    chains: int,
    batch: int,
    sampler: str,
    reference: str = "loss",
) -> LocalLearningCoefficient:
    """λ̂ of 0 where the loss is one constant within reach of the tie: no chain is needed.

    Args:
        setting: what would have been sampled.
        felt: that it is constant.
        chains: how many were asked for.
        batch: samples of a minibatch that were asked for.
        sampler: that was asked for.
        reference: ``"loss"`` or ``"self"``, what L_n is.

    Returns:
        The result.

    Raises:
        ValueError: a loss whose changes are all lost in rounding.
    """
    if setting.rounding > WORTH_SAYING:
        raise ValueError(
            f"loss: its values are about {setting.loss:.3g}, and with the digits they are "
            f"computed in no change of the parameters is seen in them (rounding); subtract a "
            "constant from the loss, or compute in float64"
        )
    still, far = (0.0,) * chains, math.sqrt(setting.dimension / setting.gamma)
    return LocalLearningCoefficient(
        value=0.0,
        standard_error=0.0,
        status=Status.CONVERGED,
        per_chain=still,
        effective_sample_size=math.inf,
        r_hat=1.0,
        acceptance=(1.0,) * chains,
        distance=(far,) * chains,
        above_minimum=0.0,
        heating=0.0,
        at_twice_gamma=Estimate(0.0, 0.0),
        at_half_gamma=Estimate(0.0, 0.0),
        half_dimension=setting.dimension / 2,
        quadratic=Estimate(0.0, 0.0),
        variance_reading=Estimate(0.0, 0.0),
        samples=setting.samples,
        nbeta=setting.nbeta,
        gamma=setting.gamma,
        gamma_chosen=setting.gamma_chosen,
        gamma_by_name=setting.gamma_by_name,
        loss=setting.loss,
        sampler=sampler,
        steps=0,
        draws=0,
        batch=min(batch, setting.samples),
        step=still,
        diverged=(),
        trace=np.zeros((chains, 2)),
        distance_trace=np.full((chains, 2), far),
        cautions=(*setting.notes, *felt.cautions(setting.dimension)),
        unfelt=felt.tensors,
        rounding=setting.rounding,
        reference=reference,
    )


def _withheld(measured: Measurements) -> list[Caution]:
    """Why there is no λ̂."""
    dead, count = measured.dead, len(measured.drawn.step)
    if dead:
        what = f"chain{'s' if len(dead) > 1 else ''} {', '.join(map(str, dead))} of {count}"
        words = f"{what} diverged, so λ̂ is withheld: {why_diverged(measured.drawn.traces, dead)}"
    else:
        words = "there are too few draws, so λ̂ is withheld: raise max_steps"
    return [Caution(Reason.DIVERGED, words), *minimum_cautions(measured.below, math.nan)]


def _spread(measured: Measurements, excess: Mixing, distance: Mixing) -> float:
    """The standard error of λ̂, with all that is known to be off."""
    setting = measured.setting
    spread = math.hypot(
        max(error(excess), error_of_few(excess, distance)),
        error_by_virial(measured.drawn.virial),
    )
    if rounding_caution(setting.rounding, excess.mean, setting.loss):
        spread = math.hypot(spread, setting.rounding)
    return spread


def _of_chains(
    measured: Measurements, excess: Mixing, distance: Mixing, spread: float, tolerance: float
) -> tuple[Status, list[Caution]]:
    """The status of chains that all stayed, and what is to be said of them."""
    setting, drawn, value = measured.setting, measured.drawn, excess.mean
    status, found = _status(measured, excess, distance, spread, tolerance)
    scale, heat = max(abs(value), 1e-12), _heating(measured)
    found += minimum_cautions(measured.below, value)
    if heat > WORTH_SAYING * scale:
        words = f"minibatch noise may raise λ̂ by about {heat:.2g}; a larger batch lowers it"
        found.append(Caution(Reason.MINIBATCH_NOISE, words))
    if travelling(distance):
        found.append(
            Caution(
                Reason.POOR_MIXING,
                "|w - w*|² of chains that started away from w* and at w* differs by "
                f"{distance.gap / distance.mean:+.0%}: the chains are still on their way along "
                "flat directions, and λ̂ is known only to lie between the two",
            )
        )
    if abs(value) + 2 * spread < HARDLY_FELT and not measured.felt.everything:
        found.append(
            Caution(
                Reason.DEPENDS_ON_GAMMA,
                "the loss hardly changes within the tie, and λ̂ is almost zero: γ = "
                f"{setting.gamma:.3g} is stiffer than the loss near w*; a smaller gamma lets "
                "chains go further",
            )
        )
    if status is not Status.NOT_LOCAL_MINIMUM:
        found += gamma_cautions(
            value, spread, measured.at_twice_gamma, measured.at_half_gamma
        ) or _gamma_cautions_where_quadratic(value, spread, measured.curved, setting.gamma)
        if status is not Status.DRIFTING:
            found += reading_cautions(
                value, spread, measured.variance, measured.curved, setting.gamma
            )
    if drawn.capped:
        words = "minibatch noise forces a step below the best one; a larger largest_batch is faster"
        found.append(Caution(Reason.SLOW, words))
    found += excursion_cautions(excess, distance, tolerance)
    found += step_cautions(drawn, value)
    return status, found + rare_samples_cautions(measured.over_all, value, spread)


def _status(
    measured: Measurements, excess: Mixing, distance: Mixing, spread: float, tolerance: float
) -> tuple[Status, list[Caution]]:
    """The status, and why it is no better."""
    drawn, wanted = measured.drawn, tolerance * abs(excess.mean)
    doubtful = doubts(excess)
    if not is_minimum(measured.below, excess):
        return Status.NOT_LOCAL_MINIMUM, []
    if doubtful:
        helps = what_helps(
            None if drawn.sampler == "hmc" else drawn.langevin_step,
            measured.setting.gamma,
            drawn.traces.excess.shape[1],
            travelling(distance),
        )
        cautions = [Caution(Reason.POOR_MIXING, f"{why}; {helps}") for why in doubtful]
        return Status.DRIFTING, cautions
    if spread > wanted:
        words = (
            f"the standard error {spread:.2g} is above the {wanted:.2g} asked for; raise max_steps"
        )
        return Status.NOISE_LIMITED, [Caution(Reason.ABOVE_TOLERANCE, words)]
    return Status.CONVERGED, []


def _heating(measured: Measurements) -> float:
    """By how much minibatch noise raises λ̂, about."""
    return measured.drawn.heating * measured.setting.dimension / 2


def gamma_cautions(
    value: float, spread: float, closer: Estimate, looser: Estimate
) -> list[Caution]:
    """Whether λ̂ depends as much on γ as on w*.

    Args:
        value: λ̂.
        spread: its standard error.
        closer: λ̂ at twice γ.
        looser: λ̂ at half of γ.

    Returns:
        One caution at most.

    >>> here, there = Estimate(1.0, 0.01), Estimate(0.6, 0.01)
    >>> print(gamma_cautions(1.0, 0.01, there, here)[0].message[:33])
    λ̂ changes by -40% when γ doubles
    """
    if math.isnan(closer.value):
        words = "a chain left when γ was doubled, so how much λ̂ depends on γ is not known"
        return [Caution(Reason.NOT_CHECKED, words)]
    said = []
    for other, how, share in ((closer, "doubles", TWICE), (looser, "is halved", HALF)):
        change, own = other.value - value, max(other.standard_error, least_error(spread, share))
        if abs(change) > TIED * max(abs(value), 1e-12) + SIGNIFICANT * math.hypot(own, spread):
            shown = f"{change / value:+.0%}" if value else f"{change:+.2g}"
            said.append(f"{shown} when γ {how}")
    if not said:
        return []
    words = f"λ̂ changes by {' and by '.join(said)}: it depends on γ as well as on w*; report both"
    return [Caution(Reason.DEPENDS_ON_GAMMA, words)]


def _gamma_cautions_where_quadratic(
    value: float, spread: float, curved: Spectrum | None, gamma: float
) -> list[Caution]:
    """The same, read without noise off the quadratic model, where λ̂ is what it says."""
    if curved is None:
        return []
    here, closer = (curved.coefficient(factor * gamma).value for factor in (1.0, 2.0))
    if (
        not here > 0
        or abs(value - here) > TIED * here + SIGNIFICANT * spread
        or closer / here - 1 > -PLAINLY_TIED
    ):
        return []
    return [
        Caution(
            Reason.DEPENDS_ON_GAMMA,
            f"λ̂ is that of the quadratic model, which changes by {closer / here - 1:+.0%} when γ "
            "doubles: it depends on γ as well as on w*; report both",
        )
    ]
