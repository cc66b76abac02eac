"""Everything that is measured around w*: after it no network is evaluated any more."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

import numpy as np

from singlearn.local.checks.unfelt import Unfelt
from singlearn.local.measuring.minimum import Below, look_below
from singlearn.local.measuring.other_gamma import HALF, TWICE, at_other_gamma
from singlearn.local.measuring.quadratic import Spectrum, spectrum
from singlearn.local.measuring.rare_samples import OverAll, excess_over_all
from singlearn.local.measuring.variance import variance_reading
from singlearn.local.sampling.agreement import diverged
from singlearn.local.sampling.mixing import Mixing, mixing
from singlearn.local.sampling.sampled import Drawn, Sampled
from singlearn.local.target import Target, Tempering
from singlearn.results.caution import Caution
from singlearn.results.estimate import Estimate

FEWEST_DRAWS = 8
NOTHING = Estimate(math.nan, math.nan)


@dataclass(frozen=True)
class Setting:
    """What was sampled: the numbers of a target and of its tempering.

    Attributes:
        samples: n.
        dimension: d, sampled parameters.
        loss: L_n(w*).
        nbeta: nβ.
        gamma: γ on the coordinates of the chains.
        gamma_chosen: whether it was chosen, because none was given.
        gamma_by_name: smallest and largest γ of every tensor, in units of 1/parameter²; empty where
            one number holds for all.
        rounding: what rounding of the losses costs λ̂, about, one standard deviation.
        notes: what is to be said of the network and the data.
    """

    samples: int
    dimension: int
    loss: float
    nbeta: float
    gamma: float
    gamma_chosen: bool = False
    gamma_by_name: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    rounding: float = math.nan
    notes: tuple[Caution, ...] = ()

    @classmethod
    def of(cls, target: Target, tempering: Tempering) -> Setting:
        """That of a target whose chains have this tempering."""
        return cls(
            samples=target.samples,
            dimension=target.dimension,
            loss=target.centre_loss,
            nbeta=tempering.nbeta,
            gamma=tempering.gamma,
            gamma_chosen=target.chosen,
            gamma_by_name=_by_name(target, tempering),
            rounding=tempering.nbeta * float(getattr(target, "rounding", math.nan)),
            notes=tuple(target.notes),
        )


@dataclass(frozen=True)
class Measurements:
    """What a verdict is given on.

    Attributes:
        setting: what was sampled.
        drawn: the chains' numbers.
        felt: which parameters have an effect.
        dead: chains that diverged.
        below: what was found below w*.
        curved: the spectrum of the curvature at w*; ``None`` where it cannot be computed.
        no_curvature: what was raised, where it cannot.
        excess: of nβ (L - L(w*)); ``None`` where a chain diverged or there are too few draws.
        distance: likewise of |w - w*|².
        at_twice_gamma: λ̂ where the tie is twice as strong.
        at_half_gamma: λ̂ where it is half as strong.
        over_all: the excess over all samples, where minibatches may have missed some.
        variance: λ by the variance of the loss.
    """

    setting: Setting
    drawn: Drawn
    felt: Unfelt
    dead: tuple[int, ...]
    below: Below
    curved: Spectrum | None
    no_curvature: str | None = None
    excess: Mixing | None = None
    distance: Mixing | None = None
    at_twice_gamma: Estimate = NOTHING
    at_half_gamma: Estimate = NOTHING
    over_all: OverAll = field(default_factory=lambda: OverAll(0))
    variance: Estimate = NOTHING


def measure(
    target: Target, tempering: Tempering, sampled: Sampled, felt: Unfelt, seed: int
) -> Measurements:
    """Measure around w* all that the verdict on a run asks for.

    Args:
        target: the model at w*.
        tempering: nβ and γ.
        sampled: the chains, which go on for a while at twice and half of γ.
        felt: of :func:`singlearn.local.checks.unfelt.unfelt`.
        seed: of the directions in which the curvature is looked at.

    Returns:
        The measurements.
    """
    traces, started_away = sampled.traces, sampled.started_away
    curved, no_curvature = _curvature(target, tempering, sampled, seed)
    rate = sampled.langevin_step * tempering.nbeta
    found = Measurements(
        setting=Setting.of(target, tempering),
        drawn=sampled.drawn,
        felt=felt,
        dead=diverged(traces, target.dimension, tempering.gamma),
        below=look_below(target, tempering, sampled, rate, seed),
        curved=curved,
        no_curvature=no_curvature,
    )
    if found.dead or traces.excess.shape[1] < FEWEST_DRAWS:
        return found
    return replace(
        found,
        excess=mixing(traces.excess, started_away),
        distance=mixing(traces.squared_distance, started_away),
        at_twice_gamma=at_other_gamma(tempering, sampled, 2.0, TWICE),
        at_half_gamma=at_other_gamma(tempering, sampled, 0.5, HALF),
        over_all=excess_over_all(target, tempering, sampled),
        variance=variance_reading(target, tempering, sampled),
    )


def _by_name(target: Target, tempering: Tempering) -> dict[str, tuple[float, float]]:
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
    return by_name


def _curvature(
    target: Target, tempering: Tempering, sampled: Sampled, seed: int
) -> tuple[Spectrum | None, str | None]:
    """What the yardstick is read from, or why there is none: the sampled λ̂ does not need it."""
    cost = len(sampled.started_away) * sampled.steps * sampled.batch
    try:
        return spectrum(target, tempering.nbeta, cost, seed), None
    # What PyTorch and JAX raise for an operation that has no second derivative.
    except (RuntimeError, TypeError) as error:
        return None, " ".join(str(error).split())[:200]
