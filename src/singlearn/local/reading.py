"""From sampled chains to a result with a verdict."""

from __future__ import annotations

import math

import numpy as np

from singlearn.local.diagnostics import Mixing, mixing
from singlearn.local.excursions import error_of_few, excursion_sentences
from singlearn.local.minimum import look_below
from singlearn.local.quadratic import quadratic
from singlearn.local.result import LocalLearningCoefficient, shown_trace
from singlearn.local.sampled import Sampled
from singlearn.local.sampling import sampling_cautions
from singlearn.local.status import SIGNIFICANT, Status, diverged, doubts, error, travelling
from singlearn.local.target import Target, Tempering
from singlearn.local.twice_gamma import at_twice_gamma
from singlearn.measure.estimate import Estimate

WORTH_SAYING = 0.03
TIED = 0.1


def read(target: Target, tempering: Tempering, sampled: Sampled, tolerance: float, seed: int) -> LocalLearningCoefficient:
    """The verdict, and the numbers it allows. A run with a diverged chain has no λ̂: the chains that are left are a biased choice."""
    traces = sampled.traces
    dead = diverged(traces, target.dimension, tempering.gamma)
    warnings = list(target.notes)
    langevin_step = float(np.mean(sampled.step)) ** (2 if sampled.sampler == "hmc" else 1)
    below = look_below(target, tempering, sampled, langevin_step * tempering.nbeta, seed)
    if dead or traces.excess.shape[1] < 8:
        with np.errstate(invalid="ignore", over="ignore"):
            means = traces.excess.mean(axis=1)
        nothing = math.nan
        excess = Mixing(nothing, nothing, tuple(map(float, means)), nothing, nothing, nothing, nothing, nothing, nothing)
        spread = nothing
        status, lower, closer = Status.DIVERGED, nothing, Estimate(nothing, nothing)
        warnings.append(
            f"chain{'s' if len(dead) > 1 else ''} {', '.join(map(str, dead))} of {len(means)} diverged, so λ̂ is withheld; "
            "a larger gamma keeps chains near w*"
        )
        warnings += below.sentences(math.nan)
    else:
        excess, distance = (mixing(trace, sampled.started_away) for trace in (traces.excess, traces.squared_distance))
        closer = at_twice_gamma(tempering, sampled)
        lower = below.lower
        why, spread = doubts(excess), max(error(excess), error_of_few(excess, distance))
        wanted = tolerance * abs(excess.mean)
        if not below.is_minimum(excess):
            status = Status.NOT_LOCAL_MINIMUM
        elif why:
            status = Status.DRIFTING
            warnings += [f"{reason}; more steps or a larger gamma may help" for reason in why]
        elif spread > wanted:
            status = Status.NOISE_LIMITED
            warnings.append(f"the standard error {spread:.2g} is above the {wanted:.2g} asked for; raise max_steps")
        else:
            status = Status.CONVERGED
        scale = max(abs(excess.mean), 1e-12)
        warnings += below.sentences(excess.mean)
        if sampled.heating * target.dimension / 2 > WORTH_SAYING * scale:
            warnings.append(
                f"minibatch noise may raise λ̂ by about {sampled.heating * target.dimension / 2:.2g}; a larger batch lowers it"
            )
        if travelling(distance):
            warnings.append(
                f"|w - w*|² of chains that started away from w* and at w* differs by {distance.gap / distance.mean:+.0%}: the chains are "
                "still on their way along flat directions, and λ̂ is squeezed between the two"
            )
        if math.isnan(closer.value):
            warnings.append("a chain left when γ was doubled, so how much λ̂ depends on γ is not known")
        change = closer.value - excess.mean
        if status is not Status.NOT_LOCAL_MINIMUM and abs(change) > TIED * scale + SIGNIFICANT * math.hypot(closer.standard_error, spread):
            warnings.append(f"λ̂ changes by {change / excess.mean:+.0%} when γ doubles: it says as much of γ as of w*; give γ with it")
        if sampled.capped:
            warnings.append("minibatch noise forces a step below the best one; a larger largest_batch is faster")
        warnings += excursion_sentences(excess, distance, tolerance)
        warnings += sampling_cautions(sampled, excess.mean)
        if float(np.mean(sampled.acceptance)) < 0.85 and sampled.sampler == "sgld":
            warnings.append(
                f"the steps have an acceptance of {np.mean(sampled.acceptance):.2f}, and 0.95 was calibrated: curvature has grown since"
            )
    yardstick, no_yardstick = _yardstick(target, tempering, sampled, seed)
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
        half_dimension=target.dimension / 2,
        quadratic=yardstick,
        samples=target.samples,
        nbeta=tempering.nbeta,
        gamma=tempering.gamma,
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
    )


def _yardstick(target: Target, tempering: Tempering, sampled: Sampled, seed: int) -> tuple[Estimate, list[str]]:
    """λ̂ of the quadratic model at w*, or why there is none: the sampled λ̂ does not need it."""
    cost = len(sampled.started_away) * sampled.steps * sampled.batch
    try:
        return quadratic(target, tempering, cost, seed), []
    except (RuntimeError, TypeError) as error:  # what PyTorch and JAX say of an operation that has no second derivative
        return Estimate(math.nan, math.nan), [f"no yardstick: the curvature at w* cannot be computed: {' '.join(str(error).split())[:200]}"]

