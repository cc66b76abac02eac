"""From sampled chains to a result with a verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from singlearn.local.checks.unfelt import Unfelt, unfelt
from singlearn.local.sampling.discretisation import error_by_virial
from singlearn.local.sampling.sample import sampling_cautions
from singlearn.local.sampling.sampled import Sampled
from singlearn.local.sampling.settings import Settings
from singlearn.local.sampling.target import Target, Tempering
from singlearn.local.verdict.excursions import error_of_few, excursion_sentences
from singlearn.local.verdict.gamma_dependence import HALF, TWICE, at_other_gamma, least_error
from singlearn.local.verdict.minimum import look_below
from singlearn.local.verdict.mixing import Mixing, mixing
from singlearn.local.verdict.quadratic import Spectrum, spectrum
from singlearn.local.verdict.rare_samples import rare_samples
from singlearn.local.verdict.result import LocalLearningCoefficient, shown_trace
from singlearn.local.verdict.rounding import rounding_sentence
from singlearn.local.verdict.status import (
    SIGNIFICANT,
    Status,
    diverged,
    doubts,
    error,
    travelling,
    what_helps,
    why_diverged,
)
from singlearn.results.estimate import Estimate

WORTH_SAYING = 0.03
TIED, PLAINLY_TIED = 0.1, 0.2
HARDLY_FELT = 0.01
"""Of λ: no λ of a model that anybody brings is as small."""
NOTHING = Estimate(math.nan, math.nan)


def without_chains(
    target: Target, tempering: Tempering, settings: Settings
) -> tuple[LocalLearningCoefficient | None, Unfelt]:
    """λ̂ where no chain is needed to know it, and what of the parameters has no effect.

    Args:
        target: the model at w*.
        tempering: nβ and γ.
        settings: of the run that would follow.

    Returns:
        A result of 0 where the loss is one constant within reach of the tie; else ``None``.

    Raises:
        ValueError: a loss whose changes are all lost in rounding.
    """
    seen = unfelt(target, settings.seed)
    if not seen.everything:
        return None, seen
    lost = tempering.nbeta * _rounding(target)
    if lost > WORTH_SAYING:
        raise ValueError(
            f"loss: its values are about {target.centre_loss:.3g}, and with the digits they are "
            f"computed in no change of the parameters is "
            "seen in them (rounding); subtract a constant from the loss, or compute in float64"
        )
    count = settings.chains
    still, far = (0.0,) * count, math.sqrt(target.dimension / tempering.gamma)
    found = LocalLearningCoefficient(
        value=0.0,
        standard_error=0.0,
        status=Status.CONVERGED,
        per_chain=still,
        effective_sample_size=math.inf,
        r_hat=1.0,
        acceptance=(1.0,) * count,
        distance=(far,) * count,
        above_minimum=0.0,
        heating=0.0,
        at_twice_gamma=Estimate(0.0, 0.0),
        at_half_gamma=Estimate(0.0, 0.0),
        half_dimension=target.dimension / 2,
        quadratic=Estimate(0.0, 0.0),
        samples=target.samples,
        nbeta=tempering.nbeta,
        gamma=tempering.gamma,
        loss=target.centre_loss,
        sampler=settings.sampler,
        steps=0,
        draws=0,
        batch=min(settings.batch, target.samples),
        step=still,
        diverged=(),
        trace=np.zeros((count, 2)),
        distance_trace=np.full((count, 2), far),
        warnings=(*target.notes, *seen.sentences(target.dimension)),
        **_tie(target, tempering),
        unfelt=seen.tensors,
        rounding=lost,
    )
    return found, seen


def read(
    target: Target,
    tempering: Tempering,
    sampled: Sampled,
    tolerance: float,
    seed: int,
    felt: Unfelt | None = None,
) -> LocalLearningCoefficient:
    """The verdict, and the numbers it allows. A run with a diverged chain has no λ̂: the chains
    that are left are a biased choice.

    Args:
        target: the model at w*.
        tempering: nβ and γ.
        sampled: the chains.
        tolerance: wanted relative standard error.
        seed: of the yardstick's probes.
        felt: what :func:`without_chains` found; looked for again if not given.

    Returns:
        λ̂ with its error, status and diagnostics.
    """
    felt = unfelt(target, seed) if felt is None else felt
    traces = sampled.traces
    dead = diverged(traces, target.dimension, tempering.gamma)
    warnings = [*target.notes, *felt.sentences(target.dimension)]
    rounding = tempering.nbeta * _rounding(target)
    over_all = math.nan
    closer = looser = NOTHING
    curved, no_yardstick = _curvature(target, tempering, sampled, seed)
    yardstick = NOTHING if curved is None else curved.coefficient(tempering.gamma)
    langevin_step = float(np.mean(sampled.step)) ** (2 if sampled.sampler == "hmc" else 1)
    below = look_below(target, tempering, sampled, langevin_step * tempering.nbeta, seed)
    if dead or traces.excess.shape[1] < 8:
        with np.errstate(invalid="ignore", over="ignore"):
            means = traces.excess.mean(axis=1)
        nothing = math.nan
        excess = Mixing(
            nothing,
            nothing,
            tuple(map(float, means)),
            nothing,
            nothing,
            nothing,
            nothing,
            nothing,
            nothing,
        )
        spread = nothing
        status, lower = Status.DIVERGED, nothing
        chains = f"chain{'s' if len(dead) > 1 else ''} {', '.join(map(str, dead))} of {len(means)} diverged"
        why = (
            (chains, why_diverged(traces, dead))
            if dead
            else ("there are too few draws", "raise max_steps")
        )
        warnings.append(f"{why[0]}, so λ̂ is withheld: {why[1]}")
        warnings += below.sentences(math.nan)
    else:
        excess, distance = (
            mixing(trace, sampled.started_away)
            for trace in (traces.excess, traces.squared_distance)
        )
        closer, looser = (
            at_other_gamma(tempering, sampled, *run) for run in ((2.0, TWICE), (0.5, HALF))
        )
        lower = below.lower
        doubtful = doubts(excess)
        spread = math.hypot(
            max(error(excess), error_of_few(excess, distance)), error_by_virial(sampled.virial)
        )
        if rounding_sentence(rounding, excess.mean, target.centre_loss):
            spread = math.hypot(spread, rounding)
        wanted = tolerance * abs(excess.mean)
        slow = travelling(distance)
        if not below.is_minimum(excess):
            status = Status.NOT_LOCAL_MINIMUM
        elif doubtful:
            status = Status.DRIFTING
            helps = what_helps(
                None if sampled.sampler == "hmc" else langevin_step,
                tempering.gamma,
                traces.excess.shape[1],
                slow,
            )
            warnings += [f"{reason}; {helps}" for reason in doubtful]
        elif spread > wanted:
            status = Status.NOISE_LIMITED
            warnings.append(
                f"the standard error {spread:.2g} is above the {wanted:.2g} asked for; raise "
                f"max_steps"
            )
        else:
            status = Status.CONVERGED
        scale = max(abs(excess.mean), 1e-12)
        warnings += below.sentences(excess.mean)
        if sampled.heating * target.dimension / 2 > WORTH_SAYING * scale:
            warnings.append(
                f"minibatch noise may raise λ̂ by about "
                f"{sampled.heating * target.dimension / 2:.2g}; a larger batch lowers it"
            )
        if slow:
            warnings.append(
                f"|w - w*|² of chains that started away from w* and at w* differs by "
                f"{distance.gap / distance.mean:+.0%}: the chains are "
                "still on their way along flat directions, and λ̂ is squeezed between the two"
            )
        if abs(excess.mean) + 2 * spread < HARDLY_FELT and not felt.everything:
            warnings.append(
                f"the loss hardly changes within the tie, and λ̂ is almost zero: γ = "
                f"{tempering.gamma:.3g} is stiffer than what the loss "
                "does near w*; a smaller gamma looks further"
            )
        if status is not Status.NOT_LOCAL_MINIMUM:
            warnings += _of_gamma(excess.mean, spread, closer, looser) or _of_gamma_where_quadratic(
                excess.mean, spread, curved, tempering.gamma
            )
        if sampled.capped:
            warnings.append(
                "minibatch noise forces a step below the best one; a larger largest_batch is faster"
            )
        warnings += excursion_sentences(excess, distance, tolerance)
        warnings += sampling_cautions(sampled, excess.mean)
        if float(np.mean(sampled.acceptance)) < 0.85 and sampled.sampler == "sgld":
            warnings.append(
                f"the steps have an acceptance of {np.mean(sampled.acceptance):.2f}, and 0.95 was "
                f"calibrated: curvature has grown since"
            )
        rare, over_all = _of_rare_samples(target, tempering, sampled, excess.mean, spread)
        warnings += rare
    warnings += [
        sentence
        for sentence in [rounding_sentence(rounding, excess.mean, target.centre_loss)]
        if sentence
    ]
    warnings += no_yardstick
    with np.errstate(invalid="ignore", over="ignore"):
        far = np.sqrt(traces.squared_distance.mean(axis=1))
        distance_trace = np.sqrt(shown_trace(traces.squared_distance))
        trace = shown_trace(traces.excess)
    return LocalLearningCoefficient(
        value=excess.mean,
        standard_error=spread,
        status=status,
        per_chain=excess.per_chain,
        effective_sample_size=excess.effective_sample_size,
        r_hat=excess.r_hat,
        acceptance=tuple(map(float, sampled.acceptance)),
        distance=tuple(map(float, far)),
        above_minimum=lower,
        heating=sampled.heating * target.dimension / 2,
        at_twice_gamma=closer,
        at_half_gamma=looser,
        half_dimension=target.dimension / 2,
        quadratic=yardstick,
        samples=target.samples,
        nbeta=tempering.nbeta,
        gamma=tempering.gamma,
        **_tie(target, tempering),
        loss=target.centre_loss,
        sampler=sampled.sampler,
        steps=sampled.steps,
        draws=traces.excess.shape[1],
        batch=sampled.batch,
        step=tuple(map(float, sampled.step)),
        diverged=dead,
        trace=trace,
        distance_trace=distance_trace,
        warnings=tuple(warnings),
        unfelt=felt.tensors,
        excess_over_all=over_all,
        rounding=rounding,
    )


def _of_gamma(value: float, spread: float, closer: Estimate, looser: Estimate) -> list[str]:
    """Whether λ̂ says as much of γ as of w*."""
    if math.isnan(closer.value):
        return ["a chain left when γ was doubled, so how much λ̂ depends on γ is not known"]
    said = []
    for other, how, share in ((closer, "doubles", TWICE), (looser, "is halved", HALF)):
        change, own = other.value - value, max(other.standard_error, least_error(spread, share))
        if abs(change) > TIED * max(abs(value), 1e-12) + SIGNIFICANT * math.hypot(own, spread):
            said.append(
                f"{change / value:+.0%} when γ {how}" if value else f"{change:+.2g} when γ {how}"
            )
    return (
        [f"λ̂ changes by {' and by '.join(said)}: it says as much of γ as of w*; give γ with it"]
        if said
        else []
    )


def _of_gamma_where_quadratic(
    value: float, spread: float, curved: Spectrum | None, gamma: float
) -> list[str]:
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
        f"λ̂ is that of the quadratic model, which changes by {closer / here - 1:+.0%} when γ "
        f"doubles: it says as much of γ as of w*; "
        "give γ with it"
    ]


def _of_rare_samples(
    target: Target, tempering: Tempering, sampled: Sampled, value: float, spread: float
) -> tuple[list[str], float]:
    """Whether samples that minibatches hardly met were missed."""
    state = None if sampled.batch >= target.samples else sampled.state
    visits = sampled.traces.excess.shape[1] * sampled.batch / target.samples
    sentence, over_all = rare_samples(target, tempering, state, visits, value, spread)
    return [sentence] if sentence else [], over_all


def _rounding(target: Target) -> float:
    return float(getattr(target, "rounding", math.nan))


def _tie(target: Target, tempering: Tempering) -> dict[str, Any]:
    """What was taken for γ, tensor by tensor, in units of 1/parameter²."""
    groups, factor = getattr(target, "groups", {}), tempering.gamma / target.gamma
    by_name = {}
    if isinstance(target.tie, Mapping):
        for name in groups:
            given = next(
                np.asarray(own, dtype=float) * factor
                for pattern, own in target.tie.items()
                if fnmatchcase(name, pattern)
            )
            by_name[name] = float(given.min()), float(given.max())
    return {"gamma_chosen": target.chosen, "gamma_by_name": by_name}


def _curvature(
    target: Target, tempering: Tempering, sampled: Sampled, seed: int
) -> tuple[Spectrum | None, list[str]]:
    """What the yardstick is read from, or why there is none: the sampled λ̂ does not need it."""
    cost = len(sampled.started_away) * sampled.steps * sampled.batch
    try:
        return spectrum(target, tempering.nbeta, cost, seed), []
    except (
        RuntimeError,
        TypeError,
    ) as error:  # what PyTorch and JAX say of an operation that has no second derivative
        return None, [
            f"no yardstick: the curvature at w* cannot be computed: "
            f"{' '.join(str(error).split())[:200]}"
        ]
